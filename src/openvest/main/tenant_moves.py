"""A tenant out of an installation, and into another one: moved there for good, or as a copy of a sandbox.

A move keeps every id; the source is closed, so the tenant is in one place only. A copy is another tenant: with an id of
its own, without clients, with its subscriptions switched off, so that nothing is delivered twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from openvest.catalog import INVARIANTS, SEALED
from openvest.core.clock import instant
from openvest.core.sealing import SealBroken, SealedColumn, Secrets
from openvest.db.address import Progress
from openvest.db.backup import SETTLE
from openvest.db.closing import UNDER_WAY_SECONDS, StillWriting, close_tenant, is_closed, reopen_tenant
from openvest.db.migrate import check_schema, known_migrations
from openvest.db.tenant_file import Exported, MoveRefused, TenantReader, TenantWriter, open_tenant
from openvest.db.tenant_rows import Resealer, load, put_in_place, write_shared, write_tables
from openvest.db.tenant_tables import set_tenant, tenant_tables, travelling
from openvest.features.tenants import service as tenants
from openvest.features.tenants.model import ListedTenant
from openvest.ledger.audit import Proof, prove_tenant
from openvest.main import tenant_master as master
from openvest.main.installation import Installation, as_owner
from openvest.server.idempotency import ANSWER

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

ALL_SEALED: tuple[SealedColumn, ...] = (*SEALED, ANSWER)
"""Every column that holds values only sealed."""
_KNOWN = "select name, tenant_id from list_tenants() where name = $1 or tenant_id = $2"
_CLIENTS = """
select count(*) from credential_directory
 where credential in (select uuid_send(id) from incoming_api_clients union all
                      select uuid_send(id) from incoming_client_keys)
"""
_FOUND = "select name, created_at from tenants where tenant_id = $1"
_CREDENTIALS = """
select uuid_send(id) from api_clients where tenant_id = $1
 union all select uuid_send(id) from client_keys where tenant_id = $1
"""
_NOTE_TENANT = "insert into tenant_directory (tenant, name, created_at) values ($1, $2, $3)"
_NOTE_CREDENTIALS = "insert into credential_directory (credential, tenant) select unnest($2::bytea[]), $1"
_CURSOR = "coalesce((select max(c.sequence) from instrument_changes c), 0)"
_IMPORT_ALONE = "select pg_advisory_xact_lock(hashtextextended('tenant import', 0))"
_NAME_ALONE = "select pg_advisory_xact_lock(hashtextextended('tenant:' || $1, 0))"


@dataclass(frozen=True, slots=True)
class Imported:
    """What came in, under which name and id, and the proof of its books. `same_key`: the secrets of clients hold."""

    exported: Exported
    name: str
    tenant_id: UUID
    same_key: bool
    proof: Proof


async def export_tenant(
    installation: Installation,
    tenant: ListedTenant,
    path: Path,
    key: Secrets,
    version: str,
    *,
    keep_open: bool,
    progress: Progress,
) -> tuple[Exported, int]:
    """Write all of a tenant into a new file. Returns what is in it and its size in bytes.

    Without `keep_open` the tenant is closed first, and open again where this fails.
    Raises: MoveRefused, NewsUntold, StartRefused without the owner's URL, SchemaRefused, OSError.
    Writes: tenants, the file.
    """
    if keep_open and installation.mode == "production":
        raise MoveRefused("A production tenant is in one place only; export it without --keep-open.")
    async with as_owner(installation.urls) as connection:
        with TenantWriter(path) as file:
            async with _closed(connection, tenant, keep_open=keep_open, progress=progress):
                exported = await _write(installation, connection, file, tenant, key, version, not keep_open, progress)
                return exported, file.finish(exported, key)


@asynccontextmanager
async def _closed(
    connection: Connection, tenant: ListedTenant, *, keep_open: bool, progress: Progress
) -> AsyncGenerator[None]:
    """The tenant closed, and open again where the block raises and it was open before. Raises: MoveRefused."""
    if keep_open:
        yield
        return
    was_closed = await is_closed(connection, tenant.tenant_id)
    progress(f"closing {tenant.name} and waiting for what is being written…")
    try:
        await close_tenant(connection, tenant.tenant_id)
        yield
    except BaseException as error:
        if not was_closed:
            await asyncio.shield(reopen_tenant(connection, tenant.tenant_id))
        if isinstance(error, StillWriting):
            raise MoveRefused(
                f"What was being written did not end within {UNDER_WAY_SECONDS} s; end the transactions that stand "
                "open in the database, then export again."
            ) from None
        raise


async def _write(
    installation: Installation,
    connection: Connection,
    file: TenantWriter,
    tenant: ListedTenant,
    key: Secrets,
    version: str,
    moved: bool,
    progress: Progress,
) -> Exported:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(SETTLE)
        await set_tenant(connection, tenant.tenant_id)
        await check_schema(connection)
        await master.check_told(connection, tenant.tenant_id)
        made_at = instant(await connection.fetchval("select wire_now()"))
        tables = travelling(await tenant_tables(connection), moved=moved)
        resealer = Resealer(ALL_SEALED, installation.secrets, key, tenant.tenant_id)
        naming = [table.name for table in tables if "instrument_id" in table.columns]
        traded = await master.referred(connection, tenant.tenant_id, naming)
        await write_shared(connection, file, master.SHARED, traded)
        await write_tables(connection, file, tenant.tenant_id, tables, resealer, progress)
        migrations = tuple(await known_migrations(connection))
    return Exported(
        made_at, version, installation.mode, str(tenant.tenant_id), tenant.name, moved, key.key_id,
        installation.secrets.key_id, migrations, file.members,
    )  # fmt: skip


async def import_tenant(
    installation: Installation, path: Path, key: Secrets, name: str | None, progress: Progress
) -> Imported:
    """Put a tenant of a file beside those that are here, all of it or nothing; open it where its books are proven.

    Raises: MoveRefused, MasterDiffers, UnusableName, StartRefused without the owner's URL, SchemaRefused, OSError.
    Writes: every table of tenants, their directories, the master of instruments, sequences.
    """
    with open_tenant(path, key) as file:
        exported = file.exported
        name = exported.name if name is None else tenants.checked_name(name)
        _check_mode(installation, exported)
        tenant_id = UUID(exported.tenant_id) if exported.moved else tenants.sandbox_id(installation.seed, name)
        async with as_owner(installation.urls) as connection, connection.transaction():
            try:
                await _import(installation, connection, file, key, name, tenant_id, progress)
            except SealBroken as error:
                raise MoveRefused(f"{path} holds a value that the key does not open ({error}).") from None
    progress("proving the books…")
    proof = await prove_tenant(installation.assembled.database, tenant_id, INVARIANTS)
    if proof.clean:
        async with as_owner(installation.urls) as connection:
            await reopen_tenant(connection, tenant_id)
    return Imported(exported, name, tenant_id, exported.master_key == installation.secrets.key_id, proof)


def _check_mode(installation: Installation, exported: Exported) -> None:
    if exported.mode != installation.mode:
        raise MoveRefused(
            f"The file holds a {exported.mode} tenant, and this installation is in mode {installation.mode}; import it "
            f"into one in mode {exported.mode}."
        )


async def _import(
    installation: Installation,
    connection: Connection,
    file: TenantReader,
    key: Secrets,
    name: str,
    tenant_id: UUID,
    progress: Progress,
) -> None:
    exported = file.exported
    await connection.execute(SETTLE)
    await check_schema(connection)
    await _check_same_schema(connection, exported)
    await connection.execute(_IMPORT_ALONE)
    await connection.execute(_NAME_ALONE, name)
    await _refuse_known(connection, name, tenant_id)
    await load(connection, file, Resealer(ALL_SEALED, key, installation.secrets, tenant_id), progress)
    if exported.moved and await connection.fetchval(_CLIENTS):
        raise MoveRefused("A client of the tenant is known here under another tenant; export a copy with --keep-open.")
    await master.merge(connection)
    tables = travelling(await tenant_tables(connection), moved=exported.moved)
    changed = await _changed(connection, installation, exported, name)
    await put_in_place(connection, tenant_id, tables, exported.members, changed, progress)
    await _note(connection, tenant_id)


async def _note(connection: Connection, tenant_id: UUID) -> None:
    """Let the tenant and what speaks for it be found, as `found_tenant` and `note_credential` do."""
    await connection.execute(_NOTE_TENANT, tenant_id, *await connection.fetchrow(_FOUND, tenant_id) or ())
    credentials = [row[0] for row in await connection.fetch(_CREDENTIALS, tenant_id)]
    await connection.execute(_NOTE_CREDENTIALS, tenant_id, credentials)


async def _changed(
    connection: Connection, installation: Installation, exported: Exported, name: str
) -> Mapping[tuple[str, str], str]:
    """What a tenant does not bring along as it was, as expressions of SQL."""
    changed = {
        ("tenants", "name"): await connection.fetchval("select quote_literal($1::text)", name),
        # It takes writes once its books are proven.
        ("tenants", "closed_at"): "wire_now()",
        # All news were told where it came from, and the master here says the same.
        ("instrument_cursors", "last_sequence"): _CURSOR,
    }
    if not exported.moved:
        changed |= {("webhooks", "enabled"): "false"}
    return changed


async def _check_same_schema(connection: Connection, exported: Exported) -> None:
    here = tuple(await known_migrations(connection))
    if here != exported.migrations:
        raise MoveRefused(
            f"The file is of a schema at migration {len(exported.migrations)} (OpenVest {exported.openvest}), and this "
            f"installation is at {len(here)} with the schema of this program; run the same version of OpenVest on both "
            "sides, then export it anew."
        )


async def _refuse_known(connection: Connection, name: str, tenant_id: UUID) -> None:
    known = await connection.fetchrow(_KNOWN, name, tenant_id)
    if known is None:
        return
    if known["name"] == name:
        raise MoveRefused(f"There is a tenant {name} here already; import it under another name: --as NAME.")
    raise MoveRefused(
        f"This tenant is here already, as {known['name']}, with the id {tenant_id}; an installation holds it once."
    )


async def reopen(installation: Installation, tenant: ListedTenant) -> None:
    """Let a tenant be written here again. Raises: StartRefused without the owner's URL, OSError. Writes: tenants."""
    async with as_owner(installation.urls) as connection:
        await reopen_tenant(connection, tenant.tenant_id)
