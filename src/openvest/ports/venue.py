"""The venue: where street orders are sent and what it says about them, as dated messages.

An adapter gets the orders that are to be looked at and answers, for each, with reports and the instant at which it
wants to be asked again (None: it has said all). Reports carry an external id of their own, so that one told twice is
booked once. A simulated venue knows at once what happens up to the end of the session and dates its reports; a real
one reports what has happened.

Source: DOMAIN.md section 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol
from uuid import UUID

from openvest.core.records import record

ReportKind = Literal["FILL", "CANCELLED", "REJECTED"]


@record
class VenueOrder:
    """A street order as the venue sees it.

    Exactly one of quantity and cash_amount is given; both are what was ordered, `done` of the same measure is what has
    been reported as filled so far. `asked_at` is the business time of the question; reports lie in
    (look_after, end of the session]. `limit_price` is on the venue's tick; also where the customer gave no limit, it
    caps a BUY and is the least a block's SELL takes. `cancel` asks to end the order now, or as of `ended_at`, when its
    trading was over: what happened up to then stands. `account_id` to `client_reference` let a simulated venue match
    scenarios; what serves many customers names none of them.
    """

    id: UUID
    tenant_id: UUID
    instrument_id: UUID
    isin: str
    mic: str
    currency: str
    side: Literal["BUY", "SELL"]
    order_type: Literal["MARKET", "LIMIT", "STOP"]
    quantity: Decimal | None
    cash_amount: Decimal | None
    done: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    quantity_decimals: int
    pace: Literal["instant", "calendar"]
    active_at: datetime
    look_after: datetime
    asked_at: datetime
    cancel: bool
    account_id: UUID | None
    user_id: UUID | None
    client_reference: str | None
    ended_at: datetime | None = None


@record
class VenueReport:
    """One dated message. A FILL by quantity carries quantity and price, one by cash amount cash_amount and price.

    `last` ends the order: a FILL that completes it, a cancellation, a rejection.
    """

    order_id: UUID
    external_id: str
    kind: ReportKind
    due_at: datetime
    last: bool
    quantity: Decimal | None = None
    cash_amount: Decimal | None = None
    price: Decimal | None = None


@record
class VenueAnswer:
    """All the venue says about one order at this look. `drop_after`: what it announced for later is void."""

    order_id: UUID
    reports: tuple[VenueReport, ...]
    look_at: datetime | None
    drop_after: datetime | None = None


class Venue(Protocol):
    """Where orders go."""

    async def ask(self, orders: Sequence[VenueOrder]) -> Sequence[VenueAnswer]:
        """One answer per order, in order. May be called again for the same orders after a crash."""
        ...
