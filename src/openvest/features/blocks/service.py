"""Verbs of blocks: begin, join, leave, send, hear what the street did, serve. What an order is stays with `orders`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, time
from decimal import Decimal
from uuid import UUID

from openvest.core.money import ZERO, cent_half_up, times
from openvest.core.records import replace
from openvest.core.trading_calendar import UnknownVenue, known_venues
from openvest.db import rows
from openvest.db.query import numeric_array
from openvest.db.unit import Unit
from openvest.features.blocks import store
from openvest.features.blocks.model import Block, BlockKey, Member, Membership
from openvest.features.blocks.model_shares import netted, street_average
from openvest.features.blocks.rules import (
    BLOCK,
    Purpose,
    Supply,
    floor_of,
    kept_to,
    purpose_of,
    with_terms,
)
from openvest.features.blocks.store_audit import AUDIT
from openvest.features.executions import service as executions
from openvest.features.executions import service_booking
from openvest.features.executions.model import Inventory, NewBlockTrade
from openvest.features.street import service as street
from openvest.features.street.model import Filled, Report, StreetOrder

INVARIANTS = AUDIT
"""What this feature adds to a proof of the books."""

NEXT_SHARE = store.NEXT_SHARE
"""When members of a block whose terms are fixed are to be served."""

_EVERY_VENUE = ""


# When blocks are sent


async def cut_off_times(unit: Unit) -> Mapping[str, time]:
    """The tenant's own cut-offs by venue; that of all other venues under the empty name."""
    return {row.mic: row.local_time for row in await unit.rows(store.CUT_OFFS, unit.tenant_id)}


def cut_off_at(times_of: Mapping[str, time], mic: str, default: time) -> time:
    """The local time at a venue. `default`: where the tenant named none."""
    return times_of.get(mic, times_of.get(_EVERY_VENUE, default))


async def name_cut_off(unit: Unit, mic: str | None, local: time) -> None:
    """Say when blocks are sent at a venue, or at all that have no time of their own.

    An order that waits already takes the first cut-off at or after the one it waits for.
    Raises: UnknownVenue. Writes: block_cut_offs.
    """
    if mic is not None and mic not in known_venues():
        raise UnknownVenue(mic)
    await unit.run(store.NAME_CUT_OFF, unit.tenant_id, mic or _EVERY_VENUE, local)


# Who is in a block


async def begun(unit: Unit, asked: Iterable[Block]) -> dict[BlockKey, Block]:
    """The blocks that collect now for what these have in common, begun where there is none; nobody closes them.

    Writes: blocks.
    """
    wanted = {block.key: block for block in asked}
    found: dict[BlockKey, Block] = {}
    instants = sorted({key.cut_off_at for key in wanted})
    while wanted.keys() - found.keys():
        missing = [block for key, block in wanted.items() if key not in found]
        await rows.save(unit, store.BEGIN, *missing)
        there = await unit.rows(store.COLLECTING_FOR_SHARE, unit.tenant_id, instants)
        found = {block.key: block for block in there if block.key in wanted}
    return found


async def join(unit: Unit, members: Sequence[Member]) -> None:
    """Take orders into blocks that are held. Writes: block_members."""
    await rows.save(unit, store.JOIN, *members)


async def memberships(unit: Unit, order_ids: Sequence[UUID]) -> dict[UUID, Membership]:
    """Where these orders are, those in no block left out."""
    found = await unit.rows(store.MEMBERSHIPS, unit.tenant_id, list(order_ids)) if order_ids else []
    return {one.order_id: one for one in found}


async def leave(unit: Unit, order_ids: Sequence[UUID]) -> dict[UUID, Membership]:
    """Take orders out of blocks that still collect. Returns where each was, those in no block left out; a block that
    was sent keeps its own.

    Writes: block_members.
    """
    found = await unit.rows(store.MEMBERSHIPS_FOR_SHARE, unit.tenant_id, list(order_ids)) if order_ids else []
    leaves = [one.order_id for one in found if one.status == "COLLECTING"]
    if leaves:
        await unit.run(store.LEAVE, unit.tenant_id, leaves)
    return {one.order_id: one for one in found}


# What the street does


async def free_for_update(unit: Unit, block_ids: Collection[UUID]) -> list[Block]:
    """Blocks that nobody holds, held."""
    return list(await unit.rows(store.FREE_FOR_UPDATE, unit.tenant_id, sorted(block_ids))) if block_ids else []


async def send(unit: Unit, closing: Sequence[Block]) -> None:
    """Close blocks that are held and send what the house needs for them; one nobody stayed in is done.

    Writes: blocks, fraction_reserves, street_orders, venue_reports.
    """
    inventory = await executions.inventory_for_update(unit, [block.instrument_id for block in closing])
    sent: list[StreetOrder] = []
    inside: dict[UUID, Decimal] = {}
    closed: list[Block] = []
    for block in closing:
        sums = await unit.one(store.SUMS, unit.tenant_id, block.id, block.quote, ZERO)
        if not sums.members:
            closed.append(_moved(unit, block, "leave_out"))
            continue
        stock = inventory[block.instrument_id]
        net = netted(block.side, sums.wanted, stock.free)
        inventory[block.instrument_id] = replace(stock, reserved=stock.reserved + net.reserve)
        order = _street_order(unit, block, net.street_quantity, floor_of(block, sums))
        sent.append(order)
        if net.street_quantity == 0:
            inside[order.id] = block.quote
        counted = replace(block, members=sums.members, unserved=sums.members, reserve=net.reserve)
        closed.append(_moved(unit, replace(counted, street_order_id=order.id), "send"))
    await rows.save(unit, store.SAVE, *closed)
    await street.send(unit, sent, inside)
    await executions.save_reserves(unit, inventory.values())


def _moved(unit: Unit, block: Block, verb: str) -> Block:
    status = BLOCK.move(block.status, verb)
    return replace(block, status=status, updated_at=unit.moment_after(block.updated_at))  # pyright: ignore[reportArgumentType] - the table holds statuses only


def _street_order(unit: Unit, block: Block, quantity: Decimal, limit: Decimal | None) -> StreetOrder:
    """What works for a block. It names no customer; a scenario finds it by its reference."""
    return StreetOrder(
        id=unit.ids.new("street_order", cause=block.street_order_id or block.id),
        order_id=block.id,
        accepted_at=block.created_at,
        account_id=None,
        user_id=None,
        client_reference=f"BLOCK {block.isin} {block.side}",
        instrument_id=block.instrument_id,
        isin=block.isin,
        mic=block.mic,
        currency=block.currency,
        side=block.side,
        order_type="MARKET",
        quantity=quantity,
        cash_amount=None,
        reserve=ZERO,
        done=ZERO,
        limit_price=limit,
        stop_price=None,
        quantity_decimals=0,
        pace=block.pace,
        status="WORKING",
        cancel_requested=False,
        active_at=unit.now,
        look_after=unit.now,
    )


async def hear(unit: Unit, held: Sequence[Block], reports: Sequence[Report]) -> None:
    """Take in what the street did for blocks that are held. Where its order has ended the terms are fixed, unless
    shares are missing after a better price, which another street order is to buy.

    Writes: venue_reports, street_orders, blocks, fraction_reserves, block_trades, ledger (STREET_EXECUTION).
    """
    await street.booked(unit, reports)
    ended = {report.order_id: report for report in reports if report.last}
    blocks = [block for block in held if block.id in ended]
    if not blocks:
        return
    fills = await street.fills_of(unit, [block.id for block in blocks])
    placed = await street.street_orders_of(unit, [block.id for block in blocks])
    inventory = await executions.inventory_for_update(unit, [block.instrument_id for block in blocks])
    saved: list[Block] = []
    trades: list[NewBlockTrade] = []
    again: list[StreetOrder] = []
    for block in blocks:
        stock, last = inventory[block.instrument_id], ended[block.id]
        works, filled = placed[block.id][-1], fills[block.id]
        purpose = await _purpose(unit, block, filled, last, stock, goes_on=not works.cancel_requested)
        if purpose.follow_up:
            more = _street_order(unit, block, purpose.follow_up, works.limit_price)
            again.append(more)
            saved.append(_moved_on(unit, block, more.id))
            continue
        shared = await _shared(unit, purpose)
        if shared.shares:
            trades.append(_trade(shared, filled, last))
        left = shared.given if block.side == "BUY" else block.reserve if shared.shares else ZERO
        got = shared.shares if block.side == "BUY" else ZERO
        inventory[block.instrument_id] = replace(
            stock, units=stock.units + got, reserved=stock.reserved - block.reserve + left
        )
        saved.append(_moved(unit, replace(shared, reserve=left, traded_at=last.due_at), "share_out"))
    await service_booking.book_blocks(unit, trades)
    await rows.save(unit, store.SAVE, *saved)
    await executions.save_reserves(unit, inventory.values())
    await street.send(unit, again)


def _moved_on(unit: Unit, block: Block, street_order_id: UUID) -> Block:
    return replace(block, street_order_id=street_order_id, updated_at=unit.moment_after(block.updated_at))


async def _purpose(
    unit: Unit, block: Block, filled: Sequence[Filled], last: Report, stock: Inventory, *, goes_on: bool
) -> Purpose:
    """What is to be given in all."""
    pairs = [(fill.quantity, fill.price) for fill in filled if fill.quantity]
    inside = next((fill.price for fill in filled if not fill.quantity), None)
    price = street_average(pairs) if pairs else inside
    shares = sum((quantity for quantity, _ in pairs), ZERO)
    traded = replace(block, price=price, shares=shares, complete=last.kind == "FILL")
    if price is None:
        return Purpose(traded, ZERO)
    sums = await unit.one(store.SUMS, unit.tenant_id, block.id, price, ZERO)
    return purpose_of(traded, Supply(traded.complete, goes_on, shares, block.reserve, stock.free), sums)


async def _shared(unit: Unit, purpose: Purpose) -> Block:
    """The block with its terms."""
    block = purpose.block
    if block.price is None or block.mode == "whole" or not block.part:
        return replace(block, given=purpose.total)
    if block.mode == "share":
        block = kept_to(purpose, await unit.one(store.SUMS, unit.tenant_id, block.id, block.price, block.least))
    if block.mode == "age":
        return with_terms(
            block, await unit.one(store.DEAL_BY_AGE, unit.tenant_id, block.id, block.price, purpose.total)
        )
    dealt = await unit.one(
        store.DEAL,
        unit.tenant_id,
        block.id,
        block.price,
        block.part,
        block.weights,
        block.mode == "room",
        block.least,
        block.side == "SELL",
    )
    return with_terms(block, dealt)


def _trade(block: Block, filled: Sequence[Filled], last: Report) -> NewBlockTrade:
    value = sum((times(fill.quantity or ZERO, fill.price) for fill in filled), ZERO)
    return NewBlockTrade(
        street_order_id=last.street_order_id,
        instrument_id=block.instrument_id,
        mic=block.mic,
        pace=block.pace,
        side=block.side,
        currency=block.currency,
        quantity=block.shares,
        cash_amount=cent_half_up(value),
        transaction_time=last.due_at,
        posted=block.side == "BUY",
    )


async def give_up(unit: Unit, block_id: UUID) -> bool:
    """End a block for which nothing was traded: its members get nothing. Returns False where it is sharing out, or
    there is none.

    The street's order is ended already. Writes: blocks, fraction_reserves.
    """
    block = await unit.row(store.FOR_UPDATE, unit.tenant_id, [block_id])
    if block is None or block.status not in ("COLLECTING", "WORKING"):
        return False
    if block.status == "COLLECTING":
        sums = await unit.one(store.SUMS, unit.tenant_id, block.id, block.quote, ZERO)
        verb = "give_up" if sums.members else "leave_out"
        block = replace(block, members=sums.members, unserved=sums.members)
    else:
        verb = "share_out"
        stock = (await executions.inventory_for_update(unit, [block.instrument_id]))[block.instrument_id]
        await executions.save_reserves(unit, [replace(stock, reserved=stock.reserved - block.reserve)])
    await rows.save(unit, store.SAVE, _moved(unit, replace(block, reserve=ZERO, traded_at=unit.now), verb))
    return True


# Serving the members


async def claim_shares(unit: Unit, limit: int) -> list[Member]:
    """Members of the oldest block that shares out, in the order of their acceptance, held."""
    block = await unit.row(store.ALLOTTING, unit.tenant_id, unit.now)
    return [] if block is None else list(await unit.rows(store.CLAIM_SHARES, unit.tenant_id, block.id, limit))


async def sharing_for_update(unit: Unit, block_ids: Collection[UUID]) -> dict[UUID, Block]:
    """Blocks of which members are served now, and the inventory they are served from, held in this order."""
    held = await unit.rows(store.FOR_UPDATE, unit.tenant_id, sorted(block_ids))
    await executions.inventory_for_update(unit, [block.instrument_id for block in held])
    return {block.id: block for block in held}


async def allot(unit: Unit, blocks: Mapping[UUID, Block], members: Sequence[Member]) -> None:
    """Record what members of blocks that are held got; the last one ends its block, and what the house sold for it is
    booked.

    Writes: block_members, blocks, fraction_reserves, block_trades, ledger (STREET_EXECUTION).
    """
    shares = [member.allotted or ZERO for member in members]
    await unit.run(store.ALLOTTED, unit.tenant_id, [m.order_id for m in members], numeric_array(shares))
    inventory = await executions.inventory_for_update(unit, [block.instrument_id for block in blocks.values()])
    delivered: list[UUID] = []
    saved: list[Block] = []
    for block in blocks.values():
        served = [member.allotted or ZERO for member in members if member.block_id == block.id]
        got = sum(served, ZERO)
        way = -got if block.side == "BUY" else got
        left = replace(block, unserved=block.unserved - len(served), reserve=block.reserve + way)
        stock = inventory[block.instrument_id]
        stock = replace(stock, reserved=stock.reserved + way)
        if not left.unserved:
            stock = replace(stock, reserved=stock.reserved - left.reserve)
            left = _moved(unit, replace(left, reserve=ZERO), "finish")
            if block.side == "SELL" and block.shares and block.street_order_id is not None:
                delivered.append(block.street_order_id)
        inventory[block.instrument_id] = stock
        saved.append(left)
    await service_booking.post_blocks(unit, delivered)
    await rows.save(unit, store.SAVE, *saved)
    await executions.save_reserves(unit, inventory.values())


async def end_at_street(unit: Unit, instrument_ids: Collection[UUID], ended_at: datetime) -> None:
    """Trading in these instruments was over then, and what works for their blocks ends.

    Writes: street_orders, venue_reports.
    """
    ids = await unit.rows(store.WORKING_OF_INSTRUMENTS, unit.tenant_id, sorted(instrument_ids))
    if ids:
        await street.request_cancel(unit, list(ids), ended_at=ended_at)
