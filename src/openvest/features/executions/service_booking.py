"""Booking: fills become executions, with journals, lots, transactions and events, in sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from openvest.db.unit import Unit
from openvest.features.cash import service as cash
from openvest.features.executions import rules_booking, store, store_blocks
from openvest.features.executions.model import BlockTrade, Execution, NewBlockTrade, NewExecution
from openvest.features.executions.rules import dates_of
from openvest.features.instruments import service as instruments
from openvest.features.positions import service as positions
from openvest.ledger.chart import Key, units_of
from openvest.ledger.lot_book import add_lots, open_lots, use_lots
from openvest.ledger.lots import Lot, LotUse, consume
from openvest.ledger.posting import balances_for_update, post
from openvest.ledger.posting_rules import Journal
from openvest.ledger.trades import Trade, order_execution, street_execution

Holding = tuple[UUID, UUID]


@dataclass(slots=True)
class _Held:
    """What the accounts of a set's sales hold. Shape: open lots by (account, instrument); when each purchase settles,
    by lot; what the set's sales have taken."""

    lots: dict[Holding, list[Lot]]
    settlement_of: dict[UUID, date]
    uses: list[LotUse] = field(default_factory=list[LotUse])

    def sell(self, new: NewExecution, execution_id: UUID) -> list[date]:
        """Take a sale's lots, first in, first out. Returns the days on which what it uses settles."""
        holding = (new.account_id, new.instrument_id)
        uses, self.lots[holding] = consume(self.lots[holding], new.quantity, execution_id)
        self.uses += uses
        return [self.settlement_of[use.lot_id] for use in uses if use.lot_id in self.settlement_of]


async def book(
    unit: Unit, fills: Sequence[NewExecution], blocks: Sequence[NewBlockTrade], unlocks: Sequence[Journal] = ()
) -> list[Execution]:
    """Book fills, in order, and what blocks traded for them; the executions, in the same order.

    `unlocks` are journals of the caller that belong to the same set (what final orders give back); all journals are
    posted together. The orders are locked by the caller, and the inventory of every block.
    Writes: executions, block_trades, ledger (ORDER_EXECUTION, STREET_EXECUTION, `unlocks`), lots, lot_uses,
    cash_transactions, securities_transactions; events EXECUTION.FILLED and one for each transaction.
    """
    await balances_for_update(
        unit, {*_keys(fills), *(Key(leg.owner_id, leg.asset) for j in unlocks for leg in j.legs if leg.owner_id)}
    )
    held = await _held(unit, fills)
    venues = await _venues(unit, fills)
    executions: list[Execution] = []
    for new in fills:
        execution_id = unit.ids.new("execution", cause=new.cause)
        not_before = held.sell(new, execution_id) if new.side == "SELL" else ()
        dates = dates_of(new, unit.now, not_before)
        venue_id = venues[new.instrument_id, new.mic]
        executions.append(rules_booking.execution_of(new, execution_id, venue_id, dates, unit.now))
    block_trades = [_block_trade(unit, new) for new in blocks]
    trades = [rules_booking.trade_of(execution) for execution in executions]
    await post(unit, list(_journals(trades, block_trades, unlocks)))
    await _write(unit, executions, block_trades)
    bought = [(new, e) for new, e in zip(fills, executions, strict=True) if new.side == "BUY"]
    await add_lots(unit, [rules_booking.lot_of(new, execution.id) for new, execution in bought])
    await use_lots(unit, held.uses)
    await _record_transactions(unit, fills, executions, trades)
    for execution in executions:
        unit.emit("EXECUTION.FILLED", execution.id, 1, execution.created_at, execution)
    return executions


async def book_blocks(unit: Unit, blocks: Sequence[NewBlockTrade]) -> None:
    """Record what blocks traded; a journal comes with those that are `posted`. Their inventory is locked by the caller.

    Writes: block_trades, ledger (STREET_EXECUTION).
    """
    made = [_block_trade(unit, new) for new in blocks]
    await post(unit, list(_journals((), [trade for trade in made if trade.posted], ())))
    await _write(unit, (), made)


async def post_blocks(unit: Unit, street_order_ids: Sequence[UUID]) -> None:
    """Post what blocks sold, once their customers have delivered it.

    Writes: block_trades, ledger (STREET_EXECUTION).
    """
    if street_order_ids:
        trades = await unit.rows(store_blocks.UNPOSTED, unit.tenant_id, list(street_order_ids))
        await post(unit, list(_journals((), sorted(trades, key=lambda trade: trade.id), ())))


def _block_trade(unit: Unit, new: NewBlockTrade) -> BlockTrade:
    trade_id = unit.ids.new("block_trade", cause=new.street_order_id)
    return rules_booking.block_trade_of(new, trade_id, dates_of(new, unit.now))


def _keys(fills: Iterable[NewExecution]) -> Iterator[Key]:
    for new in fills:
        yield Key(new.account_group_id, new.currency)
        yield Key(new.account_id, units_of(new.instrument_id))


async def _held(unit: Unit, fills: Sequence[NewExecution]) -> _Held:
    """Read under the lock of the positions, which keeps two sales of one account apart."""
    lots = await open_lots(unit, {(new.account_id, new.instrument_id) for new in fills if new.side == "SELL"})
    # The lot of an execution has the execution's id.
    ids = [lot.id for of_one in lots.values() for lot in of_one]
    bought = await unit.rows(store.BY_IDS, unit.tenant_id, ids) if ids else []
    return _Held(lots, {execution.id: execution.settlement_date for execution in bought})


async def _venues(unit: Unit, fills: Sequence[NewExecution]) -> dict[tuple[UUID, str], UUID]:
    listed = await instruments.listings(unit, {new.instrument_id for new in fills}) if fills else {}
    return {(i, listing.mic): listing.venue_id for i, found in listed.items() for listing in found}


def _journals(trades: Iterable[Trade], blocks: Iterable[BlockTrade], unlocks: Iterable[Journal]) -> Iterator[Journal]:
    """The house first: what it bought for a block is there before its customers are served from it."""
    for block in blocks:
        yield street_execution(rules_booking.street_trade_of(block))
    for trade in trades:
        yield order_execution(trade)
    yield from unlocks


async def _write(unit: Unit, executions: Sequence[Execution], blocks: Sequence[BlockTrade]) -> None:
    if executions:
        await unit.run(store.INSERT, unit.tenant_id, *store.insert_values(executions))
    if blocks:
        await unit.run(store_blocks.INSERT, unit.tenant_id, *store_blocks.insert_values(blocks))


async def _record_transactions(
    unit: Unit, fills: Sequence[NewExecution], executions: Sequence[Execution], trades: Sequence[Trade]
) -> None:
    both = list(zip(fills, executions, trades, strict=True))
    await cash.record_transactions(
        unit,
        [
            rules_booking.cash_transaction_of(new, e, trade, cash.transaction_id(unit, e.id, e.account_group_id))
            for new, e, trade in both
        ],
    )
    await positions.record_transactions(
        unit,
        [
            rules_booking.securities_transaction_of(new, e, positions.transaction_id(unit, e.id, e.account_id))
            for new, e, _ in both
        ],
    )
