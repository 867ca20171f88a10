"""SIGTERM while something hangs (ends): the process is gone in time, and the next one finds the books whole."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import asyncpg
from aiohttp import web

from openvest import catalog
from openvest.db import postmaster
from openvest.ledger.audit import prove_tenant
from tests.gates.failpoint_stage import subscribe
from tests.gates.frozen import Caller, furnish, seconds_to_end
from tests.gates.gate import Run, Verdict
from tests.kit.receiver import Delivery, Receiver, receiving
from tests.kit.stage import Stage, free_ports, staged

SIGTERM_SECONDS = 10
_HEARD_SECONDS, _SETTLE_SECONDS = 30, 1.0
_DRAIN_LOCK = "select pg_advisory_lock(hashtextextended('drain:' || $1::uuid::text, 0))"


@dataclass(frozen=True, slots=True)
class Scene:
    """A process that runs, a frozen tenant's client and an endpoint for its webhooks."""

    stage: Stage
    port: int
    caller: Caller
    receiver: Receiver


Hang = Callable[[Scene], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def asked(*acts: Callable[[], Awaitable[Any]]) -> AsyncGenerator[None]:
    """Requests under way, whatever becomes of them."""
    tasks = [asyncio.ensure_future(act()) for act in acts]
    await asyncio.sleep(_SETTLE_SECONDS)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def locked(scene: Scene, statement: str, *args: Any) -> AsyncGenerator[None]:
    """A lock in hands that do not let go of it."""
    superuser = await asyncpg.connect(scene.stage.address().superuser_dsn("openvest"))
    try:
        if not args:
            await superuser.execute("begin")
        await superuser.execute(statement, *args)
        yield
    finally:
        superuser.terminate()


@asynccontextmanager
async def a_query(scene: Scene) -> AsyncGenerator[None]:
    """Requests and sweeps wait for a table."""
    waiting = asked(scene.caller.write, scene.caller.order)
    async with locked(scene, "lock table orders, users in access exclusive mode"), waiting:
        yield


@asynccontextmanager
async def a_drain(scene: Scene) -> AsyncGenerator[None]:
    """Writes and an advance wait for the turn of their tenant, which somebody else has."""
    waiting = asked(scene.caller.write, scene.caller.order, scene.caller.write, scene.caller.advance)
    async with locked(scene, _DRAIN_LOCK, scene.caller.wire.credentials.tenant_id), waiting:
        yield


@asynccontextmanager
async def an_endpoint(scene: Scene) -> AsyncGenerator[None]:
    """A delivery is never answered."""
    heard, over = asyncio.Event(), asyncio.Event()

    async def never(_: Delivery) -> web.StreamResponse:
        heard.set()
        await over.wait()
        return web.Response(status=200)

    scene.receiver.script["/hook"] = [never] * 1_000
    await scene.caller.write()
    async with asyncio.timeout(_HEARD_SECONDS):
        await heard.wait()
    try:
        yield
    finally:
        over.set()


@asynccontextmanager
async def a_client(scene: Scene) -> AsyncGenerator[None]:
    """Connections that say half of a request and no more, or read nothing of what they asked for."""
    async with AsyncExitStack() as stack:
        for text in (
            "POST /users HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n{",
            "GET /health/live HTTP/1.1\r\nho",
            "GET /openapi/v1.json HTTP/1.1\r\nhost: a\r\n\r\n" * 20,
            "",
        ):
            _, writer = await asyncio.open_connection("127.0.0.1", scene.port, limit=1)
            stack.callback(writer.close)
            writer.write(text.encode())
        yield


@asynccontextmanager
async def the_database(scene: Scene) -> AsyncGenerator[None]:
    """Every process of the database stands still."""
    pid = scene.stage.address().pid
    stopped = [pid, *postmaster.children(pid)]
    for one in stopped:
        os.kill(one, signal.SIGSTOP)
    try:
        async with asked(scene.caller.write, scene.caller.order):
            yield
    finally:
        for one in stopped:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGCONT)


HANGS: Mapping[str, Hang] = {
    "a query": a_query,
    "a drain": a_drain,
    "an endpoint": an_endpoint,
    "a client": a_client,
    "the database": the_database,
}
_SERVE, _WORKERS, _APART = "serve", "serve --workers 2", "server and worker"
_AT_ONCE: Sequence[tuple[str, Sequence[str]]] = (
    (_SERVE, ("an endpoint", "a client", "a query", "a drain")),
    (_WORKERS, ("a query", "a client")),
    (_SERVE, ("the database",)),
)


async def endings(run: Run) -> Verdict:
    """Let something hang, send SIGTERM, take the time; then look at the books."""
    cases = list(_AT_ONCE)
    if run["each"]:
        cases += [(process, (hang,)) for process in (_SERVE, _WORKERS, _APART) for hang in HANGS]
    findings: list[str] = []
    longest = 0.0
    (port,) = free_ports(1)
    timeout = aiohttp.ClientTimeout(total=60)
    async with receiving() as receiver, aiohttp.ClientSession(timeout=timeout) as http, staged() as stage:
        await _started(stage, _SERVE, port, receiver)
        (caller,) = await furnish(stage, http, port, 1)
        await subscribe(caller.wire, receiver)
        await seconds_to_end(stage, _SERVE)
        scene = Scene(stage, port, caller, receiver)
        for process, hangs in cases:
            took = await (_apart if process == _APART else _alone)(scene, process, hangs)
            longest = max(longest, took)
            if took > SIGTERM_SECONDS:
                findings.append(f"{process} took {took:.1f} s to end while {' and '.join(hangs)} hung")
        receiver.script.clear()
        await _started(stage, _SERVE, port, receiver)
        async with stage.database() as database:
            tenant_id = caller.wire.credentials.tenant_id
            proof = await prove_tenant(database, tenant_id, catalog.INVARIANTS)
        findings += [f"law broken: {finding}" for finding in proof.findings]
    return Verdict(f"{len(cases)} times something hung, ended within {longest:.1f} s", findings)


async def _alone(scene: Scene, process: str, hangs: Sequence[str]) -> float:
    await _started(scene.stage, process, scene.port, scene.receiver)
    return await _ended(scene, (process,), hangs)


async def _apart(scene: Scene, _: str, hangs: Sequence[str]) -> float:
    async with scene.stage.database_alone():
        for name in ("server", "worker"):
            await _started(scene.stage, name, scene.port, scene.receiver)
        return await _ended(scene, ("server", "worker"), hangs)


async def _started(stage: Stage, process: str, port: int, receiver: Receiver) -> None:
    options = ("--port", str(port)) if process != "worker" else ()
    await stage.start(process, *process.split(), *options, "--allow-webhooks-to", receiver.entry)


async def _ended(scene: Scene, names: Sequence[str], hangs: Sequence[str]) -> float:
    async with AsyncExitStack() as stack:
        for hang in hangs:
            await stack.enter_async_context(HANGS[hang](scene))
        return max(await asyncio.gather(*(seconds_to_end(scene.stage, name) for name in names)))
