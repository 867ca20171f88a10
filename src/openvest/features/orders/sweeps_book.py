"""Booking: what venues have reported carries orders on; executions are made of their fills, in sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from openvest.core.money import ZERO, cent_half_up, times
from openvest.core.records import replace
from openvest.db.unit import Unit
from openvest.declarations import Phase, Sweep
from openvest.features.blocks import service as blocks
from openvest.features.blocks.model_shares import street_average
from openvest.features.executions import service as executions
from openvest.features.executions import service_booking
from openvest.features.executions.model import Execution, Inventory, NewBlockTrade, NewExecution
from openvest.features.instruments import service_news
from openvest.features.orders import service, store
from openvest.features.orders.model import Order
from openvest.features.orders.rules import is_final, released
from openvest.features.orders.rules_amounts import Fill
from openvest.features.orders.rules_booking import BlockFacts, Booked, book_block, book_direct
from openvest.features.street import service as street
from openvest.features.street.model import Filled, Report, StreetOrder

NAME = service.BOOKING


@dataclass(slots=True)
class _Set:
    """What is known of a set of reported orders, and what each comes to.

    Shape: `served_by` are the street orders of each block, oldest first; `fills` what they had traded before.
    """

    street_orders: dict[UUID, StreetOrder]
    served_by: dict[UUID, list[StreetOrder]]
    fills: dict[UUID, list[Filled]]
    inventory: dict[UUID, Inventory]
    before: dict[UUID, Order]
    booked: list[Order] = field(default_factory=list[Order])
    new: list[NewExecution] = field(default_factory=list[NewExecution])
    blocks: list[NewBlockTrade] = field(default_factory=list[NewBlockTrade])
    follow_ups: list[StreetOrder] = field(default_factory=list[StreetOrder])


async def _claim(unit: Unit, limit: int) -> Sequence[Report]:
    return await street.claim_reports(unit, limit, NAME)


async def _book(unit: Unit, reports: Sequence[Report]) -> int:
    """Book a set of reports, but for those of orders in somebody's hand or behind news. Returns how many were booked.

    Writes: orders, street_orders, venue_reports, fraction_reserves, what `service_booking.book` and `blocks.hear`
    write; events ORDER.FILLED, ORDER.CANCELLED, ORDER_CANCELLATION.CONFIRMED, ORDER_CANCELLATION.REJECTED.
    """
    found = await unit.rows(store.FREE_FOR_UPDATE, unit.tenant_id, sorted({report.order_id for report in reports}))
    orders = {order.id: order for order in found}
    held = await blocks.free_for_update(unit, {report.order_id for report in reports} - orders.keys())
    # An order that a verb holds right now is left for the next set; so is what came after news of its instrument that
    # are still to be told, since they may end it. On a frozen clock all that is due comes before news.
    about = {one.id: one.instrument_id for one in (*found, *held)}
    news = {} if unit.frozen else await service_news.untold_since(unit, set(about.values()))
    told = [r for r in reports if r.order_id in about and r.due_at <= news.get(about[r.order_id], r.due_at)]
    of_blocks = [report for report in told if report.order_id not in orders]
    if of_blocks:
        await blocks.hear(unit, held, of_blocks)
    mine = [report for report in told if report.order_id in orders]
    if mine:
        await _book_orders(unit, orders, mine)
    return len(told)


async def _book_orders(unit: Unit, orders: dict[UUID, Order], mine: Sequence[Report]) -> None:
    by_order: dict[UUID, list[Report]] = {}
    for report in mine:
        by_order.setdefault(report.order_id, []).append(report)
    work = await _load(unit, orders, mine)
    await street.booked(unit, mine)
    for order_id, reported in by_order.items():
        _carry(unit, work, orders[order_id], reported)
    final = [order for order in work.booked if is_final(order)]
    made = await service_booking.book(unit, work.new, work.blocks, list(service.release_journals(unit, final)))
    await executions.save_reserves(unit, work.inventory.values())
    await announce(unit, work.booked, work.before, made)
    await street.send(unit, work.follow_ups)


async def _load(unit: Unit, orders: dict[UUID, Order], reports: Sequence[Report]) -> _Set:
    blocks = [order.id for order in orders.values() if order.through == "fractions"]
    return _Set(
        street_orders=await street.street_orders(unit, sorted({report.street_order_id for report in reports})),
        served_by=await street.street_orders_of(unit, blocks) if blocks else {},
        fills=await street.fills_of(unit, blocks) if blocks else {},
        inventory=await executions.inventory_for_update(unit, [orders[i].instrument_id for i in blocks]),
        before=orders,
    )


def _carry(unit: Unit, work: _Set, order: Order, reports: Sequence[Report]) -> None:
    """Carry one order through its reports."""
    at = unit.moment_after(order.updated_at)
    served_by = work.street_orders[reports[-1].street_order_id]
    if order.through == "street":
        booked = book_direct(order, served_by, reports, served_by.quantity_decimals, at)
    else:
        fills = _traded(work, order, reports)
        if not reports[-1].last:
            return  # a block's customer is served when its street order has ended
        booked = _block(unit, work, order, fills, reports[-1], at)
        if booked.follow_up:
            work.follow_ups.append(_follow_up(unit, served_by, booked.follow_up))
            return
    for place, (fill, report) in enumerate(booked.fills):
        first = place == 0 and order.executed_quantity == 0
        work.new.append(_new_execution(order, fill, report, served_by, first=first))
    work.booked.append(booked.order)


def _traded(work: _Set, order: Order, reports: Iterable[Report]) -> list[Filled]:
    """All that was traded for a block so far, these reports included."""
    fills = work.fills.setdefault(order.id, [])
    for report in reports:
        if report.kind == "FILL" and report.price is not None:
            fills.append(Filled(order.id, report.street_order_id, report.quantity, report.price, report.due_at))
    return fills


def _block(unit: Unit, work: _Set, order: Order, fills: Sequence[Filled], last: Report, at: datetime) -> Booked:
    """Serve the customer of a block and give the rest to the house; nothing changes while a follow-up is needed."""
    pairs = [(fill.quantity, fill.price) for fill in fills if fill.quantity]
    inside = next((fill.price for fill in fills if not fill.quantity), None)
    shares = sum((quantity for quantity, _ in pairs), ZERO)
    served_by = work.served_by[order.id]
    reserve = sum((one.reserve for one in served_by), ZERO)
    stock = work.inventory[order.instrument_id]
    facts = BlockFacts(shares, street_average(pairs) if pairs else inside, reserve, stock.free)
    booked = book_block(order, last, facts, served_by[-1].quantity_decimals, at)
    if booked.follow_up:
        return booked
    served = sum((fill.quantity for fill, _ in booked.fills), ZERO)
    gained = shares - served if order.side == "BUY" else served - shares
    work.inventory[order.instrument_id] = replace(stock, units=stock.units + gained, reserved=stock.reserved - reserve)
    if pairs:
        value = sum((times(quantity, price) for quantity, price in pairs), ZERO)
        work.blocks.append(_block_trade(served_by[-1], shares, cent_half_up(value), last))
    return booked


def _block_trade(served_by: StreetOrder, shares: Decimal, cash: Decimal, last: Report) -> NewBlockTrade:
    return NewBlockTrade(
        street_order_id=last.street_order_id,
        instrument_id=served_by.instrument_id,
        mic=served_by.mic,
        pace=served_by.pace,
        side=served_by.side,
        currency=served_by.currency,
        quantity=shares,
        cash_amount=cash,
        transaction_time=last.due_at,
    )


def _follow_up(unit: Unit, before: StreetOrder, quantity: Decimal) -> StreetOrder:
    return replace(
        before,
        id=unit.ids.new("street_order", cause=before.id),
        quantity=quantity,
        done=ZERO,
        reserve=ZERO,
        status="WORKING",
        active_at=unit.now,
        look_after=unit.now,
    )


def _new_execution(order: Order, fill: Fill, report: Report, served_by: StreetOrder, *, first: bool) -> NewExecution:
    return NewExecution(
        cause=report.id,
        street_order_id=served_by.id,
        order_id=order.id,
        user_id=order.user_id,
        account_id=order.account_id,
        account_group_id=order.account_group_id,
        instrument_id=order.instrument_id,
        isin=order.isin,
        mic=served_by.mic,
        pace=served_by.pace,
        side=order.side,
        currency=order.currency,
        quantity=fill.quantity,
        cash_amount=fill.cash,
        price=fill.price,
        through=order.through,
        transaction_time=report.due_at,
        fee=fill.fee,
        rounding=fill.rounding,
        fee_outside=order.fee if first and not order.fee_collected else ZERO,
    )


async def announce(
    unit: Unit, booked: Sequence[Order], before: Mapping[UUID, Order], made: Sequence[Execution]
) -> None:
    """Save the orders and tell of those that are final now, with all their executions."""
    new: dict[UUID, list[Execution]] = {}
    for execution in made:
        new.setdefault(execution.order_id, []).append(execution)
    final = [order for order in booked if is_final(order)]
    # Only an order that was executed before this set has executions we did not make just now.
    older = [order.id for order in final if before[order.id].executed_quantity]
    known = await executions.executions_of(unit, older) if older else {}
    saved: list[Order] = []
    for order in booked:
        if is_final(order):
            service.announce(unit, order, known.get(order.id) or new.get(order.id, ()))
            order = released(order)
            if order.status == "FILLED" and order.cancel_asked_at is not None:
                order = service.reject_cancellation(unit, order)
        saved.append(order)
    await service.save(unit, saved)


BOOK = Sweep(NAME, _claim, _book, street.next_report(NAME), Phase.ORDERS)
