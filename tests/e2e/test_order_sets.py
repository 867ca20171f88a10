"""Sets cost statements by the set, never by the order: a set of 500 runs as many statements as one of 50."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from openvest import catalog
from openvest.core.declarations import Outward, Sweep
from openvest.db.unit import Unit
from openvest.features.orders import service as orders
from openvest.main import Assembled
from openvest.work.runner import Runner
from tests.kit.customers import make_customer, top_up
from tests.kit.orders import Trader
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

WORKS = {work.name: work for work in catalog.WORKS}
LIFE = ("orders.check", "street.ask_venue", "orders.book", "executions.settle")


async def one_set(trader: Trader, name: str, size: int) -> int:
    """Run one set of this work to its commit. Returns the statements of its units."""
    world, tenant_id = trader.world, trader.customer.tenant_id
    seen: list[str] = []

    async def counted(unit: Unit, work: Any, *arguments: Any) -> Any:
        def note(query: Any) -> None:
            seen.append(query.query)

        unit.connection.add_query_logger(note)
        try:
            return await work(unit, *arguments)
        finally:
            unit.connection.remove_query_logger(note)

    step = WORKS[name]
    if isinstance(step, Outward):
        rows: Sequence[Any] = await world.database.write(tenant_id, lambda u: counted(u, step.lease, size), n=0)
        said = await step.talk(world.runner.ports, rows)
        await world.database.write(tenant_id, lambda u: counted(u, step.record, rows, said), n=0)
    else:
        sweep: Sweep = step

        async def whole(unit: Unit, limit: int) -> int:
            claimed = await sweep.claim(unit, limit)
            await sweep.work(unit, claimed)
            return len(claimed)

        assert await world.database.write(tenant_id, lambda u: counted(u, whole, size)) == size
    return len(seen)


async def statements(trader: Trader, traders: Sequence[Trader], size: int) -> dict[str, int]:
    """Statements of each step of the life of so many orders, spread over the traders."""
    for start in range(0, size, 50):
        wants = [traders[i % len(traders)].wanted(cash_amount="1.00") for i in range(start, start + 50)]
        await trader.world.database.write(
            trader.customer.tenant_id, lambda unit, w=wants: orders.place_orders(unit, w), n=50
        )
    return {name: await one_set(trader, name, size) for name in LIFE}


async def test_a_set_of_500_runs_as_many_statements_as_one_of_50(assembled: Assembled) -> None:
    tenant_id = await make_tenant(assembled.database, "Sets", pace="instant")
    traders = [Trader(assembled, await make_customer(assembled.database, tenant_id)) for _ in range(20)]
    await assembled.runner.run_until_quiet(tenant_id)
    for trader in traders:
        await top_up(assembled.database, trader.customer, "1000.00")
    await statements(traders[0], traders, 50)  # positions are made with the first purchase
    few = await statements(traders[0], traders, 50)
    many = await statements(traders[0], traders, 500)
    assert few == many
    assert min(few.values()) > 2 and sum(many.values()) < 60
    quiet = Runner(assembled.database, catalog.WORKS, assembled.runner.ports)
    assert await quiet.run_until_quiet(tenant_id) == 0
