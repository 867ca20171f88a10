"""One installation opened: its database found or started, its schema brought up to date, its key and seed at hand.

Every process and every operator command begins here, so all of them refuse the same things with the same sentences.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import asyncpg

from openvest.catalog import LAYOUTS
from openvest.core.failpoints import failpoint
from openvest.core.sealing import SealBroken, Secrets, new_master_key
from openvest.db.address import DatabaseAddress, Progress, read_address, silent
from openvest.db.attach import attach_or_start
from openvest.db.checks import (
    LargeObjectsOpen,
    StartRefused,
    check_large_objects,
    check_role,
    check_server_settings,
)
from openvest.db.connections import connect, open_pool
from openvest.db.data_dir import open_data_dir
from openvest.db.distribute import check_layout, follow
from openvest.db.embedded import ADDRESS_FILE
from openvest.db.ending import Ending
from openvest.db.files import write_private
from openvest.db.hosts import Hosts, keep_pulse
from openvest.db.migrate import apply_migrations, check_schema
from openvest.db.query import Query
from openvest.db.room import check_room, room_for
from openvest.features.instruments.service import load_master
from openvest.features.tenants import service as tenants
from openvest.main import Assembled, Mode, assemble
from openvest.main.environment import Environment
from openvest.main.failpoints import arm_failpoint, refuse_failpoint_of

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

KEY_FILE = "master.key"
KEY_ID_FILE = "master.key.id"
WRONG_KEY = (
    "The master key is not the one this database was sealed with; set OPENVEST_MASTER_KEY to the key it was made with, "
    f"or put {KEY_FILE} back."
)
FIRST_SEED = "1"
_BEFORE_MASTER = failpoint("start.before_instruments")
_AFTER_FOUND = failpoint("start.before_master_key")


@dataclass(frozen=True, slots=True)
class Urls:
    """The two roles of a database. `owner` is None where nobody gave it."""

    app: str
    owner: str | None
    app_role: str
    embedded: bool
    superuser: str | None = None
    """Of an embedded database alone."""


@dataclass(frozen=True, slots=True)
class Installation:
    """An open installation."""

    environment: Environment
    urls: Urls
    assembled: Assembled
    secrets: Secrets
    mode: Mode
    seed: str


_FOUND = "select seed, mode from found_installation($1, $2)"
MODE = Query(str, "select mode from installation")
_HAS_TENANT = "select exists (select from list_tenants())"


@asynccontextmanager
async def running_database(
    environment: Environment,
    *,
    alone: bool = False,
    ending: Ending | None = None,
    processes: int = 1,
    progress: Progress = silent,
) -> AsyncGenerator[Urls]:
    """The database for as long as the block lasts. `alone` refuses a second such process on the data directory.

    `ending` says by when a database that nobody else uses is stopped; one that is started here has room for so many
    `processes` with a pool. Raises: StartRefused, EmbeddedError, AlreadyServing.
    """
    arm_failpoint(environment.failpoint)
    async with _found_or_started(environment, alone, ending, room_for(processes), progress) as urls:
        await refuse_failpoint_of(environment.failpoint, urls.app)
        yield urls


@asynccontextmanager
async def _found_or_started(
    environment: Environment, alone: bool, ending: Ending | None, max_connections: int, progress: Progress
) -> AsyncGenerator[Urls]:
    if environment.database_url is not None:
        open_data_dir(environment.data_dir)
        yield await named_database(environment, environment.database_url)
    else:
        attachment = attach_or_start(
            environment.data_dir,
            binaries=environment.binaries,
            alone=alone,
            ending=ending,
            max_connections=max_connections,
            progress=progress,
        )
        async with attachment as address:
            yield _embedded(address)


async def named_database(environment: Environment, url: str) -> Urls:
    """The database of DATABASE_URL. Raises: what a connection raises."""
    role = unquote(urlsplit(url).username or "") or await _session_role(url)
    return Urls(url, environment.admin_url, role, embedded=False)


async def _session_role(url: str) -> str:
    """Whom a URL without a name connects as."""
    connection = await connect(url)
    try:
        return str(await connection.fetchval("select session_user"))
    finally:
        await connection.close()


def embedded_urls(data_dir: Path) -> Urls:
    """Of an embedded database that runs. Raises: OSError, ValueError, EmbeddedError where none does."""
    return _embedded(read_address(data_dir.expanduser().resolve() / ADDRESS_FILE))


def _embedded(address: DatabaseAddress) -> Urls:
    above = address.superuser_dsn(address.database)
    return Urls(address.app_dsn(), address.owner_dsn(), address.app_user, embedded=True, superuser=above)


@asynccontextmanager
async def as_owner(urls: Urls) -> AsyncGenerator[Connection]:
    """A connection of the role that migrates. Raises: StartRefused where its URL is missing, OSError."""
    if urls.owner is None:
        raise StartRefused(
            "This needs the owner of the schema; set DATABASE_ADMIN_URL to that role's URL and run the command again."
        )
    connection = await connect(urls.owner)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def as_app(urls: Urls) -> AsyncGenerator[Connection]:
    """A connection of the role that serves. Raises: OSError."""
    connection = await connect(urls.app)
    try:
        yield connection
    finally:
        await connection.close()


async def migrate(urls: Urls, progress: Progress = silent) -> int:
    """Bring schema and instrument master up to date. Returns how many migrations were applied.

    Raises: SchemaRefused, StartRefused, OSError.
    """
    async with as_owner(urls) as connection:
        applied = await apply_migrations(connection, urls.app_role, progress=progress)
        await follow(connection, LAYOUTS, progress)
        _BEFORE_MASTER()
        await load_master(connection)
        return applied


async def check(urls: Urls) -> None:
    """What must be true before anything is served. Raises: StartRefused, SchemaRefused, OSError."""
    async with as_app(urls) as connection:
        await check_server_settings(connection)
        # Before the schema, which a role that is refused anyway may not even see.
        await check_role(connection)
        await check_schema(connection)
        await check_layout(connection, LAYOUTS)
        await check_large_objects(connection)


async def _checked(urls: Urls, progress: Progress) -> None:
    """The same; what an embedded database made by an older version leaves open is closed. Raises: as `check`."""
    try:
        await check(urls)
    except LargeObjectsOpen as refused:
        if urls.superuser is None:
            raise
        progress("closing large objects to the role that serves…")
        connection = await connect(urls.superuser)
        try:
            await connection.execute(refused.cure)
        finally:
            await connection.close()
        await check(urls)


async def check_whole(urls: Urls, environment: Environment) -> None:
    """All that would stop a start on this database, the master key too; nothing is made. Raises: as `check`."""
    await check(urls)
    pool = await open_pool(urls.app, size=1, application="openvest check")
    try:
        mode = await pool.fetchval(MODE.sql)
        if mode is None:
            return  # Nobody started here yet, so nothing is sealed.
        await _refuse_fresh_key(pool, environment, mode)
        if mode == "production" or environment.master_key is not None or (environment.data_dir / KEY_FILE).exists():
            await _check_key(assemble(pool, seed=FIRST_SEED, secrets=master_key(environment, mode), mode=mode))
    finally:
        await pool.close()


@asynccontextmanager
async def opened(
    urls: Urls,
    environment: Environment,
    *,
    mode: Mode | None = None,
    seed: str | None = None,
    pool_size: int = 4,
    application: str = "openvest",
    processes: int = 0,
    ending: Ending | None = None,
    progress: Progress = silent,
) -> AsyncGenerator[Installation]:
    """The program over its database. The embedded one is migrated, any other must have been.

    `mode` and `seed` are compared with what the first start stored. `processes` with a pool are to fit the server, as
    many as this start brings; `ending` bounds what its end takes. Raises: StartRefused, SchemaRefused, OSError.
    """
    if processes:
        await check_room(urls.app, processes, progress)
    if urls.embedded:
        await migrate(urls, progress)
    await _checked(urls, progress)
    hosts = Hosts.of(urls.app)
    # One of the connections feels the pulse, so that there are no more of them than a start counts.
    pool = await open_pool(hosts, size=pool_size - hosts.several, application=application)
    pulse = asyncio.create_task(keep_pulse(hosts, progress)) if hosts.several else None
    try:
        connection_seed, stored_mode = await _found(pool, mode, seed)
        _AFTER_FOUND()
        await _refuse_fresh_key(pool, environment, stored_mode)
        secrets = master_key(environment, stored_mode)
        assembled = assemble(pool, seed=connection_seed, secrets=secrets, mode=stored_mode)
        await _check_key(assembled)
        if urls.embedded:
            _note_key(environment, secrets)
        yield Installation(environment, urls, assembled, secrets, stored_mode, connection_seed)
    finally:
        if pulse is not None:
            pulse.cancel()
        # A connection that hangs must not keep the process; its unit goes back by itself.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(pool.close(), (ending or Ending()).left(0.7, 5))
        pool.terminate()


async def _found(pool: Any, mode: Mode | None, seed: str | None) -> tuple[str, Mode]:
    """What the first start stored, which is this one where there was none before. Raises: StartRefused."""
    row = await pool.fetchrow(_FOUND, seed or FIRST_SEED, mode or "sandbox")
    if seed is not None and row["seed"] != seed:
        raise StartRefused(
            f"This database was made with the seed {row['seed']}; leave --seed out, or choose another folder with "
            "--data-dir for a database with the seed " + seed + "."
        )
    if mode is not None and row["mode"] != mode:
        raise StartRefused(
            f"This database was made in mode {row['mode']}; start with --mode {row['mode']}, or take another database."
        )
    return row["seed"], row["mode"]


async def _refuse_fresh_key(pool: Any, environment: Environment, mode: Mode) -> None:
    """No key is made for a database whose secrets are sealed with another. Raises: StartRefused.

    Why the tenants first: whoever makes one has made the key before.
    """
    sealed = await pool.fetchval(_HAS_TENANT)
    file = environment.data_dir / KEY_FILE
    if sealed and mode == "sandbox" and environment.master_key is None and not file.exists():
        raise StartRefused(_no_key(file))


def master_key(environment: Environment, mode: Mode) -> Secrets:
    """The master key: the environment's, else in a sandbox that of the data directory, made at first use.

    Raises: StartRefused. Writes: the key file, readable by its owner only.
    """
    if environment.master_key is None:
        if mode == "production":
            raise StartRefused(
                "Production needs a master key of its own; set OPENVEST_MASTER_KEY to 64 hexadecimal digits "
                "(openssl rand -hex 32) and keep them safe."
            )
        _make_key(environment.data_dir / KEY_FILE)
    key = known_key(environment)
    if key is None:
        raise StartRefused(f"{environment.data_dir / KEY_FILE} is gone again; start once more.")
    return key


def known_key(environment: Environment) -> Secrets | None:
    """The master key that is there, of the environment or of the data directory. Raises: StartRefused."""
    text, source = environment.master_key, "OPENVEST_MASTER_KEY"
    if text is None:
        file = environment.data_dir / KEY_FILE
        source = str(file)
        try:
            text = file.read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise StartRefused(
                f"{file} cannot be read ({error}); run the command as the user who started OpenVest there."
            ) from None
    try:
        return Secrets.from_hex(text)
    except ValueError:
        raise StartRefused(f"{source} does not hold 64 hexadecimal digits; put back the key it held before.") from None


def _make_key(file: Path) -> None:
    """Make the key of a data directory. Two processes that start at once agree, since the file is linked into place."""
    if not file.exists():
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        write_private(fresh, new_master_key() + "\n")
        try:
            os.link(fresh, file)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()


def _note_key(environment: Environment, secrets: Secrets) -> None:
    """Leave beside an embedded database which key it is sealed with, for whoever looks while it is not running."""
    file = environment.data_dir / KEY_ID_FILE
    with contextlib.suppress(OSError):
        if not file.exists() or file.read_text(encoding="ascii").strip() != secrets.key_id:
            write_private(file, secrets.key_id + "\n")


def check_noted_key(environment: Environment) -> None:
    """Refuse a key that is not the noted one, without asking the database. Raises: StartRefused."""
    try:
        noted = (environment.data_dir / KEY_ID_FILE).read_text(encoding="ascii").strip()
    except OSError:
        return
    if environment.master_key is None and not (environment.data_dir / KEY_FILE).exists():
        raise StartRefused(_no_key(environment.data_dir / KEY_FILE))
    if master_key(environment, "sandbox").key_id != noted:
        raise StartRefused(WRONG_KEY)


def _no_key(file: Path) -> str:
    return (
        f"There is no master key in {file}, and this database was sealed with one; set OPENVEST_MASTER_KEY to the "
        f"key it was made with, or put {KEY_FILE} back."
    )


async def _check_key(assembled: Assembled) -> None:
    """Refuse a key that does not open what is sealed, before anything new is sealed with it. Raises: StartRefused."""
    database = assembled.database
    for tenant in await tenants.all_tenants(database):
        try:
            await database.read(tenant.tenant_id, tenants.signing_key)
        except SealBroken:
            raise StartRefused(WRONG_KEY) from None
        except LookupError:
            continue
        return
