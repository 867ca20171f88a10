"""Orders as the domain sees them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.core.money import ZERO
from openvest.core.records import record
from openvest.declarations import Event
from openvest.features.executions.model import Execution, Route, Side

OrderType = Literal["MARKET", "LIMIT", "STOP"]
OrderStatus = Literal["NEW", "PROCESSING", "FILLED", "CANCELLED"]
ExecutionFlow = Literal["STRAIGHT_THROUGH", "BLOCK"]
InitiationFlow = Literal[
    "API",
    "PORTFOLIO",
    "CASH_DIVIDEND_REINVESTMENT",
    "PORTFOLIO_REBALANCING",
    "SELL_TO_COVER_FEES",
    "SELL_TO_COVER_TAXES",
    "ACCOUNT_LIQUIDATION",
    "UPVEST_OPERATIONS",
    "SAVINGS_PLAN",
    "CLIENT_OPERATIONS",
]
CancellationReason = Literal[
    "CANCELLED_BY_CLIENT",
    "CANCELLED_BY_UPVEST_OPERATIONS",
    "CANCELLED_BY_TRADING_PARTNER",
    "CANCELLED_BY_UPVEST_PLATFORM",
]
CancellationOutcome = Literal["PENDING", "CONFIRMED", "REJECTED"]


@record
class Order:
    """A customer's order, as stored.

    Shape: exactly one of cash_amount and quantity was asked for; the other is None. `due_at` is when the check looks at
    a NEW order, None where it waits for something that has no instant. `mic` and `expires_at` are known from the first
    check on; at the pace `instant` one that lives beyond all calendars never expires. `lock_amount` is what was locked
    (cash with the fee for a BUY, units for a SELL), `lock_used` what executions took of it and what was returned.
    `executed_value` is the unrounded sum of quantity times price. `cancellation_reason` stands from the first request
    for an end on, and is published once the order is CANCELLED; `cancel_asked_at`: when the client asked for it, None
    where it has not or was told no.
    """

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    user_id: UUID
    account_id: UUID
    account_group_id: UUID
    instrument_id: UUID
    isin: str
    side: Side
    order_type: OrderType
    cash_amount: Decimal | None
    quantity: Decimal | None
    currency: str
    limit_price: Decimal | None
    stop_price: Decimal | None
    expiry_date: date
    execution_flow: ExecutionFlow
    initiation_flow: InitiationFlow
    fit_acknowledged: bool | None
    client_reference: str | None
    decision_maker_id: UUID | None
    fee: Decimal
    fee_collected: bool
    fee_type: str | None
    status: OrderStatus
    cancellation_reason: CancellationReason | None
    due_at: datetime | None
    expires_at: datetime | None
    mic: str | None
    lock_amount: Decimal
    through: Route
    executed_quantity: Decimal
    executed_cash: Decimal
    executed_value: Decimal
    fee_booked: Decimal
    lock_used: Decimal
    cancel_asked_at: datetime | None = None

    @property
    def lock_left(self) -> Decimal:
        return self.lock_amount - self.lock_used

    @property
    def collected_fee(self) -> Decimal:
        """What we take for this order; a fee the client charges itself never touches our cash."""
        return self.fee if self.fee_collected else ZERO

    @property
    def fee_charged(self) -> Decimal:
        """What the order has cost so far in fees: ours as booked, the client's own with the first execution."""
        return self.fee_booked if self.fee_collected or not self.executed_quantity else self.fee


@record
class PlaceOrder:
    """What a client asks for, after the schema and before stored facts are known."""

    account_id: UUID
    user_id: UUID | None
    """Whose account it is said to be; None: whoever's it is."""
    instrument: str | UUID
    """Its ISIN or its id."""
    side: Side
    order_type: OrderType = "MARKET"
    cash_amount: Decimal | None = None
    quantity: Decimal | None = None
    currency: str = "EUR"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    expiry_date: date | None = None
    execution_flow: ExecutionFlow = "STRAIGHT_THROUGH"
    initiation_flow: InitiationFlow = "API"
    fit_acknowledged: bool | None = None
    client_reference: str | None = None
    decision_maker_id: UUID | None = None
    fee: Decimal = ZERO
    fee_collected: bool = False
    fee_type: str | None = None
    fee_currency: str | None = None
    cause: str | None = None
    """What caused the request (its idempotency key); ids of a frozen tenant come from it."""


@record
class Estimate:
    """What a market order by cash amount comes to at the quote of an instant, its fee aside."""

    quantity: Decimal
    cash: Decimal


@record
class OrderDetails:
    """An order as it is published: with its executions. The snapshot of every ORDER event.

    `fee` is what was asked for, `fee_charged` what executions have been charged with.
    """

    id: UUID
    created_at: datetime
    updated_at: datetime
    user_id: UUID
    account_id: UUID
    instrument_id: UUID
    isin: str
    side: Side
    order_type: OrderType
    cash_amount: Decimal
    quantity: Decimal
    currency: str
    limit_price: Decimal | None
    stop_price: Decimal | None
    expiry_date: date
    execution_flow: ExecutionFlow
    initiation_flow: InitiationFlow
    fit_acknowledged: bool | None
    client_reference: str | None
    decision_maker_id: UUID | None
    fee: Decimal
    fee_charged: Decimal
    fee_collected: bool
    fee_type: str | None
    status: OrderStatus
    cancellation_reason: CancellationReason | None
    executions: tuple[Execution, ...]


@record
class OrderCancellation:
    """What came of a client's wish to cancel an order. The snapshot of every ORDER_CANCELLATION event.

    `outcome` is PENDING until the venue has answered. `status` is where the order stands then, `reason` why it is not
    cancelled.
    """

    id: UUID
    order_id: UUID
    created_at: datetime
    outcome: CancellationOutcome
    status: OrderStatus
    reason: str | None


@record
class TradingPermissions:
    """How the account an order is on stands: activated with its group and user, and what it may do now."""

    activated: bool
    may_buy: bool
    may_sell: bool
    fit_failed: bool


EVENTS: Sequence[Event] = (
    *(Event(f"ORDER.{name}", "order") for name in ("NEW", "PROCESSING", "FILLED", "CANCELLED")),
    *(Event(f"ORDER_CANCELLATION.{name}", "order cancellation") for name in ("CONFIRMED", "REJECTED")),
)
