"""Booking: what reports of a venue make of an order. Pure.

An order is carried through its reports in memory; what comes out is the order as it is then and its executions.
Source: ORDER_MATHS.md sections 2 and 3, POSTINGS.md section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from openvest.core.money import ZERO, cent_half_up, times, unit_up
from openvest.features.orders.model import CancellationReason, Order
from openvest.features.orders.rules import moved
from openvest.features.orders.rules_amounts import (
    Fill,
    fill_by_cash,
    fill_by_quantity,
    served,
    street_average,
)
from openvest.features.street.model import Report, StreetOrder


@dataclass(frozen=True, slots=True)
class Booked:
    """An order after its reports, and the fills that became executions, each with its time and the report behind it."""

    order: Order
    fills: tuple[tuple[Fill, Report], ...] = ()
    follow_up: Decimal = ZERO
    """Whole shares still missing for a block: a further street order is to buy them. Units of the instrument."""
    inventory_change: Decimal = ZERO
    """What the house's fractions gain (lose) by serving this customer and by its street orders."""
    released: Decimal = ZERO
    """What the block no longer counts on of the inventory."""


def taken(order: Order, fill: Fill) -> Decimal:
    """What a fill takes of the order's lock."""
    return fill.cash + fill.fee if order.side == "BUY" else fill.quantity


def carried(order: Order, fill: Fill) -> Order:
    """The order's sums after a fill. Its state, version and time are the caller's."""
    return replace(
        order,
        executed_quantity=order.executed_quantity + fill.quantity,
        executed_cash=order.executed_cash + fill.cash,
        executed_value=order.executed_value + times(fill.quantity, fill.price),
        fee_booked=order.fee_booked + fill.fee,
        lock_used=order.lock_used + taken(order, fill),
    )


def _affordable(order: Order, fill: Fill) -> Fill:
    """A sale's fee is taken out of its proceeds, never beyond them; what is left comes with the next execution."""
    if order.side == "SELL" and fill.fee > fill.cash:
        return replace(fill, fee=fill.cash)
    return fill


def book_direct(order: Order, street: StreetOrder, reports: Sequence[Report], decimals: int, at: datetime) -> Booked:
    """Reports of a street order that stands for the customer's own quantity or amount."""
    fills: list[tuple[Fill, Report]] = []
    given = street.done
    for report in reports:
        if report.kind == "FILL" and report.price is not None:
            if report.quantity is not None:
                fill = fill_by_quantity(order, report.quantity, report.price)
            else:
                given += report.cash_amount or ZERO
                fill = fill_by_cash(order, given - order.executed_cash, report.price, decimals)
            if fill is not None:
                fill = _affordable(order, fill)
                order = carried(order, fill)
                fills.append((fill, report))
        if report.last:
            order = _ended(order, report, at)
    return Booked(order, tuple(fills))


def _ended(order: Order, report: Report, at: datetime) -> Order:
    """The order in the state its last report brings it to."""
    if report.kind == "FILL" and order.executed_quantity > 0:
        return moved(order, "fill", at)
    nothing_bought: CancellationReason = "CANCELLED_BY_UPVEST_PLATFORM"
    by_venue: CancellationReason = "CANCELLED_BY_TRADING_PARTNER"
    reason = nothing_bought if report.kind == "FILL" else order.cancellation_reason or by_venue
    return moved(order, "cancel", at, reason)


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """What a block knows when a street order of it has ended. `traded` sums the shares of all its street orders,
    `averaged` their (quantity, price) pairs; `reserve` is what it counted on, `free` what nobody counts on."""

    traded: Decimal
    averaged: tuple[tuple[Decimal, Decimal], ...]
    inside_price: Decimal | None
    reserve: Decimal
    free: Decimal


def book_block(order: Order, last: Report, facts: BlockFacts, decimals: int, at: datetime) -> Booked:
    """The customer of a block of one is served at the street's average, once its street order has ended."""
    if facts.averaged:
        price = street_average(list(facts.averaged))
    elif facts.inside_price is not None:
        price = facts.inside_price
    else:
        return Booked(_ended(order, last, at), released=facts.reserve)
    complete = last.kind == "FILL"
    most = facts.traded + facts.reserve + facts.free if order.side == "BUY" else order.lock_left
    if order.side == "BUY" and complete:
        wanted = served(order, price, Decimal("Infinity"), decimals)
        if wanted is not None and wanted.quantity > most:
            return Booked(order, follow_up=unit_up(wanted.quantity - most, 0))
    if not complete:
        most = facts.traded + facts.reserve
    fill = served(order, price, most, decimals)
    if fill is not None and order.side == "SELL":
        fill = _covering_street(order, fill, facts)
    if fill is None:
        return Booked(_ended(order, last, at), released=facts.reserve)
    fill = _affordable(order, fill)
    order = carried(order, fill)
    return Booked(_ended(order, last, at), ((fill, last),), released=facts.reserve)


def _covering_street(order: Order, fill: Fill, facts: BlockFacts) -> Fill:
    """A sale by amount sells at least what the street sold beyond the inventory, else the house would be short.

    Why: the street quantity was fixed at the check; a price that rose since then asks for fewer units.
    """
    least = min(facts.traded - facts.reserve - facts.free, order.lock_left)
    if fill.quantity >= least:
        return fill
    return replace(fill, quantity=least, cash=cent_half_up(times(least, fill.price)))
