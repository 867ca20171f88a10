"""Orders: the lifecycle table, the refusals of intake, and what the check decides.

Intake refuses only what is malformed or names what does not exist; everything else is accepted and decided by the
check. Source: DOMAIN.md section 6, ORDER_MATHS.md section 1, reference (orders).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from openvest.core.clock import instant
from openvest.core.ids import deterministic_id
from openvest.core.lifecycle import Lifecycle
from openvest.core.problems import Conflict, Unprocessable
from openvest.core.records import record, replace
from openvest.features.accounts.model import AccountFacts
from openvest.features.executions.model import Execution
from openvest.features.orders.model import (
    CancellationOutcome,
    CancellationReason,
    Order,
    OrderCancellation,
    OrderDetails,
    TradingPermissions,
)
from openvest.features.orders.rules_amounts import Quoted, comes_to_nothing, is_fraction, lock_of

ORDER = Lifecycle(
    noun="order",
    table="orders.status",
    born=("NEW",),
    ends=frozenset({"FILLED", "CANCELLED"}),
    moves={
        ("NEW", "process"): "PROCESSING",
        ("NEW", "cancel"): "CANCELLED",
        ("PROCESSING", "fill"): "FILLED",
        ("PROCESSING", "cancel"): "CANCELLED",
    },
)

EVENT_OF = {"PROCESSING": "ORDER.PROCESSING", "FILLED": "ORDER.FILLED", "CANCELLED": "ORDER.CANCELLED"}


class UnknownAccount(Unprocessable):
    """The account does not exist, or is not the user's."""


class AccountOrdered(Conflict):
    """Something was ordered for the account, under the type it has."""

    def __init__(self) -> None:
        super().__init__("An account for which something was ordered keeps its type.")


class UnknownInstrument(Unprocessable):
    """No instrument has this ISIN or id."""


class BelowOneTick(Unprocessable):
    """A BUY limit or a SELL stop that is zero on the venue's price grid."""


class TooManyDecimals(Unprocessable):
    """The instrument is traded in coarser units than asked for."""


class NotFractional(Unprocessable):
    """The instrument is traded in whole units only."""


class FeeOfOtherKind(Unprocessable):
    """A fee that does not belong to this order's side or currency, or a fee model, which does not exist yet."""


class BusinessNotServed(Unprocessable):
    """Orders of businesses belong to a later feature."""


class UnknownDecisionMaker(Unprocessable):
    """The user who is said to have decided does not exist."""


NO_QUOTE = timedelta(minutes=5)
"""An order in session for which there is no quote at all is looked at again after so long."""


def permissions_of(facts: AccountFacts) -> TradingPermissions:
    """CLOSING allows sales only; LOCKED and CLOSED nothing. What holds for the group holds for its accounts.

    What has been closed will never be activated, so it is decided and does not wait.
    """
    states = {facts.account_status, facts.group_status}
    pending = facts.user_status == "INACTIVE" or "PENDING_APPROVAL" in states
    return TradingPermissions(
        activated=not pending or "CLOSED" in states,
        may_buy=states == {"ACTIVE"} and facts.user_status == "ACTIVE",
        may_sell=states <= {"ACTIVE", "CLOSING"},
        fit_failed=facts.fit_failed,
    )


@record
class CheckFacts:
    """What the check of one order knows. `available` is the running balance: cash of the group or units of the account.

    `tradable`: a venue trades the order's currency, takes its price and has a session for it. `conforms`: a purchase is
    no finer than the instrument. `in_debt`: the group owes us money.
    `opens_at` None: the venue is open (or has no sessions); else when it opens next. `cut_off` is what a BLOCK order
    waits for, None where it has come or the order flows through; `next_cut_off` is the one after now.
    """

    now: datetime
    permissions: TradingPermissions
    instrument_active: bool
    tradable: bool
    quote: Quoted | None
    decimals: int
    available: Decimal
    opens_at: datetime | None
    conforms: bool = True
    in_debt: bool = False
    expires_at: datetime | None = None
    cut_off: datetime | None = None
    next_cut_off: datetime | None = None


@record
class Decision:
    """What becomes of a NEW order. `until` None with `wait`: it waits for something that has no instant."""

    outcome: Literal["wait", "cancel", "process"]
    lock: Decimal | None = None
    until: datetime | None = None
    reason: CancellationReason | None = None


def decide(order: Order, facts: CheckFacts) -> Decision:
    """The table of DOMAIN.md section 6, from its first row to its last: standing, expiry, money, session, cut-off."""
    refused = _refused(order, facts)
    if refused is not None:
        return refused
    lock: Decimal | None = None
    if order.lock_amount == 0:
        if facts.quote is None:
            return Decision("wait", until=facts.opens_at or facts.now + NO_QUOTE)
        if comes_to_nothing(order, facts.quote, facts.decimals):
            return Decision("cancel", reason="CANCELLED_BY_UPVEST_PLATFORM")
        lock = lock_of(order, facts.quote, facts.decimals)
        if lock > facts.available:
            if order.execution_flow == "BLOCK" and (until := facts.cut_off or facts.next_cut_off):
                return Decision("wait", until=until)
            return Decision("cancel", reason="CANCELLED_BY_UPVEST_PLATFORM")
    until = facts.cut_off or facts.opens_at
    if until is not None:
        return Decision("wait", lock=lock, until=until)
    if facts.quote is None:
        return Decision("wait", until=facts.now + NO_QUOTE)
    return Decision("process", lock=lock)


def _refused(order: Order, facts: CheckFacts) -> Decision | None:
    """What is decided before any money is looked at."""
    permissions = facts.permissions
    if not permissions.activated:
        return Decision("wait")
    if not (permissions.may_buy if order.side == "BUY" else permissions.may_sell):
        return Decision("cancel", reason="CANCELLED_BY_UPVEST_PLATFORM")
    if not facts.instrument_active or not facts.conforms:
        return Decision("cancel", reason="CANCELLED_BY_UPVEST_PLATFORM")
    if order.side == "BUY" and permissions.fit_failed and not order.fit_acknowledged:
        return Decision("cancel", reason="CANCELLED_BY_UPVEST_PLATFORM")
    if not facts.tradable:
        return Decision("cancel", reason="CANCELLED_BY_TRADING_PARTNER")
    if order.side == "BUY" and facts.in_debt:
        return Decision("cancel", reason="CANCELLED_BY_UPVEST_PLATFORM")
    starts_at = facts.cut_off or facts.opens_at or facts.now
    if facts.expires_at is not None and facts.expires_at < starts_at:
        return Decision("cancel", reason="CANCELLED_BY_TRADING_PARTNER")
    return None


def is_final(order: Order) -> bool:
    return order.status in ORDER.ends


def needs_block(order: Order, whole_shares: bool) -> bool:
    """Whether the house must trade whole shares and serve the customer from its inventory."""
    return whole_shares and is_fraction(order.quantity)


def view_of(order: Order, executions: tuple[Execution, ...]) -> OrderDetails:
    """An order as published: the figure not asked for becomes the sum of its executions."""
    return OrderDetails(
        id=order.id,
        created_at=order.created_at,
        updated_at=order.updated_at,
        user_id=order.user_id,
        account_id=order.account_id,
        instrument_id=order.instrument_id,
        isin=order.isin,
        side=order.side,
        order_type=order.order_type,
        cash_amount=order.executed_cash if order.cash_amount is None else order.cash_amount,
        quantity=order.executed_quantity if order.quantity is None else order.quantity,
        currency=order.currency,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        expiry_date=order.expiry_date,
        execution_flow=order.execution_flow,
        initiation_flow=order.initiation_flow,
        fit_acknowledged=order.fit_acknowledged,
        client_reference=order.client_reference,
        decision_maker_id=order.decision_maker_id,
        fee=order.fee,
        fee_charged=order.fee_charged,
        fee_collected=order.fee_collected,
        fee_type=order.fee_type,
        status=order.status,
        cancellation_reason=order.cancellation_reason if order.status == "CANCELLED" else None,
        executions=executions,
    )


def cancellation_of(order: Order, outcome: CancellationOutcome, reason: str | None = None) -> OrderCancellation:
    """What the client hears of its wish to cancel this order. Its id is that of the order and the moment of asking."""
    asked_at = order.cancel_asked_at or order.updated_at
    number = deterministic_id("order cancellation", order.id, instant(asked_at))
    return OrderCancellation(number, order.id, asked_at, outcome, order.status, reason)


def moved(order: Order, verb: str, at: datetime, **changes: Any) -> Order:
    """The order after a verb of its life, with what else changes. Raises: WrongState."""
    status: Any = ORDER.move(order.status, verb)
    return replace(order, status=status, version=order.version + 1, updated_at=at, due_at=None, **changes)


def released(order: Order) -> Order:
    """A final order once the rest of its lock has been given back."""
    return replace(order, lock_used=order.lock_amount) if order.lock_left else order
