"""Servers and workers that crash while they run, beside others that go on; one database under all of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import aiohttp
import asyncpg

from openvest.core.clock import instant, monotonic_ns, parse_instant
from openvest.db.unit import Database
from openvest.main.failpoints import KILLED
from tests.faults.crash.arrivals import LAST, arrival_findings, wait_for_arrival
from tests.faults.crash.checker import Findings, check, wait_for_rest
from tests.faults.crash.journal import Journal, read_journal
from tests.faults.crash.load import Load, order_body
from tests.faults.crash.run import furnished, since
from tests.features.bank.sample import MAKE_DUE
from tests.features.withdrawals.sample import pay_out
from tests.kit.receiver import Receiver, receiving
from tests.kit.stage import DidNotStart, Stage, free_ports
from tests.kit.wire import Credentials, Wire
from tests.repeat.life import FROZEN_AT

Process = Literal["server", "worker"]
DEATH_SECONDS = 60
SCOPE = (
    "users:admin users:read checks:admin checks:read taxes:admin taxes:read accounts:admin accounts:read orders:admin "
    "orders:read topups:admin topups:read webhooks:admin webhooks:read tests:admin"
)
_PASSED_BY: Mapping[str, tuple[Process, ...]] = {
    "flush": ("server",),
    "keyed": ("server",),
    "nonces": ("server",),
    "clock": ("server", "worker"),
    "unit": ("server", "worker"),
    "sweep": ("worker",),
    "outbound": ("worker",),
    "sequencer": ("worker",),
    "deliveries": ("worker",),
}
_AT_THE_BANK = {"outbound": "bank.send", "sweep": "bank.book"}
"""What is died in besides, by the kind of place: orders make other work pass these places, and payouts this."""
_LEASED = "select table_name from information_schema.columns where column_name = 'leased_until'"


@dataclass(frozen=True, slots=True)
class Case:
    """One death: at which place, of which process."""

    name: str
    process: Process

    @property
    def moves_clock(self) -> bool:
        return self.name.startswith("clock.")

    @property
    def is_of_bank(self) -> bool:
        return "@bank." in self.name

    def __str__(self) -> str:
        return f"{self.name} in a {self.process}"


def cases_of(name: str) -> list[Case]:
    """The deaths at one place. A worker never chooses where a clock goes."""
    kind = name.partition(".")[0]
    processes = _PASSED_BY.get(kind, ())
    names = [name, f"{name}@{_AT_THE_BANK[kind]}"] if kind in _AT_THE_BANK else [name]
    return [Case(one, p) for one in names for p in processes if (one, p) != ("clock.after_target", "worker")]


@dataclass
class Told:
    """What came of it."""

    figure: str
    findings: list[str]


@dataclass
class Tenant:
    """A tenant, its load at both servers and its journal."""

    id: UUID
    load: Load
    checked: set[str] = field(default_factory=set[str])

    async def check(self, database: Database) -> Findings:
        """Against the whole journal; what was acknowledged since the last look is also sent again."""
        read = read_journal(self.load.journal.path)
        fresh = {ack.intent.key for ack in read.acknowledged} - self.checked
        self.checked |= fresh
        return await check(read, database, self.id, self.load.wires[-1], replayed=fresh)


@dataclass
class Running:
    """What stands while processes die. `mortal` is the port of the server that dies, `lasting` of the other one."""

    stage: Stage
    database: Database
    receiver: Receiver
    mortal: int
    lasting: int
    clients: int
    live: Tenant
    frozen: Tenant
    webhook_from: int
    deaths: int = 0

    async def start(self, process: Process, also: Mapping[str, str] | None = None) -> None:
        hook = ("--allow-webhooks-to", self.receiver.entry)
        arguments = ("server", "--port", str(self.mortal)) if process == "server" else ("worker",)
        await self.stage.start(process, *arguments, *hook, also=also)

    async def die(self, case: Case, hit: int) -> list[str]:
        """Let a process meet its place under load, then let the others finish. Returns findings."""
        if case.process == "worker" and "worker" in self.stage.running:
            self.stage.kill("worker")
            self.stage.running.pop("worker")
        load = self.live.load
        load.stop.clear()
        load.seed += 1
        under_load = asyncio.create_task(load.run(self.clients))
        moving = asyncio.create_task(self._move_clock(case)) if case.moves_clock else None
        paying = asyncio.create_task(self._pay_out()) if case.is_of_bank else None
        try:
            found = await self._meet(case, hit)
            if paying is not None:
                paying.cancel()
            await age_leases(self.stage)
            if case.process == "worker":
                await self.start("worker")
        finally:
            load.stop.set()
            await under_load
        if moving is not None:
            found += await moving
        return found

    async def _meet(self, case: Case, hit: int) -> list[str]:
        """Start a process that dies at a place, and wait for that."""
        try:
            await self.start(case.process, {"OPENVEST_FAILPOINT": f"{case.name}:{hit}"})
        except DidNotStart as error:
            if self.stage.running[case.process].process.poll() != KILLED:
                return [f"a start with {case} failed: {error}"]
        running = self.stage.running.pop(case.process)
        try:
            async with asyncio.timeout(DEATH_SECONDS):
                while running.process.poll() is None:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            running.process.kill()
            running.process.wait()
            return [f"{case} is never passed"]
        self.deaths += 1
        status = running.process.returncode
        return [] if status == KILLED else [f"the {case.process} meant for {case} ended with {status}"]

    async def _move_clock(self, case: Case) -> list[str]:
        """A trade, then a day: the clock gets there whoever dies on the way."""
        frozen, chance = self.frozen.load, random.Random(str(case))
        lasting = frozen.wires[-1]
        await frozen.settle(chance, "order", "POST", "/orders", order_body(chance, frozen.people[0], True))
        shown = parse_instant((await lasting.send("GET", "/tests/clock")).json["now"])
        target = shown + timedelta(days=1)
        if case.process == "worker":
            await self._set_target(target)
        else:
            await self._until_sent(frozen.wires[0], target)
        try:
            async with asyncio.timeout(DEATH_SECONDS + 60):
                while True:
                    clock = (await lasting.send("GET", "/tests/clock")).json
                    if clock["done"] and parse_instant(clock["now"]) >= target:
                        return []
                    await asyncio.sleep(0.1)
        except TimeoutError:
            return [f"after {case}: the clock never arrives"]

    async def _pay_out(self) -> None:
        """Payouts whose cut-off has come, one after the other."""
        while True:
            await pay_out(self.database, self.live.id)
            await self._as_superuser(MAKE_DUE, self.live.id)
            await asyncio.sleep(0.2)

    async def _until_sent(self, mortal: Wire, target: datetime) -> None:
        """Ask the server that is about to die, as soon as it answers at all."""
        async with asyncio.timeout(DEATH_SECONDS):
            while True:
                try:
                    reply = await mortal.send("POST", "/tests/clock/advance", {"to": instant(target)})
                except aiohttp.ClientConnectorError:
                    await asyncio.sleep(0.02)
                    continue
                except (aiohttp.ClientError, TimeoutError, LookupError):
                    return
                assert reply.status in (200, 202), reply

    async def _set_target(self, target: datetime) -> None:
        """What a server leaves behind that dies as soon as it has stored where the clock goes."""
        await self._as_superuser("update clocks set advance_to = $2 where tenant_id = $1", self.frozen.id, target)

    async def _as_superuser(self, statement: str, *values: Any) -> None:
        connection = await asyncpg.connect(self.stage.address().superuser_dsn("openvest"))
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    async def findings(self, case: Case) -> list[str]:
        """Everything at rest, everything accounted for."""
        database = self.database
        try:
            await wait_for_rest(database, self.live.id)
            await wait_for_arrival(database, self.live.id)
        except TimeoutError:
            return [f"after {case}: what was left is never done"]
        found = (await self.live.check(database)).sentences
        found += (await self.frozen.check(database)).sentences if case.moves_clock else []
        found += await arrival_findings(self.receiver.deliveries, database, self.live.id, self.webhook_from)
        found += [f"answered 500: {text}" for text in self.live.load.faults]
        self.live.load.faults.clear()
        return [f"after {case}: {text}" for text in found]


def _most_hits(case: Case) -> int:
    """How often the place may be passed before it kills. A day without anything due is one move of a clock."""
    if case.moves_clock:
        return 1
    return 12 if case.name.startswith("unit.") else 2


async def crash_while_running(stage: Stage, chance: random.Random, cases: Sequence[Case], clients: int) -> Told:
    """Every case once: servers first, while one worker lives; then workers, each followed by a sound one."""
    findings: list[str] = []
    async with stage.database_alone(), running(stage, chance, clients) as world:
        begun = monotonic_ns()
        for case in sorted(cases, key=lambda one: (one.process, one.name)):
            findings += await world.die(case, chance.randint(1, _most_hits(case)))
            findings += await world.findings(case)
            print(f"  {since(begun):>6}  {case}, {world.live.load.journal.acknowledged} acknowledged", flush=True)
        for tenant in (world.live, world.frozen):
            await tenant.load.journal.close()
        written = sum(tenant.load.journal.acknowledged for tenant in (world.live, world.frozen))
        heard = len(world.receiver.deliveries)
        return Told(f"{world.deaths} died running, {written} acknowledged, {heard} packages heard", findings)


@asynccontextmanager
async def running(stage: Stage, chance: random.Random, clients: int) -> AsyncGenerator[Running]:
    """A server that stays and a worker; a live tenant with a subscription, a frozen one."""
    mortal, lasting = free_ports(2)
    timeout = aiohttp.ClientTimeout(total=15, connect=5)
    async with receiving() as receiver, aiohttp.ClientSession(timeout=timeout) as http:
        hook = ("--allow-webhooks-to", receiver.entry)
        await stage.start("lasting", "server", "--port", str(lasting), *hook)
        await stage.start("worker", "worker", *hook)

        async def tenant(name: str, people: int, *options: str) -> Tenant:
            known: Credentials = stage.create_client(name, "--licence", "TOL", *options)
            wires = [Wire(http, f"http://127.0.0.1:{port}", known, SCOPE) for port in (mortal, lasting)]
            journal = Journal(stage.root / f"journal-{name}.jsonl")
            customers = await furnished(wires[1:], people)
            return Tenant(known.tenant_id, Load(chance.getrandbits(32), journal, wires, customers))

        live = await tenant("Live", 3, "--pace", "instant")
        frozen = await tenant("Frozen", 1, "--frozen-at", instant(FROZEN_AT))
        async with stage.database() as database:
            await wait_for_rest(database, live.id)
            await wait_for_arrival(database, live.id)
            await subscribe(live.load.wires[-1], receiver)
            first = await database.read(live.id, lambda unit: unit.one(LAST, live.id))
            yield Running(stage, database, receiver, mortal, lasting, clients, live, frozen, first)


async def subscribe(wire: Wire, receiver: Receiver) -> None:
    """A subscription to everything."""
    made = await wire.send("POST", "/webhooks", {"title": "all", "url": receiver.url(), "type": ["ALL"]})
    assert made.status in (200, 201), made
    switched = await wire.send("PATCH", f"/webhooks/{made.json['id']}", {"enabled": True})
    assert switched.status == 200, switched


async def age_leases(stage: Stage) -> None:
    """As if so much time had passed that no lease holds."""
    connection = await asyncpg.connect(stage.address().superuser_dsn("openvest"))
    try:
        for row in await connection.fetch(_LEASED):
            table = row["table_name"]
            await connection.execute(f"update {table} set leased_until = leased_until - interval '1 hour'")
    finally:
        await connection.close()
