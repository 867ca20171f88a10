"""What an execution is to the books: its journal, its lot, its cash and its securities transaction. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

from openvest.core.money import Money
from openvest.features.cash.model import CashTransaction, Fee, Instrument, Reference
from openvest.features.executions.model import BlockTrade, Execution, NewBlockTrade, NewExecution
from openvest.features.executions.rules import Dates
from openvest.features.positions.model import Reference as UnitReference
from openvest.features.positions.model import SecuritiesTransaction
from openvest.ledger.lots import Lot, bought_lot
from openvest.ledger.trades import StreetTrade, Trade


def execution_of(new: NewExecution, execution_id: UUID, venue_id: UUID, dates: Dates, at: datetime) -> Execution:
    """The execution as it is born."""
    return Execution(
        id=execution_id,
        version=1,
        created_at=at,
        updated_at=at,
        order_id=new.order_id,
        street_order_id=new.street_order_id,
        user_id=new.user_id,
        account_id=new.account_id,
        account_group_id=new.account_group_id,
        instrument_id=new.instrument_id,
        side=new.side,
        status="FILLED",
        quantity=new.quantity,
        cash_amount=new.cash_amount,
        price=new.price,
        currency=new.currency,
        fee=new.fee,
        rounding=new.rounding,
        venue_id=venue_id,
        through=new.through,
        transaction_time=new.transaction_time,
        traded_on=dates.traded_on,
        settlement_date=dates.settlement_date,
        settles_at=dates.settles_at,
    )


def block_trade_of(new: NewBlockTrade, trade_id: UUID, dates: Dates) -> BlockTrade:
    """The block trade as it is stored."""
    return BlockTrade(
        id=trade_id,
        street_order_id=new.street_order_id,
        side=new.side,
        instrument_id=new.instrument_id,
        currency=new.currency,
        quantity=new.quantity,
        cash_amount=new.cash_amount,
        traded_on=dates.traded_on,
        settlement_date=dates.settlement_date,
        settles_at=dates.settles_at,
        posted=new.posted,
    )


def trade_of(execution: Execution) -> Trade:
    """An execution as the ledger books it."""
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
        rounding=execution.rounding,
        through=execution.through,
    )


def street_trade_of(trade: BlockTrade) -> StreetTrade:
    """A block trade as the ledger books it."""
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


def lot_of(new: NewExecution, execution_id: UUID) -> Lot:
    """The lot of a buy; its cost holds the fee, also one that the client charges itself. (ORDER_MATHS.md section 6)"""
    cost = Money(new.cash_amount + new.fee + new.fee_outside, new.currency)
    return bought_lot(execution_id, new.account_id, new.instrument_id, new.transaction_time, new.quantity, cost)


def cash_transaction_of(new: NewExecution, execution: Execution, trade: Trade, transaction_id: UUID) -> CashTransaction:
    """The movement of the group's money."""
    return CashTransaction(
        id=transaction_id,
        account_group_id=new.account_group_id,
        type="ORDER_EXECUTION",
        delta=Money(-trade.paid if new.side == "BUY" else trade.net, new.currency),
        references=(Reference(execution.id, "ORDER_EXECUTION"), Reference(new.order_id, "ORDER")),
        booking_date=_midnight(execution.traded_on),
        value_date=_midnight(execution.settlement_date),
        created_at=execution.created_at,
        account_id=new.account_id,
        instrument=Instrument(new.instrument_id, new.isin),
        fees=_fees(new),
    )


def _fees(new: NewExecution) -> tuple[Fee, ...]:
    if new.fee:
        return (Fee(new.fee, "COLLECTED_BY_UPVEST"),)
    return (Fee(new.fee_outside, "CHARGED_BY_CLIENT"),) if new.fee_outside else ()


def securities_transaction_of(new: NewExecution, execution: Execution, transaction_id: UUID) -> SecuritiesTransaction:
    """The movement of the account's units."""
    way = Decimal(1 if new.side == "BUY" else -1)
    return SecuritiesTransaction(
        id=transaction_id,
        account_group_id=new.account_group_id,
        account_id=new.account_id,
        type="ORDER_EXECUTION",
        delta=way * new.quantity,
        instrument=Instrument(new.instrument_id, new.isin),
        references=(UnitReference(execution.id, "ORDER_EXECUTION"), UnitReference(new.order_id, "ORDER")),
        booking_date=_midnight(execution.traded_on),
        value_date=_midnight(execution.settlement_date),
        created_at=execution.created_at,
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(tzinfo=UTC))
