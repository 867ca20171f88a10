"""What accepting an order cannot do without, each part by itself: `python -m tests.bench.parts`.

Lines of microseconds of CPU per order: first what T1 and T2 cost here, then the parts, in flushes of the size that
these had, and last the sum of what is needed whatever is written around it: the request as llhttp tells it, its
signature, digest and schema, sealing, and the statements of a flush as the driver and PostgreSQL work them, undone
instead of committed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID

import psutil
import uvloop
from httptools import HttpRequestParser

from openvest.core.http_signatures import SignedMessage, parse_signature, verify_signature
from openvest.core.ids import random_text
from openvest.core.records import replace
from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from openvest.declarations import Caller
from openvest.server.directory import Directory
from openvest.server.flush import Flush, FlushItem
from openvest.server.idempotency import Keys
from openvest.server.nonces import Claim
from openvest.server.parsing import parse_body
from openvest.server.settings import ServerSettings
from tests.bench.acceptance import PLACE_ORDER, item
from tests.bench.cpu import Meter
from tests.bench.load import WIRE, send_all
from tests.bench.requests import make_client, orders_of, server
from tests.bench.world import Bench, bench_world
from tests.kit.cluster import Cluster, start_cluster
from tests.kit.world import SECRETS, opened

CUSTOMERS = 200
CALLS, TURNS = 2_000, 7
WARM, FLUSHES = 10, 40
SECONDS = 5
CONNECTIONS = (64, 256)
_SETS = Query(int, "select count(*) from event_sets where tenant_id = $1")


class Told:
    """What llhttp tells of one request."""

    def __init__(self, request: bytes) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.body = b""
        HttpRequestParser(self).feed_data(request)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body


def say(name: str, server: float, postgres: float = 0.0) -> None:
    print(f"{name:40} µs: server {server:5.1f} + PostgreSQL {postgres:5.1f}", flush=True)


def quickest(name: str, part: Callable[[], object]) -> float:
    """A part that is a call: the quickest of several turns."""
    spent: list[float] = []
    for _ in range(TURNS):
        began = time.process_time()
        for _ in range(CALLS):
            part()
        spent.append((time.process_time() - began) / CALLS)
    say(name, min(spent) * 1e6)
    return min(spent) * 1e6


async def calls(bench: Bench) -> tuple[Claim, float]:
    """The parts that are calls. Returns what a request with an Ed25519 key is judged by, and what these cost it."""
    directory = Directory(bench.world.database, SECRETS, 3_600)
    claims: list[Claim] = []
    for kind in ("p521", "ed25519"):
        client = await make_client(bench, kind)
        request = orders_of(bench, client, 1)[0]
        told = Told(request)
        message = SignedMessage("POST", b"/orders", b"", told.fields, told.body)
        parsed = parse_signature(message, WIRE.now_seconds())
        key = await directory.key(UUID(parsed.key_id))
        assert key is not None
        caller = Caller(bench.tenant_id, key.client_id, "bench", "v1", frozenset({"orders:admin"}), "TOL")
        claims.append(Claim(caller, None, key, parsed))
        verified = quickest(f"signature, {kind}", lambda parsed=parsed, key=key.key: verify_signature(parsed, key))
    others = [
        quickest("what llhttp tells of head and body", lambda: Told(request)),
        quickest("signature base and digest", lambda: parse_signature(message, WIRE.now_seconds())),
        quickest("body: JSON and schema", lambda: parse_body(PLACE_ORDER, told.body)),
        quickest("request and answer, sealed", lambda: SECRETS.seal(told.body * 3, "idempotency.body")),
    ]
    return claims[-1], verified + sum(others)


async def statements(cluster: Cluster, bench: Bench, claim: Claim, sizes: Sequence[int]) -> list[float]:
    """The parts that are statements, in flushes of these sizes. Returns of each what they cost without our code."""
    parsed = claim.parsed
    assert parsed is not None

    def items(count: int) -> list[FlushItem]:
        """Each with a nonce and a key of its own."""
        made = [item(claim.caller, str(c.account_id), str(c.user_id)) for c in bench.customers[:count]]
        claims = [Claim(claim.caller, None, claim.key, replace(parsed, nonce=random_text())) for _ in made]
        return [replace(one, claim=mine) for one, mine in zip(made, claims, strict=True)]

    bound: list[float] = []
    async with opened(cluster, bench.name, pool_size=1) as world:
        flush = Flush(world.database, Keys(SECRETS), ServerSettings())
        [pid] = await world.database.pool.fetch("select pg_backend_pid()")
        backend = psutil.Process(pid[0])

        async def flushed(chosen: Sequence[FlushItem]) -> None:
            answers = await asyncio.gather(*(flush.submit(PLACE_ORDER, one) for one in chosen))
            assert all(answer.status == 202 for answer in answers)

        for size in sizes:
            ready = [items(size) for _ in range(WARM + FLUSHES)]
            await spent(f"flush of {size}", backend, size, lambda ready=ready: flushed(ready.pop()))
            said = await overheard(world.database, flush, items(size))

            async def repeated(said: Sequence[tuple[str, Sequence[Any]]] = said) -> None:
                async with world.database.connection() as connection:
                    for sql, args in said:
                        await connection.fetch(sql, *args) if args else await connection.execute(sql)
                    await connection.execute("rollback")

            bound.append(await spent("  its statements alone, undone", backend, size, repeated))
    return bound


async def overheard(database: Database, flush: Flush, items: Sequence[FlushItem]) -> list[tuple[str, Sequence[Any]]]:
    """What a flush says to the database before its commit, which it does not come to: so it can be said again."""
    said: list[tuple[str, Sequence[Any]]] = []
    connection, after = Database.connection, database.after_events

    @asynccontextmanager
    async def listened_to(self: Database) -> AsyncGenerator[Any]:
        async with connection(self) as one:
            with one.query_logger(lambda record: said.append((record.query, record.args))):
                yield one

    async def stop(unit: Unit) -> None:
        raise ValueError("overheard")

    with patch.object(Database, "connection", listened_to):
        database.after_events = (*after, stop)
        await asyncio.gather(*(flush.submit(PLACE_ORDER, one) for one in items), return_exceptions=True)
        database.after_events = after
    return said[: [sql for sql, _ in said].index("rollback")]


async def spent(name: str, backend: psutil.Process, size: int, part: Callable[[], Awaitable[None]]) -> float:
    """CPU of this process and of its one session, per order."""

    def now() -> tuple[float, float]:
        times = backend.cpu_times()
        return time.process_time(), times.user + times.system

    for _ in range(WARM):
        await part()
    began = now()
    for _ in range(FLUSHES):
        await part()
    server, postgres = ((end - start) / FLUSHES / size * 1e6 for end, start in zip(now(), began, strict=True))
    say(name, server, postgres)
    return server + postgres


async def sets_of(bench: Bench) -> int:
    return await bench.world.database.read(bench.tenant_id, lambda unit: unit.one(_SETS, bench.tenant_id))


async def requests_of(bench: Bench, connections: int) -> tuple[float, int]:
    """What an order costs over HTTP with so many connections, and how many share a flush."""
    client = await make_client(bench, "ed25519")
    async with server(bench) as (port, pid):
        await send_all(port, orders_of(bench, client, 2_000), connections, 202)
        await bench.analyze()
        before = await sets_of(bench)
        requests = orders_of(bench, client, 4_000 * SECONDS)
        meter = Meter("client", server=[pid], postgres=bench.cluster.process.pid)
        done = await send_all(port, requests, connections, 202, SECONDS)
        cpu = meter.per_operation(done.count)
        size = round(done.count / (await sets_of(bench) - before))
    say(f"{connections} connections, {size} in a flush", cpu.server, cpu.postgres)
    return cpu.work, size


async def measure(cluster: Cluster) -> None:
    async with bench_world(cluster, CUSTOMERS) as bench:
        found = [await requests_of(bench, connections) for connections in CONNECTIONS]
        claim, python = await calls(bench)
        bound = await statements(cluster, bench, claim, [size for _, size in found])
    for (work, size), floor, connections in zip(found, bound, CONNECTIONS, strict=True):
        total = python + floor
        print(
            f"{connections} connections, {size} in a flush: {python:.0f} + {floor:.0f} = {total:.0f} of {work:.0f} µs"
        )


if __name__ == "__main__":
    measured = start_cluster(durable=True)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(measure(measured))
    finally:
        measured.stop()
