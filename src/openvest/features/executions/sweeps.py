"""Settlement: money and units change hands on the settlement day; what blocks traded first, then the customers."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from openvest.core.records import replace
from openvest.db.unit import Unit
from openvest.declarations import DeadLetterKind, Phase, Sweep, WorkKept
from openvest.features.executions import store, store_blocks
from openvest.features.executions.model import BlockTrade, Execution
from openvest.features.executions.rules import EXECUTION
from openvest.features.executions.rules_booking import street_trade_of, trade_of
from openvest.features.executions.sweeps_dust import CLEAN_DUST
from openvest.ledger.posting import post
from openvest.ledger.trades import settlement, street_settlement


async def _claim(unit: Unit, limit: int) -> Sequence[Execution]:
    return await unit.rows(store.CLAIM_SETTLING, unit.tenant_id, unit.now, limit)


async def _settle(unit: Unit, executions: Sequence[Execution]) -> None:
    """Settle customers' executions. Writes: executions, ledger (SETTLEMENT); events EXECUTION.SETTLED."""
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
        store.SETTLED,
        unit.tenant_id,
        [execution.id for execution in done],
        [execution.version for execution in done],
        [execution.updated_at for execution in done],
    )
    for execution in done:
        unit.emit("EXECUTION.SETTLED", execution.id, execution.version, execution.updated_at, execution)


async def _claim_blocks(unit: Unit, limit: int) -> Sequence[BlockTrade]:
    return await unit.rows(store_blocks.CLAIM_SETTLING, unit.tenant_id, unit.now, limit)


async def _settle_blocks(unit: Unit, trades: Sequence[BlockTrade]) -> None:
    """Settle what the house traded for blocks. Writes: block_trades, ledger (SETTLEMENT)."""
    on = unit.now.date()
    await post(unit, [street_settlement(trade.street_order_id, [street_trade_of(trade)], [], on) for trade in trades])
    await unit.run(store_blocks.SETTLED, unit.tenant_id, [trade.id for trade in trades], unit.now)


SETTLE_BLOCKS = Sweep(
    "executions.settle_blocks",
    _claim_blocks,
    _settle_blocks,
    store_blocks.NEXT_SETTLEMENT,
    Phase.SETTLEMENT,
    writes_events=False,
)
SETTLE = Sweep("executions.settle", _claim, _settle, store.NEXT_SETTLEMENT, Phase.SETTLEMENT)

SWEEPS = [SETTLE_BLOCKS, SETTLE, CLEAN_DUST]


async def _keep(unit: Unit, row_id: UUID) -> None:
    raise WorkKept("money and units of a trade are under way; repair the cause and retry it, a trade cannot be dropped")


async def _keep_dust(unit: Unit, row_id: UUID) -> None:
    raise WorkKept("units stay in an account that is to be closed; repair the cause and retry it")


DEAD_LETTER_KINDS = [
    DeadLetterKind(
        "executions.settle",
        "execution",
        "executions t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'FILLED'",
        _keep,
    ),
    DeadLetterKind(
        "executions.settle_blocks",
        "block trade",
        "block_trades t where t.tenant_id = $1 and t.id = a.row_id and t.settled_at is null",
        _keep,
    ),
    DeadLetterKind(
        "executions.clean_dust",
        "dust of a closing account",
        "pub_accounts t where t.tenant_id = $1 and t.account_id = a.row_id and t.account_status = 'CLOSING'",
        _keep_dust,
    ),
]
