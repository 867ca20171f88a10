"""A backup: one folder with every row of every table, as of one instant, and a manifest that is written last.

Rows travel in PostgreSQL's own COPY text, the schema as the migrations that made it. So a backup of any server from
version 15 on goes into any other, an older backup into a newer program, and no program of PostgreSQL is needed. Why
tenant by tenant: forced row-level security binds the owner of the tables too, and to lift it would lock everybody out.

Source: docs/adr/0019.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast
from uuid import UUID

import asyncpg

from openvest.core.clock import instant
from openvest.db.address import Progress, silent
from openvest.db.copy_out import copy_out
from openvest.db.files import sync_folder, write_private
from openvest.db.migrate import check_schema, known_migrations

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

FORMAT = 1
KIND = "openvest backup"
MANIFEST = "manifest.json"
CONTENT_BYTES = 16
TELL_SECONDS = 2
# zlib writes and reads what gzip does.
GZIP, LEVEL = 31, 3

NAMES = """
select c.relname as name
  from pg_class c join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public'
 where c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'schema_migrations'
 order by c.relname
"""
TABLES = """
select c.relname as name, c.relrowsecurity as walled, c.relforcerowsecurity as forced,
       array(select a.attname::text from pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
              order by a.attnum) as columns
  from pg_class c join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public'
 where c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'schema_migrations'
 order by c.relname
"""
TENANTS = "select tenant_id from tenants order by tenant_id"
SEQUENCES = """
select sequencename::text as name, last_value as value from pg_sequences
 where schemaname = 'public' and last_value is not null order by 1
"""
# The same text on every server, and no limit of the role's may end what takes long.
SETTLE = """
select set_config(s.name, w.value, true)
  from (values ('timezone', 'UTC'), ('datestyle', 'ISO, YMD'), ('intervalstyle', 'postgres'), ('bytea_output', 'hex'),
               ('extra_float_digits', '1'), ('search_path', 'public'), ('row_security', 'on'),
               ('statement_timeout', '0'), ('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
               ('transaction_timeout', '0')) w (name, value)
  join pg_settings s on lower(s.name) = w.name
"""


class BackupRefused(Exception):
    """A backup cannot be made or used. The text is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """One table. `sha256` is of the file; `content` sums up its rows whatever their order. Units: `bytes` on disk."""

    name: str
    file: str
    columns: tuple[str, ...]
    rows: int
    bytes: int
    sha256: str
    content: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a backup. `master_key` is the key's fingerprint; `last` is how far each sequence had come."""

    made_at: str
    openvest: str
    postgresql: str
    mode: str
    seed: str
    master_key: str
    migrations: tuple[tuple[int, str, str], ...]
    tenants: int
    tables: tuple[TableFile, ...]
    last: dict[str, int]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def bytes(self) -> int:
        return sum(table.bytes for table in self.tables)


class Rows:
    """Sums up rows of COPY text that come in pieces. Each ends with the one line feed that is not written `\\n`."""

    def __init__(self) -> None:
        self.rows, self._sum, self._rest = 0, 0, b""

    async def __call__(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.rows += len(lines)
        for line in lines:
            self._sum += int.from_bytes(hashlib.blake2b(line, digest_size=CONTENT_BYTES).digest())

    @property
    def content(self) -> str:
        return f"{self._sum % 2 ** (8 * CONTENT_BYTES):0{2 * CONTENT_BYTES}x}"


class _File:
    """A compressed file that only its owner may read. Writes: the file, on disk once it is closed."""

    def __init__(self, path: Path) -> None:
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
        self._packed, self._hash = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP), hashlib.sha256()
        self.rows, self.bytes = Rows(), 0

    async def __call__(self, data: bytes) -> None:
        await self.rows(data)
        self._put(self._packed.compress(data))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def finish(self) -> str:
        """Bring all of it to disk. Returns the hash of what was written."""
        self._put(self._packed.flush())
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._hash.hexdigest()

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.bytes += len(data)


@dataclass(frozen=True, slots=True)
class About:
    """What the database does not know of itself, for the manifest."""

    openvest: str
    mode: str
    seed: str
    master_key: str


def empty_folder(folder: Path) -> Path:
    """The folder a backup goes into, made closed to others. Raises: BackupRefused where something is in it."""
    folder = folder.expanduser().resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BackupRefused(f"{folder} is not empty; name a folder that is not there yet.")
        folder.chmod(0o700)
    except OSError as error:
        raise BackupRefused(f"{folder} cannot be used ({error.strerror}); name another folder.") from None
    return folder


async def write_backup(connection: Connection, folder: Path, about: About, progress: Progress = silent) -> Manifest:
    """Write every row as of one instant, beside whatever is being written. The connection is the owner's.

    Raises: SchemaRefused, OSError. Writes: `folder`, which is empty again where it fails.
    """
    try:
        return await _write(connection, folder, about, progress)
    except BaseException:
        _empty(folder)
        raise


def _empty(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


async def _write(connection: Connection, folder: Path, about: About, progress: Progress) -> Manifest:
    await check_schema(connection)
    names = [row["name"] for row in await connection.fetch(NAMES)]
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        # Before the snapshot, which begins with the first query: the schema stays what it is until the end.
        await connection.execute(f"lock table {', '.join(names)}, schema_migrations in access share mode")
        await connection.execute(SETTLE)
        await check_schema(connection)
        made_at = instant(await connection.fetchval("select wire_now()"))
        tenants = [row["tenant_id"] for row in await connection.fetch(TENANTS)]
        told = Told(progress, "written", len(names))
        tables: list[TableFile] = []
        for row in await connection.fetch(TABLES):
            name = str(row["name"])
            columns = tuple(row["columns"])
            with _File(folder / f"{name}.copy.gz") as file:
                await read_rows(connection, name, columns, tenants if row["walled"] else None, file)
                sha256, rows = file.finish(), file.rows
            tables.append(TableFile(name, f"{name}.copy.gz", columns, rows.rows, file.bytes, sha256, rows.content))
            told.table(rows.rows)
        # Sequences stand outside of every snapshot; read last, none is behind the rows.
        last = {row["name"]: row["value"] for row in await connection.fetch(SEQUENCES)}
        version = await connection.fetchval("show server_version")
        migrations = tuple(await known_migrations(connection))
    manifest = Manifest(
        made_at, about.openvest, str(version), about.mode, about.seed, about.master_key,
        migrations, len(tenants), tuple(tables), last,
    )  # fmt: skip
    sync_folder(folder)
    write_private(folder / MANIFEST, _sealed(manifest))
    return manifest


async def read_rows(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    tenants: Sequence[UUID] | None,
    into: Callable[[bytes], Coroutine[Any, Any, None]],
) -> None:
    """All rows of a table as COPY text; of a walled one those of each tenant after the other."""
    named = ", ".join(f'"{column}"' for column in columns)
    chosen = f'select {named} from "{table}"'  # noqa: S608 - names of the catalog's
    if tenants is None:
        await copy_out(connection, chosen, into=into)
        return
    for tenant in tenants:
        await connection.execute(f"set local app.tenant = '{tenant}'")
        await copy_out(connection, f"{chosen} where tenant_id = '{tenant}'", into=into)


class Told:
    """Says every other second how far it is."""

    def __init__(self, progress: Progress, verb: str, total: int) -> None:
        self._progress, self._verb, self._total = progress, verb, total
        self._tables, self._rows, self._at = 0, 0, time.monotonic()

    def table(self, rows: int) -> None:
        """One more is done."""
        self._tables, self._rows = self._tables + 1, self._rows + rows
        if time.monotonic() - self._at > TELL_SECONDS:
            self._at = time.monotonic()
            self._progress(f"{self._tables} of {self._total} tables, {self._rows:,} rows {self._verb}…")


def _sealed(manifest: Manifest) -> str:
    """The manifest as text, with a checksum over itself."""
    body: dict[str, Any] = {"kind": KIND, "format": FORMAT, **asdict(manifest)}
    return json.dumps({**body, "checksum": checksum(body)}, indent=1) + "\n"


def checksum(body: dict[str, Any]) -> str:
    """Over all a manifest says besides."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """What a finished backup holds; every file it names is there as it was written.

    Raises: BackupRefused for what is none, is half written, was changed, or is of a newer format.
    """
    file = folder / MANIFEST
    try:
        body = cast("dict[str, Any]", json.loads(file.read_text(encoding="utf-8")))
        said, kind, number = body.pop("checksum"), body.pop("kind"), body.pop("format")
    except FileNotFoundError:
        raise BackupRefused(
            f"{folder} holds no finished backup, since {MANIFEST}, which is written last, is missing; take another one."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupRefused(f"{file} cannot be read ({error}); take another backup.") from None
    if kind == KIND and isinstance(number, int) and number > FORMAT:
        raise BackupRefused(f"This backup has format {number}, and this program reads {FORMAT}; run a newer OpenVest.")
    if said != checksum({"kind": kind, "format": number, **body}) or kind != KIND:
        raise BackupRefused(f"{file} was changed since it was written; take another backup.")
    tables = tuple(_table(table) for table in body["tables"])
    migrations = tuple((one, name, said) for one, name, said in body["migrations"])
    manifest = Manifest(**cast("dict[str, Any]", {**body, "tables": tables, "migrations": migrations}))
    for table in manifest.tables:
        _check_file(folder / table.file, table)
    return manifest


def _table(said: dict[str, Any]) -> TableFile:
    return TableFile(**cast("dict[str, Any]", {**said, "columns": tuple(said["columns"])}))


def _check_file(file: Path, table: TableFile) -> None:
    """Raises: BackupRefused."""
    try:
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise BackupRefused(f"{file} cannot be read ({error.strerror}); take another backup.") from None
    if found != table.sha256:
        raise BackupRefused(f"{file} is not as it was written; take another backup.")
