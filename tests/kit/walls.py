"""The walls between tenants, taken down one at a time, so that a test sees what the other holds by itself."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, LiteralString, cast
from unittest.mock import patch

import asyncpg

from openvest.db import unit as units
from openvest.db.query import Query, Statement
from openvest.db.unit import Unit
from tests.kit.cluster import OWNER, Cluster

_TAKE_DOWN = """
do $$
declare walled text;
begin
  for walled in select c.relname from pg_class c join pg_namespace s on s.oid = c.relnamespace
                 where s.nspname = 'public' and c.relrowsecurity loop
    execute format('alter table %I no force row level security, disable row level security', walled);
  end loop;
end $$
"""


async def take_down_policies(cluster: Cluster, name: str) -> None:
    """Switch row-level security off for every table of a database."""
    owner = await asyncpg.connect(cluster.dsn(name, OWNER))
    try:
        await owner.execute(_TAKE_DOWN)
        assert await owner.fetchval("select count(*) from pg_class where relrowsecurity") == 0
    finally:
        await owner.close()


_TENANT = re.compile(r"\b(?:\w+\.)?tenant_id = \$(\d+)(?!\d)")


def without_where(sql: str) -> LiteralString:
    """A statement that no longer asks for its tenant's rows alone. The parameter stays, so the others keep theirs."""
    return cast(LiteralString, _TENANT.sub(r"$\1::uuid is not null", sql))


@contextmanager
def taken_down_where() -> Generator[set[str]]:
    """Inside, units send every statement without its condition on the tenant. Gives the statements that had one."""
    stripped: set[str] = set()
    fetch, row, run = units._fetch, Unit.row, Unit.run  # pyright: ignore[reportPrivateUsage] - where all rows come from

    def bare(sql: LiteralString) -> LiteralString:
        changed = without_where(sql)
        if changed != sql:
            stripped.add(sql)
        return changed

    async def bare_fetch(connection: Any, query: Query[Any], args: Any) -> list[Any]:
        return await fetch(connection, Query(query.row, bare(query.sql)), args)

    async def bare_row(unit: Unit, query: Query[Any], *args: Any) -> Any:
        return await row(unit, Query(query.row, bare(query.sql)), *args)

    async def bare_run(unit: Unit, statement: Statement, *args: Any) -> int:
        return await run(unit, Statement(bare(statement.sql)), *args)

    with (
        patch.object(units, "_fetch", bare_fetch),
        patch.object(Unit, "row", bare_row),
        patch.object(Unit, "run", bare_run),
    ):
        yield stripped
