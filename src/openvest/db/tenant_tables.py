"""Which rows are a tenant's, as the catalogue of the database says: a table of a later feature follows by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from openvest.db.catalogue import parents_first

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

LEFT_BEHIND: Mapping[str, str] = {
    "access_tokens": "a token lives half an hour, and was bought from the other installation",
    "list_marks": "long lists are marked anew where their rows come to",
}
"""Tables of tenants that never travel, and why. Nonces and the state of rate limits have no tenant and stay too."""

NOT_COPIED: Mapping[str, str] = {
    "api_clients": "a client speaks for one tenant; its id is looked up before the tenant is known",
    "client_keys": "the same holds for the ids of its keys",
    "idempotency": "the answers were given to those clients",
    "webhook_packages": "what waits is delivered by the tenant it is a copy of",
}
"""Tables that a copy leaves behind too, and why: it is another tenant beside the one it was made of."""

LEASES = ("lease_token", "leased_until")
"""Columns that name who is at a row now; elsewhere nobody is."""

DRAWN: Mapping[str, tuple[str, str]] = {"journal_blocks": ("journals", "id")}
"""Sequences that belong to no column, and the column whose values are drawn from them."""

_MARGIN = 1_000
_TABLES = """
select c.relname::text as name,
       array(select a.attname::text from pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
              order by a.attnum) as columns,
       array(select distinct t.relname::text from pg_constraint k join pg_class t on t.oid = k.confrelid
              where k.conrelid = c.oid and k.contype = 'f' and t.oid <> c.oid) as parents,
       exists (select from pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal
                and g.tgname <> all (array['marks', 'marks_of_states'])) as watched
  from pg_class c join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public'
 where c.relkind in ('r', 'p') and not c.relispartition
   and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
 order by c.relname
"""
_IDENTITIES = """
select c.relname::text as name, a.attname::text as column, pg_get_serial_sequence(c.relname, a.attname) as sequence
  from pg_attribute a join pg_class c on c.oid = a.attrelid
  join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public'
 where a.attidentity <> '' and c.relname = any($1::text[])
"""


@dataclass(frozen=True, slots=True)
class TenantTable:
    """A table of tenants. `columns` are those that are stored, `parents` what it refers to; `watched`: a trigger of
    ours refuses what a statement writes to it."""

    name: str
    columns: tuple[str, ...]
    parents: tuple[str, ...]
    watched: bool


async def tenant_tables(connection: Connection) -> list[TenantTable]:
    """Every table of tenants, by name."""
    rows = await connection.fetch(_TABLES)
    return [TenantTable(r["name"], tuple(r["columns"]), tuple(r["parents"]), r["watched"]) for r in rows]


def travelling(tables: Sequence[TenantTable], *, moved: bool) -> list[TenantTable]:
    """Those whose rows go with a tenant that moves, or into a copy of it."""
    left = LEFT_BEHIND if moved else {**LEFT_BEHIND, **NOT_COPIED}
    return [table for table in tables if table.name not in left]


def in_order(tables: Sequence[TenantTable]) -> list[list[TenantTable]]:
    """The tables in sets, what is referred to before what refers to it.

    Why sets: what triggers hold against each other, such as journals and their entries, is written by one statement.
    """
    known = {table.name: table for table in tables}
    watched = [table for table in tables if table.watched]
    place = {table.name: watched[0].name if table.watched else table.name for table in tables}
    parents: dict[str, set[str]] = {name: set() for name in place.values()}
    for table in tables:
        parents[place[table.name]] |= {place[one] for one in table.parents if one in known} - {place[table.name]}
    return [watched if known[name].watched else [known[name]] for name in parents_first(parents)]


async def set_tenant(connection: Connection, tenant_id: UUID) -> None:
    """Let this transaction see and write the rows of one tenant."""
    await connection.execute(f"set local app.tenant = '{tenant_id}'")


async def set_sequences(connection: Connection, tables: Sequence[TenantTable], tenant_id: UUID) -> None:
    """Let no sequence give what came in. Ids stay as they were, since every key leads with the tenant.

    Why a margin: others draw from a sequence while it is set; so far they do not come. The caller imports alone.
    """
    names = [table.name for table in tables]
    drawn = {r["sequence"]: (r["name"], r["column"]) for r in await connection.fetch(_IDENTITIES, names)}
    for sequence, (table, column) in {**drawn, **DRAWN}.items():
        asked = f'select max("{column}") from "{table}" where tenant_id = $1'  # noqa: S608 - names of the catalog's
        last = await connection.fetchval(asked, tenant_id)
        if last is not None and await connection.fetchval("select nextval($1::regclass)", sequence) <= last:
            step = await connection.fetchval(
                "select seqincrement from pg_sequence where seqrelid = $1::regclass", sequence
            )
            await connection.execute("select setval($1::regclass, $2)", sequence, last + _MARGIN * step)
