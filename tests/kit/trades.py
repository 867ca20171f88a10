"""Trades of a customer booked step by step, as orders book them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from openvest.core.ids import deterministic_id
from openvest.core.money import Money
from openvest.db.unit import Database, Unit
from openvest.features.cash.model import Instrument
from openvest.features.instruments import service as instruments
from openvest.ledger.lot_book import add_lots, open_lots, use_lots
from openvest.ledger.lots import Lot, bought_lot, consume
from openvest.ledger.posting import post
from openvest.ledger.posting_rules import reserve_cash, reserve_units
from openvest.ledger.trades import Trade, order_execution, settlement
from tests.kit.customers import Customer

ADIDAS, ALLIANZ = "DE000A1EWWW0", "DE0008404005"
DAY = date(2026, 3, 2)


async def instrument(unit: Unit, isin: str = ADIDAS) -> Instrument:
    found = (await instruments.by_isin(unit, [isin]))[isin]
    return Instrument(found.id, isin)


def trade(customer: Customer, of: Instrument, side: str, quantity: str, money: str, **more: Any) -> Trade:
    name = f"{customer.account_id} {of.isin} {side} {quantity} {money}"
    return Trade(
        execution_id=deterministic_id("execution", name),
        order_id=deterministic_id("order", name),
        side="BUY" if side == "BUY" else "SELL",
        group_id=customer.group_id,
        account_id=customer.account_id,
        instrument_id=of.uuid,
        currency="EUR",
        quantity=Decimal(quantity),
        cash=Decimal(money),
        traded_on=DAY,
        settles_on=DAY + timedelta(days=1),
        **more,
    )


async def locked(unit: Unit, done: Trade) -> None:
    lock = (
        reserve_cash(done.order_id, done.group_id, done.currency, done.paid, DAY)
        if done.side == "BUY"
        else reserve_units(done.order_id, done.account_id, done.instrument_id, done.quantity, DAY)
    )
    await post(unit, [lock])


async def filled(unit: Unit, done: Trade) -> None:
    """An execution with its lots, as orders book it."""
    await post(unit, [order_execution(done)])
    holding = (done.account_id, done.instrument_id)
    if done.side == "BUY":
        await add_lots(unit, [_lot(unit, done)])
    else:
        uses, _ = consume((await open_lots(unit, [holding]))[holding], done.quantity, done.execution_id)
        await use_lots(unit, uses)


def _lot(unit: Unit, done: Trade) -> Lot:
    cost = Money(done.paid, done.currency)
    return bought_lot(done.execution_id, done.account_id, done.instrument_id, unit.now, done.quantity, cost)


async def settled(unit: Unit, done: Trade) -> None:
    await post(unit, [settlement(done, done.settles_on)])


Step = Callable[[Unit, Trade], Awaitable[None]]


async def write(database: Database, done: Trade, customer: Customer, *steps: Step) -> None:
    """The steps of a trade in one unit."""

    async def work(unit: Unit) -> None:
        for step in steps:
            await step(unit, done)

    await database.write(customer.tenant_id, work)


async def read_instrument(database: Database, customer: Customer, isin: str = ADIDAS) -> Instrument:
    return await database.read(customer.tenant_id, lambda unit: instrument(unit, isin))
