"""A tenant's rows out of a database and into one: COPY text, in one transaction, never all of it in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from openvest.core.sealing import SealedColumn, Secrets
from openvest.db.address import Progress
from openvest.db.backup import Told
from openvest.db.copy_out import copy_out
from openvest.db.tenant_file import Line, Member, MoveRefused, Resealing, TenantReader, TenantWriter
from openvest.db.tenant_tables import LEASES, TenantTable, in_order, set_sequences, set_tenant

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

_COLUMNS = """
select array(select a.attname::text from pg_attribute a
              where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
              order by a.attnum)
"""


class Resealer:
    """Changes the key of sealed columns. `tenant_id`: what the tenant is called behind."""

    def __init__(self, sealed: Sequence[SealedColumn], old: Secrets, new: Secrets, tenant_id: UUID) -> None:
        self._sealed = {one.table: one for one in sealed}
        self._old, self._new, self._tenant_id = old, new, str(tenant_id)

    def of(self, table: str, columns: Sequence[str]) -> Line | None:
        """How rows of this table change on their way; None where nothing in them is sealed."""
        sealed = self._sealed.get(table)
        return None if sealed is None else Resealing(sealed, columns, self._old, self._new, self._tenant_id)


async def write_tables(
    connection: Connection,
    file: TenantWriter,
    tenant_id: UUID,
    tables: Sequence[TenantTable],
    resealer: Resealer,
    progress: Progress,
) -> None:
    """The tenant's rows of these tables, within the caller's transaction. Raises: SealBroken."""
    told = Told(progress, "written", len(tables))
    for table in tables:
        named = ", ".join(f'"{column}"' for column in table.columns)
        chosen = f'select {named} from "{table.name}" where tenant_id = $1'  # noqa: S608 - names of the catalog's
        with file.member(table.name, False, table.columns, resealer.of(table.name, table.columns)) as member:
            await copy_out(connection, chosen, tenant_id, into=member)
        told.table(file.members[-1].rows)


async def write_shared(
    connection: Connection, file: TenantWriter, queries: Mapping[str, str], ids: Sequence[UUID]
) -> None:
    """The rows of tables without a tenant that these queries choose by ids."""
    for table, chosen in queries.items():
        columns = await connection.fetchval(_COLUMNS, table)
        with file.member(table, True, columns, None) as member:
            await copy_out(connection, chosen, list(ids), into=member)


async def load(connection: Connection, file: TenantReader, resealer: Resealer, progress: Progress) -> None:
    """Bring every member of the file into a table `incoming_…` of this transaction. Raises: MoveRefused, SealBroken.

    Why not where the rows belong at once: COPY does not go through the wall between tenants, and it stays up.
    """
    told = Told(progress, "read", len(file.exported.members))
    for member in file.exported.members:
        await _make(connection, member)
        source: Any = _after(file.pieces(member, resealer.of(member.name, member.columns)))
        await connection.copy_to_table(f"incoming_{member.name}", source=source, columns=member.columns)
        told.table(member.rows)


async def _make(connection: Connection, member: Member) -> None:
    known = await connection.fetchval("select to_regclass($1)", f"public.{member.name}")
    columns = None if known is None else await connection.fetchval(_COLUMNS, member.name)
    if columns is None or list(member.columns) != list(columns):
        raise MoveRefused(f"{member.path} of the file does not fit the table {member.name} here; export it anew.")
    named = ", ".join(f'"{column}"' for column in member.columns)
    await connection.execute(
        f'create temporary table "incoming_{member.name}" on commit drop as '  # noqa: S608 - names of the catalog's
        f'select {named} from public."{member.name}" with no data'
    )


async def _after(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Pieces as the driver asks for them: none of them empty, since the first such piece would be the end."""
    async for piece in pieces:
        if piece:
            yield piece


async def put_in_place(
    connection: Connection,
    tenant_id: UUID,
    tables: Sequence[TenantTable],
    members: Sequence[Member],
    changed: Mapping[tuple[str, str], str],
    progress: Progress,
) -> None:
    """Insert the rows that `load` brought, as those of this tenant, and set the sequences behind them.

    `changed` gives columns another value, as an expression of SQL; leases are let go of.
    """
    await set_tenant(connection, tenant_id)
    told = Told(progress, "put in place", len(tables))
    rows = {member.name: member.rows for member in members}
    for together in in_order(tables):
        inserts = [_insert(table, tenant_id, changed) for table in together]
        *first, last = inserts
        begun = ", ".join(f"w{n} as ({insert})" for n, insert in enumerate(first))
        await connection.execute(f"with {begun} {last}" if begun else last)
        for table in together:
            told.table(rows[table.name])
    await set_sequences(connection, tables, tenant_id)


def _insert(table: TenantTable, tenant_id: UUID, changed: Mapping[tuple[str, str], str]) -> str:
    values: list[str] = []
    for column in table.columns:
        if column == "tenant_id":
            values.append(f"'{tenant_id}'::uuid")
        elif column in LEASES:
            values.append("null")
        else:
            values.append(changed.get((table.name, column), f'"{column}"'))
    named = ", ".join(f'"{column}"' for column in table.columns)
    return (
        f'insert into public."{table.name}" ({named}) overriding system value '  # noqa: S608 - names of the catalog's
        f'select {", ".join(values)} from "incoming_{table.name}"'
    )
