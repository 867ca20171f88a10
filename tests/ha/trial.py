"""One case: the program under load, its primary lost, and the checker's word on what it acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp

from openvest.core.clock import monotonic_ns
from openvest.db.connections import open_pool
from openvest.db.unit import Database
from tests.faults.crash.checker import Findings, check, wait_for_rest
from tests.faults.crash.journal import Journal, read_journal
from tests.faults.crash.load import Load
from tests.faults.crash.run import SCOPE, furnished
from tests.ha.parts import House, urls
from tests.kit.stage import Stage, free_ports
from tests.kit.wire import Wire

CLIENTS, PEOPLE = 8, 4
BEFORE, AFTER = 300, 300
"""Acknowledged writes before the primary is lost, and after somebody else took over."""
BACK_SECONDS = 90

Disturb = Callable[[], Awaitable[float]]
"""Takes the primary away. Returns the moment from which on writes should be acknowledged again."""


@dataclass(frozen=True, slots=True)
class Case:
    """`since` says what the seconds to the first acknowledgement are counted from."""

    name: str
    since: str
    limit_seconds: float
    disturb: Disturb


@dataclass
class Tried:
    """What a case came to. `faults` are sentences: what was lost, doubled, not proved, not in time, or answered 500."""

    name: str
    since: str = ""
    limit_seconds: float = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    asked_again: int = 0
    seconds: float | None = None
    proved: bool = False
    faults: list[str] = field(default_factory=list[str])


@dataclass
class Program:
    """The program's own server and worker, on a database with several hosts."""

    stage: Stage
    port: int
    http: aiohttp.ClientSession

    def own(self) -> Sequence[str]:
        """Who ended though nobody asked."""
        return [
            f"{name} ended unasked ({running.process.returncode}): {running.said[-2_000:]}"
            for name, running in self.stage.running.items()
            if running.process.poll() is not None
        ]


@asynccontextmanager
async def program(house: House, name: str, ports: Sequence[int]) -> AsyncGenerator[Program]:
    """Migrate and start it; it is ended as an operator ends it."""
    root = house.root / name
    root.mkdir()
    stage = Stage(root, environment=urls(ports, "openvest"))
    # The ways to the nodes are in this process, which must not stand still meanwhile.
    await asyncio.to_thread(stage.run, "db", "migrate")
    (port,) = free_ports(1)
    timeout = aiohttp.ClientTimeout(total=15, connect=5)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http:
        try:
            await stage.start("server", "server", "--port", str(port))
            await stage.start("worker", "worker")
            yield Program(stage, port, http)
        finally:
            stage.stop()


async def tried(program: Program, case: Case, seed: int) -> Tried:
    """Load, disturb, come to rest, check. What goes wrong on the way is a fault of the case."""
    found = Tried(case.name, case.since, case.limit_seconds)
    try:
        await _try(program, case, seed, found)
    except Exception as error:  # one case that fails must not hide what the others show
        found.faults.append(f"{type(error).__name__}: {error}")
    found.faults += program.own()
    return found


async def _try(program: Program, case: Case, seed: int, found: Tried) -> None:
    stage = program.stage
    known = await asyncio.to_thread(stage.create_client, case.name, "--pace", "instant", "--licence", "TOL")
    wire = Wire(program.http, f"http://127.0.0.1:{program.port}", known, scope=SCOPE)
    people = await furnished([wire], PEOPLE)
    journal = Journal(stage.root / f"{case.name.replace(' ', '-')}.jsonl")
    load = Load(seed, journal, [wire], people)
    sending, times = asyncio.create_task(load.run(CLIENTS)), list[float]()
    watching = asyncio.create_task(_watch(journal, times))
    try:
        await _acknowledged(sending, journal, BEFORE)
        begun = await case.disturb()
        await _acknowledged(sending, journal, journal.acknowledged + AFTER)
        found.seconds = next(moment for moment in times if moment > begun) - begun
    finally:
        load.stop.set()
        await sending
        await journal.close()
        watching.cancel()
    pool = await open_pool(stage.environment["DATABASE_URL"], size=4, application="checker")
    try:
        database = Database(pool)
        await wait_for_rest(database, known.tenant_id)
        findings = await check(read_journal(journal.path), database, known.tenant_id, wire)
    finally:
        pool.terminate()
    found.acknowledged, found.asked_again = journal.acknowledged, load.asked_again
    _judge(case, load, findings, found)


def _judge(case: Case, load: Load, findings: Findings, found: Tried) -> None:
    found.lost, found.doubled = len(findings.lost), len(findings.doubled)
    found.proved = findings.proof is not None and findings.proof.clean
    found.faults += findings.sentences
    found.faults += [f"answered 500: {text}" for text in load.faults]
    if found.seconds is None or found.seconds > case.limit_seconds:
        found.faults.append(f"the first acknowledgement came after {found.seconds} s, not {case.limit_seconds:g} s")


async def _acknowledged(sending: asyncio.Task[None], journal: Journal, count: int) -> None:
    """Raises: TimeoutError, what the load raised."""
    async with asyncio.timeout(BACK_SECONDS):
        while journal.acknowledged < count:
            if sending.done():
                sending.result()
            await asyncio.sleep(0.02)


async def _watch(journal: Journal, times: list[float]) -> None:
    """The moments at which something was acknowledged."""
    last = journal.acknowledged
    with suppress(asyncio.CancelledError):
        while True:
            if journal.acknowledged != last:
                last = journal.acknowledged
                times.append(now())
            await asyncio.sleep(0.005)


def now() -> float:
    return monotonic_ns() / 1e9
