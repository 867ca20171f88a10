"""How a database is laid out: plain, on one server, or distributed by tenant over the nodes of a Citus cluster.

Tenant tables are distributed by tenant_id, one tenant's rows of all of them on one node; shared tables are whole on
every node; the rest stays on the coordinator. What is done follows from the layouts that are declared and from the
catalogs, so it can be done again at any time and only does what is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, LiteralString

import asyncpg

from openvest.db.address import Progress, silent
from openvest.db.catalogue import NODE_FUNCTIONS, parents_first
from openvest.db.checks import StartRefused
from openvest.db.migrate import migrating_alone

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

Layout = Literal["tenant", "reference", "local"]

TENANT_COLUMN = "tenant_id"
FIRST_TABLE = "tenants"
"""All other tenant tables stand where its rows stand."""
OLDEST_CITUS = 12
HOW = "docs/operations/scale.md says how"

VERSION = "select extversion from pg_extension where extname = 'citus'"
NODES = """
select count(*) filter (where shouldhaveshards) from pg_dist_node where isactive and noderole = 'primary'
"""
ABSENT_ROLES = """
select distinct r.role from unnest($1::text[]) as r(role),
       run_command_on_workers(format('select count(*) from pg_roles where rolname = %L', r.role)) as told
 where not told.success or told.result <> '1' order by 1
"""
# Partitions follow their parent. A table that is distributed keeps what it held before, unseen, until it is truncated.
TABLES = """
select c.relname::text as name,
       case when d.partmethod = 'h' then 'tenant' when d.repmodel = 't' then 'reference' else 'local' end as layout,
       d.colocationid as colocation, column_to_column_name(d.logicalrelid, d.partkey) as by_column,
       pg_relation_size(c.oid) > 0 as has_rows,
       array(select f.relname::text from pg_constraint k join pg_class f on f.oid = k.confrelid
              where k.conrelid = c.oid and k.contype = 'f' and f.oid <> c.oid order by 1) as leads_to,
       array(select distinct t.tgfoid::regprocedure::text from pg_trigger t
              where t.tgrelid = c.oid and not t.tgisinternal order by 1) as calls
  from pg_class c
  join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public'
  left join pg_dist_partition d on d.logicalrelid = c.oid
 where c.relkind in ('r', 'p') and not c.relispartition
 order by c.relname
"""
FUNCTIONS = """
select p.oid::regprocedure::text as signature
  from pg_proc p
  join pg_namespace s on s.oid = p.pronamespace and s.nspname = 'public'
 where p.proname = any($1::text[]) order by 1
"""
# Triggers look at the rows of their shard alone, and one connection does all that a table needs.
PREPARE = "set citus.enable_unsafe_triggers = on; set citus.multi_shard_modify_mode = 'sequential'"


@dataclass(frozen=True, slots=True)
class Table:
    """One table as it stands, and the layout it is to have. Shape: `leads_to` are targets of its foreign keys."""

    name: str
    wanted: Layout
    layout: Layout = "local"
    colocation: int | None = None
    by_column: str | None = None
    has_rows: bool = False
    leads_to: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the extension, and what is said while it runs."""

    told: str
    sql: LiteralString
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a database is: `tables` is empty where it is laid out plain."""

    tables: Sequence[Table] = ()
    nodes: int = 0

    @property
    def is_distributed(self) -> bool:
        return any(table.layout != "local" for table in self.tables)

    def sentence(self) -> str:
        if not self.is_distributed:
            return "laid out plain: everything on one server"
        counts = Counter(table.layout for table in self.tables)
        nodes = f"{self.nodes} node{'' if self.nodes == 1 else 's'}"
        return (
            f"distributed over {nodes}: {counts['tenant']} tables by tenant, {counts['reference']} whole on every node,"
            f" {counts['local']} on the coordinator"
        )

    def missing(self) -> list[str]:
        """What is not as it is to be, in a database that is distributed."""
        if not self.is_distributed:
            return []
        home = next((table.colocation for table in self.tables if table.name == FIRST_TABLE), None)
        said = [
            f"{one.name} is {_TOLD[one.layout]} and is to be {_TOLD[one.wanted]}"
            for one in self.tables
            if one.layout != one.wanted
        ]
        for one in self.tables:
            if one.layout == one.wanted == "tenant" and (one.by_column, one.colocation) != (TENANT_COLUMN, home):
                said.append(f"{one.name} does not stand where the rows of its tenant are")
        return said


_TOLD: Mapping[Layout, str] = {
    "tenant": "distributed by tenant",
    "reference": "whole on every node",
    "local": "on the coordinator alone",
}


async def standing(connection: Connection, layouts: Mapping[str, Layout]) -> Standing:
    """How this database is laid out. A table without a declared layout is a tenant's."""
    if await connection.fetchval(VERSION) is None:
        return Standing()
    tables = [
        Table(
            row["name"],
            layouts.get(row["name"], "tenant"),
            row["layout"],
            row["colocation"],
            row["by_column"],
            row["has_rows"],
            tuple(row["leads_to"]),
            tuple(row["calls"]),
        )
        for row in await connection.fetch(TABLES)
    ]
    return Standing(tables, await connection.fetchval(NODES))


async def check_layout(connection: Connection, layouts: Mapping[str, Layout]) -> None:
    """Refuse a database of which one part is distributed and another is not. Raises: StartRefused."""
    missing = (await standing(connection, layouts)).missing()
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise StartRefused(
            f"The database is distributed, but {missing[0]}{more}; run `openvest db distribute`; "
            "what that cannot move, undistribute_table does."
        )


def plan(tables: Sequence[Table], functions: Sequence[str], *, shards: int | None = None) -> list[Call]:
    """The calls that are missing, in their order: what tables need first, then each after those it leads to."""
    moved = [table for table in _in_order(tables) if table.wanted != "local" and table.layout == "local"]
    needed = {*functions, *(call for table in moved for call in table.calls)}
    calls = [
        Call(f"making {one} known on every node", "select create_distributed_function($1::text::regprocedure)", (one,))
        for one in (sorted(needed) if moved else ())
    ]
    for table in moved:
        if table.wanted == "reference":
            told, sql, args = "copying {} to every node", "select create_reference_table($1::text::regclass)", ()
        elif table.name != FIRST_TABLE:
            told, sql, args = "distributing {} by tenant", _BESIDE, (TENANT_COLUMN, FIRST_TABLE)
        elif shards is None:
            told, sql, args = "distributing {} by tenant", _BESIDE, (TENANT_COLUMN, "none")
        else:
            told, sql, args = "distributing {} by tenant", _IN_SHARDS, (TENANT_COLUMN, "none", shards)
        calls.append(Call(told.format(table.name), sql, (table.name, *args)))
    # Those first that others lead to last: no row is removed that a row left over still leads to.
    calls += [
        Call(
            f"removing what {table.name} left on the coordinator",
            "select truncate_local_data_after_distributing_table($1::text::regclass)",
            (table.name,),
        )
        for table in reversed(_in_order(tables))
        if table.wanted != "local" and table.has_rows
    ]
    return calls


_BESIDE = "select create_distributed_table($1::text::regclass, $2, colocate_with => $3)"
_IN_SHARDS = "select create_distributed_table($1::text::regclass, $2, colocate_with => $3, shard_count => $4)"


def _in_order(tables: Sequence[Table]) -> list[Table]:
    """Reference tables, then the first one, then the others, each after all that it leads to."""
    known = {table.name: table for table in tables}
    parents = {table.name: set(table.leads_to) & set(known) for table in tables}
    for table in tables:
        if table.name == FIRST_TABLE:
            parents[FIRST_TABLE] |= {one.name for one in tables if one.wanted == "reference"}
        elif table.wanted == "tenant" and FIRST_TABLE in known:
            parents[table.name].add(FIRST_TABLE)
    return [known[name] for name in parents_first(parents)]


async def distribute(
    connection: Connection,
    layouts: Mapping[str, Layout],
    roles: Sequence[str],
    *,
    shards: int | None = None,
    progress: Progress = silent,
) -> Standing:
    """Lay the database out over the nodes as declared, as its owner; what stands is left. Raises: StartRefused."""
    await _check_cluster(connection, roles)
    async with migrating_alone(connection):
        await _lay_out(connection, layouts, shards, progress)
    found = await standing(connection, layouts)
    if missing := found.missing():
        raise StartRefused(f"{missing[0]}; undo that with undistribute_table, and run this again.")
    return found


async def follow(connection: Connection, layouts: Mapping[str, Layout], progress: Progress = silent) -> None:
    """Give tables that came with a migration their layout, in a database that is distributed; leave any other."""
    if (await standing(connection, layouts)).is_distributed:
        async with migrating_alone(connection):
            await _lay_out(connection, layouts, None, progress)


async def _lay_out(
    connection: Connection, layouts: Mapping[str, Layout], shards: int | None, progress: Progress
) -> None:
    known = await standing(connection, layouts)
    functions = [row["signature"] for row in await connection.fetch(FUNCTIONS, sorted(NODE_FUNCTIONS))]
    calls = plan(known.tables, functions, shards=shards)
    if calls:
        await connection.execute(PREPARE)
    for number, call in enumerate(calls, 1):
        progress(f"{number} of {len(calls)}: {call.told}…")
        await connection.execute(call.sql, *call.args, timeout=None)


async def _check_cluster(connection: Connection, roles: Sequence[str]) -> None:
    version = await connection.fetchval(VERSION)
    if version is None:
        raise StartRefused(
            "This database has no extension citus, so it stays on one server; install Citus on every node, run CREATE "
            f"EXTENSION citus and add the nodes ({HOW})."
        )
    if int(version.partition(".")[0]) < OLDEST_CITUS:
        raise StartRefused(f"This is Citus {version}; update it to {OLDEST_CITUS} or newer ({HOW}).")
    if not await connection.fetchval(NODES):
        raise StartRefused(f"The cluster has no node that takes rows; add one with citus_add_node ({HOW}).")
    absent = [row["role"] for row in await connection.fetch(ABSENT_ROLES, list(roles))]
    if absent:
        raise StartRefused(f"A node does not know the role {absent[0]}; make it there, then run this again ({HOW}).")
