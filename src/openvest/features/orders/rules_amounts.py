"""Amounts of orders: locks, street sizes, executions. Pure; every rounding is named.

Units: money in the order's currency, quantities in units of the instrument, prices per unit.
Source: ORDER_MATHS.md sections 1 to 4, POSTINGS.md section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from openvest.core.money import (
    ZERO,
    cent_half_up,
    cent_up,
    price_half_up,
    ratio,
    tick_down,
    tick_up,
    times,
    unit_down,
    unit_up,
)
from openvest.features.orders.model import Order

BUFFER = Decimal("0.9")
"""An estimate may use at most nine tenths of what is available, so the lock is the estimate divided by it."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """Bid and offer at the instant of the check."""

    bid: Decimal
    offer: Decimal


def estimate_price(order: Order, quote: Quoted) -> Decimal:
    """The price a BUY by quantity is estimated at."""
    if order.order_type == "LIMIT" and order.limit_price is not None:
        return order.limit_price
    if order.order_type == "STOP" and order.stop_price is not None:
        return max(quote.offer, order.stop_price)
    return quote.offer


def lock_of(order: Order, quote: Quoted, decimals: int) -> Decimal:
    """What the check locks: cash with the fee for a BUY, units for a SELL. (section 1)"""
    if order.side == "BUY":
        if order.cash_amount is not None:
            return order.cash_amount + order.collected_fee
        cost = times(order.quantity or ZERO, estimate_price(order, quote))
        return cent_up(ratio(cost, BUFFER)) + order.collected_fee
    if order.quantity is not None:
        return order.quantity
    return unit_up(ratio(ratio(order.cash_amount or ZERO, quote.bid), BUFFER), decimals)


def street_limit(order: Order, lock: Decimal, tick: Decimal) -> Decimal | None:
    """The limit the street order carries: the customer's on the tick, and for a BUY by quantity never above its lock.

    (section 1 "Ceiling on the street", section 4)
    """
    if order.side == "SELL":
        return None if order.limit_price is None else tick_up(order.limit_price, tick)
    own = None if order.limit_price is None else tick_down(order.limit_price, tick)
    if order.quantity is None:
        return own
    ceiling = tick_down(ratio(lock - order.collected_fee, order.quantity), tick)
    return ceiling if own is None else min(own, ceiling)


def street_stop(order: Order, tick: Decimal) -> Decimal | None:
    """The stop the street order carries: never earlier than asked. (section 4)"""
    if order.stop_price is None:
        return None
    return tick_up(order.stop_price, tick) if order.side == "BUY" else tick_down(order.stop_price, tick)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of one: what the street trades in whole shares, and what of the house's inventory it counts on."""

    street_quantity: Decimal
    reserve: Decimal


def block_of(side: str, needed: Decimal, free: Decimal) -> Block:
    """Street quantity of a block: BUY ⌈needed - free⌉, SELL ⌊sold + free⌋. `free`: no other block counts on it."""
    if side == "BUY":
        street = max(unit_up(needed - free, 0), ZERO)
        return Block(street, max(needed - street, ZERO))
    street = unit_down(needed + free, 0)
    return Block(street, max(street - needed, ZERO))


def needed_units(order: Order, quote: Quoted, decimals: int) -> Decimal:
    """Units an order is estimated to need or sell when its block is made."""
    if order.quantity is not None:
        return order.quantity
    price = quote.offer if order.side == "BUY" else quote.bid
    wanted = unit_down(ratio(order.cash_amount or ZERO, price), decimals)
    return wanted if order.side == "BUY" else min(wanted, order.lock_amount)


@dataclass(frozen=True, slots=True)
class Fill:
    """What one execution of an order comes to."""

    quantity: Decimal
    cash: Decimal
    price: Decimal
    fee: Decimal


def fill_by_quantity(order: Order, quantity: Decimal, price: Decimal) -> Fill:
    """An execution of so many units: its cash is the cumulative rounding of all so far. (section 3)"""
    price = price_half_up(price)
    value = order.executed_value + times(quantity, price)
    return Fill(quantity, cent_half_up(value) - order.executed_cash, price, fee_now(order))


def fill_by_cash(order: Order, tranche: Decimal, price: Decimal, decimals: int) -> Fill | None:
    """An execution of a cash tranche; None where it does not buy the smallest unit. (sections 2 and 3)"""
    price = price_half_up(price)
    quantity = unit_down(ratio(tranche, price), decimals)
    if order.side == "SELL":
        quantity = min(quantity, order.lock_left)
    if quantity <= 0:
        return None
    return Fill(quantity, cent_half_up(times(quantity, price)), price, fee_now(order))


def served(order: Order, price: Decimal, most: Decimal, decimals: int) -> Fill | None:
    """What a block's customer gets at the street's average: at most `most` units. None: not the smallest unit."""
    if order.quantity is not None:
        left = order.quantity - order.executed_quantity
        quantity = unit_down(min(left, most), decimals)
        if quantity <= 0:
            return None
        return fill_by_quantity(order, quantity, price)
    left = (order.cash_amount or ZERO) - order.executed_cash
    quantity = min(unit_down(ratio(left, price_half_up(price)), decimals), unit_down(most, decimals))
    if order.side == "SELL":
        quantity = min(quantity, order.lock_left)
    if quantity <= 0:
        return None
    price = price_half_up(price)
    return Fill(quantity, cent_half_up(times(quantity, price)), price, fee_now(order))


def street_average(fills: list[tuple[Decimal, Decimal]]) -> Decimal:
    """Σ q·p ÷ Σ q, half up at 4 decimals: the one price of a block's customers. Shape: (quantity, price) pairs."""
    units = sum((q for q, _ in fills), ZERO)
    return price_half_up(ratio(sum((times(q, p) for q, p in fills), ZERO), units))


def fee_now(order: Order) -> Decimal:
    """The fee an execution books: what the order owes so far less what was booked; a flat fee comes with the first."""
    return order.collected_fee - order.fee_booked


def is_fraction(quantity: Decimal | None) -> bool:
    return quantity is None or quantity != quantity.to_integral_value()
