"""R47: the walls between tenants as the catalogs of a migrated database tell them, and the roles behind them."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import asyncpg

from openvest.catalog import LIFECYCLES
from openvest.db.attach import attach_or_start
from openvest.db.catalogue import OWNERS_FUNCTIONS, WIRE_TABLES
from openvest.db.embedded import remove_database
from tests.architecture.catalogue import EQUAL_TABLES, functions, grants, keys, lists, lives, tenant_tables, walls
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.ground import ground
from tests.kit.cluster import APP, OWNER
from tools.schema import read

_POWERS = """
select r.rolname as role,
       array_remove(array[
         case when r.rolsuper then 'SUPERUSER' end, case when r.rolbypassrls then 'BYPASSRLS' end,
         case when r.rolcreatedb then 'CREATEDB' end, case when r.rolcreaterole then 'CREATEROLE' end,
         case when r.rolreplication then 'REPLICATION' end], null)
       || array(select 'member of ' || m.rolname from pg_roles m
                 where m.rolname not in (r.rolname, 'pg_database_owner')
                   and pg_has_role(r.oid, m.oid, 'member')) as powers
  from pg_roles r where r.rolname = any($1::text[])
"""
_OWNED = """
select c.relname from pg_class c join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public'
 where pg_get_userbyid(c.relowner) <> $1
union all
select p.proname from pg_proc p join pg_namespace s on s.oid = p.pronamespace and s.nspname = 'public'
 where pg_get_userbyid(p.proowner) <> $1
"""
_EXECUTED = """
select p.proname as name,
       has_function_privilege($1, p.oid, 'execute') as granted,
       exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                where a.grantee = 0 and a.privilege_type = 'EXECUTE') as anybody
  from pg_proc p join pg_namespace s on s.oid = p.pronamespace and s.nspname = 'public' where p.prosecdef
"""
_OBJECTS = """
select p.oid::regprocedure::text from pg_proc p
 where p.proname in ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import')
   and has_function_privilege($1, p.oid, 'execute')
"""
_MAKES = (
    "select has_schema_privilege($1, 'public', 'create') or has_database_privilege($1, current_database(), 'create')"
)


async def _owners(superuser: asyncpg.Connection) -> list[str]:
    """Who owns what: all of it the owner, nothing the role that serves, which makes nothing new either."""
    said = [f"{name} does not belong to {OWNER}" for (name,) in await superuser.fetch(_OWNED, OWNER)]
    if await superuser.fetchval(_MAKES, APP):
        said.append(f"{APP} may create things")
    for row in await superuser.fetch(_EXECUTED, APP):
        if row["anybody"]:
            said.append(f"anybody may execute {row['name']}, which runs as the owner")
        if row["granted"] != (row["name"] in OWNERS_FUNCTIONS):
            said.append(
                f"{APP} may execute {row['name']}" if row["granted"] else f"{APP} may not execute {row['name']}"
            )
    return said


async def _powers(superuser: asyncpg.Connection) -> list[str]:
    """Neither role has a power that would take it past the walls, itself or through another role."""
    rows = await superuser.fetch(_POWERS, [OWNER, APP])
    said = [f"{row['role']} has {', '.join(row['powers'])}" for row in rows if row["powers"]]
    return said if len(rows) == 2 else [*said, f"there are the roles {[row['role'] for row in rows]} alone"]


def _installed() -> list[str]:
    """The roles as an installation of its own makes them."""

    async def ask(dsn: str) -> list[str]:
        superuser = await asyncpg.connect(dsn)
        try:
            objects = [f"{APP} may execute {name}" for (name,) in await superuser.fetch(_OBJECTS, APP)]
            return [f"embedded: {sentence}" for sentence in (*await _powers(superuser), *objects)]
        finally:
            await superuser.close()

    with tempfile.TemporaryDirectory(prefix="ovw") as folder:
        data_dir = Path(folder) / "var"
        try:
            with attach_or_start(data_dir) as address:
                return asyncio.run(ask(address.superuser_dsn(address.database)))
        finally:
            remove_database(data_dir)


async def catalogue(run: Run) -> Verdict:
    """Every rule of the catalogue over a migrated database, in which the rules also find something to look at."""
    async with ground() as stand:
        owner = await asyncpg.connect(stand.cluster.dsn(stand.name, OWNER))
        superuser = await asyncpg.connect(stand.cluster.dsn(stand.name, "postgres"))
        try:
            findings: list[str] = []
            for rule in (lists, walls, keys, grants, functions, lives(LIFECYCLES)):
                findings += await rule(owner)
            findings += await _owners(superuser) + await _powers(superuser)
            known = await read(superuser)
        finally:
            await owner.close()
            await superuser.close()
    findings += await asyncio.to_thread(_installed)
    walled = tenant_tables(known)
    assert len(walled) > 35 and len(known.relations) == len(walled) + len(EQUAL_TABLES | WIRE_TABLES)
    figure = (
        f"{len(walled)} tables of tenants walled, {len(EQUAL_TABLES)} shared, {len(WIRE_TABLES)} of the wire;"
        f" {len(known.policies)} policies, {len(known.grants)} grants, {len(OWNERS_FUNCTIONS)} functions of the owner;"
        f" {len(findings)} exceptions"
    )
    return Verdict(figure, findings)


R47 = Gate(
    "R47 row-level-security",
    "every table of tenants is walled, and the role that serves cannot climb",
    catalogue,
    quick=True,
)
