"""Executions, block trades and the house's inventory as the domain sees them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.core.money import ZERO
from openvest.core.records import record
from openvest.declarations import Event

Side = Literal["BUY", "SELL"]
ExecutionStatus = Literal["FILLED", "SETTLED", "CANCELLED"]
Route = Literal["street", "fractions"]
Pace = Literal["instant", "calendar"]


@record
class Execution:
    """One execution of an order. Units: price in the order's currency, at most 4 decimals; `fee` is what we collect.

    `rounding` is what the house keeps of the cash because it was rounded.
    """

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    order_id: UUID
    street_order_id: UUID | None
    user_id: UUID
    account_id: UUID
    account_group_id: UUID
    instrument_id: UUID
    side: Side
    status: ExecutionStatus
    quantity: Decimal
    cash_amount: Decimal
    price: Decimal
    currency: str
    fee: Decimal
    rounding: Decimal
    venue_id: UUID
    through: Route
    transaction_time: datetime
    traded_on: date
    settlement_date: date
    settles_at: datetime


@record
class NewExecution:
    """A fill as the feature above has worked it out. `cause`: the report behind it, from which its id comes.

    `fee` is collected with it; `fee_outside` is charged by the client itself and never touches our cash.
    """

    cause: UUID
    street_order_id: UUID
    order_id: UUID
    user_id: UUID
    account_id: UUID
    account_group_id: UUID
    instrument_id: UUID
    isin: str
    mic: str
    pace: Pace
    side: Side
    currency: str
    quantity: Decimal
    cash_amount: Decimal
    price: Decimal
    through: Route
    transaction_time: datetime
    fee: Decimal = ZERO
    rounding: Decimal = ZERO
    fee_outside: Decimal = ZERO


@record
class NewBlockTrade:
    """All a block has traded at the street, follow-ups included, told under its last street order.

    `posted` False: its journal comes once the customers have delivered what it sold (`post_blocks`).
    """

    street_order_id: UUID
    instrument_id: UUID
    mic: str
    pace: Pace
    side: Side
    currency: str
    quantity: Decimal
    cash_amount: Decimal
    transaction_time: datetime
    posted: bool = True


@record
class BlockTrade:
    """What a block has traded in whole shares, as stored."""

    id: UUID
    street_order_id: UUID
    side: Side
    instrument_id: UUID
    currency: str
    quantity: Decimal
    cash_amount: Decimal
    traded_on: date
    settlement_date: date
    settles_at: datetime
    posted: bool = True


@record
class Inventory:
    """The house's fractions of an instrument, under the lock of its reserve row. `free`: no block counts on it."""

    instrument_id: UUID
    units: Decimal
    reserved: Decimal

    @property
    def free(self) -> Decimal:
        return self.units - self.reserved


EVENTS: Sequence[Event] = tuple(Event(f"EXECUTION.{name}", "execution") for name in ("FILLED", "SETTLED", "CANCELLED"))
