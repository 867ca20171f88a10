"""Amounts of orders: locks, limits, street sizes, and what a fill comes to. Pure; every rounding is named.

Units: money in the order's currency, quantities in units of the instrument, prices per unit.
Source: ORDER_MATHS.md sections 1 to 4, POSTINGS.md section 3.
"""

from __future__ import annotations

from decimal import Decimal

from openvest.core.money import (
    CENT,
    ZERO,
    cent_down,
    cent_half_up,
    cent_up,
    price_half_up,
    ratio,
    tick_down,
    tick_up,
    times,
    unit_up,
)
from openvest.core.records import record
from openvest.features.blocks.model_shares import units_worth
from openvest.features.orders.model import Order

BUFFER = Decimal("0.9")
"""An estimate may use at most nine tenths of what is available, so the lock is the estimate divided by it."""


@record
class Quoted:
    """Bid and offer at the instant of the check."""

    bid: Decimal
    offer: Decimal


# What is locked


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


def comes_to_nothing(order: Order, quote: Quoted, decimals: int) -> bool:
    """Whether a purchase is too small for one unit, or a sale not worth a cent, at the best it can hope for now."""
    if order.side == "BUY":
        return order.cash_amount is not None and needed_units(order, quote.offer, decimals) == 0
    price = max(quote.bid, order.limit_price or ZERO)
    units = order.quantity or units_worth("SELL", order.cash_amount or ZERO, price, decimals)
    return times(units, price) < CENT


# What goes to the street


def street_limit(order: Order, tick: Decimal) -> Decimal | None:
    """The limit the street order carries: the customer's on the tick, and for a BUY by quantity never above its lock.

    A block's sale has a floor: the street sells whole shares and counts on the customer's fraction, so below the price
    at which all of the order is worth a cent, and the customer sells nothing, it sells nothing either.
    (section 1 "Ceiling on the street", section 4)
    """
    if order.side == "SELL":
        least = order.limit_price
        if least is None and order.through == "fractions":
            least = ratio(CENT, order.lock_amount)
        return None if least is None else tick_up(least, tick)
    own = None if order.limit_price is None else tick_down(order.limit_price, tick)
    if order.quantity is None:
        return own
    ceiling = tick_down(ratio(order.lock_amount - order.collected_fee, order.quantity), tick)
    return ceiling if own is None else min(own, ceiling)


def street_stop(order: Order, tick: Decimal) -> Decimal | None:
    """The stop the street order carries: never earlier than asked. (section 4)"""
    if order.stop_price is None:
        return None
    return tick_up(order.stop_price, tick) if order.side == "BUY" else tick_down(order.stop_price, tick)


def needed_units(order: Order, price: Decimal, decimals: int) -> Decimal:
    """Units an order is estimated to need or sell when its block is made."""
    if order.quantity is not None:
        return order.quantity
    wanted = units_worth(order.side, order.cash_amount or ZERO, price, decimals)
    return wanted if order.side == "BUY" else min(wanted, order.lock_amount)


def is_fraction(quantity: Decimal | None) -> bool:
    return quantity is None or quantity != quantity.to_integral_value()


# What a fill comes to


@record
class Fill:
    """What one execution of an order comes to. `fee` is what we collect with it, `rounding` what the house keeps."""

    quantity: Decimal
    cash: Decimal
    price: Decimal
    fee: Decimal
    rounding: Decimal


@record
class Executed:
    """What an order has come to so far. `value` is the unrounded sum of quantity times price."""

    quantity: Decimal
    cash: Decimal
    value: Decimal
    fee: Decimal

    def plus(self, fill: Fill) -> Executed:
        return Executed(
            self.quantity + fill.quantity,
            self.cash + fill.cash,
            self.value + times(fill.quantity, fill.price),
            self.fee + fill.fee,
        )


def executed(order: Order) -> Executed:
    return Executed(order.executed_quantity, order.executed_cash, order.executed_value, order.fee_booked)


def lock_taken(order: Order, so_far: Executed) -> Decimal:
    """What executions have taken of the order's lock."""
    return so_far.cash + so_far.fee if order.side == "BUY" else so_far.quantity


def fill_of(order: Order, so_far: Executed, quantity: Decimal, price: Decimal) -> Fill:
    """One more execution. Its cash is the rounding of the sum of all less what was booked before. (section 3)

    Rounding never pays the customer: what is bought costs the next cent above, what is sold brings the one below, so
    that no order, however small, and no run of small ones gains by it. The counterparty has the nearest cent, rounded
    over the sum likewise; the difference is the house's.

    A flat fee comes with the first. A sale's is taken out of its proceeds and never beyond them: what is left of it
    comes with the next.
    """
    price = price_half_up(price)
    value = so_far.value + times(quantity, price)
    worth = cent_half_up(value) - cent_half_up(so_far.value)
    fee = order.collected_fee - so_far.fee
    if order.side == "BUY":
        cash = cent_up(value) - so_far.cash
        return Fill(quantity, cash, price, fee, cash - worth)
    cash = cent_down(value) - so_far.cash
    return Fill(quantity, cash, price, min(fee, cash), worth - cash)


def units_for(order: Order, so_far: Executed, amount: Decimal, price: Decimal, decimals: int) -> Decimal:
    """Units that bring an order by cash amount to `amount`; zero where that is less than the smallest unit.

    What an earlier execution left over of its part is used by the next one. (sections 2 and 3)
    """
    # A sale's cash is below its value: taken from that, what is still to be sold would come to a cent too much.
    left = amount - (so_far.cash if order.side == "BUY" else so_far.value)
    units = units_worth(order.side, left, price_half_up(price), decimals)
    if order.side == "SELL":
        units = min(units, order.lock_amount - so_far.quantity)
    return max(units, ZERO)
