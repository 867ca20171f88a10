"""Two things that are true of every declared lifecycle while the program works.

A state is read under a lock before it is moved, and what the news last told of an object is what its table says.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch
from uuid import UUID

from openvest.catalog import LIFECYCLES
from openvest.db import unit as units
from openvest.db.query import Query, Statement
from openvest.db.unit import Database, Unit
from openvest.features.tenants import service as tenants

_UPDATE = re.compile(r"\bupdate (\w+)\b")


@cache
def columns() -> Mapping[str, str]:
    """The column of the state, by table."""
    return {table: column for table, _, column in (life.table.partition(".") for life in LIFECYCLES)}


# A row that a transaction has locked or written carries its number in xmax or xmin until it ends.

_ROWS = "select id, xmin::text::bigint, xmax::text::bigint, {column} from {table} where tenant_id = $1"
_MINE = "select pg_current_xact_id()::text::bigint"


@contextmanager
def moves_watched() -> Generator[list[str]]:
    """Inside, every unit's statement that moves a state is held against the locks of its transaction. Gives findings.

    Why by row numbers and not by racing: a lock that is missing shows in one case of thousands, but its absence always.
    One unit at a time only: the locks of others could be taken for its own.
    """
    known, findings = columns(), list[str]()
    fetch, run = units._fetch, Unit.run  # pyright: ignore[reportPrivateUsage] - where all rows come from

    async def states(connection: Any, table: str, tenant_id: UUID) -> dict[UUID, tuple[bool, str]]:
        """Shape: by id, whether this transaction has the row, and its state."""
        mine = await connection.fetchval(_MINE)
        rows = await connection.fetch(_ROWS.format(table=table, column=known[table]), tenant_id)
        return {row[0]: (row[1] >= mine or row[2] >= mine, row[3]) for row in rows}

    async def watched(connection: Any, sql: str, tenant_id: Any, work: Any) -> Any:
        tables = sorted({table for table in _UPDATE.findall(sql) if table in known})
        before = {table: await states(connection, table, tenant_id) for table in tables}
        done = await work
        for table in tables:
            for row_id, (_, state) in (await states(connection, table, tenant_id)).items():
                held, was = before[table].get(row_id, (True, state))
                if state != was and not held:
                    findings.append(f"{table} {row_id} went from {was} to {state} without being locked before")
        return done

    async def fetch_watched(connection: Any, query: Query[Any], args: Any) -> list[Any]:
        return await watched(connection, query.sql, args[0] if args else None, fetch(connection, query, args))

    async def run_watched(unit: Unit, statement: Statement, *args: Any) -> int:
        return await watched(unit.connection, statement.sql, unit.tenant_id, run(unit, statement, *args))

    with patch.object(units, "_fetch", fetch_watched), patch.object(Unit, "run", run_watched):
        yield findings


_VERSIONED = """
select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid
 where c.relnamespace = 'public'::regnamespace and c.relname = any($1::text[]) and a.attname = 'version'
   and pg_relation_size(c.oid) > 0
 order by c.relname
"""
"""Of these tables those with versions and rows: what nobody wrote to has no page, and need not be planned for."""
_UNTOLD = """
select t.id::text || ' is ' || t.{column} || ' in version ' || t.version || ' of {table}, the news says '
       || coalesce(e.told || ' in version ' || e.object_version, 'nothing')
  from {table} t
  left join lateral (
    select e.snapshot ->> '{column}' as told, e.object_version from events e
     where e.tenant_id = t.tenant_id and e.object_id = t.id and e.snapshot ? '{column}'
     order by e.object_version desc, e.set_id desc, e.n desc limit 1) e on true
 where t.tenant_id = $1 and (e.told is distinct from t.{column} or e.object_version > t.version)
"""


_NOT_AFTER = """
select type || ' of ' || object_id || ' in version ' || object_version || ' is not dated after version ' || before
  from (select type, object_id, object_version, created_at, lag(object_version) over w as before,
               lag(created_at) over w as dated
          from events where tenant_id = $1
        window w as (partition by object_id order by object_version, set_id, n)) t
 where object_version > before and created_at <= dated
"""


async def untold_states(unit: Unit) -> Sequence[str]:
    """Objects whose newest event tells another state than their table, or a version that does not exist yet; and
    events of an object that are not dated in the order of its versions."""
    connection, known = unit.connection, columns()
    await connection.execute("set local statement_timeout = 0")  # after a campaign there is much to read
    tables = [row[0] for row in await connection.fetch(_VERSIONED, list(known))]
    asked = [_NOT_AFTER, *(_UNTOLD.format(table=table, column=known[table]) for table in tables)]
    return [row[0] for row in await connection.fetch(" union all ".join(f"({sql})" for sql in asked), unit.tenant_id)]


async def untold_anywhere(database: Database) -> list[str]:
    """The same of all tenants of a database."""
    found: list[str] = []
    for tenant in await tenants.all_tenants(database):
        found += await database.read(tenant.tenant_id, untold_states)
    return found
