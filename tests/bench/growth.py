"""T14, T14l: whether work gets dearer with what is there already, and what one look costs when there is nothing to do.

Two worlds live the same lives: a new one, and one with a million orders behind it, copies of one that was settled.
Nothing is vacuumed meanwhile, so a look finds the dead entries of all lives before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from openvest.catalog import WORKS
from openvest.work.look import look
from tests.bench.copies import AS_TIME_GOES, copied
from tests.bench.cpu import Meter
from tests.bench.figures import Sample
from tests.bench.lives import lives_per_second
from tests.bench.world import Bench

LIVES, GROWN = 2_000, 1_000_000
QUICK = 10
"""A quick run has so many times fewer orders behind it."""
LOOKS = 200
ROWS = ("T14", "T14l")
_ID = AS_TIME_GOES.format(at="(wire_now() - interval '900 days' + n * interval '1 minute')")
_COPIED = {
    "orders": {"id": _ID},
    "executions": {"id": _ID, "order_id": _ID},
    "street_orders": {"id": _ID, "order_id": _ID},
    "cash_transactions": {"id": _ID},
    "securities_transactions": {"id": _ID},
}


@dataclass(frozen=True)
class Grown:
    """A new world and one that has grown."""

    small: Bench
    large: Bench


async def prepared(small: Bench, large: Bench, *, quick: bool) -> Grown:
    """One life of each customer lived, then copied."""
    for bench in (small, large):
        await lives_per_second(bench, len(bench.customers), 500)
    owner = await asyncpg.connect(large.cluster.dsn(large.name, "postgres"))
    try:
        await owner.execute("set session_replication_role = replica")
        for table, changed in _COPIED.items():
            row_id = await owner.fetchval(f"select id from {table} limit 1")
            await copied(owner, table, row_id, GROWN // QUICK if quick else GROWN, changed)
        await owner.execute("vacuum analyze")
    finally:
        await owner.close()
    return Grown(small, large)


async def measure(grown: Grown, row: str) -> Sample:
    """One round: both worlds live, and the large one is looked at."""
    _, before = await lives_per_second(grown.small, len(grown.small.customers), 500)
    rate, cpu = await lives_per_second(grown.large, len(grown.large.customers), 500)
    if row == "T14":
        return Sample(cpu.work / before.work, rate, cpu)
    bench = grown.large
    meter = Meter("idle", server=(), postgres=bench.cluster.process.pid)
    for _ in range(LOOKS):
        await look(bench.world.database, bench.tenant_id, WORKS)
    return Sample(meter.per_operation(LOOKS).postgres / 1_000)
