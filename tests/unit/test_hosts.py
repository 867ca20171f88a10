"""A URL with several hosts: one that hangs hides nobody, a standby is passed over, and what falls silent is left."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from openvest.db.connections import commit, connect, open_pool
from openvest.db.faults import DatabaseDown, is_passing
from openvest.db.hosts import Hosts, NoPrimary, keep_pulse, urls_of
from openvest.db.query import Query
from openvest.db.unit import Database
from openvest.db.wake import CHANNEL, Wake
from tests.kit.cluster import APP, Cluster
from tests.kit.ways import Way, way_to

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.anyio

SOON = 0.3
"""How long a host may take in these tests, and be silent."""
ONE, SLEEP = Query(int, "select 1"), Query(str, "select pg_sleep(60)::text")


def url(port: int, name: str) -> str:
    return f"postgresql://{APP}:none@127.0.0.1:{port}/{name}"


@asynccontextmanager
async def to(cluster: Cluster) -> AsyncGenerator[Way]:
    async with way_to(cluster.folder / ".s.PGSQL.5432") as way:
        yield way


@pytest.fixture
async def name(cluster: Cluster) -> AsyncGenerator[str]:
    made = await cluster.create()
    yield made
    await cluster.drop(made)


def message(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("!i", len(content) + 4) + content


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read what whoever connects asks for."""
    (length,) = struct.unpack("!i", await reader.readexactly(4))
    if length == 8:  # whether it speaks TLS
        await reader.readexactly(4)
        writer.write(b"N")
        await reader.readexactly(4)


async def as_standby(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What a standby says to whoever connects: that all is well, and that it only follows."""
    with suppress(OSError, asyncio.IncompleteReadError):
        await asked(reader, writer)
        writer.write(message(b"R", struct.pack("!i", 0)))
        for status in (b"server_version\x0015.18\x00", b"in_hot_standby\x00on\x00", b"client_encoding\x00UTF8\x00"):
            writer.write(message(b"S", status))
        writer.write(message(b"K", struct.pack("!ii", 1, 1)) + message(b"Z", b"I"))
        await reader.read()
    writer.close()


async def as_starting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What a server says that has not read its log to the end."""
    await asked(reader, writer)
    writer.write(message(b"E", b"SFATAL\x00C57P03\x00Mthe database system is starting up\x00\x00"))
    await writer.drain()
    writer.close()


@pytest.fixture
async def standby() -> AsyncGenerator[int]:
    server = await asyncio.start_server(as_standby, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def silent() -> AsyncGenerator[int]:
    """A host that takes every connection and never says a word."""
    async with way_to(None) as way:
        yield way.port


@pytest.mark.parametrize(
    ("one", "each"),
    [
        ("postgresql://u:p@a:1,b:2/d?x=1", ("postgresql://u:p@a:1/d?x=1", "postgresql://u:p@b:2/d?x=1")),
        ("postgresql://[::1]:1,b/d", ("postgresql://[::1]:1/d", "postgresql://b/d")),
        ("postgresql://u:p@/d?host=%2Ftmp&port=5", ("postgresql://u:p@/d?host=%2Ftmp&port=5",)),
    ],
)
def test_a_url_is_taken_apart_by_its_hosts(one: str, each: tuple[str, ...]) -> None:
    assert urls_of(one) == each


async def test_hosts_that_hang_hide_nobody_and_are_not_asked_from_then_on(
    cluster: Cluster, name: str, silent: int
) -> None:
    async with to(cluster) as way:
        hosts = Hosts([url(silent, name), url(silent, name), url(way.port, name)], connect_seconds=SOON)
        async with asyncio.timeout(10 * SOON):
            connection = await hosts.connect()
        assert (hosts.primary, hosts.place_of(connection)) == (2, 2)
        async with asyncio.timeout(SOON):  # less than the silent one would cost
            again = await hosts.connect()
        for one in (connection, again):
            await one.close()


@asynccontextmanager
async def on_timelines(cluster: Cluster, name: str, *timelines: int) -> AsyncGenerator[tuple[Hosts, Timelines]]:
    """Hosts that all take writes, each on its timeline. One server plays them all."""
    async with to(cluster) as way:
        said = Timelines(await asyncpg.connect(cluster.dsn(name, "postgres")))
        for place, timeline in enumerate(timelines):
            await said.connection.execute(f"create schema at{place}; grant usage on schema at{place} to public")
            await said.begin(place, timeline)
        ways = [f"{url(way.port, name)}?search_path=at{place},pg_catalog" for place in range(len(timelines))]
        try:
            yield Hosts(ways, connect_seconds=10), said
        finally:
            await said.connection.close()


@dataclass
class Timelines:
    connection: asyncpg.Connection[asyncpg.Record]

    async def begin(self, place: int, timeline: int) -> None:
        await self.connection.execute(
            f"create or replace function at{place}.pg_walfile_name(pg_lsn) returns text language sql "
            f"as $$ select '{timeline:08X}0000000000000001' $$"
        )


@pytest.mark.parametrize(("timelines", "primary"), [((1, 2), 1), ((11, 10, 9), 0), ((1, 16, 2), 1)])
async def test_of_those_who_take_writes_the_highest_timeline_is_taken(
    cluster: Cluster, name: str, timelines: tuple[int, ...], primary: int
) -> None:
    """A leader that stood still says for a moment that it leads, and shows rows of before."""
    async with on_timelines(cluster, name, *timelines) as (hosts, _):
        connection = await hosts.connect()
        assert (hosts.place_of(connection), hosts.timeline) == (primary, timelines[primary])
        pool = await open_pool(cluster.dsn(name), size=1)
        # Who was asked and not taken holds no session.
        await until("select count(*) = 2 from pg_stat_activity where datname = $1 and usename = $2", pool, name, APP)
        pool.terminate()
        await connection.close()


async def test_none_is_taken_that_is_below_what_was_seen(cluster: Cluster, name: str) -> None:
    async with on_timelines(cluster, name, 1, 2) as (hosts, timelines):
        await (await hosts.connect()).close()
        hosts.primary = 0
        connection = await hosts.connect()
        assert (hosts.place_of(connection), hosts.primary) == (1, 1)
        await connection.close()
        await timelines.begin(1, 1)
        with pytest.raises(NoPrimary, match="takes writes on timeline 1, where another one began 2") as refused:
            await hosts.connect()
        assert is_passing(refused.value)


class Counted(Hosts):
    tries = 0

    async def connect(self, *_: object, **options: Any) -> Connection:
        self.tries += 1
        return await super().connect(**options)


async def test_why_the_one_that_takes_writes_is_not_used_is_said_once(cluster: Cluster, name: str) -> None:
    """A leader woke up and took the lock back from the one that was promoted; what that one acknowledged is missing."""
    async with on_timelines(cluster, name, 2) as (one, _):
        hosts, said = Counted([*one.urls, url(1, name)], connect_seconds=10, timeline=3), list[str]()
        pulse = asyncio.create_task(keep_pulse(hosts, said.append, pulse_seconds=0.01))
        async with asyncio.timeout(10):
            while hosts.tries < 4:
                await asyncio.sleep(0.01)
        pulse.cancel()
        await asyncio.gather(pulse, return_exceptions=True)
    assert len(said) == 1
    assert "takes writes on timeline 2, where another one began 3; what was written there may be missing" in said[0]


async def test_a_server_that_is_starting_is_waited_for(cluster: Cluster, name: str) -> None:
    """A crash of the database and a start of ours may meet."""
    way, refused = Way(cluster.folder / ".s.PGSQL.5432"), 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal refused
        if refused < 2:
            refused += 1
            await as_starting(reader, writer)
        else:
            await way.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    connection = await connect(url(server.sockets[0].getsockname()[1], name))
    assert (await connection.fetchval(ONE.sql), refused) == (1, 2)
    await connection.close()
    server.close()
    await way.close()


async def test_after_a_late_answer_all_are_asked_who_leads(cluster: Cluster, name: str) -> None:
    """The pulse of a host that stood still comes back; sessions on it end if another one leads by now."""
    async with on_timelines(cluster, name, 1, 1) as (hosts, timelines):
        hosts.primary = 0
        left, said = await hosts.connect(), list[str]()
        pulse = asyncio.create_task(keep_pulse(hosts, said.append, pulse_seconds=0.02, late_seconds=0))
        await timelines.begin(1, 2)
        async with asyncio.timeout(10):
            while not (left.is_closed() and said):
                await asyncio.sleep(0.01)
        assert said[0].endswith("takes the writes now.")
        pulse.cancel()
        await asyncio.gather(pulse, return_exceptions=True)
        connection = await hosts.connect()
        assert hosts.place_of(connection) == 1
        await connection.close()


async def test_a_standby_is_passed_over(cluster: Cluster, name: str, standby: int) -> None:
    async with to(cluster) as way:
        hosts = Hosts([url(standby, name), url(way.port, name)], connect_seconds=10)
        connection = await hosts.connect()
        assert hosts.place_of(connection) == 1
        await connection.close()


async def test_where_nobody_takes_writes_each_is_told_of(name: str, standby: int, silent: int) -> None:
    hosts = Hosts([url(standby, name), url(silent, name)], connect_seconds=SOON)
    with pytest.raises(NoPrimary, match=rf"127.0.0.1:{standby}: a standby; 127.0.0.1:{silent}: silent") as refused:
        await hosts.connect()
    assert is_passing(refused.value)
    with pytest.raises(asyncpg.TargetServerAttributeNotMatched) as alone:
        await Hosts.of(url(standby, name)).connect()
    assert is_passing(alone.value)


async def test_what_somebody_must_mend_is_said_before_the_rest(cluster: Cluster, standby: int) -> None:
    async with to(cluster) as way:
        hosts = Hosts([url(way.port, "nowhere"), url(standby, "nowhere")], connect_seconds=10)
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await hosts.connect()


async def until(what: str, pool: asyncpg.Pool[asyncpg.Record], *values: object) -> None:
    async with asyncio.timeout(10):
        while not await pool.fetchval(what, *values):
            await asyncio.sleep(0.01)


async def test_what_a_silent_primary_was_asked_ends_and_all_go_on_with_the_next(cluster: Cluster, name: str) -> None:
    """A unit that waits, one that waits for a connection, and whoever listens: none of them hangs."""
    async with to(cluster) as one, to(cluster) as other:
        hosts = Hosts([url(one.port, name), url(other.port, name)], connect_seconds=SOON)
        pool, beside = await open_pool(hosts, size=2), await open_pool(cluster.dsn(name), size=1)
        database = Database(pool)
        wake, said = Wake(database), list[str]()
        pulse = asyncio.create_task(keep_pulse(hosts, said.append, pulse_seconds=0.02, silent_seconds=SOON))
        listening = asyncio.create_task(wake.listen())
        asked = asyncio.create_task(database.ask(SLEEP))
        queued = asyncio.create_task(database.ask(ONE))
        sleeps = "select count(*) = 1 from pg_stat_activity where datname = $1 and query = $2 and state = 'active'"
        listens = "select count(*) = $2 from pg_stat_activity where datname = $1 and query = $3"
        try:
            await until(sleeps, beside, name, SLEEP.sql)
            await until(listens, beside, name, 1, ONE.sql)  # the pulse, since who is queued has no connection yet
            await until(listens, beside, name, 1, f'LISTEN "{CHANNEL}"')
            one.cut()
            async with asyncio.timeout(10):
                with pytest.raises(DatabaseDown):
                    await asked
                assert await queued == [1]
                await until(listens, beside, name, 2, f'LISTEN "{CHANNEL}"')  # the server never heard of the cut
                assert hosts.primary == 1
                while len(said) < 2:
                    await asyncio.sleep(0.01)
            places = [f"127.0.0.1:{way.port} " for way in (one, other)]
            assert said[0].startswith(f"{places[0]}says nothing for {SOON:g} s; 3 connections end")
            assert said[1] == f"{places[1]}takes the writes now."
        finally:
            for task in (pulse, listening):
                task.cancel()
            await asyncio.gather(pulse, listening, return_exceptions=True)
            pool.terminate()
            beside.terminate()


async def test_sessions_on_other_hosts_than_the_primary_are_ended(cluster: Cluster, name: str) -> None:
    async with to(cluster) as one, to(cluster) as other:
        hosts = Hosts([url(one.port, name), url(other.port, name)], connect_seconds=10)
        left = await hosts.connect()
        hosts.primary = 1
        kept = await hosts.connect()
        pulse = asyncio.create_task(keep_pulse(hosts, pulse_seconds=0.02))
        async with asyncio.timeout(10):
            while not left.is_closed():
                await asyncio.sleep(0.01)
        assert not kept.is_closed()
        pulse.cancel()
        await asyncio.gather(pulse, return_exceptions=True)
        await kept.close()


async def test_a_commit_that_is_given_up_is_not_cancelled_at_the_server(cluster: Cluster, name: str) -> None:
    """The server would take a request to cancel for leave to go without the standby, and say that it committed."""
    superuser = await asyncpg.connect(cluster.dsn(name, "postgres"))
    await superuser.execute("create table kept (n integer)")
    connection = await asyncpg.connect(cluster.dsn(name, "postgres"))
    waits = "select count(*) from pg_stat_activity where pid = $1 and wait_event = 'SyncRep'"
    pid = connection.get_server_pid()
    try:
        await connection.execute("set synchronous_commit = on")
        await superuser.execute("alter system set synchronous_standby_names = 'nobody'")
        await superuser.execute("select pg_reload_conf()")
        committed = -1
        async with asyncio.timeout(10):
            while True:  # a commit waits when the server's checkpointer has heard of it, too
                committed += 1
                await connection.execute("begin; insert into kept values (1)")
                committing = asyncio.create_task(commit(connection))
                while not (committing.done() or await superuser.fetchval(waits, pid)):
                    await asyncio.sleep(0.01)
                if not committing.done():
                    break
        committing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await committing
        assert connection.is_closed()
        await asyncio.sleep(0)
        assert not [task for task in asyncio.all_tasks() if "_cancel" in repr(task.get_coro())]
        assert await superuser.fetchval(waits, pid) == 1
        assert await superuser.fetchval("select count(*) from kept") == committed
    finally:
        await superuser.execute("alter system reset synchronous_standby_names")
        await superuser.execute("select pg_reload_conf()")
        await superuser.close()
