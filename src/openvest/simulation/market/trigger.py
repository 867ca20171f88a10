"""When and at what price an order is filled along the points of a market. Pure.

Source: ORDER_MATHS.md section 5 (the table) and section 1 (the protective limit).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

from openvest.core.records import record
from openvest.ports.prices import Point, Side

OrderKind = Literal["MARKET", "LIMIT", "STOP"]


@record
class StreetOrder:
    """What the venue knows of an order. Prices are on the venue's tick.

    `protective_limit` is the most a BUY by quantity may pay for a unit, so that no fill costs more than its lock, and
    the least a SELL takes for one where the house trades whole shares for it.
    """

    side: Side
    kind: OrderKind
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    protective_limit: Decimal | None = None

    def __post_init__(self) -> None:
        if (self.kind == "LIMIT") != (self.limit_price is not None):
            raise ValueError("a LIMIT order, and no other, has a limit price")
        if (self.kind == "STOP") != (self.stop_price is not None):
            raise ValueError("a STOP order, and no other, has a stop price")
        if None not in (self.protective_limit, self.limit_price) and self.side == "SELL":
            raise ValueError("a SELL has a limit or a protective limit, not both")


@record
class Trigger:
    """The point at which an order was triggered and, where it was filled, when and at what price.

    `price` None: triggered, but every point from there on was beyond the protective limit.
    """

    triggered_at: datetime
    filled_at: datetime | None
    price: Decimal | None


def first_trigger(order: StreetOrder, points: Sequence[Point]) -> Trigger | None:
    """The first trigger along the points, or None: the order rests.

    A triggered point beyond the protective limit fills nothing and the next is tried; from there on the order is one
    with that limit, so at a point that is not fresh the limit itself counts, which the market moved through.
    """
    triggered: datetime | None = None
    for point in points:
        price = _price(order, point) if triggered is None else _limit_price(order.side, order.protective_limit, point)
        if price is None:
            continue
        if triggered is None:
            triggered = point.at
        if not _beyond(order, price):
            return Trigger(triggered, point.at, price)
    return None if triggered is None else Trigger(triggered, None, None)


def _beyond(order: StreetOrder, price: Decimal) -> bool:
    if order.protective_limit is None:
        return False
    return price > order.protective_limit if order.side == "BUY" else price < order.protective_limit


def _price(order: StreetOrder, point: Point) -> Decimal | None:
    """What the order trades at here, or None where this point does not trigger it."""
    if order.kind == "MARKET":
        return point.offer if order.side == "BUY" else point.bid
    if order.kind == "LIMIT":
        return _limit_price(order.side, _cap(order), point)
    return _stop_price(order.side, order.stop_price, point)


def _cap(order: StreetOrder) -> Decimal | None:
    """LIMIT orders go to the street with the smaller of limit and protective limit."""
    if order.protective_limit is None or order.limit_price is None:
        return order.limit_price
    return min(order.limit_price, order.protective_limit)


def _limit_price(side: Side, limit: Decimal | None, point: Point) -> Decimal | None:
    if limit is None:
        return None
    if side == "BUY":
        return (point.offer if point.fresh else limit) if point.offer <= limit else None
    return (point.bid if point.fresh else limit) if point.bid >= limit else None


def _stop_price(side: Side, stop: Decimal | None, point: Point) -> Decimal | None:
    """A stop becomes MARKET; inside an imported bar it fills at the bar's open or at the stop, never at the extreme."""
    if stop is None:
        return None
    if side == "BUY":
        if point.offer < stop:
            return None
        return point.offer if point.open_offer is None else max(point.open_offer, stop)
    if point.bid > stop:
        return None
    return point.bid if point.open_bid is None else min(point.open_bid, stop)
