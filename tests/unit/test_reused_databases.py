"""A test's database is the template's equal, although another test had it before."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from tests.kit.cluster import APP, FILLED, OWNER, TEMPLATE, Cluster
from tests.kit.orders import make_trader
from tests.kit.world import make_tenant, opened

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
