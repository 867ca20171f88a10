"""What benchmarks measure on: customers with money, made through the services, and processes that do the work."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from openvest.core.problems import Problem
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.features.orders import service as orders
from openvest.main import Assembled
from tests.bench import run
from tests.kit.cluster import Cluster
from tests.kit.customers import Customer, make_customer, top_up
from tests.kit.orders import Trader
from tests.kit.world import make_tenant, opened

AT_ONCE = 8
_UNSETTLED = Query(
    bool,
    "select exists (select from orders where tenant_id = $1 and status = 'NEW')"
    " or exists (select from orders where tenant_id = $1 and status = 'PROCESSING')"
    " or exists (select from executions where tenant_id = $1 and status = 'FILLED')"
    " or exists (select from event_sets where tenant_id = $1 and first_number is null)",
)
"""Each is answered by an index from its first entry, so that asking is nothing beside what is measured."""


@dataclass
class Bench:
    """A database with a tenant at pace `instant` whose clock runs live."""

    cluster: Cluster
    name: str
    world: Assembled
    tenant_id: UUID
    customers: list[Customer]

    async def analyze(self) -> None:
        """Plans made for empty tables would last as long as the connections do."""
        owner = await asyncpg.connect(self.cluster.dsn(self.name, "postgres"))
        await owner.execute("analyze")
        await owner.close()

    async def accept(self, customers: Sequence[Customer]) -> None:
        """One order by cash amount for each, accepted but not looked at."""
        for start in range(0, len(customers), 200):
            wants = [Trader(self.world, c).wanted(cash_amount="1.00") for c in customers[start : start + 200]]

            async def work(unit: Unit, wants: list[orders.PlaceOrder] = wants) -> None:
                answers = await orders.place_orders(unit, wants)
                assert not [a for a in answers if isinstance(a, Problem)]

            await self.world.database.write(self.tenant_id, work, n=len(wants))

    async def is_unsettled(self) -> bool:
        """Whether there are orders whose life is not over yet, or events without a number."""
        return await self.world.database.read(self.tenant_id, lambda unit: unit.one(_UNSETTLED, self.tenant_id))


@asynccontextmanager
async def bench_world(cluster: Cluster, customers: int) -> AsyncGenerator[Bench]:
    """A world with so many customers, each with 100,000.00 EUR."""
    name = await cluster.create()
    try:
        async with opened(cluster, name, pool_size=AT_ONCE) as world:
            tenant_id = await make_tenant(world.database, "Bench", pace="instant")
            bench = Bench(cluster, name, world, tenant_id, [])
            gate = asyncio.Semaphore(AT_ONCE)

            async def one() -> Customer:
                async with gate:
                    customer = await make_customer(world.database, tenant_id)
                    await top_up(world.database, customer, "100000.00")
                    return customer

            bench.customers = list(await asyncio.gather(*(one() for _ in range(customers))))
            await world.runner.run_until_quiet(tenant_id)
            await bench.analyze()
            yield bench
    finally:
        await cluster.drop(name)


@asynccontextmanager
async def workers(bench: Bench, count: int, set_size: int) -> AsyncGenerator[list[int]]:
    """Processes that do the tenant's work in sets of this size until the block ends. Yields their ids."""
    tenant = str(bench.tenant_id)
    command = run.command(sys.executable, "tests.bench.worker", bench.cluster.dsn(bench.name), tenant, str(set_size))
    running = [await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE) for _ in range(count)]
    try:
        for process in running:
            assert process.stdout is not None
            await process.stdout.readline()
        yield [process.pid for process in running]
    finally:
        for process in running:
            process.terminate()
            await process.wait()
