"""What is netted, and what each gets of it: pure, and read by orders too, where a block may be of one.

Source: POSTINGS.md section 3.4, ORDER_MATHS.md sections 2 and 3.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, localcontext

from openvest.core.money import CENT, ZERO, price_half_up, ratio, times, unit_down, unit_up
from openvest.core.records import record
from openvest.features.blocks.model import Block, Member

_PRECISION = 160
"""Digits of a product of three quantities: remainders are compared, so they must be exact."""


@record
class Netted:
    """What the street trades in whole shares for a block, and what of the house's inventory the block counts on."""

    street_quantity: Decimal
    reserve: Decimal


def netted(side: str, needed: Decimal, free: Decimal) -> Netted:
    """Street quantity of a block: BUY ⌈needed - free⌉, SELL ⌊sold + free⌋. `free`: no other block counts on it."""
    if side == "BUY":
        street = max(unit_up(needed - free, 0), ZERO)
        return Netted(street, max(needed - street, ZERO))
    street = unit_down(needed + free, 0)
    return Netted(street, max(street - needed, ZERO))


def street_average(fills: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    """Σ q·p ÷ Σ q, half up at 4 decimals: the one price of a block's customers. Shape: (quantity, price) pairs."""
    pairs = list(fills)
    units = sum((quantity for quantity, _ in pairs), ZERO)
    return price_half_up(ratio(sum((times(quantity, price) for quantity, price in pairs), ZERO), units))


def units_worth(side: str, amount: Decimal, price: Decimal, decimals: int) -> Decimal:
    """Units of an amount. A sale whose unit step is worth less than a cent takes the step that completes the amount."""
    to_the_cent = side == "SELL" and times(Decimal(1).scaleb(-decimals), price) < CENT
    return (unit_up if to_the_cent else unit_down)(ratio(amount, price), decimals)


def wanted(member: Member, side: str, price: Decimal) -> Decimal:
    """What a member asks for at a price, and its lock bears: no purchase costs more than was locked for it."""
    if side == "BUY":
        bears = unit_down(ratio(member.cap, price), member.decimals)
        return bears if member.quantity is None else min(member.quantity, bears)
    if member.quantity is not None:
        return member.quantity
    return min(member.cap, units_worth("SELL", member.cash_amount or ZERO, price, member.decimals))


def share_of(member: Member, block: Block) -> Decimal:
    """What a member gets by the terms of its block.

    Shape of the terms: `whole`, what it wants. `age`, all it wants up to the last order. `share`, its part of `part`
    by what it wants of `weights`, if that is no less than `least`; `room`, what it wants and its part by what its lock
    bears beyond. Parts are rounded down to its step; one step more has who stands before the last in the order of
    largest remainders, the older first among equals.
    """
    if block.price is None:
        return ZERO
    wants = wanted(member, block.side, block.price)
    if block.mode == "whole":
        return wants
    if block.mode == "age":
        return wants if _up_to_last(member, block) else ZERO
    weight, base = (member.cap - wants, wants) if block.mode == "room" else (wants, ZERO)
    if weight <= 0 or weight < block.least:
        return base
    step = Decimal(1).scaleb(-member.decimals)
    with localcontext() as context:
        context.prec = _PRECISION
        parts, rest = divmod(weight * block.part, block.weights * step)
        return base + (parts + _odd(member, rest, block)) * step


def _up_to_last(member: Member, block: Block) -> bool:
    if block.last_accepted_at is None or block.last_order_id is None:
        return False
    return (member.accepted_at, member.order_id) <= (block.last_accepted_at, block.last_order_id)


def _odd(member: Member, rest: Decimal, block: Block) -> int:
    if block.last_rest is None or rest < block.last_rest:
        return 0
    return int(rest > block.last_rest or _up_to_last(member, block))
