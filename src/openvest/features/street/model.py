"""Street orders and venue reports as the domain sees them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.core.records import record

Side = Literal["BUY", "SELL"]
OrderType = Literal["MARKET", "LIMIT", "STOP"]
StreetStatus = Literal["WORKING", "FILLED", "CANCELLED"]
ReportKind = Literal["FILL", "CANCELLED", "REJECTED"]


@record
class StreetOrder:
    """An order at a venue. Shape: exactly one of quantity and cash_amount; `done` counts the same measure.

    `accepted_at` is when the customer's order was accepted: of two that trade at one instant the older comes first.
    `reserve` is what a block counts on of the house's inventory; a quantity of zero is served wholly from it and no
    venue is asked. `cancel_at`: from when on nothing counts that the venue does, where its end is dated before the
    question. One that works for a block of many has the block's id for an order's, and names no customer.
    Units: prices on the venue's tick, in `currency`.
    """

    id: UUID
    order_id: UUID
    accepted_at: datetime
    account_id: UUID | None
    user_id: UUID | None
    client_reference: str | None
    instrument_id: UUID
    isin: str
    mic: str
    currency: str
    side: Side
    order_type: OrderType
    quantity: Decimal | None
    cash_amount: Decimal | None
    reserve: Decimal
    done: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    quantity_decimals: int
    pace: Literal["instant", "calendar"]
    status: StreetStatus
    cancel_requested: bool
    active_at: datetime
    look_after: datetime
    cancel_at: datetime | None = None


@record
class Filled:
    """A fill that was booked before. `quantity` None: served from the house's inventory, at this price."""

    order_id: UUID
    street_order_id: UUID
    quantity: Decimal | None
    price: Decimal
    at: datetime


@record
class Report:
    """A venue's report that has fallen due."""

    id: UUID
    street_order_id: UUID
    order_id: UUID
    kind: ReportKind
    last: bool
    quantity: Decimal | None
    cash_amount: Decimal | None
    price: Decimal | None
    due_at: datetime
