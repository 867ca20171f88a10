"""Portfolio orders, what they are divided into, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.core.records import record
from openvest.declarations import Event
from openvest.features.executions.model import Side
from openvest.features.orders.model import OrderStatus

Status = Literal["NEW", "PROCESSING", "FILLED", "SETTLED", "CANCELLED"]
CancellationReason = Literal["ACCOUNT_IS_EMPTY", "CANCELLED_BY_CLIENT", "CANCELLED_BY_UPVEST", "SELL_LIMIT_EXCEEDED"]


@record
class NewPortfolioOrder:
    """What a client asks for. `user_id`, where it is given, is the account's."""

    account_id: UUID
    user_id: UUID | None
    side: Side
    cash_amount: Decimal
    currency: str
    post_tax: bool = False


@record
class StoredPortfolioOrder:
    """A portfolio order without its orders.

    `due_at`: since when it is to be divided, None once it was. `cancel_asked_at`: when the client wanted it to end
    while its orders ran; the reason stands once they have.
    """

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    user_id: UUID
    account_id: UUID
    account_group_id: UUID
    portfolio_id: UUID
    allocation_id: UUID
    side: Side
    cash_amount: Decimal
    currency: str
    post_tax: bool
    status: Status
    cancellation_reason: CancellationReason | None
    cancellation_details: str | None
    cancel_asked_at: datetime | None
    due_at: datetime | None


@record
class ChildOrder:
    """One of the orders for single instruments."""

    id: UUID
    side: Side
    status: OrderStatus


@record
class PortfolioOrder(StoredPortfolioOrder):
    """With its orders, as they stand."""

    orders: tuple[ChildOrder, ...]


@record
class PlannedOrder:
    """An order that a portfolio order comes to. `expected_cash` is what it is expected to cost or to bring."""

    instrument_id: UUID
    isin: str
    side: Side
    cash_amount: Decimal
    quantity: Decimal
    expected_cash: Decimal


@record
class Plan:
    """What a portfolio order comes to at the quotes of now. What its orders are expected to cost or to bring and the
    `residual_cash` add up to its amount. Where it comes to no order, the reason says what stands against it."""

    orders: tuple[PlannedOrder, ...]
    residual_cash: Decimal
    cancellation_reason: CancellationReason | None = None
    cancellation_details: str | None = None


@record
class PreviewedOrder(PortfolioOrder):
    """A portfolio order as it would be accepted, and what it would come to."""

    preview: Plan


EVENTS: Sequence[Event] = tuple(
    Event(f"PORTFOLIO_ORDER.{name}", "portfolio order")
    for name in ("NEW", "PROCESSING", "FILLED", "SETTLED", "CANCELLED")
)
