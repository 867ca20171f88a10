"""Positions and securities transactions as v1 shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from openvest.core.schema import Day, Id, Instant, SignedDecimal, UnsignedDecimal, Unused, View
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.core.v1 import InstrumentReferenceView, PageQuery, page_of, page_v1
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.accounts import service as accounts
from openvest.features.instruments import service as instruments
from openvest.features.positions import service
from openvest.features.positions.model import SECURITIES_TYPES, ReferenceType


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


def _instrument_v1(instrument: Snapshot) -> Json:
    return {name: value for name, value in instrument.items() if value is not None}


def position_v1(position: Snapshot) -> Json:
    """A position from its snapshot."""
    return {
        "account_id": position["account_id"],
        "instrument": _instrument_v1(position["instrument"]),
        "quantity": position["quantity"],
        "locked_for_trading": position["locked_for_trading"],
        "pending_settlement": position["pending_settlement"],
        "available_for_trading": position["available_for_trading"],
        "available_for_instruction": position["available_for_trading"],
        "settled_quantity": position["settled_quantity"],
    }


def securities_transaction_v1(transaction: Snapshot) -> Json:
    """A securities transaction from its snapshot."""
    return {
        "id": transaction["id"],
        "created_at": transaction["created_at"],
        "updated_at": transaction["created_at"],
        "account_group_id": transaction["account_group_id"],
        "account_id": transaction["account_id"],
        "instrument": _instrument_v1(transaction["instrument"]),
        "type": transaction["type"],
        "delta": {"amount": transaction["delta"]},
        "references": [{"id": ref["id"], "type": ref["type"]} for ref in transaction["references"]],
        "booking_date": transaction["booking_date"],
        "value_date": transaction["value_date"],
    }


async def list_positions(unit: Unit, call: Call) -> Json:
    account = await accounts.get_account(unit, call.path["account_id"])
    found = await service.list_positions(unit, call.query.page_request, account.id)
    return page_v1(found, [position_v1(snapshot_of(position)) for position in found.rows])


async def retrieve_position(unit: Unit, call: Call) -> Json:
    account = await accounts.get_account(unit, call.path["account_id"])
    instrument = await instruments.get_instrument(unit, call.path["instrument_id"])
    return position_v1(snapshot_of(await service.get_position(unit, account.id, instrument.id)))


async def list_securities_transactions(unit: Unit, call: Call) -> Json:
    query: SecuritiesTransactionQuery = call.query
    found = await service.list_transactions(
        unit,
        query.page_request,
        account_group_id=query.account_group_id,
        account_id=query.account_id,
        start_date=query.start_date,
        end_date=query.end_date,
    )
    return page_v1(found, [securities_transaction_v1(snapshot_of(row)) for row in found.rows])


ENDPOINTS: list[Endpoint] = [
    Endpoint(
        "GET",
        "/accounts/{account_id}/positions",
        "list_positions",
        "List the positions of an account",
        "Positions",
        ("positions:read",),
        PositionPage,
        list_positions,
        query=PageQuery,
        errors=(400, 404),
    ),
    Endpoint(
        "GET",
        "/accounts/{account_id}/positions/{instrument_id}",
        "retrieve_position",
        "Get an account's position in an instrument",
        "Positions",
        ("positions:read",),
        PositionView,
        retrieve_position,
        errors=(404,),
        path_types=instruments.IN_PATH,
    ),
    Endpoint(
        "GET",
        "/transactions/securities",
        "list_securities_transactions",
        "List securities transactions",
        "Transactions",
        ("transactions:read",),
        SecuritiesTransactionPage,
        list_securities_transactions,
        query=SecuritiesTransactionQuery,
        errors=(400, 404, 405),
    ),
]

REPRESENTATIONS: Mapping[str, Representation] = {
    "position": Representation(position_v1, PositionView),
    "securities transaction": Representation(securities_transaction_v1, SecuritiesTransactionView),
}
