"""A test's database is the template's equal, although another test had it before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import asyncpg
import pytest

from openvest.db.unit import Database
from tests.kit.cluster import APP, FILLED, OWNER, TEMPLATE, Cluster
from tests.kit.kept import Keeper
from tests.kit.orders import make_trader
from tests.kit.world import SECRETS, SEED, make_tenant, opened

if TYPE_CHECKING:
    from openvest.db.connections import Pool

pytestmark = pytest.mark.anyio
TABLES = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
CHANGEABLE = """
select relname from pg_class
 where relname = any($1) and (has_table_privilege($2, oid, 'insert, update, delete, truncate')
                              or has_any_column_privilege($2, oid, 'insert, update'))
"""


async def contents(cluster: Cluster, name: str) -> dict[str, list[str]]:
    """What every table that has rows holds, and where the sequences stand."""
    connection = await asyncpg.connect(host=str(cluster.folder), user="postgres", database=name)
    try:
        asked = {table: f"select t::text from {table} t" for (table,) in await connection.fetch(TABLES)}
        asked["sequences"] = "select sequencename || coalesce(last_value, 0) from pg_sequences"
        found = {key: sorted(row[0] for row in await connection.fetch(sql)) for key, sql in asked.items()}
        return {key: rows for key, rows in found.items() if rows}
    finally:
        await connection.close()


async def test_an_emptied_database_is_what_the_template_is(cluster: Cluster) -> None:
    name = await cluster.create()
    async with opened(cluster, name) as world:
        monday = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
        trader = await make_trader(world, await make_tenant(world.database, "A", frozen_at=monday), "1000.00")
        await trader.place(cash_amount="250.00")
        template, lived = await contents(cluster, TEMPLATE), await contents(cluster, name)
        assert len(lived) > len(template) + 20 and lived["sequences"] != template["sequences"]
        # What a session has under way when its test ends is not done after it.
        async with world.database.connection() as late:
            await late.execute("begin")
            await late.execute("select nextval('journal_blocks')")
            await cluster.drop(name)
    assert await contents(cluster, name) == template
    assert await cluster.create() == name
    await cluster.drop(name)


async def test_one_that_another_role_was_in_serves_no_second_time(cluster: Cluster) -> None:
    name = await cluster.create()
    cluster.dsn(name, OWNER)
    await cluster.drop(name)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await contents(cluster, name)


async def test_the_application_changes_nothing_that_the_template_fills(cluster: Cluster) -> None:
    assert set(await contents(cluster, TEMPLATE)) == {*FILLED, "sequences"}
    owner = await asyncpg.connect(cluster.dsn(TEMPLATE, OWNER))
    try:
        assert await owner.fetch(CHANGEABLE, FILLED, APP) == []
    finally:
        await owner.close()


# Sessions that are kept


@pytest.fixture
async def own(cluster: Cluster) -> AsyncGenerator[Keeper]:
    """A keeper beside the one that this test itself may stand on."""
    keeper = Keeper(cluster)
    yield keeper
    await keeper.end()


async def test_sessions_serve_again_in_an_emptied_database(cluster: Cluster, own: Keeper) -> None:
    async with own.lent() as pool:
        name = await pool.fetchval("select current_database()")
        await make_tenant(Database(pool, seed=SEED, secrets=SECRETS), "A")
        waiting = asyncio.create_task(asyncio.sleep(60))
    assert waiting.cancelled(), "what a test left under way"
    async with own.lent() as again:
        assert again is pool
        assert await contents(cluster, name) == await contents(cluster, TEMPLATE)


async def in_use(_: Cluster, pool: Pool) -> None:
    await pool.acquire()


async def gone(cluster: Cluster, pool: Pool) -> None:
    name, pid = await pool.fetchrow("select current_database()::text, pg_backend_pid()")
    superuser = await cluster.superuser(name)
    assert await superuser.fetchval("select pg_terminate_backend($1, 5000)", pid)
    await superuser.close()


async def in_another_hand(cluster: Cluster, pool: Pool) -> None:
    cluster.dsn(await pool.fetchval("select current_database()"), OWNER)


@pytest.mark.parametrize(("spoil", "replaced"), [(in_use, True), (in_another_hand, True), (gone, False)])
async def test_spoiled_ones_serve_nobody(
    cluster: Cluster, own: Keeper, spoil: Callable[[Cluster, Pool], Awaitable[None]], replaced: bool
) -> None:
    """A pool that has noticed that a session is gone opens another."""
    async with own.lent() as pool:
        await spoil(cluster, pool)
    async with own.lent() as other:
        assert other is not pool or not replaced
        assert await other.fetchval("select count(*) from tenants") == 0
