"""Which rows are a tenant's follows from the database, so no later table is forgotten when a tenant moves."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from openvest.db.tenant_tables import DRAWN, LEFT_BEHIND, NOT_COPIED, tenant_tables, travelling
from tests.kit.cluster import Cluster
from tests.kit.moves import as_owner_of, installation

pytestmark = pytest.mark.anyio


async def test_every_walled_table_travels_or_says_why_not(cluster: Cluster, tmp_path: Path) -> None:
    async with installation(cluster, tmp_path) as one, as_owner_of(one, UUID(int=0)) as connection:
        known = {table.name for table in await tenant_tables(connection)}
        walled = await connection.fetch("select relname::text from pg_class where relrowsecurity and relkind = 'r'")
        await connection.execute("create table gifts (tenant_id uuid not null, id uuid primary key)")
        assert {table.name for table in travelling(await tenant_tables(connection), moved=False)} == {
            "gifts",
            *known - {*LEFT_BEHIND, *NOT_COPIED},
        }
    assert {row[0] for row in walled} <= known and known >= {*LEFT_BEHIND, *NOT_COPIED}


async def test_every_sequence_is_known_with_the_column_it_is_drawn_for(cluster: Cluster, tmp_path: Path) -> None:
    async with installation(cluster, tmp_path) as one, as_owner_of(one, UUID(int=0)) as connection:
        alone = await connection.fetch(
            "select c.relname::text from pg_class c where c.relkind = 'S' and not exists"
            " (select from pg_depend d where d.objid = c.oid and d.deptype = 'i')"
        )
    assert {row[0] for row in alone} == DRAWN.keys()
