"""A set of orders being booked: what is read for all of them, what each comes to, and the writing of all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

from openvest.core.money import ZERO, Money
from openvest.core.snapshots import snapshot_of
from openvest.core.trading_calendar import settlement_date, venue_date
from openvest.db.unit import Unit
from openvest.features.cash import service as cash
from openvest.features.cash.model import CashTransaction, Fee, Instrument, Reference
from openvest.features.orders import service, store_executions
from openvest.features.orders.model import Execution, Order
from openvest.features.orders.rules import is_final
from openvest.features.orders.store_executions import BlockTrade, Inventory
from openvest.features.positions import service as positions
from openvest.features.positions.model import Reference as UnitReference
from openvest.features.positions.model import SecuritiesTransaction
from openvest.features.street.model import Filled, StreetOrder
from openvest.ledger.lot_book import add_lots, use_lots
from openvest.ledger.lots import Lot, LotUse
from openvest.ledger.posting import post
from openvest.ledger.recipes import Journal
from openvest.ledger.trades import StreetTrade, Trade, order_execution, street_execution

SETTLES = time(6, 0, tzinfo=UTC)
"""When on its settlement day a trade settles: after the depositories' night cycle, before any session."""

Holding = tuple[UUID, UUID]


@dataclass(slots=True)
class BookSet:
    """Shape: `venues` are ids by (instrument, MIC), `lots` open lots by (account, instrument), `settlement_of`
    settlement days by lot."""

    pace: str
    venues: dict[tuple[UUID, str], UUID]
    decimals: dict[UUID, int]
    street_orders: dict[UUID, StreetOrder]
    fills: dict[UUID, list[Filled]]
    inventory: dict[UUID, Inventory]
    lots: dict[Holding, list[Lot]]
    settlement_of: dict[UUID, date]
    orders: list[Order] = field(default_factory=list[Order])
    executions: list[tuple[Order, Execution]] = field(default_factory=list[tuple[Order, Execution]])
    new_lots: list[Lot] = field(default_factory=list[Lot])
    uses: list[LotUse] = field(default_factory=list[LotUse])
    block_trades: list[BlockTrade] = field(default_factory=list[BlockTrade])
    follow_ups: list[StreetOrder] = field(default_factory=list[StreetOrder])

    def dates(self, unit: Unit, order: Order, at: datetime, uses: Sequence[LotUse]) -> tuple[date, date, datetime]:
        """Trade day, settlement day and its instant. A sale settles no earlier than the purchases it uses."""
        if self.pace == "instant" or order.mic is None:
            today = unit.now.date()
            return today, today, unit.now
        on = venue_date(order.mic, at)
        own = settlement_date(order.mic, order.side, order.currency, on)
        settles = max([own, *(self.settlement_of[u.lot_id] for u in uses if u.lot_id in self.settlement_of)])
        return on, settles, datetime.combine(settles, SETTLES)


def trade_of(execution: Execution) -> Trade:
    """An execution as the ledger books it; `fee` is what we collect."""
    return Trade(
        execution_id=execution.id,
        order_id=execution.order_id,
        side=execution.side,
        group_id=execution.account_group_id,
        account_id=execution.account_id,
        instrument_id=execution.instrument_id,
        currency=execution.currency,
        quantity=execution.quantity,
        cash=execution.cash_amount,
        traded_on=execution.traded_on,
        settles_on=execution.settlement_date,
        fee=execution.fee,
        through=execution.through,
    )


def street_trade_of(trade: BlockTrade) -> StreetTrade:
    """What a block traded at the street as the ledger books it."""
    return StreetTrade(
        id=trade.id,
        side=trade.side,
        instrument_id=trade.instrument_id,
        currency=trade.currency,
        quantity=trade.quantity,
        cash=trade.cash_amount,
        traded_on=trade.traded_on,
        settles_on=trade.settlement_date,
    )


async def write_set(unit: Unit, work: BookSet) -> None:
    """Write all a set has come to, each table with one statement, then the events."""
    await post(unit, list(_journals(unit, work)))
    await _insert_executions(unit, [execution for _, execution in work.executions])
    await add_lots(unit, work.new_lots)
    await use_lots(unit, work.uses)
    await _insert_street(unit, work.block_trades)
    if work.inventory:
        ids = sorted(work.inventory)
        reserved = [work.inventory[i].reserved for i in ids]
        await unit.run(store_executions.SET_RESERVES, unit.tenant_id, ids, reserved)
    work.orders = [replace(o, lock_used=o.lock_amount) if is_final(o) else o for o in work.orders]
    await service.save(unit, work.orders)
    await cash.record_transactions(unit, [_cash_transaction(unit, o, e) for o, e in work.executions])
    await positions.record_transactions(unit, [_unit_transaction(unit, o, e) for o, e in work.executions])
    for _, execution in work.executions:
        unit.emit("EXECUTION.FILLED", execution.id, 1, execution.created_at, snapshot_of(execution))
    final = [order for order in work.orders if is_final(order)]
    executions = await service.executions_of(unit, [order.id for order in final])
    for order in final:
        service.announce(unit, order, executions[order.id])


def _journals(unit: Unit, work: BookSet) -> Iterator[Journal]:
    for trade in work.block_trades:
        yield street_execution(street_trade_of(trade))
    for _, execution in work.executions:
        yield order_execution(trade_of(execution))
    for order in work.orders:
        if is_final(order):
            yield from service.unlock_journal(unit, order)


async def _insert_executions(unit: Unit, executions: Sequence[Execution]) -> None:
    if not executions:
        return
    columns = (
        "id created_at order_id street_order_id user_id account_id account_group_id instrument_id side quantity"
        " cash_amount price currency fee venue_id through transaction_time traded_on settlement_date settles_at"
    ).split()
    values = ([getattr(execution, name) for execution in executions] for name in columns)
    await unit.run(store_executions.INSERT, unit.tenant_id, *values)


async def _insert_street(unit: Unit, trades: Sequence[BlockTrade]) -> None:
    if not trades:
        return
    columns = (
        "id street_order_id side instrument_id currency quantity cash_amount traded_on settlement_date settles_at"
    ).split()
    values = ([getattr(trade, name) for trade in trades] for name in columns)
    await unit.run(store_executions.INSERT_STREET, unit.tenant_id, *values)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(tzinfo=UTC))


def _cash_transaction(unit: Unit, order: Order, execution: Execution) -> CashTransaction:
    trade = trade_of(execution)
    delta = -trade.paid if execution.side == "BUY" else trade.net
    return CashTransaction(
        id=cash.transaction_id(unit, execution.id, execution.account_group_id),
        account_group_id=execution.account_group_id,
        type="ORDER_EXECUTION",
        delta=Money(delta, execution.currency),
        references=(Reference(execution.id, "ORDER_EXECUTION"), Reference(order.id, "ORDER")),
        booking_date=_midnight(execution.traded_on),
        value_date=_midnight(execution.settlement_date),
        created_at=execution.created_at,
        account_id=execution.account_id,
        instrument=Instrument(execution.instrument_id, order.isin),
        fees=_fees(order, execution),
    )


def _fees(order: Order, execution: Execution) -> tuple[Fee, ...]:
    """The fee this execution carries; one the client charges itself is named with the first execution."""
    if execution.fee:
        return (Fee(execution.fee, "COLLECTED_BY_UPVEST"),)
    first = order.executed_quantity == ZERO
    return (Fee(order.fee, "CHARGED_BY_CLIENT"),) if order.fee and not order.fee_collected and first else ()


def _unit_transaction(unit: Unit, order: Order, execution: Execution) -> SecuritiesTransaction:
    way = Decimal(1 if execution.side == "BUY" else -1)
    return SecuritiesTransaction(
        id=positions.transaction_id(unit, execution.id, execution.account_id),
        account_group_id=execution.account_group_id,
        account_id=execution.account_id,
        type="ORDER_EXECUTION",
        delta=way * execution.quantity,
        instrument=Instrument(execution.instrument_id, order.isin),
        references=(UnitReference(execution.id, "ORDER_EXECUTION"), UnitReference(order.id, "ORDER")),
        booking_date=_midnight(execution.traded_on),
        value_date=_midnight(execution.settlement_date),
        created_at=execution.created_at,
    )
