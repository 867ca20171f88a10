"""Booking: what reports of a venue make of an order. Pure.

An order is carried through its reports in memory; what comes out is the order as it is then and its fills.
Source: ORDER_MATHS.md sections 2 and 3, POSTINGS.md section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from openvest.core.money import CENT, ZERO, ratio, unit_down, unit_up
from openvest.core.records import record, replace
from openvest.features.orders.model import CancellationReason, Order
from openvest.features.orders.rules import ORDER
from openvest.features.orders.rules_amounts import (
    Executed,
    Fill,
    executed,
    fill_of,
    lock_taken,
    units_for,
)
from openvest.features.street.model import Report, StreetOrder


@record
class Booked:
    """An order after its reports, and the fills that become executions, each with the report behind it."""

    order: Order
    fills: tuple[tuple[Fill, Report], ...] = ()
    follow_up: Decimal = ZERO
    """Whole shares still missing for a block: a further street order is to buy them, and the order goes on."""


def book_direct(order: Order, street: StreetOrder, reports: Sequence[Report], decimals: int, at: datetime) -> Booked:
    """Reports of a street order that stands for the customer's own quantity or amount.

    `street` as it was before these reports: what it had done is the part of the order that was handed out. Units that
    would leave a sale for less than a cent in all wait for the next fill, and come back where there is none.
    Raises: WrongState, where something is told after the end.
    """
    fills: list[tuple[Fill, Report]] = []
    so_far, given = executed(order), street.done
    end: Report | None = None
    for report in reports:
        if end is not None:
            ORDER.move("FILLED" if end.kind == "FILL" else "CANCELLED", "fill")
        if report.kind == "FILL" and report.price is not None:
            given += report.cash_amount or report.quantity or ZERO
            quantity = given - so_far.quantity
            if report.quantity is None:
                quantity = units_for(order, so_far, given, report.price, decimals)
            fill = fill_of(order, so_far, quantity, report.price)
            if quantity > 0 and so_far.cash + fill.cash > 0:
                so_far = so_far.plus(fill)
                fills.append((fill, report))
        if report.last:
            end = report
    return Booked(carried(order, so_far, at, None if end is None else end.kind == "FILL"), tuple(fills))


def carried(order: Order, so_far: Executed, at: datetime, complete: bool | None) -> Order:
    """The order with its sums. `complete` None: it goes on; else its street order has ended, in full or short.

    Complete with nothing traded: below the smallest unit, or a sale below a cent. (ORDER_MATHS.md section 2)
    """
    status, reason = order.status, order.cancellation_reason
    if complete and so_far.quantity > 0:
        status, reason = ORDER.move(order.status, "fill"), None
    elif complete is not None:
        status = ORDER.move(order.status, "cancel")
        nothing: CancellationReason = "CANCELLED_BY_UPVEST_PLATFORM"
        by_venue: CancellationReason = "CANCELLED_BY_TRADING_PARTNER"
        reason = nothing if complete else order.cancellation_reason or by_venue
    return replace(
        order,
        version=order.version + 1,
        updated_at=at,
        status=status,  # pyright: ignore[reportArgumentType] - the table holds statuses only
        cancellation_reason=reason,
        executed_quantity=so_far.quantity,
        executed_cash=so_far.cash,
        executed_value=so_far.value,
        fee_booked=so_far.fee,
        lock_used=lock_taken(order, so_far),
    )


@record
class BlockFacts:
    """What a block knows when a street order of it has ended.

    `shares` is what all its street orders traded, `price` the one its customer gets, None where nothing was traded;
    `reserve` is what it counted on of the inventory, `free` what nobody counts on.
    """

    shares: Decimal
    price: Decimal | None
    reserve: Decimal
    free: Decimal


def book_block(order: Order, last: Report, facts: BlockFacts, decimals: int, at: datetime) -> Booked:
    """The customer of a block of one is served at the street's average, once its street order has ended."""
    complete, so_far = last.kind == "FILL", executed(order)
    if facts.price is None:
        return Booked(carried(order, so_far, at, complete))
    if order.quantity is not None:
        wanted = order.quantity - so_far.quantity
    else:
        wanted = units_for(order, so_far, order.cash_amount or ZERO, facts.price, decimals)
    if order.side == "SELL":
        quantity = _sold(order, wanted, facts, complete, decimals)
    else:
        quantity = min(wanted, unit_down(_most(facts, complete), decimals))
        if complete and quantity < wanted:
            if order.cancellation_reason is None:
                return Booked(order, follow_up=unit_up(wanted - quantity, 0))
            complete = False  # nobody wants the missing shares any more: what is there is the customer's
    fill = fill_of(order, so_far, quantity, facts.price)
    if quantity <= 0 or so_far.cash + fill.cash == 0:
        return Booked(carried(order, so_far, at, complete))
    return Booked(carried(order, so_far.plus(fill), at, complete), ((fill, last),))


def _most(facts: BlockFacts, complete: bool) -> Decimal:
    """What a buy can be served with. A block the street filled short uses no more than it counted on."""
    return facts.shares + facts.reserve + (facts.free if complete else ZERO)


def _sold(order: Order, wanted: Decimal, facts: BlockFacts, complete: bool, decimals: int) -> Decimal:
    """What a sale sells: where the street filled short no more than it took; and never so little that the house,
    which has delivered whole shares already, would be short of them, or have them for less than a cent.

    Why the house may take more than the street did: the street quantity was fixed at the check, and a price that rose
    since then asks for fewer units; shares of which one is worth no cent are paid for together or not at all.
    """
    most = wanted if complete else min(wanted, facts.shares)
    left = order.lock_amount - order.executed_quantity
    worth_a_cent = unit_up(ratio(CENT, facts.price), decimals) if facts.shares and facts.price else ZERO
    return max(most, min(max(facts.shares - facts.reserve - facts.free, worth_a_cent), left))
