"""A process is stopped while it holds what others wait for, where PostgreSQL has no limit: others end its session."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from openvest.core.clock import WireClock
from openvest.db import wake
from openvest.db.connections import STATED
from openvest.db.unit import Database
from openvest.db.wake import Wake
from openvest.main import Assembled
from openvest.main.event_delivery import connect_event_delivery, make_worker
from openvest.worker import loop
from openvest.worker.loop import LoopEnded
from openvest.worker.silent import SilentSessions
from tests.kit.cluster import Cluster
from tests.kit.imports import owner_of

pytestmark = pytest.mark.anyio

LOCKED = "select exists (select from pg_locks where locktype = 'advisory' and objid = 42)"
LATER = "create or replace function wire_now() returns timestamptz language sql volatile as"
HALF = b"\0select 1\0" + struct.pack("!h", 0)
"""A statement that is prepared and told of no values: the first of the two messages in which the driver sends one."""


@asynccontextmanager
async def session(cluster: Cluster, database: Database) -> AsyncGenerator[Any]:
    """A session of another process of ours, with its limits made short."""
    async with database.connection() as connection:
        name, ours = await connection.fetchrow("select current_database(), current_setting('application_name')")
    short = {"application_name": ours, "statement_timeout": "50ms", "idle_in_transaction_session_timeout": "50ms"}
    other = await asyncpg.connect(cluster.dsn(name), server_settings={**STATED, **short})
    try:
        yield other
    finally:
        other.terminate()


async def stop_within(other: Any) -> None:
    """Leave it as a process does that is stopped within a statement, with a lock in its transaction."""
    await other.execute("begin")
    await other.execute("select pg_advisory_xact_lock(42)")
    message = b"P" + struct.pack("!i", len(HALF) + 4) + HALF + b"H" + struct.pack("!i", 4)
    other._transport.write(message)
    await asyncio.sleep(0.2)


async def is_locked(database: Database) -> bool:
    async with database.connection() as connection:
        return await connection.fetchval(LOCKED)


async def freed(database: Database) -> None:
    async with asyncio.timeout(10):
        while await is_locked(database):
            await asyncio.sleep(0.01)


async def test_who_is_silent_within_a_statement_loses_its_locks(cluster: Cluster, database: Database) -> None:
    async with session(cluster, database) as other, session(cluster, database) as busy:
        pid = other.get_server_pid()
        await busy.execute("set statement_timeout = 0")
        sleeping = asyncio.create_task(busy.execute("begin; select pg_sleep(2)"))
        await stop_within(other)
        assert await is_locked(database)  # its limits are over, and PostgreSQL counts neither
        sessions = SilentSessions(database)
        assert await sessions.end() == []
        assert await sessions.end() == [pid]
        await freed(database)
        assert await sessions.end() == []
        await sleeping


async def test_a_turn_that_nobody_uses_ends(cluster: Cluster, database: Database) -> None:
    async with session(cluster, database) as other, owner_of(cluster, database) as owner:
        await other.execute("select pg_advisory_lock(42)")
        sessions = SilentSessions(database)
        assert [await sessions.end(), await sessions.end()] == [[], []]
        await owner.execute(f"{LATER} 'select clock_timestamp() + interval ''1 minute'''")
        assert [await sessions.end(), await sessions.end()] == [[], [other.get_server_pid()]]
        await freed(database)


async def test_the_worker_looks_for_them(
    cluster: Cluster, assembled: Assembled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "LOOK_SECONDS", 0.05)
    delivery = connect_event_delivery(assembled, WireClock())
    stop = asyncio.Event()
    async with session(cluster, assembled.database) as other:
        await stop_within(other)
        running = asyncio.create_task(make_worker(delivery, log=_Silent()).run(stop))
        try:
            await freed(assembled.database)
        finally:
            stop.set()
            await running
            await delivery.close()


async def test_a_worker_whose_part_ends_says_so(assembled: Assembled, monkeypatch: pytest.MonkeyPatch) -> None:
    async def end(_: Wake) -> None:
        raise ValueError("not a word")

    monkeypatch.setattr(Wake, "listen", end)
    delivery = connect_event_delivery(assembled, WireClock())
    try:
        with pytest.raises(LoopEnded, match="listen"):
            await asyncio.wait_for(make_worker(delivery, log=_Silent()).run(asyncio.Event()), 10)
    finally:
        await delivery.close()


async def test_what_the_server_refuses_for_a_while_does_not_end_the_listening(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, heard = iter([asyncpg.DiskFullError("no room for the queue")]), asyncio.Event()

    async def once(_: Wake) -> None:
        for error in refused:
            raise error
        heard.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(wake, "_AGAIN_SECONDS", 0)
    monkeypatch.setattr(Wake, "_listen_once", once)
    listening = asyncio.create_task(Wake(database).listen())
    try:
        async with asyncio.timeout(5):
            await heard.wait()
    finally:
        listening.cancel()


class _Silent:
    """A log that nobody reads."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_, **__: None
