"""What accepting an order cannot do without, each part by itself: `python -m tests.bench.parts`.

Lines of microseconds of CPU per order. Not among them are the sockets and turns of the loop, the routing, the limits
and the log, so that their sum is below what T1 and T2 cost, whatever is written around them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import psutil
import uvloop
from httptools import HttpRequestParser

from openvest.core.http_signatures import SignedMessage, parse_signature, verify_signature
from openvest.core.ids import random_text
from openvest.core.records import replace
from openvest.declarations import Caller
from openvest.server.directory import Directory
from openvest.server.flush import Flush
from openvest.server.idempotency import Keys
from openvest.server.nonces import Claim, NonceGate
from openvest.server.parsing import parse_body
from openvest.server.settings import ServerSettings
from tests.bench.acceptance import PLACE_ORDER, item
from tests.bench.load import WIRE
from tests.bench.requests import make_client, orders_of
from tests.bench.world import Bench, bench_world
from tests.kit.cluster import Cluster, start_cluster
from tests.kit.world import SECRETS, opened

CUSTOMERS = 200
CALLS, TURNS = 2_000, 7
WARM, FLUSHES = 10, 40
SIZES = (20, 64)
"""Requests that share a flush with 64 and with 256 connections, about."""


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


def quickest(name: str, part: Callable[[], object]) -> None:
    """A part that is a call: the quickest of several turns."""
    spent: list[float] = []
    for _ in range(TURNS):
        began = time.process_time()
        for _ in range(CALLS):
            part()
        spent.append((time.process_time() - began) / CALLS)
    say(name, min(spent) * 1e6)


async def calls(bench: Bench) -> Claim:
    """The parts that are calls. Returns what a request with an Ed25519 key is judged by."""
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
        quickest(f"signature, {kind}", lambda parsed=parsed, key=key.key: verify_signature(parsed, key))
    quickest("what llhttp tells of head and body", lambda: Told(request))
    quickest("signature base and digest", lambda: parse_signature(message, WIRE.now_seconds()))
    quickest("body: JSON and schema", lambda: parse_body(PLACE_ORDER, told.body))
    quickest("request and answer, sealed", lambda: SECRETS.seal(told.body * 3, "idempotency.body"))
    return claims[-1]


async def statements(cluster: Cluster, bench: Bench, claim: Claim) -> None:
    """The parts that are statements, in flushes of these sizes, each with its commit."""
    parsed = claim.parsed
    assert parsed is not None

    def new_claim() -> Claim:
        return Claim(claim.caller, None, claim.key, replace(parsed, nonce=random_text()))

    async with opened(cluster, bench.name, pool_size=1) as world:
        gate, flush = NonceGate(world.database, max(SIZES)), Flush(world.database, Keys(SECRETS), ServerSettings())
        [pid] = await world.database.pool.fetch("select pg_backend_pid()")
        backend = psutil.Process(pid[0])

        async def nonces(size: int) -> None:
            await asyncio.gather(*(gate.admit(new_claim(), durably=True) for _ in range(size)))

        async def orders(size: int) -> None:
            items = [ready.pop() for _ in range(size)]
            assert all(a.status == 202 for a in await asyncio.gather(*(flush.submit(PLACE_ORDER, i) for i in items)))

        for size in SIZES:
            customers = bench.customers[:size] * (WARM + FLUSHES)
            ready = [item(claim.caller, str(c.account_id), str(c.user_id)) for c in customers]
            await spent(f"nonces alone, {size} at once", backend, size, nonces)
            await spent(f"flush without nonces, {size} at once", backend, size, orders)
            made = [item(claim.caller, str(c.account_id), str(c.user_id)) for c in customers]
            ready = [replace(one, claim=new_claim()) for one in made]
            await spent(f"flush, {size} at once", backend, size, orders)


async def spent(name: str, backend: psutil.Process, size: int, part: Callable[[int], Awaitable[None]]) -> None:
    """CPU of this process and of its one session."""

    def now() -> tuple[float, float]:
        times = backend.cpu_times()
        return time.process_time(), times.user + times.system

    for _ in range(WARM):
        await part(size)
    began = now()
    for _ in range(FLUSHES):
        await part(size)
    server, postgres = ((end - start) / FLUSHES / size * 1e6 for end, start in zip(now(), began, strict=True))
    say(name, server, postgres)


async def measure(cluster: Cluster) -> None:
    async with bench_world(cluster, CUSTOMERS) as bench:
        await statements(cluster, bench, await calls(bench))


if __name__ == "__main__":
    measured = start_cluster(durable=True)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(measure(measured))
    finally:
        measured.stop()
