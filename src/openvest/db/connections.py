"""The pool, and what its connections are like."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import asyncpg
import orjson
from asyncpg.pgproto import pgproto

from openvest.core.clock import monotonic_ns
from openvest.core.ids import KIND
from openvest.core.snapshots import dumps
from openvest.db.address import Progress, silent
from openvest.db.faults import DOWN
from openvest.db.hosts import Hosts, PlainConnection

KIND.make = cast("Callable[[str | bytes], UUID]", pgproto.UUID)

STATED: Mapping[str, str] = {
    "timezone": "UTC",
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "10s",
    "statement_timeout": "30s",
    "search_path": "public",
    "jit": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "row_security": "on",
    # These write statements with the values in them into the log of the server.
    "debug_print_parse": "off",
    "debug_print_rewritten": "off",
    "debug_print_plan": "off",
    # Of Citus; elsewhere a name that nobody reads. SET LOCAL app.tenant goes to the nodes.
    "citus.propagate_set_commands": "local",
}
"""What a session is like, whatever ALTER ROLE said of its role.

Why all of it is stated: PostgreSQL lets every role change its own defaults, so whoever holds one session of the
application could change what every later one is like.

Why these limits: each is there to be over before the next one, so that what ends first is what is at fault. A unit
never waits for anything but its own process between two statements, which takes milliseconds; whoever is silent for
5 s was stopped, and loses its locks (within a statement the server does not count: worker/silent.py). Those who wait
for them had 5 s more, enough for whoever is before them in the line. A statement may wait for a lock once and still
have 20 s to work. The driver gives up last (COMMAND_SECONDS), since it alone cannot say what became of the statement.
Where several hosts are named, one that says nothing at all is found sooner, by its pulse (hosts.py)."""

ROLLBACK_SECONDS = 2.0
COMMAND_SECONDS = 60
"""How long the driver waits for one statement: only for a server, or a way to it, that says nothing at all."""

STARTING_SECONDS, STARTING_POLL_SECONDS, TOLD_SECONDS = 600, 0.1, 5
"""How long a start waits for a server that says it is starting: the log of a large unclean stop takes its time."""

_WAITS_FOR_COMMITS = """
select set_config(name, 'on', false) from pg_settings
 where name = 'synchronous_commit' and setting = 'off' and source in ('user', 'database user')
"""
"""Why not stated like the rest: the server may ask for more than `on`, and whether it asks for less is looked at when
the program starts."""

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]


async def register_json_codec(connection: Connection) -> None:
    """Let json and jsonb come and go as Python values."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=_encode, decoder=orjson.loads, schema="pg_catalog")


def _encode(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value)


async def _prepare(connection: Connection) -> None:
    await connection.execute(_WAITS_FOR_COMMITS)
    await register_json_codec(connection)


async def commit(connection: Connection) -> None:
    """Commit, or lose the connection with the commit.

    Why: given up alone, the driver asks the server to cancel it, and a commit that waits for a standby is then done
    without the standby; whoever asks again would be told what a failover still loses.
    """
    try:
        await connection.execute("commit")
    except (TimeoutError, asyncio.CancelledError):
        connection.terminate()
        raise


async def roll_back(connection: Connection) -> None:
    """Why limited: a server that hangs answers this no sooner than what was asked before."""
    if not connection.is_closed():
        try:
            async with asyncio.timeout(ROLLBACK_SECONDS):
                await connection.execute("rollback")
        except DOWN:
            connection.terminate()


async def connect(url: str, *, tell: Progress = silent, **options: Any) -> Connection:
    """One session, on the host that takes writes; a server that is starting is waited for.

    Why: after a crash it says for a while that it recovers, and who starts both together need not know of it.
    Raises: what the driver raises, NoPrimary.
    """
    hosts, begun, told = Hosts.of(url), monotonic_ns(), 0.0
    while True:
        try:
            return await hosts.connect(**options)
        except asyncpg.CannotConnectNowError as error:
            waited = (monotonic_ns() - begun) / 1_000_000_000
            if waited > STARTING_SECONDS:
                raise
            if waited - told > TOLD_SECONDS:
                told = waited
                tell(f"The database does not take connections yet ({error}; {waited:.0f} s so far)…")
        await asyncio.sleep(STARTING_POLL_SECONDS)


async def open_pool(
    database: str | Hosts, *, size: int = 10, application: str = "openvest", idle_s: float = 300
) -> Pool:
    """A pool of connections for the application role. `size` is the most connections it opens."""
    hosts = Hosts.of(database) if isinstance(database, str) else database
    # Every unit of work already says that the database is away; the pool would say it again, in traces.
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)
    return await asyncpg.create_pool(
        connect=hosts.connect,
        min_size=1,
        max_size=size,
        connection_class=PlainConnection,
        init=_prepare,
        server_settings={**STATED, "application_name": application},
        statement_cache_size=1000,
        max_cacheable_statement_size=0,  # of any size: one look at a tenant is a statement that grows with the catalog
        max_inactive_connection_lifetime=idle_s,
        command_timeout=COMMAND_SECONDS,
    )
