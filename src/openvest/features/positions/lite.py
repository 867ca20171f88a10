"""Positions, and what moved an account, as lite shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from openvest.core.lite import WHOLE, EventObjectView, PageQuery, event_object, list_lite, list_of, page_lite, page_of
from openvest.core.naming import Names
from openvest.core.schema import Currency, Id, Instant, SignedCash, SignedDecimal, UnsignedDecimal, View
from openvest.core.shown import shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.accounts import service as accounts
from openvest.features.positions import service
from openvest.features.positions.lite_types import TRANSACTION_TYPES, TransactionType
from openvest.features.positions.model import AccountTransaction, Position
from openvest.operations import LITE, Operations


class PositionView(View):
    """What an account has of one instrument."""

    id: Id = Field(description="Id of the position, the same as long as there is the account.")
    account_id: Id = Field(description="The account that owns the units.")
    instrument_id: Id = Field(description="The instrument.")
    quantity: SignedDecimal = Field(description="All units, those in open sales and unsettled ones included.")
    average_buy_in_price: UnsignedDecimal | None = Field(
        default=None,
        description="What the units cost on average, fees included; absent where nothing is held, the cost of some is"
        " unknown or they were bought in several currencies.",
    )
    currency: Currency | None = Field(
        default=None, description="Currency of the price; without one, the currency the instrument is traded in."
    )
    created_at: Instant = Field(description="When the account first had the instrument.")
    updated_at: Instant = Field(description="When it changed last.")


PositionList = list_of(PositionView, "positions")


class TransactionView(View):
    """What moved an account: money, or units alone."""

    id: Id = Field(description="Id of the transaction.")
    account_id: Id = Field(description="The account that was asked for; money of its group stands with every account.")
    type: TransactionType = Field(description="What moved it.")
    amount: SignedCash = Field(description="Change of the cash balance; zero where only units moved.")
    currency: Currency = Field(description="Currency of the amount.")
    created_at: Instant = Field(description="When it was booked.")


TransactionPage = page_of(TransactionView, "transactions")

position_lite = shown(
    PositionView,
    Position,
    instrument_id=lambda position: position["instrument"]["uuid"],
    average_buy_in_price="average_price",
)
transaction_lite = shown(
    TransactionView, AccountTransaction, type=lambda transaction: TRANSACTION_TYPES[transaction["type"]]
)


async def list_positions(unit: Unit, call: Call) -> Json:
    """List the positions of an account."""
    account = await accounts.get_account(unit, call.path["account_id"])
    found = await service.list_positions(unit, WHOLE, account.id)
    return list_lite(found.of(await service.with_currency(unit, found.rows)), position_lite)


async def retrieve_position(unit: Unit, call: Call) -> Json:
    """Get a position of an account."""
    account = await accounts.get_account(unit, call.path["account_id"])
    found = await service.get_position_by_id(unit, account.id, call.path["position_id"])
    [position] = await service.with_currency(unit, [found])
    return position_lite(snapshot_of(position))


async def list_transactions(unit: Unit, call: Call) -> Json:
    """List what moved an account, money and units together."""
    account = await accounts.get_account(unit, call.path["account_id"])
    return page_lite(await service.list_account_transactions(unit, call.query.page_request, account), transaction_lite)


POSITIONS = Operations(LITE, "Positions", "positions", readers=("read",))
TRANSACTIONS = Operations(LITE, "Transactions", "transactions", readers=("read",))

ENDPOINTS: list[Endpoint] = [
    POSITIONS.lists("/accounts/{account_id}/positions", list_positions, PositionList),
    POSITIONS.reads("/accounts/{account_id}/positions/{position_id}", retrieve_position, PositionView),
    TRANSACTIONS.lists("/accounts/{account_id}/transactions", list_transactions, TransactionPage, query=PageQuery),
]

REPRESENTATIONS: Mapping[str, Representation] = {"position": Representation(event_object("POSITION"), EventObjectView)}
UNTOLD: Mapping[str, str] = {
    "SECURITY_TRANSACTION.EXECUTED": "lite has no category for transactions; the position and what moved it are told"
}
NAMES: Sequence[Names[Any, Any]] = (TRANSACTION_TYPES,)
