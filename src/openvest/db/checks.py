"""What the server of the database and the role that serves must be like, asked before anything is served."""

from __future__ import annotations

from asyncpg import Connection, Record

from openvest.db.binaries import OLDEST_MAJOR

DURABLE = ("fsync", "full_page_writes", "synchronous_commit")

SETTINGS = """
select name, setting, setting = 'off' as is_off
from pg_settings
where name = any($1)
order by name
"""

ROLES = """
select r.rolname as role,
       r.rolsuper as is_superuser,
       r.rolbypassrls as bypasses,
       d.datdba = r.oid as owns_database,
       exists (
           select from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where c.relowner = r.oid and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
       ) as owns_relations
from pg_roles r
join pg_database d on d.datname = current_database()
where r.rolname in (session_user, current_user) or pg_has_role(session_user, r.oid, 'member')
order by r.rolname in (session_user, current_user) desc, r.rolname
"""


OPEN_FUNCTIONS = """
select p.oid::regprocedure::text, session_user::text as role
from pg_proc p
where p.pronamespace = 'pg_catalog'::regnamespace
  and p.proname in ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import')
  and has_function_privilege(p.oid, 'execute')
order by 1
"""


class StartRefused(Exception):
    """Serving on this database would be unsafe; the text is one sentence that says what to do."""


class LargeObjectsOpen(StartRefused):
    """The role that serves may make large objects. `cure` is the statement that ends it, for a superuser."""

    def __init__(self, sentence: str, cure: str) -> None:
        super().__init__(sentence)
        self.cure = cure


async def check_server_settings(connection: Connection[Record]) -> None:
    """Refuse a server that is too old or that may lose commits.

    Raises: StartRefused for the version, then for each setting in alphabetical order.
    """
    number = connection.get_server_version().major
    if number < OLDEST_MAJOR:
        raise StartRefused(
            f"This is PostgreSQL {number}; let DATABASE_URL name a server of version {OLDEST_MAJOR} or newer."
        )
    for row in await connection.fetch(SETTINGS, list(DURABLE)):
        if row["is_off"]:
            raise StartRefused(
                f"{row['name']} is off, so a crash could lose what was already answered; run "
                f"ALTER SYSTEM RESET {row['name']} (look at ALTER ROLE and ALTER DATABASE too), reload and start again."
            )


async def check_role(connection: Connection[Record]) -> None:
    """Refuse to serve as a role that row-level security or the grants do not hold, itself or by membership.

    Raises: StartRefused for a superuser, then BYPASSRLS, then an owner.
    """
    rows = await connection.fetch(ROLES)
    for column, what in (("is_superuser", "a superuser"), ("bypasses", "a role with BYPASSRLS")):
        for row in rows:
            if row[column]:
                raise StartRefused(_sentence(rows, row, what))
    for row in rows:
        if row["owns_database"] or row["owns_relations"]:
            raise StartRefused(_sentence(rows, row, "the owner of the database or of tables in it"))


async def check_large_objects(connection: Connection[Record]) -> None:
    """Refuse a database in which the role that serves may make what knows no tenant. Raises: LargeObjectsOpen."""
    rows = await connection.fetch(OPEN_FUNCTIONS)
    if rows:
        role = rows[0]["role"]
        functions = ", ".join(str(row[0]) for row in rows)
        cure = f'REVOKE EXECUTE ON FUNCTION {functions} FROM PUBLIC, "{role}";'
        raise LargeObjectsOpen(
            f"The role {role} may make large objects, which belong to no tenant; run {cure} in this database as its "
            "superuser, and start again.",
            cure,
        )


def _sentence(rows: list[Record], row: Record, what: str) -> str:
    mine = rows[0]["role"]
    said = f"is {what}" if row["role"] == mine else f"may become {row['role']}, which is {what}"
    return (
        f"The role {mine} {said}, so the walls between tenants would not hold it; let DATABASE_URL name the "
        "application role and keep the owner for DATABASE_ADMIN_URL."
    )
