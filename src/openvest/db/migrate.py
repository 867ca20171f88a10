"""Forward-only SQL migrations: files in order, each in one transaction, each remembered by its checksum.

A file once applied never changes; the runner refuses where it did, and where the database knows migrations that this
program does not. One advisory lock keeps two runners apart. The owner role runs them; the application role only reads
their record.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from openvest.core.failpoints import failpoint

_LOCK = 7_203_114_915_000_001  # any fixed number; it names this lock among the database's advisory locks

_MID_FILE = failpoint("migrations.before_record")
_BETWEEN = failpoint("migrations.between_files")
_RECORD = """
create table if not exists schema_migrations (
  number integer primary key,
  name text not null,
  checksum text not null)
"""


class SchemaRefused(Exception):
    """The schema does not fit this program. The text is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file. `checksum` is SHA-256 over its bytes."""

    number: int
    name: str
    sql: str
    checksum: str


def migrations_folder() -> Path:
    """Where the migrations stand: beside the package in a wheel, at the root of the repository in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent.parent / "migrations"


def read_folder(folder: Path) -> list[Migration]:
    """The migration files of a folder in the order of their names."""
    found: list[Migration] = []
    for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql")):
        text = path.read_bytes()
        found.append(Migration(int(path.name[:4]), path.stem, text.decode(), hashlib.sha256(text).hexdigest()))
    return found


def read_migrations() -> list[Migration]:
    """All migrations in order. Raises: SchemaRefused where numbers repeat or leave a gap."""
    found = read_folder(migrations_folder())
    if [m.number for m in found] != list(range(1, len(found) + 1)):
        raise SchemaRefused(
            "The migration files are not numbered 1, 2, 3 … without a gap; restore the folder migrations/."
        )
    return found


async def apply_migrations(
    connection: asyncpg.Connection,
    app_role: str,
    *,
    progress: Callable[[str], None] = lambda _: None,
    migrations: Sequence[Migration] | None = None,
) -> int:
    """Bring the schema up to date as its owner. Returns how many files were applied.

    Raises: SchemaRefused.
    """
    wanted = list(read_migrations() if migrations is None else migrations)
    async with migrating_alone(connection):
        return await migrate_to(connection, app_role, wanted, progress=progress)


@asynccontextmanager
async def migrating_alone(connection: asyncpg.Connection) -> AsyncGenerator[None]:
    """No other runner changes the schema as long as the block lasts."""
    await connection.execute("select pg_advisory_lock($1)", _LOCK)
    try:
        yield
    finally:
        await connection.execute("select pg_advisory_unlock($1)", _LOCK)


async def migrate_to(
    connection: asyncpg.Connection,
    app_role: str,
    wanted: Sequence[Migration],
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> int:
    """Apply those of these migrations that are not there yet, by whoever migrates alone. Raises: SchemaRefused."""
    await connection.execute(_RECORD)
    await connection.execute(f'grant select on schema_migrations to "{app_role.replace(chr(34), "")}"')
    await connection.execute("select set_config('openvest.app_role', $1, false)", app_role)
    known = await known_migrations(connection)
    compare(known, wanted)
    for migration in wanted[len(known) :]:
        progress(f"applying migration {migration.name}")
        async with connection.transaction():
            await connection.execute(migration.sql)
            _MID_FILE()
            await connection.execute(
                "insert into schema_migrations (number, name, checksum) values ($1, $2, $3)",
                migration.number,
                migration.name,
                migration.checksum,
            )
        _BETWEEN()
    return len(wanted) - len(known)


async def check_schema(connection: asyncpg.Connection) -> None:
    """Refuse to serve on a schema that is not exactly this program's. Raises: SchemaRefused."""
    if await connection.fetchval("select to_regclass('schema_migrations')") is None:
        raise SchemaRefused("The database has no OpenVest schema yet; run `openvest db migrate`.")
    wanted = read_migrations()
    known = await known_migrations(connection)
    compare(known, wanted)
    if len(known) < len(wanted):
        raise SchemaRefused(
            f"The schema is at migration {len(known)} and this program needs {len(wanted)}; run `openvest db migrate`."
        )


async def known_migrations(connection: asyncpg.Connection) -> list[tuple[int, str, str]]:
    """Number, name and checksum of what this database was migrated by, in order."""
    rows = await connection.fetch("select number, name, checksum from schema_migrations order by number")
    return [(row["number"], row["name"], row["checksum"]) for row in rows]


def compare(known: Sequence[tuple[int, str, str]], wanted: Sequence[Migration]) -> None:
    """Refuse a past that is not the beginning of this program's. Raises: SchemaRefused."""
    for (number, name, checksum), migration in zip(known, wanted, strict=False):
        if checksum != migration.checksum:
            raise SchemaRefused(
                f"Migration {number} was applied as {name} with other text than {migration.name} has now; "
                "run the version of OpenVest that applied it, or restore the file."
            )
    if len(known) > len(wanted):
        raise SchemaRefused(
            f"The database is at migration {len(known)}, newer than this program ({len(wanted)}); run a newer OpenVest."
        )
