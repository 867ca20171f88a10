"""`python -m tests.bench.moves [--orders N]`: a tenant with so many orders moves to another installation, with figures.

It ends with status 1 unless the books are proven on both sides, event numbers go on without a gap, the next order is
filled where the tenant came to, and the source refuses it.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from openvest.catalog import INVARIANTS
from openvest.core.problems import Problem
from openvest.db.closing import TenantClosed
from openvest.db.query import Query
from openvest.db.unit import Database
from openvest.events.sequencer import number_events
from openvest.features.orders import service as orders
from openvest.features.tenants import service as tenants
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from openvest.main.environment import Environment
from openvest.main.installation import Installation, Urls
from openvest.main.tenant_moves import export_tenant, import_tenant
from tests.bench.world import Bench, bench_world, workers
from tests.kit.cluster import APP, OWNER, Cluster, start_cluster
from tests.kit.customers import Customer, make_customer, top_up
from tests.kit.moves import KEY, OTHER_SECRETS, installation, listed
from tests.kit.orders import Trader
from tests.kit.world import SECRETS, SEED

T = TypeVar("T")
EACH = 20
"""Orders of one customer."""
_GAPS = Query(
    int,
    "select coalesce(max(first_number + events - 1), 0) - coalesce(sum(events), 0)"
    " from event_sets where tenant_id = $1",
)
_LAST = Query(int, "select last from event_counters where tenant_id = $1")


@dataclass
class Told:
    """What held and what did not."""

    sound: bool = True

    def say(self, what: str, holds: bool) -> None:
        print(f"{'yes' if holds else 'NO ':3} {what}", flush=True)
        self.sound &= holds


async def _timed(work: Awaitable[T]) -> tuple[T, float]:
    began = time.perf_counter()
    return await work, time.perf_counter() - began


async def _lives(bench: Bench, count: int) -> None:
    """So many orders, from accepted to settled."""
    async with workers(bench, 2, 500):
        for start in range(0, count, len(bench.customers)):
            await bench.accept(bench.customers[: min(count - start, len(bench.customers))])
        while await bench.is_unsettled():
            await asyncio.sleep(0.1)


async def _place(world: Assembled, customer: Customer) -> str:
    """One more order, brought to rest. Returns its status."""
    trader = Trader(world, customer)
    (placed,) = await world.database.write(
        customer.tenant_id, lambda unit: orders.place_orders(unit, [trader.wanted(cash_amount="25.00")])
    )
    if isinstance(placed, Problem):
        raise placed
    await world.runner.run_until_quiet(customer.tenant_id)
    return (await trader.read(placed.id)).status


async def _numbers(database: Database, tenant_id: UUID) -> tuple[int, int]:
    """The last event number, and how many are missing below it."""
    await number_events(database, tenant_id)
    last = await database.read(tenant_id, lambda unit: unit.one(_LAST, tenant_id))
    return last, await database.read(tenant_id, lambda unit: unit.one(_GAPS, tenant_id))


async def move(cluster: Cluster, count: int, folder: Path) -> bool:
    """Returns whether all of it held."""
    told, file = Told(), folder / "tenant.zip"
    async with (
        bench_world(cluster, max(count // EACH, 1)) as bench,
        installation(cluster, folder, secrets=OTHER_SECRETS, seed="other") as target,
    ):
        await tenants.create_tenant(bench.world.database, "Bench", mode="sandbox")  # its signing key
        urls = Urls(cluster.dsn(bench.name), cluster.dsn(bench.name, OWNER), APP, embedded=False)
        source = Installation(Environment(folder), urls, bench.world, SECRETS, "sandbox", SEED)
        _, seconds = await _timed(_lives(bench, count))
        print(f"{count:,} orders of {len(bench.customers):,} customers settled in {seconds:.1f} s", flush=True)
        # Another tenant there, whose ids lie in the way.
        resident = await tenants.create_tenant(target.assembled.database, "resident", mode="sandbox")
        await top_up(target.assembled.database, await make_customer(target.assembled.database, resident), "1.00")
        tenant = await listed(source, "Bench")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        (exported, size), seconds = await _timed(
            export_tenant(source, tenant, file, KEY, "bench", keep_open=False, progress=_progress)
        )
        print(f"exported {exported.rows:,} rows in {seconds:.1f} s, {size / 1e6:.1f} MB", flush=True)
        done, seconds = await _timed(import_tenant(target, file, KEY, None, _progress))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(f"imported and proven in {seconds:.1f} s, memory grew by {grown:.0f} MB at most", flush=True)
        here = await prove_tenant(bench.world.database, bench.tenant_id, INVARIANTS)
        told.say(f"the source is proven, {here.laws} laws", here.clean)
        told.say(f"the target is proven, {done.proof.laws} laws", done.proof.clean)
        customer = bench.customers[0]
        told.say("the source refuses writes", await _refused(lambda: _place(bench.world, customer)))
        told.say("the source refuses money", await _refused(lambda: top_up(bench.world.database, customer, "1.00")))
        await _goes_on(target, customer, told)
    return told.sound


async def _goes_on(target: Installation, customer: Customer, told: Told) -> None:
    database, tenant_id = target.assembled.database, customer.tenant_id
    last, gaps = await _numbers(database, tenant_id)
    told.say("the next order is filled", await _place(target.assembled, customer) in ("FILLED", "SETTLED"))
    later, missing = await _numbers(database, tenant_id)
    told.say(f"event numbers go on without a gap: {last:,}, then {later:,}", gaps == missing == 0 and later > last)
    again = await prove_tenant(database, tenant_id, INVARIANTS)
    told.say("and the target is proven again", again.clean)


async def _refused(write: Callable[[], Awaitable[object]]) -> bool:
    try:
        await write()
    except TenantClosed as error:
        print(f"    {error.status} {error.name}: {error.detail}")
        return True
    return False


def _progress(sentence: str) -> None:
    print(f"    {sentence}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.bench.moves")
    parser.add_argument("--orders", type=int, default=10_000, help="orders that the tenant has had")
    given = parser.parse_args()
    cluster = start_cluster(durable=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            sound = asyncio.run(move(cluster, given.orders, Path(folder)))
    finally:
        cluster.stop()
    sys.exit(0 if sound else 1)


if __name__ == "__main__":
    main()
