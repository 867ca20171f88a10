"""What the simulated venue makes of one order along the points of one venue day. Pure.

An order that is triggered ends within that day: it is filled, in one or several executions at consecutive points, or
its rest is cancelled. One that is not triggered rests and says nothing. So the same day asked about twice gives the
same reports, and a question repeated after a crash books nothing twice.

Source: ORDER_MATHS.md sections 1, 3 and 5; reference (sandbox).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from openvest.core.money import CENT, ZERO, split, times
from openvest.core.records import record, replace
from openvest.ports.prices import Point
from openvest.ports.venue import ReportKind, VenueOrder, VenueReport
from openvest.simulation.market import StreetOrder, first_trigger

SEVERAL_ISIN = "IE00B5M1WJ87"
"""Filled in one to five executions, the more the larger the order."""
CANCELLED_ISIN = "IE00BF2GFH28"
"""Cut up in the same way, at least in two; cancelled before the last part."""

_PART_VALUES = (Decimal(101), Decimal(201), Decimal(301), Decimal(401))
_ONE = Decimal(1)


@record
class Day:
    """A venue day: where its points lie and the instant at which a rest that cannot be filled is given up."""

    on: date
    opens_at: datetime
    closes_at: datetime


@record
class Plan:
    """What a scenario makes of an order. `parts` 0: as many as the instrument says."""

    parts: int = 0
    cancels_last: bool = False
    rejected: bool = False
    delay: timedelta = timedelta(0)


USUAL = Plan()

PLANS = {
    "order_rejected": Plan(rejected=True),
    "order_partial_then_cancelled": Plan(parts=2, cancels_last=True),
    "order_several_executions": Plan(parts=3),
    "order_delayed": Plan(delay=timedelta(hours=1)),
}
"""What each scenario for orders makes of one."""


def trade(order: VenueOrder, day: Day, points: Sequence[Point], plan: Plan = USUAL) -> list[VenueReport]:
    """The reports of one venue day; none where no point triggers the order. The last one ends it."""
    street = street_order(order)
    trigger = first_trigger(street, points)
    if trigger is None:
        return []
    name = f"{day.on.isoformat()}/"
    if trigger.price is None:
        # The market has run away from the protective limit and did not come back before the session ended.
        return [ending(order, "CANCELLED", name + "1", day.closes_at)]
    wanted, cancels = _parts(order, trigger.price, plan)
    parts = tranches(order, wanted)
    deals = _deals(street, points, len(parts))
    reports: list[VenueReport] = []
    for place, part in enumerate(parts):
        at, price = deals[min(place, len(deals) - 1)]
        last = place == len(parts) - 1
        if last and cancels:
            reports.append(ending(order, "CANCELLED", f"{name}{place + 1}", at))
        else:
            reports.append(_fill(order, f"{name}{place + 1}", at, price, part, last))
    return reports


def street_order(order: VenueOrder) -> StreetOrder:
    """The order as the trigger table sees it: where the customer gave no limit, the limit is a protective one."""
    limited = order.order_type == "LIMIT"
    return StreetOrder(
        order.side,
        order.order_type,
        limit_price=order.limit_price if limited else None,
        stop_price=order.stop_price if order.order_type == "STOP" else None,
        protective_limit=None if limited else order.limit_price,
    )


def ending(order: VenueOrder, kind: ReportKind, external_id: str, at: datetime) -> VenueReport:
    """A report that ends the order without a fill."""
    return VenueReport(order.id, external_id, kind, at, last=True)


def tranches(order: VenueOrder, count: int) -> list[Decimal]:
    """The order in at most so many parts that sum to it: whole cents, or whole shares where it is of whole shares."""
    if order.cash_amount is not None:
        size, step = order.cash_amount, CENT
    elif order.quantity is not None:
        size = order.quantity
        step = _ONE if size == size.to_integral_value() else _ONE.scaleb(-order.quantity_decimals)
    else:
        raise ValueError("an order at the venue has a quantity or an amount")
    count = max(1, min(count, int(size / step)))
    return [size] if count == 1 else split(size, [_ONE] * count, step)


def _parts(order: VenueOrder, price: Decimal, plan: Plan) -> tuple[int, bool]:
    """Into how many parts an order is cut, and whether it is cancelled before the last of them."""
    if plan.parts:
        return plan.parts, plan.cancels_last
    if order.isin not in (SEVERAL_ISIN, CANCELLED_ISIN):
        return 1, False
    value = order.cash_amount if order.cash_amount is not None else times(order.quantity or ZERO, price)
    count = 1 + sum(value >= bound for bound in _PART_VALUES)
    return (count, False) if order.isin == SEVERAL_ISIN else (max(count, 2), True)


def _deals(street: StreetOrder, points: Sequence[Point], count: int) -> list[tuple[datetime, Decimal]]:
    """Where and at what price the order trades: at its first trigger and at the points after it that let it."""
    found: list[tuple[datetime, Decimal]] = []
    while len(found) < count:
        trigger = first_trigger(street, points)
        if trigger is None or trigger.filled_at is None or trigger.price is None:
            break
        at = trigger.filled_at
        found.append((at, trigger.price))
        points = [point for point in points if point.at > at]
        if points:
            # The market is through the price already, so the next point counts as it is, like one after a resumption.
            points[0] = replace(points[0], fresh=True)
        if street.kind == "STOP":
            street = StreetOrder(street.side, "MARKET", protective_limit=street.protective_limit)
    return found


def _fill(order: VenueOrder, name: str, at: datetime, price: Decimal, part: Decimal, last: bool) -> VenueReport:
    if order.cash_amount is not None:
        return VenueReport(order.id, name, "FILL", at, last, cash_amount=part, price=price)
    return VenueReport(order.id, name, "FILL", at, last, quantity=part, price=price)
