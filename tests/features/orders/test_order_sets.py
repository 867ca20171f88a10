"""Sets cost statements by the set, never by the order: a set of 500 runs as many statements as one of 50."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from openvest import catalog
from openvest.db.unit import Unit
from openvest.declarations import Outbound, Sweep
from openvest.features.orders import service as orders
from openvest.ledger.audit import prove_tenant
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
    if isinstance(step, Outbound):
        rows: Sequence[Any] = await world.database.write(tenant_id, lambda u: counted(u, step.lease, size), n=0)
        said = await step.call(world.runner.ports, rows)
        await world.database.write(tenant_id, lambda u: counted(u, step.record, rows, said), n=0)
    else:
        sweep: Sweep = step

        async def whole(unit: Unit, limit: int) -> int:
            claimed = await sweep.claim(unit, limit)
            await sweep.work(unit, claimed)
            return len(claimed)

        assert await world.database.write(tenant_id, lambda u: counted(u, whole, size)) == size
    return len(seen)


async def accept(traders: Sequence[Trader], size: int, **fields: str) -> None:
    """So many orders, spread over the traders."""
    for start in range(0, size, 50):
        wants = [traders[i % len(traders)].wanted(**fields) for i in range(start, start + 50)]
        await traders[0].world.database.write(
            traders[0].customer.tenant_id, lambda unit, w=wants: orders.place_orders(unit, w), n=50
        )


async def statements(traders: Sequence[Trader], size: int) -> dict[str, int]:
    """Statements of each step of the life of so many orders."""
    await accept(traders, size, cash_amount="1.00")
    return {name: await one_set(traders[0], name, size) for name in LIFE}


async def test_a_set_of_500_runs_as_many_statements_as_one_of_50(assembled: Assembled) -> None:
    tenant_id = await make_tenant(assembled.database, "Sets", pace="instant")
    traders = [Trader(assembled, await make_customer(assembled.database, tenant_id)) for _ in range(20)]
    await assembled.runner.run_until_quiet(tenant_id)
    for trader in traders:
        await top_up(assembled.database, trader.customer, "1000.00")
    await statements(traders, 50)  # positions are made with the first purchase
    few = await statements(traders, 50)
    many = await statements(traders, 500)
    assert few == many
    assert min(few.values()) > 2 and sum(many.values()) < 60
    quiet = Runner(assembled.database, catalog.WORKS, assembled.runner.ports)
    assert await quiet.run_until_quiet(tenant_id) == 0


async def test_so_do_blocks_and_sales(assembled: Assembled) -> None:
    """Fractions at a whole-share venue: some go to the street, some are served from the inventory."""
    tenant_id = await make_tenant(assembled.database, "Blocks", pace="calendar")
    traders = [Trader(assembled, await make_customer(assembled.database, tenant_id)) for _ in range(10)]
    await assembled.runner.run_until_quiet(tenant_id)
    now = (await assembled.clockwork.show(tenant_id)).now
    monday = datetime.combine(now.date() + timedelta(days=7 - now.weekday()), time(10), UTC)
    await traders[0].advance_to(monday)
    for trader in traders:
        await top_up(assembled.database, trader.customer, "50000.00")
    ask = Runner(assembled.database, [WORKS["street.ask_venue"]], assembled.runner.ports)
    for side in ("BUY", "SELL"):
        counts: list[tuple[int, int]] = []
        for size in (50, 50, 300):
            await accept(traders, size, side=side, quantity="0.3")
            checked = await one_set(traders[0], "orders.check", size)
            await ask.run_until_quiet(tenant_id)
            counts.append((checked, await one_set(traders[0], "orders.book", size)))
        # A table for which a set has nothing is not written; beyond that the size makes no difference.
        assert all(abs(few - many) <= 2 for few, many in zip(counts[1], counts[2], strict=True)), (side, counts)
    proof = await prove_tenant(assembled.database, tenant_id, catalog.INVARIANTS)
    assert proof.clean, proof
