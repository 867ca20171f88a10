"""Every law of orders and executions finds an error planted against it, and says nothing of sound books."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from openvest.features.blocks import service as blocks
from openvest.features.executions import service as executions
from openvest.features.orders import service as orders
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.kit.cluster import Cluster
from tests.kit.orders import Trader, make_trader
from tests.kit.scripted import script
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

INVARIANTS = (*executions.INVARIANTS, *blocks.INVARIANTS, *orders.INVARIANTS)

ERRORS = {
    "unsettled_units_are_executions": "update executions set quantity = quantity + 1 where side = 'BUY'",
    "unsettled_cash_is_executions": "update executions set cash_amount = cash_amount + 1 where side = 'SELL'",
    "rounding_is_at_most_a_cent": "update executions set rounding = rounding - 0.01 where side = 'SELL'",
    "fractions_are_never_short": "update fraction_reserves set reserved = reserved + 1000",
    "blocks_work_at_the_street": "update blocks set status = 'WORKING'",
    "blocks_give_what_they_have": "update blocks set given = given + 1",
    "members_have_one_price": "update executions set price = price + 1 where through = 'fractions'",
    "blocks_have_what_the_street_traded": "update blocks set shares = shares + 1",
    "locks_are_orders": "update locks set amount = amount + 1 where amount > 0",
    "final_orders_hold_nothing": "update orders set lock_amount = lock_amount + 1 where status = 'FILLED'",
    "orders_are_executions": "update orders set executed_cash = executed_cash + 1 where status = 'FILLED'",
    "nothing_is_for_nothing": "update orders set executed_cash = 0 where status = 'FILLED'",
    "processing_orders_work_at_the_street": "update street_orders set status = 'CANCELLED' where status = 'WORKING'",
    "orders_name_instruments": "update orders set instrument_id = id where status = 'FILLED'",
    "inactive_instruments_have_no_orders": "update instruments set trading_status = 'INACTIVE'",
    "closed_accounts_have_nothing": "update accounts set status = 'CLOSED'",
    "reserves_are_blocks_under_way": "update fraction_reserves set reserved = 0",
}


async def sound(world: Assembled) -> Trader:
    """Books with an open sale and an open purchase, a resting order, a block that is done and an order that counts on
    the inventory."""
    tenant_id = await make_tenant(
        world.database, "Proof", pace="calendar", frozen_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    )
    trader = await make_trader(world, tenant_id, "5000.00")
    await trader.place(quantity="3")
    await trader.place(side="SELL", quantity="1")
    await trader.place(quantity="0.5")
    await trader.place(cash_amount="80.00", execution_flow="BLOCK")
    await trader.advance_to(datetime(2026, 3, 2, 15, 0, tzinfo=UTC))
    await trader.place(quantity="3", order_type="LIMIT", limit_price="90.00")
    script(world)
    await trader.place(quantity="1.2")
    return trader


async def broken(trader: Trader) -> set[str]:
    proof = await prove_tenant(trader.world.database, trader.customer.tenant_id, INVARIANTS)
    assert proof.laws == len(INVARIANTS)
    return {finding.name for finding in proof.findings}


def test_every_law_has_an_error() -> None:
    assert {law.name for law in INVARIANTS} == set(ERRORS)


async def test_planted_errors_are_found(assembled: Assembled, cluster: Cluster) -> None:
    trader = await sound(assembled)
    assert await broken(trader) == set()
    name = await assembled.database.pool.fetchval("select current_database()")
    owner = await asyncpg.connect(cluster.dsn(name, "postgres"))
    try:
        for law, error in ERRORS.items():
            tables = "accounts blocks executions fraction_reserves instruments locks orders street_orders".split()
            for table in tables:
                await owner.execute(f"create temp table kept_{table} as table {table}")
            assert (await owner.execute(error)) not in ("UPDATE 0",), law
            assert law in await broken(trader)
            await restore(owner, tables)
            assert await broken(trader) == set(), law
    finally:
        await owner.close()


async def restore(owner: asyncpg.Connection, tables: list[str]) -> None:
    """Put rows back as they were; triggers and foreign keys stay out of it."""
    await owner.execute("set session_replication_role = replica")
    for table in tables:
        await owner.execute(f"delete from {table}; insert into {table} select * from kept_{table}")
        await owner.execute(f"drop table kept_{table}")
    await owner.execute("set session_replication_role = origin")
