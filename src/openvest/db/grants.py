"""Who may do what in the schema: as a database has it, and as the migrations made it.

What the migrations made stands in `schema.sql` beside them, which is made of the same lines and held to them by a test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import asyncpg

from openvest.db.address import APP_ROLE
from openvest.db.migrate import migrations_folder

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

# What anybody but the owner may do; the owner may do everything.
GRANTS = """
with things as (
  select case c.relkind when 'S' then 'sequence ' else 'table ' end || quote_ident(c.relname) as object,
         c.relowner as owner, c.relacl as acl, '' as columns
    from pg_class c join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public'
   where c.relkind in ('r', 'p', 'v', 'S')
  union all
  select 'table ' || quote_ident(c.relname), c.relowner, a.attacl, format(' (%I)', a.attname)
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public'
   where a.attacl is not null
  union all
  select 'function ' || format('%I(%s)', f.proname, pg_get_function_identity_arguments(f.oid)), f.proowner,
         coalesce(f.proacl, acldefault('f', f.proowner)), ''
    from pg_proc f join pg_namespace s on s.oid = f.pronamespace and s.nspname = 'public'
  union all
  select 'schema public', s.nspowner, s.nspacl, '' from pg_namespace s where s.nspname = 'public')
select object, case x.grantee when 0 then 'public' else pg_get_userbyid(x.grantee)::text end as grantee,
       x.privilege_type || columns || case when x.is_grantable then ' with grant option' else '' end as privilege
  from things t, aclexplode(t.acl) x
 where x.grantee <> t.owner and not (object = 'schema public' and x.grantee = 0)
   and not (object = 'schema public' and pg_get_userbyid(x.grantee) = 'pg_database_owner')
 order by 1, 2, 3
"""

SIGNATURES = """
select format('%I(%s)', f.proname, pg_get_function_identity_arguments(f.oid)) as signature
  from pg_proc f
  join pg_namespace s on s.oid = f.pronamespace and s.nspname = 'public'
 where not exists (select from pg_depend d where d.objid = f.oid and d.deptype = 'e')
 order by f.proname, signature
"""
WALLS = """
select format('alter table %I enable row level security;', c.relname) as wall
  from pg_class c join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public' where c.relrowsecurity
union all
select format('alter table %I force row level security;', c.relname)
  from pg_class c join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public' where c.relforcerowsecurity
"""
# What no migration grants and a grant to come would be made of.
_BESIDE = """
select 'grant create on schema public to ' || case x.grantee when 0 then 'public' else $1 end as line
  from pg_namespace s, aclexplode(s.nspacl) x
 where s.nspname = 'public' and x.privilege_type = 'CREATE' and x.grantee = 0
union all
select format('grant create on database %I to %s', current_database(), $1)
 where has_database_privilege($2, current_database(), 'create')
union all
select format('alter default privileges … grant %s on … to %s', lower(x.privilege_type),
              case x.grantee when 0 then 'public' else pg_get_userbyid(x.grantee)::text end)
  from pg_default_acl d, aclexplode(d.defaclacl) x where x.grantee <> d.defaclrole
"""
_GRANT, _CLOSED = "grant ", "revoke all on function "


def grant_lines(
    rows: Iterable[asyncpg.Record], signatures: Iterable[str], named: Callable[[str], str]
) -> Iterator[str]:
    """Which functions are closed to public, then what each role has of what. `named` says what a role is called."""
    told: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        told[row["object"], named(row["grantee"])].append(row["privilege"].lower())
    for signature in signatures:
        if not told.pop((f"function {signature}", "public"), None):
            yield f"revoke all on function {signature} from public;"
    for (thing, grantee), privileges in sorted(told.items()):
        yield f"grant {', '.join(sorted(privileges))} on {thing} to {grantee};"


async def differences(connection: Connection, app_role: str) -> list[str]:
    """What is granted or walled otherwise than the migrations made it, a sentence each; empty where nothing is."""
    signatures = [row["signature"] for row in await connection.fetch(SIGNATURES)]

    def named(role: str) -> str:
        return APP_ROLE if role == app_role else role

    there = _pieces(grant_lines(await connection.fetch(GRANTS), signatures, named))
    lines = (migrations_folder() / "schema.sql").read_text(encoding="utf-8").splitlines()
    made = _pieces(line for line in lines if line.startswith((_GRANT, _CLOSED)))
    wider = [line for line in there - made if line.startswith(_GRANT)]
    wider += [
        f"grant execute on function {line.removeprefix(_CLOSED)}".replace(" from public", " to public")
        for line in made - there
        if line.startswith(_CLOSED)
    ]
    wider += [row["line"] for row in await connection.fetch(_BESIDE, app_role, app_role)]
    narrower = [line for line in made - there if line.startswith(_GRANT)]
    narrower += [line for line in there - made if line.startswith(_CLOSED)]
    walls = {row["wall"] for row in await connection.fetch(WALLS)}
    wanted = {line for line in lines if line.startswith("alter table") and line.endswith("row level security;")}
    said = [f"granted, and not by a migration: {line.rstrip(';')}" for line in sorted(wider)]
    said += [f"made by a migration, and not there: {line.rstrip(';')}" for line in sorted(narrower)]
    return said + [f"made by a migration, and not there: {line.rstrip(';')}" for line in sorted(wanted - walls)]


def _pieces(lines: Iterable[str]) -> set[str]:
    """One line for each privilege, without the semicolon."""
    found: set[str] = set()
    for line in lines:
        privileges, _, rest = line.rstrip(";").partition(" on ")
        if line.startswith(_GRANT):
            found |= {f"{_GRANT}{one} on {rest}" for one in privileges.removeprefix(_GRANT).split(", ")}
        else:
            found.add(line.rstrip(";"))
    return found
