"""Workers that are stopped while they hold a lease, and come back when another has long taken over (R6)."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import aiohttp
import asyncpg
from aiohttp import web

from openvest import catalog
from openvest.db.unit import Database
from openvest.ledger.audit import prove_tenant
from tests.faults.crash.arrivals import LAST, arrival_findings, wait_for_arrival
from tests.faults.crash.checker import wait_for_rest
from tests.faults.crash.load import order_body
from tests.faults.crash.run import furnished
from tests.gates.failpoint_stage import SCOPE, age_leases, subscribe
from tests.gates.gate import Run, Verdict
from tests.kit.receiver import Delivery, Receiver, receiving
from tests.kit.stage import Stage, free_ports, staged
from tests.kit.wire import Wire
from tests.repeat.life import Person

WAIT_SECONDS = 30
ORDERS = 5
_OPEN = """
select pid, xact_start from pg_stat_activity
 where usename = 'openvest_app' and xact_start is not null and application_name = 'openvest'
"""
_LEASED = "select id from street_orders where tenant_id = $1 and lease_token is not null order by id"
_ANSWERED = """
select s.*, (select count(*) from venue_reports r where r.tenant_id = s.tenant_id and r.street_order_id = s.id)
  from street_orders s where tenant_id = $1 and id = any($2) order by id
"""


@dataclass
class Holding:
    """Answers 200 at once, but when armed keeps the next delivery until it is let go."""

    armed: bool = False
    status: int = 200
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    def arm(self, status: int) -> asyncio.Event:
        """Returns what lets go of the next delivery, which is then answered so."""
        self.armed, self.status = True, status
        self.entered, self.let_go = asyncio.Event(), asyncio.Event()
        return self.let_go

    async def answer(self, _: Delivery) -> web.StreamResponse:
        if not self.armed:
            return web.Response(status=200)
        self.armed, status, let_go = False, self.status, self.let_go
        self.entered.set()
        await let_go.wait()
        return web.Response(status=status)


@dataclass
class World:
    """Two workers, one subscription."""

    stage: Stage
    receiver: Receiver
    holding: Holding
    database: Database
    superuser: asyncpg.Connection[asyncpg.Record]
    tenant_id: UUID
    wire: Wire
    people: Sequence[Person]
    since: int
    reading: set[int] = field(default_factory=set[int])
    """Sessions of a stopped worker that had begun to read; they hold no row."""

    async def order(self, chance: random.Random) -> None:
        """Something to tell the subscriber."""
        body = order_body(chance, self.people[0], True)
        reply = await self.wire.send("POST", "/orders", body, str(UUID(int=chance.getrandbits(128), version=4)))
        assert reply.status == 202, reply

    async def pause(self, name: str) -> None:
        """SIGSTOP, at a moment at which the process has no transaction open: what it holds is a lease at most."""
        process = self.stage.running[name].process
        for _ in range(200):
            process.send_signal(signal.SIGSTOP)
            if await self._is_between():
                return
            process.send_signal(signal.SIGCONT)
            await asyncio.sleep(0.03)
        raise RuntimeError(f"{name} is never between two transactions")

    def resume(self, name: str) -> None:
        self.stage.running[name].process.send_signal(signal.SIGCONT)

    def lost_leases(self, name: str) -> int:
        return self.stage.running[name].said.count('"event":"webhook.lease_lost"')

    async def quiet(self) -> None:
        await wait_for_rest(self.database, self.tenant_id)
        await wait_for_arrival(self.database, self.tenant_id)

    async def round(self, chance: random.Random) -> list[str]:
        """The first worker is stopped while it sends; it comes back while the second one sends the next package."""
        await self.quiet()
        await self.pause("second")
        first = self.holding.arm(200)
        await self.order(chance)
        await self._held()
        await self.pause("first")
        await age_leases(self.stage)
        self.resume("second")
        await self.quiet()
        next_one = self.holding.arm(500)
        await self.order(chance)
        await self._held()
        refused, held = self.lost_leases("first"), self.lost_leases("second")
        first.set()
        self.resume("first")
        found: list[str] = []
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while self.lost_leases("first") == refused:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            found.append("what the stopped worker brought back was not refused")
        next_one.set()
        try:
            await self.quiet()
        except TimeoutError as left:
            found.append(f"what the second worker was sending is stuck: {left}")
        if self.lost_leases("second") != held:
            found.append("the second worker lost its lease to the one that came back")
        return found + await arrival_findings(self.receiver.deliveries, self.database, self.tenant_id, self.since)

    async def question(self, chance: random.Random) -> list[str]:
        """The first worker is stopped between asking the venue and recording; it comes back when that is history.

        Why a lock on scenarios: the simulated venue reads them, so a question waits for it, and holds nothing but its
        lease meanwhile.
        """
        await self.quiet()
        await self.pause("second")
        async with self.superuser.transaction():
            await self.superuser.execute("lock table scenarios in access exclusive mode")
            await asyncio.gather(*(self.order(chance) for _ in range(ORDERS)))
            async with asyncio.timeout(WAIT_SECONDS):
                while not (leased := await self._leased()):
                    await asyncio.sleep(0.01)
            self.stage.running["first"].process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(0.2)
        self.reading = {row["pid"] for row in await self.superuser.fetch(_OPEN)}
        await age_leases(self.stage)
        self.resume("second")
        await self.quiet()
        before = await self.superuser.fetch(_ANSWERED, self.tenant_id, leased)
        await self.pause("second")
        self.resume("first")
        # A worker does one thing at a time for a tenant: when this is done, what it brought back was dealt with.
        await self.order(chance)
        await self.quiet()
        self.reading = set()
        self.resume("second")
        after = await self.superuser.fetch(_ANSWERED, self.tenant_id, leased)
        changed = sum(one != other for one, other in zip(before, after, strict=True))
        return [f"{changed} of {len(leased)} street orders changed when the worker came back"] if changed else []

    async def _leased(self) -> list[UUID]:
        return [row["id"] for row in await self.superuser.fetch(_LEASED, self.tenant_id)]

    async def _is_between(self) -> bool:
        """Whether nobody stands in a transaction for longer than a moment, but those that only read and are stopped."""
        before = {tuple(row) for row in await self.superuser.fetch(_OPEN)}
        await asyncio.sleep(0.1)
        still = before & {tuple(row) for row in await self.superuser.fetch(_OPEN)}
        return all(pid in self.reading for pid, _ in still)

    async def _held(self) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            await self.holding.entered.wait()


async def zombies(run: Run) -> Verdict:
    """Stop, overtake, come back."""
    chance, findings = run.chance("orders"), list[str]()
    async with two_workers() as world:
        try:
            for number in range(run["stops"]):
                findings += [f"round {number + 1}: {text}" for text in await world.round(chance)]
                findings += [f"round {number + 1}: {text}" for text in await world.question(chance)]
            proof = await prove_tenant(world.database, world.tenant_id, catalog.INVARIANTS)
            findings += [f"law broken: {finding}" for finding in proof.findings]
        finally:
            for name in ("first", "second"):
                world.resume(name)
            world.holding.let_go.set()
        refused, sent = world.lost_leases("first"), len(world.receiver.deliveries)
    figure = f"{run['stops']} came back with a delivery, {refused} refused, and as many with a venue's answers"
    return Verdict(f"{figure}; {sent} deliveries heard", findings)


@asynccontextmanager
async def two_workers() -> AsyncGenerator[World]:
    """A database, a server, two workers, a tenant with a customer and a subscription to everything."""
    (port,) = free_ports(1)
    holding = Holding()
    async with receiving() as receiver, aiohttp.ClientSession() as http, staged() as stage:
        receiver.script["/hook"] = [holding.answer] * 100_000
        hook = ("--allow-webhooks-to", receiver.entry)
        async with stage.database_alone():
            await stage.start("server", "server", "--port", str(port), *hook)
            await asyncio.gather(*(stage.start(name, "worker", *hook) for name in ("first", "second")))
            known = stage.create_client("Zombies", "--pace", "instant", "--licence", "TOL")
            wire = Wire(http, f"http://127.0.0.1:{port}", known, SCOPE)
            people = await furnished([wire], 1)
            superuser = await asyncpg.connect(stage.address().superuser_dsn("openvest"))
            try:
                async with stage.database() as database:
                    await wait_for_rest(database, known.tenant_id)
                    await wait_for_arrival(database, known.tenant_id)
                    await subscribe(wire, receiver)
                    since = await database.read(known.tenant_id, lambda unit: unit.one(LAST, known.tenant_id))
                    yield World(stage, receiver, holding, database, superuser, known.tenant_id, wire, people, since)
            finally:
                await superuser.close()
