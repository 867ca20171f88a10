"""Laying a database out over nodes, against a stand-in of the extension: what is called, in which order, and again."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import asyncpg
import pytest

from openvest.catalog import LAYOUTS
from openvest.db.checks import StartRefused
from openvest.db.distribute import check_layout, distribute, standing
from openvest.main import installation, layout
from openvest.main.installation import Urls
from tests.kit.citus import calls, install_stand_in
from tests.kit.cluster import APP, OWNER, Cluster

pytestmark = pytest.mark.anyio

ROLES = (APP, OWNER)
GIFTS = """
create table gifts (tenant_id uuid not null, id uuid not null, user_id uuid not null, primary key (tenant_id, id),
                    constraint gifts_user foreign key (tenant_id, user_id) references users (tenant_id, id))
"""


@pytest.fixture
async def database(cluster: Cluster) -> AsyncGenerator[str]:
    name = await cluster.create()
    yield name
    await cluster.drop(name)


@pytest.fixture
async def owner(cluster: Cluster, database: str) -> AsyncGenerator[asyncpg.Connection]:
    """The owner in a database with the stand-in."""
    await install_stand_in(cluster, database)
    connection = await asyncpg.connect(cluster.dsn(database, OWNER))
    yield connection
    await connection.close()


async def test_a_database_without_the_extension_stays_plain(cluster: Cluster, database: str) -> None:
    connection = await asyncpg.connect(cluster.dsn(database, OWNER))
    try:
        with pytest.raises(StartRefused, match="no extension citus, so it stays on one server; install Citus"):
            await distribute(connection, LAYOUTS, ROLES)
        assert (await standing(connection, LAYOUTS)).sentence() == "laid out plain: everything on one server"
        await check_layout(connection, LAYOUTS)
    finally:
        await connection.close()


async def test_every_table_is_laid_out_as_declared_once(owner: asyncpg.Connection) -> None:
    assert (await standing(owner, LAYOUTS)).sentence() == "laid out plain: everything on one server"
    told: list[str] = []
    found = await distribute(owner, LAYOUTS, ROLES, shards=64, progress=told.append)
    assert not found.missing()
    tenants = [table.name for table in found.tables if table.layout == "tenant"]
    shared = [table.name for table in found.tables if table.layout == "reference"]
    local = [table.name for table in found.tables if table.layout == "local"]
    tenant_columns = await owner.fetch(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'"
        " where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace order by 1"
    )
    assert sorted(tenants) == [name for (name,) in tenant_columns if name not in LAYOUTS]
    assert sorted(shared + local) == sorted(name for name in LAYOUTS if not name.startswith("nonces_"))
    done = await calls(owner)
    assert done[0].startswith("function ")
    assert {"function journals_must_be_zero()", "function drop_marks_by_id()", "function wire_now()"} <= {*done}
    placed = [call for call in done if call.startswith(("reference", "tenant"))]
    assert placed.index("tenant tenants in 64") == len(shared)
    assert len(placed) == len(tenants) + len(shared)
    assert {call for call in done if call.startswith("truncate")} >= {"truncate instruments"}
    assert told[0].startswith(f"1 of {len(done)}: ") and len(told) == len(done)
    assert found.sentence() == (
        f"distributed over 2 nodes: {len(tenants)} tables by tenant, {len(shared)} whole on every node,"
        f" {len(local)} on the coordinator"
    )
    await distribute(owner, LAYOUTS, ROLES)
    assert await calls(owner) == done


async def test_an_interrupted_run_is_taken_up_again(owner: asyncpg.Connection) -> None:
    def interrupt(sentence: str) -> None:
        if sentence.startswith("20 of "):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await distribute(owner, LAYOUTS, ROLES, progress=interrupt)
    with pytest.raises(StartRefused, match=r"is on the coordinator alone and is to be distributed by tenant \(and"):
        await check_layout(owner, LAYOUTS)
    assert not (await distribute(owner, LAYOUTS, ROLES)).missing()
    placed = [call for call in await calls(owner) if call.startswith(("reference", "tenant"))]
    assert len(placed) == len({*placed})


async def test_a_table_of_a_later_migration_follows(cluster: Cluster, database: str, owner: asyncpg.Connection) -> None:
    urls = Urls(cluster.dsn(database), cluster.dsn(database, OWNER), APP, embedded=False)
    await installation.migrate(urls)
    assert not await calls(owner)
    await layout.distribute(urls)
    await owner.execute(GIFTS)
    with pytest.raises(StartRefused, match=r"gifts is on the coordinator alone .*; run `openvest db distribute`"):
        await check_layout(owner, LAYOUTS)
    assert await installation.migrate(urls) == 0
    assert "tenant gifts" in await calls(owner)
    await check_layout(owner, LAYOUTS)
    assert (await layout.sentence(urls)).startswith("distributed over 2 nodes: ")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            "update pg_extension set extversion = '11.3-1' where extname = 'citus'",
            "This is Citus 11.3-1; update it to 12",
        ),
        ("update pg_dist_node set isactive = false", "no node that takes rows; add one with citus_add_node"),
        ("", "A node does not know the role nobody_there"),
    ],
    ids=["old", "no nodes", "no role"],
)
async def test_what_a_cluster_lacks_is_said(
    cluster: Cluster, database: str, owner: asyncpg.Connection, change: str, sentence: str
) -> None:
    superuser = await asyncpg.connect(cluster.dsn(database, "postgres"))
    await superuser.execute(f"set allow_system_table_mods = on; {change}")
    await superuser.close()
    with pytest.raises(StartRefused, match=sentence):
        await distribute(owner, LAYOUTS, (OWNER, "nobody_there"))
    assert not await calls(owner)


async def test_a_table_elsewhere_than_its_tenant_is_told(owner: asyncpg.Connection) -> None:
    await distribute(owner, LAYOUTS, ROLES)
    await owner.execute("update pg_dist_partition set colocationid = 9 where logicalrelid = 'topups'::regclass")
    with pytest.raises(StartRefused, match="topups does not stand where the rows of its tenant are"):
        await check_layout(owner, LAYOUTS)
    with pytest.raises(StartRefused, match="undo that with undistribute_table"):
        await distribute(owner, LAYOUTS, ROLES)
