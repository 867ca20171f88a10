"""Booking: what venues have reported becomes executions, journals, lots, transactions and events, in sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from openvest.core.declarations import Sweep
from openvest.core.money import ZERO, cent_half_up, times
from openvest.db.unit import Unit
from openvest.features.instruments import service as instruments
from openvest.features.orders import store, store_executions
from openvest.features.orders.model import Execution, Order
from openvest.features.orders.rules_amounts import Fill
from openvest.features.orders.rules_booking import BlockFacts, Booked, book_block, book_direct, carried
from openvest.features.orders.store_executions import BlockTrade
from openvest.features.orders.sweeps_book_set import BookSet, write_set
from openvest.features.orders.sweeps_check import lock_inventory
from openvest.features.street import service as street
from openvest.features.street.model import Filled, Report, StreetOrder
from openvest.features.tenants import service as tenants
from openvest.ledger.chart import Key, units_of
from openvest.ledger.lot_book import open_lots
from openvest.ledger.lots import LotUse, bought_lot, consume
from openvest.ledger.posting import locked

NAME = "orders.book"


async def _next(unit: Unit) -> datetime | None:
    return await street.next_report(unit)


async def _claim(unit: Unit, limit: int) -> Sequence[Report]:
    return await street.claim_reports(unit, limit, NAME)


async def _book(unit: Unit, reports: Sequence[Report]) -> None:
    found = await unit.rows(store.LOCK_FREE, unit.tenant_id, sorted({report.order_id for report in reports}))
    orders = {order.id: order for order in found}
    # An order that a verb holds right now is left for the next set.
    mine = [report for report in reports if report.order_id in orders]
    by_order: dict[UUID, list[Report]] = {}
    for report in mine:
        by_order.setdefault(report.order_id, []).append(report)
    work = await _load(unit, [orders[order_id] for order_id in by_order], mine)
    await street.booked(unit, mine)
    for order_id, reported in by_order.items():
        _one(unit, work, orders[order_id], reported)
    await write_set(unit, work)
    await street.send(unit, work.follow_ups)


async def _load(unit: Unit, orders: Sequence[Order], reports: Sequence[Report]) -> BookSet:
    tenant = await tenants.get_tenant(unit)
    known = await instruments.by_id(unit, {o.instrument_id for o in orders})
    blocks = [o for o in orders if o.through == "fractions"]
    inventory = await lock_inventory(unit, sorted({o.instrument_id for o in blocks}))
    keys = {Key(o.account_group_id, o.currency) for o in orders}
    keys |= {Key(o.account_id, units_of(o.instrument_id)) for o in orders}
    await locked(unit, keys)
    lots = await open_lots(unit, {(o.account_id, o.instrument_id) for o in orders if o.side == "SELL"})
    origins = [lot.id for held in lots.values() for lot in held]
    bought = await unit.rows(store_executions.BY_IDS, unit.tenant_id, origins) if origins else []
    served_by = await street.street_orders_of(unit, [o.id for o in blocks])
    street_orders = await street.street_orders(unit, sorted({r.street_order_id for r in reports}))
    street_orders |= {s.id: s for mine in served_by.values() for s in mine}
    listed = await instruments.listings(unit, known)
    return BookSet(
        pace=tenant.pace,
        venues={(i, listing.mic): listing.venue_id for i, found in listed.items() for listing in found},
        decimals={instrument_id: found.quantity_decimals for instrument_id, found in known.items()},
        street_orders=street_orders,
        fills=await street.fills_of(unit, [o.id for o in blocks]),
        inventory=inventory,
        lots=lots,
        settlement_of={execution.id: execution.settlement_date for execution in bought},
    )


def _one(unit: Unit, work: BookSet, order: Order, reports: Sequence[Report]) -> None:
    """Carry one order through its reports."""
    at = unit.moment_after(order.updated_at)
    served_by = work.street_orders[reports[-1].street_order_id]
    if order.through == "street":
        booked = book_direct(order, served_by, reports, work.decimals[order.instrument_id], at)
    else:
        _remember(work, order, reports)
        if not reports[-1].last:
            return
        booked = _block(unit, work, order, reports[-1], at)
        if booked.follow_up:
            work.follow_ups.append(_follow_up(unit, served_by, booked.follow_up))
            return
    before = order
    for fill, report in booked.fills:
        work.executions.append((before, _execution(unit, work, before, fill, report, served_by)))
        before = carried(before, fill)
    work.orders.append(booked.order)


def _remember(work: BookSet, order: Order, reports: Sequence[Report]) -> None:
    """A block's customer is served when its street order has ended; until then its fills are kept as reported."""
    fills = work.fills.setdefault(order.id, [])
    for report in reports:
        if report.kind == "FILL" and report.price is not None:
            fills.append(Filled(order.id, report.street_order_id, report.quantity, report.price, report.due_at))


def _block(unit: Unit, work: BookSet, order: Order, last: Report, at: datetime) -> Booked:
    fills = work.fills[order.id]
    stock = work.inventory[order.instrument_id]
    traded = sum((f.quantity or ZERO for f in fills), ZERO)
    reserve = sum((s.reserve for s in work.street_orders.values() if s.order_id == order.id), ZERO)
    facts = BlockFacts(
        traded=traded,
        averaged=tuple((f.quantity, f.price) for f in fills if f.quantity),
        inside_price=next((f.price for f in fills if not f.quantity), None),
        reserve=reserve,
        free=stock.free,
    )
    booked = book_block(order, last, facts, work.decimals[order.instrument_id], at)
    if booked.follow_up:
        return booked
    served = sum((fill.quantity for fill, _ in booked.fills), ZERO)
    way = 1 if order.side == "BUY" else -1
    work.inventory[order.instrument_id] = replace(
        stock, units=stock.units + way * (traded - served), reserved=stock.reserved - reserve
    )
    if traded:
        work.block_trades.append(_block_trade(unit, work, order, fills, last))
    return booked


def _block_trade(unit: Unit, work: BookSet, order: Order, fills: Sequence[Filled], last: Report) -> BlockTrade:
    """All a block has traded at the street, follow-ups included, as one trade under its last street order."""
    pairs = [(f.quantity, f.price) for f in fills if f.quantity]
    traded_on, settles_on, settles_at = work.dates(unit, order, last.due_at, ())
    return BlockTrade(
        id=unit.ids.new("street_trade", cause=last.street_order_id),
        street_order_id=last.street_order_id,
        side=order.side,
        instrument_id=order.instrument_id,
        currency=order.currency,
        quantity=sum((q for q, _ in pairs), ZERO),
        cash_amount=cent_half_up(sum((times(q, p) for q, p in pairs), ZERO)),
        traded_on=traded_on,
        settlement_date=settles_on,
        settles_at=settles_at,
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


def _execution(
    unit: Unit, work: BookSet, order: Order, fill: Fill, report: Report, served_by: StreetOrder
) -> Execution:
    """The execution of one fill, with its lot or the lots it uses. `order` is the order before this fill."""
    execution_id = unit.ids.new("execution", cause=report.id)
    holding = (order.account_id, order.instrument_id)
    uses: list[LotUse] = []
    if order.side == "SELL":
        uses, work.lots[holding] = consume(work.lots[holding], fill.quantity, execution_id)
        work.uses += uses
    traded_on, settles_on, settles_at = work.dates(unit, order, report.due_at, uses)
    if order.side == "BUY":
        outside = ZERO if order.fee_collected or order.executed_quantity else order.fee
        cost = fill.cash + fill.fee + outside
        lot = bought_lot(execution_id, *holding, report.due_at, fill.quantity, cost)
        work.new_lots.append(lot)
    return Execution(
        id=execution_id,
        version=1,
        created_at=unit.now,
        updated_at=unit.now,
        order_id=order.id,
        street_order_id=served_by.id,
        user_id=order.user_id,
        account_id=order.account_id,
        account_group_id=order.account_group_id,
        instrument_id=order.instrument_id,
        side=order.side,
        status="FILLED",
        quantity=fill.quantity,
        cash_amount=fill.cash,
        price=fill.price,
        currency=order.currency,
        fee=fill.fee,
        venue_id=work.venues[order.instrument_id, served_by.mic],
        through=order.through,
        transaction_time=report.due_at,
        traded_on=traded_on,
        settlement_date=settles_on,
        settles_at=settles_at,
    )


BOOK = Sweep(NAME, _claim, _book, _next)
