"""Decisions about portfolio orders: their life, the refusals, and how an amount is divided. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from uuid import UUID

from openvest.core.lifecycle import Lifecycle
from openvest.core.money import CENT, ZERO, cents, split
from openvest.core.problems import Conflict, FieldError, InvalidRequest, NotFound
from openvest.core.records import record
from openvest.features.executions.model import Side
from openvest.features.orders.model import Estimate
from openvest.features.portfolio_orders.model import (
    CancellationReason,
    ChildOrder,
    Plan,
    PlannedOrder,
    StoredPortfolioOrder,
)

PORTFOLIO_ORDER = Lifecycle(
    noun="portfolio order",
    table="portfolio_orders.status",
    born=("NEW",),
    ends=frozenset({"SETTLED", "CANCELLED"}),
    moves={
        ("NEW", "process"): "PROCESSING",
        ("NEW", "cancel"): "CANCELLED",
        ("PROCESSING", "fill"): "FILLED",
        ("PROCESSING", "cancel"): "CANCELLED",
        ("FILLED", "settle"): "SETTLED",
    },
)


class PortfolioOrderNotFound(NotFound):
    """No portfolio order of this tenant has the id."""

    def __init__(self) -> None:
        super().__init__("There is no portfolio order of this id.")


class NotTheOwner(NotFound):
    """The account is not this user's."""

    def __init__(self) -> None:
        super().__init__("The user has no account of this id.")


class NothingFollowed(InvalidRequest):
    """The account follows no allocation."""

    def __init__(self) -> None:
        error = FieldError("account_id", "has no portfolio configuration")
        super().__init__("This account has no portfolio configuration; set one first.", errors=[error])


class PortfolioIsClosed(Conflict):
    """The portfolio was ended, or its account closed."""

    def __init__(self) -> None:
        super().__init__("A portfolio that is CLOSED takes no orders.")


def amount_errors(amount: Decimal) -> Iterator[FieldError]:
    """What is wrong with an amount to order for."""
    if amount <= 0:
        yield FieldError("cash_amount", "is above zero")


# How an amount is divided


Estimating = Callable[[Decimal], Estimate | None]
"""What an order by an amount comes to; None: to nothing."""


@record
class Part:
    """What an amount is divided among. `weight`: of the allocation, or what the position is worth. `most`: the largest
    amount that can be sold."""

    instrument_id: UUID
    isin: str
    weight: Decimal
    estimate: Estimating
    most: Decimal = ZERO


def buy(amount: Decimal, available: Decimal, parts: Sequence[Part]) -> Plan:
    """What the amount comes to by the weights. A part that comes to nothing is left out, and its share stays cash."""
    if amount > available:
        return _refused(
            amount, "CANCELLED_BY_UPVEST", f"{cents(max(available, ZERO))} are available, and not {cents(amount)}."
        )
    shares = split(amount, [part.weight for part in parts], CENT)
    return _planned("BUY", amount, parts, shares)


def sell(amount: Decimal, parts: Sequence[Part]) -> Plan:
    """What the amount comes to by what the positions are worth.

    Why the limit is the sum of what each can sell: a sale by amount locks a ninth more than it expects to need.
    """
    if not parts:
        return _refused(amount, "ACCOUNT_IS_EMPTY", "The account holds nothing that can be sold.")
    most = sum((part.most for part in parts), ZERO)
    if amount > most:
        said = f"At most 90 percent of the portfolio's value can be sold by amount: {cents(most)}."
        return _refused(amount, "SELL_LIMIT_EXCEEDED", said)
    shares = split(amount, [part.weight for part in parts], CENT)
    return _planned("SELL", amount, parts, _within(shares, [part.most for part in parts]))


def _within(shares: Sequence[Decimal], most: Sequence[Decimal]) -> Sequence[Decimal]:
    """The shares with the cents moved that are beyond what one can bear, to the first ones that can bear more."""
    beyond = sum((max(share - limit, ZERO) for share, limit in zip(shares, most, strict=True)), ZERO)
    found = list[Decimal]()
    for share, limit in zip(shares, most, strict=True):
        more = min(max(limit - share, ZERO), beyond)
        beyond -= more
        found.append(min(share, limit) + more)
    return found


def _planned(side: Side, amount: Decimal, parts: Sequence[Part], shares: Sequence[Decimal]) -> Plan:
    orders = list[PlannedOrder]()
    for part, share in zip(parts, shares, strict=True):
        expected = part.estimate(share) if share else None
        if expected is not None:
            orders.append(PlannedOrder(part.instrument_id, part.isin, side, share, expected.quantity, expected.cash))
    if not orders:
        return _refused(amount, "CANCELLED_BY_UPVEST", f"{cents(amount)} come to no order for any instrument.")
    return Plan(tuple(orders), amount - sum((order.expected_cash for order in orders), ZERO))


def _refused(amount: Decimal, reason: CancellationReason, details: str) -> Plan:
    return Plan((), amount, reason, details)


# How it follows its orders


def next_verb(status: str, children: Sequence[ChildOrder], settled: bool) -> str | None:
    """What its orders, as they stand, do to one of this status; None: nothing. `settled`: so is all they traded."""
    states = {child.status for child in children}
    if status == "FILLED":
        return "settle" if settled else None
    if status not in ("NEW", "PROCESSING") or not states or "NEW" in states:
        return None
    if "CANCELLED" in states:
        if "PROCESSING" not in states:
            return "cancel"
    elif status == "PROCESSING":
        return "fill" if states == {"FILLED"} else None
    return "process" if status == "NEW" else None


def end_of(order: StoredPortfolioOrder, children: Sequence[ChildOrder]) -> tuple[CancellationReason, str]:
    """Why it is cancelled whose orders have ended so."""
    filled = sum(child.status == "FILLED" for child in children)
    details = f"{len(children) - filled} of its {len(children)} orders were cancelled, {filled} were filled."
    return ("CANCELLED_BY_UPVEST" if order.cancel_asked_at is None else "CANCELLED_BY_CLIENT"), details
