"""Blocks: the lifecycle, what goes to the street, and the share of each member. Pure.

Source: POSTINGS.md section 3.4, ORDER_MATHS.md sections 1 to 3, DOMAIN.md section 6.
"""

from __future__ import annotations

from decimal import Decimal

from openvest.core.lifecycle import Lifecycle
from openvest.core.money import (
    CENT,
    ZERO,
    ratio,
    tick_up,
    times,
    unit_up,
)
from openvest.core.records import record, replace
from openvest.features.blocks.model import Block, Dealt, Sums

BLOCK = Lifecycle(
    noun="block",
    table="blocks.status",
    born=("COLLECTING",),
    ends=frozenset({"DONE"}),
    moves={
        ("COLLECTING", "send"): "WORKING",
        ("COLLECTING", "give_up"): "ALLOTTING",
        ("COLLECTING", "leave_out"): "DONE",
        ("WORKING", "share_out"): "ALLOTTING",
        ("ALLOTTING", "finish"): "DONE",
    },
)


def floor_of(block: Block, sums: Sums) -> Decimal | None:
    """The least a SELL takes: below it the smallest member would sell all it has for less than a cent."""
    return tick_up(ratio(CENT, sums.least_cap), block.tick_size) if block.side == "SELL" else None


# The terms


@record
class Supply:
    """What a block can go by when its street order has ended.

    `reserve` is what it counted on of the inventory, `free` what nobody counts on; `goes_on`: missing shares may still
    be bought.
    """

    complete: bool
    goes_on: bool
    shares: Decimal
    reserve: Decimal
    free: Decimal


@record
class Purpose:
    """How much is to be given in all, and how it is split; `follow_up` shares are to be bought first."""

    block: Block
    total: Decimal
    follow_up: Decimal = ZERO


def purpose_of(block: Block, supply: Supply, sums: Sums) -> Purpose:
    """How a block that traded is shared out. `block` has its price.

    A purchase is served in full as long as shares and inventory reach, and pro rata where the street filled short. A
    sale sells what its members want, no more than the street took where that was less, and never so little that the
    house would be short of shares it has delivered: what is missing comes from those that sell by amount, as their
    locks bear it (the price rose since the street quantity was fixed).
    """
    if block.side == "BUY":
        most = supply.shares + supply.reserve + supply.free
        if sums.wanted <= most:
            return Purpose(block, sums.wanted)
        if supply.complete and supply.goes_on:
            return Purpose(block, ZERO, follow_up=unit_up(sums.wanted - most, 0))
        return Purpose(replace(block, complete=False, mode="share", part=most, weights=sums.wanted), most)
    most = sums.wanted if supply.complete else min(sums.wanted, supply.shares)
    total = min(max(most, supply.shares - supply.reserve - supply.free), sums.cap)
    if total > sums.wanted:
        rest, room = total - sums.wanted, sums.cap - sums.wanted
        return Purpose(replace(block, mode="room", part=rest, weights=room), total)
    if total == sums.wanted:
        return Purpose(block, total)
    least = _least(block, total, sums)
    return Purpose(replace(block, mode="share", part=total, weights=sums.wanted, least=least), total)


def _least(block: Block, total: Decimal, sums: Sums) -> Decimal:
    """Who wants less would sell its part for less than a cent, and sells nothing. Without any loss to others."""
    if not total:
        return ZERO
    part = ratio(CENT, block.price or CENT) + sums.step
    return unit_up(ratio(times(part, sums.wanted), total))


def kept_to(purpose: Purpose, sums: Sums) -> Block:
    """A split among those that want enough; where these do not reach, whoever is older sells all, and others nothing.

    `sums` by the split's `least`.
    """
    if sums.kept >= purpose.total:
        return replace(purpose.block, weights=sums.kept)
    return replace(purpose.block, mode="age", least=ZERO)


def with_terms(block: Block, dealt: Dealt) -> Block:
    """The block once all shares are fixed."""
    return replace(
        block,
        given=dealt.given,
        last_rest=dealt.last_rest,
        last_accepted_at=dealt.last_accepted_at,
        last_order_id=dealt.last_order_id,
    )
