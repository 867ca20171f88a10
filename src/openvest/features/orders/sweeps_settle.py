"""Settlement: money and units change hands on the settlement day; what blocks traded first, then the customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from openvest.core.declarations import Sweep
from openvest.core.snapshots import snapshot_of
from openvest.db.unit import Unit
from openvest.features.orders import store_executions
from openvest.features.orders.model import Execution
from openvest.features.orders.rules import EXECUTION
from openvest.features.orders.store_executions import BlockTrade
from openvest.features.orders.sweeps_book_set import street_trade_of, trade_of
from openvest.ledger.posting import post
from openvest.ledger.trades import settlement, street_settlement


async def _next(unit: Unit) -> datetime | None:
    return await unit.row(store_executions.NEXT_SETTLEMENT, unit.tenant_id)


async def _claim(unit: Unit, limit: int) -> Sequence[Execution]:
    return await unit.rows(store_executions.CLAIM_SETTLING, unit.tenant_id, unit.now, limit)


async def _settle(unit: Unit, executions: Sequence[Execution]) -> None:
    on = unit.now.date()
    await post(unit, [settlement(trade_of(execution), on) for execution in executions])
    done = [
        replace(
            execution,
            status=EXECUTION.move(execution.status, "settle"),  # pyright: ignore[reportArgumentType] - statuses only
            version=execution.version + 1,
            updated_at=unit.moment_after(execution.updated_at),
        )
        for execution in executions
    ]
    await unit.run(
        store_executions.SETTLED,
        unit.tenant_id,
        [execution.id for execution in done],
        [execution.version for execution in done],
        [execution.updated_at for execution in done],
    )
    for execution in done:
        unit.emit("EXECUTION.SETTLED", execution.id, execution.version, execution.updated_at, snapshot_of(execution))


async def _next_street(unit: Unit) -> datetime | None:
    return await unit.row(store_executions.NEXT_STREET, unit.tenant_id)


async def _claim_street(unit: Unit, limit: int) -> Sequence[BlockTrade]:
    return await unit.rows(store_executions.CLAIM_STREET, unit.tenant_id, unit.now, limit)


async def _settle_street(unit: Unit, trades: Sequence[BlockTrade]) -> None:
    on = unit.now.date()
    await post(unit, [street_settlement(trade.street_order_id, [street_trade_of(trade)], [], on) for trade in trades])
    await unit.run(store_executions.STREET_SETTLED, unit.tenant_id, [trade.id for trade in trades], unit.now)


SETTLE_STREET = Sweep("orders.settle_street", _claim_street, _settle_street, _next_street, writes_events=False)
SETTLE = Sweep("orders.settle", _claim, _settle, _next)
