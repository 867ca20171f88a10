"""A backup goes into an empty database, in one transaction: all of it is there afterwards, or nothing."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from openvest.db.address import Progress, silent
from openvest.db.backup import (
    GZIP,
    SETTLE,
    TABLES,
    TENANTS,
    BackupRefused,
    Manifest,
    Rows,
    TableFile,
    Told,
    read_rows,
)
from openvest.db.catalogue import parents_first
from openvest.db.migrate import compare, migrate_to, migrating_alone, read_migrations

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

CHUNK = 1 << 18
SOMETHING = """
select c.relname from pg_class c join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public'
 where c.relkind in ('r', 'p', 'v', 'm', 'S') order by 1 limit 1
"""
REFERENCES = """
select c.relname as name, t.relname as target
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid
  join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public'
  join pg_class t on t.oid = k.confrelid
 where k.contype = 'f' and c.oid <> t.oid and not c.relispartition
"""


async def load_backup(
    connection: Connection,
    folder: Path,
    manifest: Manifest,
    app_role: str,
    *,
    verify: bool,
    progress: Progress = silent,
) -> None:
    """Make the schema the backup is of, fill it, bring it up to date. The connection is of the role that migrates.

    `verify` reads every row again and compares. Raises: BackupRefused, SchemaRefused. Writes: everything.
    """
    wanted = read_migrations()
    compare(manifest.migrations, wanted)
    async with migrating_alone(connection):
        async with connection.transaction():
            await connection.execute(SETTLE)
            await _refuse_what_is_there(connection)
            await migrate_to(connection, app_role, wanted[: len(manifest.migrations)])
            await _fill(connection, folder, manifest, progress)
            if verify:
                await _compare_rows(connection, manifest, progress)
            await migrate_to(connection, app_role, wanted, progress=progress)
        await connection.execute("analyze")


async def _refuse_what_is_there(connection: Connection) -> None:
    found = await connection.fetchval(SOMETHING)
    if found is not None:
        raise BackupRefused(
            f"The database is not empty ({found} is in it); restore into a new one, with another --data-dir or another "
            "database in DATABASE_URL and DATABASE_ADMIN_URL."
        )


async def _fill(connection: Connection, folder: Path, manifest: Manifest, progress: Progress) -> None:
    """Every row, parents first, with nothing in the way that is about new rows: triggers, walls, what migrations put.

    Why triggers may rest: what they refuse was refused when the rows were new, and the proof looks at all of it.
    """
    rows = {row["name"]: row for row in await connection.fetch(TABLES)}
    known = {table.name: table for table in manifest.tables}
    differences = sorted(set(rows) ^ set(known)) or [
        name for name, table in known.items() if tuple(rows[name]["columns"]) != table.columns
    ]
    if differences:
        raise BackupRefused(f"The backup and its migrations differ in {', '.join(differences)}; take another backup.")
    forced = [name for name, row in rows.items() if row["forced"]]
    for name in rows:
        await connection.execute(f"alter table {name} disable trigger user")
    for name in forced:
        await connection.execute(f"alter table {name} no force row level security")
    await connection.execute(f"truncate {', '.join(rows)}")
    told = Told(progress, "restored", len(rows))
    for name in await _in_order(connection, list(rows)):
        await _load(connection, folder, known[name])
        told.table(known[name].rows)
    for sequence, value in manifest.last.items():
        await connection.execute("select setval($1::regclass, $2)", sequence, value)
    for name in forced:
        await connection.execute(f"alter table {name} force row level security")
    for name in rows:
        await connection.execute(f"alter table {name} enable trigger user")


async def _in_order(connection: Connection, names: Sequence[str]) -> list[str]:
    parents: dict[str, set[str]] = {name: set() for name in names}
    for row in await connection.fetch(REFERENCES):
        parents[row["name"]].add(row["target"])
    return parents_first(parents)


async def _load(connection: Connection, folder: Path, table: TableFile) -> None:
    """Raises: BackupRefused for a file that is not as it was written."""
    summed = Rows()

    async def pieces() -> AsyncGenerator[bytes]:
        unpack = zlib.decompressobj(GZIP)
        with (folder / table.file).open("rb") as file:
            while chunk := file.read(CHUNK):
                data = unpack.decompress(chunk)
                await summed(data)
                yield data

    source: Any = pieces()
    await connection.copy_to_table(table.name, source=source, columns=table.columns)
    if (summed.rows, summed.content) != (table.rows, table.content):
        raise BackupRefused(f"{folder / table.file} is not as it was written; take another backup.")


async def _compare_rows(connection: Connection, manifest: Manifest, progress: Progress) -> None:
    """Read what was restored as a backup would, and hold it against the manifest. Raises: BackupRefused."""
    tenants = [row["tenant_id"] for row in await connection.fetch(TENANTS)]
    walled = {row["name"] for row in await connection.fetch(TABLES) if row["walled"]}
    told, differing = Told(progress, "compared", len(manifest.tables)), list[str]()
    for table in manifest.tables:
        summed = Rows()
        await read_rows(connection, table.name, table.columns, tenants if table.name in walled else None, summed)
        if (summed.rows, summed.content) != (table.rows, table.content):
            differing.append(f"{table.name} ({summed.rows} rows for {table.rows})")
        told.table(table.rows)
    if differing:
        raise BackupRefused(f"What was restored is not what was saved, in {', '.join(differing)}; nothing was kept.")
