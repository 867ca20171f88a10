"""Positions and securities transactions as v1 shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from openvest.core.schema import Day, Id, Instant, SignedDecimal, UnsignedDecimal, Unused, View
from openvest.core.shown import shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.core.v1 import InstrumentReferenceView, PageQuery, page_of, page_v1
from openvest.core.vocabulary import SECURITIES_TYPES
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.accounts import service as accounts
from openvest.features.instruments import service as instruments
from openvest.features.positions import service
from openvest.features.positions.model import Position, ReferenceType, SecuritiesTransaction
from openvest.operations import V1, Operations


class PositionView(View):
    """What an account has of one instrument."""

    account_id: Id = Field(description="The account that owns the units.")
    instrument: InstrumentReferenceView = Field(description="The instrument.")
    quantity: SignedDecimal = Field(description="All units, locked and unsettled ones included.")
    locked_for_trading: UnsignedDecimal = Field(description="Reserved by open sales.")
    pending_settlement: UnsignedDecimal = Field(description="Bought, not settled yet.")
    available_for_trading: SignedDecimal = Field(description="Free for new sales.")
    available_for_instruction: SignedDecimal = Field(description="Free for instructions on corporate actions.")
    settled_quantity: UnsignedDecimal = Field(description="Settled units, sold ones until their settlement.")


PositionPage = page_of(PositionView, "positions")


class UnitDeltaView(View):
    """A change of a position."""

    amount: SignedDecimal = Field(description="Units; above zero where they came in.")


class SecuritiesTransactionCauseView(View):
    """An object that caused a transaction."""

    id: Id = Field(description="Id of the object.")
    type: ReferenceType = Field(description="What kind of object it is.")


class SecuritiesTransactionView(View):
    """A booked movement of an account's units."""

    id: Id = Field(description="Id of the transaction.")
    created_at: Instant = Field(description="When the transaction was written.")
    updated_at: Instant = Field(description="The same: a transaction never changes.")
    account_group_id: Id = Field(description="The account group of the account.")
    account_id: Id = Field(description="The account whose units moved.")
    instrument: InstrumentReferenceView = Field(description="The instrument.")
    type: Annotated[str, Field(json_schema_extra={"enum": list(SECURITIES_TYPES)})] = Field(
        description="What moved it."
    )
    delta: UnitDeltaView = Field(description="Change of the quantity.")
    references: list[SecuritiesTransactionCauseView] = Field(description="What caused it, the closest cause first.")
    booking_date: Instant = Field(description="When the movement was booked.")
    value_date: Instant = Field(description="When it takes effect at the custodian.")


SecuritiesTransactionPage = page_of(SecuritiesTransactionView, "securities transactions")


class SecuritiesTransactionQuery(PageQuery):
    """Filters and order of securities transactions."""

    account_group_id: Annotated[Id | None, Unused] = Field(default=None, description="Only this group's transactions.")
    account_id: Annotated[Id | None, Unused] = Field(default=None, description="Only this account's transactions.")
    start_date: Annotated[Day | None, Unused] = Field(default=None, description="First booking day, in UTC.")
    end_date: Annotated[Day | None, Unused] = Field(default=None, description="Last booking day, in UTC.")
    sort: Literal["booking_date"] = Field(default="booking_date", description="Field to order by.")


position_v1 = shown(PositionView, Position, available_for_instruction="available_for_trading")
securities_transaction_v1 = shown(
    SecuritiesTransactionView,
    SecuritiesTransaction,
    updated_at="created_at",
    delta=lambda transaction: {"amount": transaction["delta"]},
)


async def list_positions(unit: Unit, call: Call) -> Json:
    """List the positions of an account."""
    account = await accounts.get_account(unit, call.path["account_id"])
    return page_v1(await service.list_positions(unit, call.query.page_request, account.id), position_v1)


async def retrieve_position(unit: Unit, call: Call) -> Json:
    """Get an account's position in an instrument."""
    account = await accounts.get_account(unit, call.path["account_id"])
    instrument = await instruments.get_instrument(unit, call.path["instrument_id"])
    return position_v1(snapshot_of(await service.get_position(unit, account.id, instrument.id)))


async def list_securities_transactions(unit: Unit, call: Call) -> Json:
    """List securities transactions."""
    query: SecuritiesTransactionQuery = call.query
    found = await service.list_transactions(unit, query.page_request, **query.filters)
    return page_v1(found, securities_transaction_v1)


POSITIONS = Operations(V1, "Positions", "positions", readers=("read",))
TRANSACTIONS = Operations(V1, "Transactions", "transactions", readers=("read",))

ENDPOINTS: list[Endpoint] = [
    POSITIONS.lists("/accounts/{account_id}/positions", list_positions, PositionPage, query=PageQuery),
    POSITIONS.reads(
        "/accounts/{account_id}/positions/{instrument_id}", retrieve_position, PositionView,
        path_types=instruments.IN_PATH,
    ),
    TRANSACTIONS.lists(
        "/transactions/securities", list_securities_transactions, SecuritiesTransactionPage,
        query=SecuritiesTransactionQuery, errors=(404, 405),
    ),
]  # fmt: skip

REPRESENTATIONS: Mapping[str, Representation] = {
    "position": Representation(position_v1, PositionView),
    "securities transaction": Representation(securities_transaction_v1, SecuritiesTransactionView),
}
