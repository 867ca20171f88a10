"""Deliveries at hostile endpoints (R21 to R24)."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch
from uuid import UUID

from openvest.core.clock import WireClock
from openvest.db.query import Query, Statement
from openvest.db.unit import Unit
from openvest.features.tenants import service as tenants
from openvest.ports.webhook_sender import NotSent, Receipt
from openvest.worker import address_guard
from openvest.worker.address_guard import is_public
from openvest.worker.deliveries import Deliverer
from openvest.worker.webhook_sender import HttpWebhookSender
from tests.faults.doomed import Silent, campaign
from tests.gates import independent
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.ground import ground
from tests.kit.hostile import MORE_NOT_TAKEN, MORE_TAKEN, NOT_TAKEN, OK, TAKEN, Behaviour, endpoint, sends
from tests.kit.receiver import receiving
from tests.kit.tls import certificate
from tests.kit.webhooks import TOLD, WebhookWorld, make_world
from tests.kit.world import make_tenant
from tests.security.test_webhook_guard import webhook_request

SCHEDULE = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 600)
"""Waits after the first, second … failure; the last one for ever. Units: seconds. Source: RELIABILITY.md R23."""


@asynccontextmanager
async def webhook_world() -> AsyncGenerator[WebhookWorld]:
    async with ground(pool_size=20) as stands, receiving() as receiver:
        world = await make_world(stands.world.database, await make_tenant(stands.world.database, "News"), receiver)
        try:
            yield world
        finally:
            await world.deliverer.sender.close()


async def deliverers_die(run: Run) -> Verdict:
    """R21."""
    async with ground() as stands:
        tenant_id = await make_tenant(stands.world.database, "Doomed")
        told = await campaign(stands.world.database, tenant_id, run.seed, run["kills"], run["events_per_kill"])
    if told.repeated == 0:
        told.findings.append("nobody died at the wrong moment, so nothing was shown")
    figure = (
        f"{told.events} events to 4 subscriptions, {told.kills} deaths, {told.deliveries} deliveries,"
        f" {told.repeated} of them repeated"
    )
    return Verdict(figure, told.findings)


@dataclass
class _Flapping:
    """Fails every other time."""

    times: int = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.times += 1
        behave = sends(OK + b"content-length: 0\r\n\r\n") if self.times % 2 == 0 else sends()
        await behave(reader, writer)


HOST = "hooks.client.example"
SEALED: Mapping[str, tuple[str, int, bool]] = {
    "TLS": (HOST, 1, True),
    "TLS under another name": ("other.example", 1, True),
    "TLS that has expired": (HOST, -1, True),
    "TLS of an unknown issuer": (HOST, 1, False),
}
"""Endpoints behind TLS, of which the first alone is to be believed.

Shape: whom the certificate names, the days until it ends, whether we trust who made it."""


async def _to_loopback(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


async def _silent_names(url: str, tls: ssl.SSLContext) -> list[str]:
    """Names whose service never answers, more of them than there are threads, beside one that is known and good."""
    over = threading.Event()

    def answer(host: str, _port: int) -> Sequence[tuple[int, int, int, str, tuple[str, int]]]:
        if host != HOST:
            over.wait()
        return [(0, 0, 0, "", ("127.0.0.1", 0))]

    sender = HttpWebhookSender(WireClock(), timeout_seconds=8, judge=lambda address: address == "127.0.0.1", tls=tls)
    waiting: list[asyncio.Task[Receipt]] = []
    with patch.object(address_guard, "_ask", answer):
        try:
            await sender.send(webhook_request(url))
            await sender.close()  # so that the next request needs a connection, and its name a look-up
            silent = [webhook_request(f"https://n{number}.silent.example/") for number in range(200)]
            waiting += [asyncio.create_task(sender.send(one)) for one in silent]
            await asyncio.sleep(0.1)
            await sender.send(webhook_request(url))
        except NotSent as error:
            return [f"a good name beside {len(waiting)} that never answer: {error}"]
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            over.set()
            await sender.close()
    return []


async def _sealed(stack: AsyncExitStack, now: datetime) -> tuple[dict[str, str], ssl.SSLContext]:
    """The URLs of the endpoints behind TLS, and what we trust."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ovt")))
    trust, urls = ssl.create_default_context(), dict[str, str]()
    for number, (name, (host, days, trusted)) in enumerate(SEALED.items()):
        file = folder / f"{number}.pem"
        server = certificate(file, host, now, days=days)
        if trusted:
            trust.load_verify_locations(file)
        port = await stack.enter_async_context(endpoint(sends(OK + b"content-length: 0\r\n\r\n"), server))
        urls[name] = f"https://{HOST}:{port}/"
    return urls, trust


WAITING = Query(int, "select count(*) from webhook_packages where tenant_id = $1 and webhook_id = $2 and attempts > 0")


async def hostile_endpoints(run: Run) -> Verdict:
    """R22: what each counts as, and that a healthy subscription beside them waits for none of them."""
    taken: Mapping[str, Behaviour] = {**TAKEN, **MORE_TAKEN}
    refused: Mapping[str, Behaviour] = {**NOT_TAKEN, **MORE_NOT_TAKEN}
    findings: list[str] = []
    async with webhook_world() as world, AsyncExitStack() as stack:
        behaviours = {**taken, **refused, "flapping": _Flapping()}
        ports = {name: await stack.enter_async_context(endpoint(b)) for name, b in behaviours.items()}
        world.allow_list |= {f"127.0.0.1:{port}" for port in ports.values()}
        sealed, trust = await _sealed(stack, world.wire.now())
        urls = {name: f"http://127.0.0.1:{port}/" for name, port in ports.items()} | sealed
        ids = {name: await world.webhook(url=url, max_package_size=100) for name, url in urls.items()}
        await world.webhook("/healthy", max_package_size=100)
        sender = HttpWebhookSender(
            world.wire,
            world.allow_list,
            timeout_seconds=8,
            resolve=_to_loopback,
            judge=lambda address: address == "127.0.0.1" or is_public(address),
            tls=trust,
        )
        deliverer = Deliverer(world.database, TOLD, sender, back_off=(0,), log=Silent())
        for _ in range(run["rounds"]):
            await world.emit("USER.CREATED", "USER.CREATED", size=200)
            await world.age()
            findings += await _healthy_is_served(world, deliverer)
        findings += await _silent_names(sealed["TLS"], trust)
        await deliverer.finish(20)
        await sender.close()
        for name in (*refused, *list(sealed)[1:]):
            if not await world.database.read(
                world.tenant_id, lambda unit, name=name: unit.one(WAITING, unit.tenant_id, ids[name])
            ):
                findings.append(f"{name} was taken for a success")
        for name in (*taken, *list(sealed)[:1]):
            if await world.database.read(
                world.tenant_id, lambda unit, name=name: unit.one(WAITING, unit.tenant_id, ids[name])
            ):
                findings.append(f"{name} was taken for a failure")
        heard = world.heard("/healthy")
        if heard != list(range(1, world.emitted + 1)):
            findings.append(f"the healthy subscription heard {len(heard)} of {world.emitted} events")
    return Verdict(f"{len(ids)} behaviours x {run['rounds']} rounds beside a healthy subscription", findings)


async def _healthy_is_served(world: WebhookWorld, deliverer: Deliverer) -> list[str]:
    """Go on delivering until the healthy one has all there is; others must be seen hanging meanwhile."""
    hanging = False
    for _ in range(300):
        await deliverer.start(world.tenant_id)
        await asyncio.sleep(0.005)
        hanging |= bool(deliverer._under_way.get(world.tenant_id))  # pyright: ignore[reportPrivateUsage] - a look
        if world.heard("/healthy") == list(range(1, world.emitted + 1)):
            return [] if hanging else ["nobody was seen hanging, so nothing was shown of waiting"]
    return [f"the healthy subscription waits: it heard {len(world.heard('/healthy'))} of {world.emitted}"]


@dataclass(frozen=True, slots=True)
class _Wait:
    """When a failing package is tried next, the instant now, and since when it fails. Wire time."""

    at: datetime
    now: datetime
    since: datetime


NOW = Query(datetime, "select wire_now() as now")
NEXT_ATTEMPT = Query(
    _Wait, "select next_attempt_at as at, wire_now() as now, failing_since as since from webhook_packages"
)
NOW_DUE = Statement("update webhook_packages set next_attempt_at = wire_now()")


async def waits_between_attempts(run: Run) -> Verdict:
    """R23: exact waits, without an end, counted from the first; and everything delivered once the endpoint is back."""
    findings, begun = list[str](), list[datetime]()
    async with webhook_world() as world:
        deliverer = Deliverer(world.database, TOLD, world.deliverer.sender, log=Silent())
        await world.webhook(max_package_size=100)
        world.receiver.script["/hook"] = [500] * run["failures"]
        await world.emit("USER.CREATED", "USER.CREATED", "USER.CREATED")
        for failure in range(run["failures"]):
            before = await world.database.read(world.tenant_id, lambda unit: unit.one(NOW))
            await deliverer.once(world.tenant_id)
            wait = await world.database.read(world.tenant_id, lambda unit: unit.one(NEXT_ATTEMPT))
            expected = timedelta(seconds=SCHEDULE[min(failure, len(SCHEDULE) - 1)])
            if not before + expected <= wait.at <= wait.now + expected:
                findings.append(f"failure {failure + 1}: {wait.at - wait.now} instead of {expected}")
            begun.append(wait.since)
            if begun[0] != wait.since or not (failure or before <= wait.since <= wait.now):
                findings.append(f"failure {failure + 1}: it is said to fail since {wait.since}, not {begun[0]}")
            if await deliverer.once(world.tenant_id) or len(world.receiver.deliveries) != failure + 1:
                findings.append(f"failure {failure + 1}: tried again before its time")
            await world.run(NOW_DUE)
        world.deliverer.back_off = SCHEDULE
        await world.flow()
        if list(dict.fromkeys(world.heard())) != [1, 2, 3]:
            findings.append(f"after the endpoint came back it heard {world.heard()[-5:]}")
    return Verdict(f"{run['failures']} failures in a row, each wait as the table has it", findings)


async def signatures_verify(run: Run) -> Verdict:
    """R24: by an implementation of its own, while keys are replaced under way."""
    findings: list[str] = []
    chance = run.chance("rotation")
    async with webhook_world() as world:
        for number in range(4):
            await world.webhook(f"/{number}?a=b%20c&n={number}", max_package_size=100)
        checked, used = 0, set[str]()
        while checked < run["deliveries"]:
            await world.emit("USER.CREATED", size=chance.randrange(300))
            await world.age()
            taken = await world.deliverer.take(world.tenant_id)
            if chance.random() < 0.2:  # a key is added between the lease and the sending
                await world.database.write(world.tenant_id, _add_key, n=0)
            outcomes = [await world.deliverer.attempt(p, taken.key) for p in taken.packages if taken.key]
            await world.deliverer.record(world.tenant_id, outcomes)
            published = await world.database.read(world.tenant_id, tenants.verify_keys)
            keys = {str(key.id): key.public_key for key in published}
            for delivery in world.receiver.deliveries[checked:]:
                found = independent.verify_webhook(delivery, keys, world.wire.now_seconds())
                used.add(found.key_id)
                findings += found.findings
            checked = len(world.receiver.deliveries)
    if len(used) < 2:
        findings.append("no key was ever replaced, so nothing was shown")
    return Verdict(f"{checked} deliveries under {len(used)} keys, each verified independently", findings)


async def _add_key(unit: Unit) -> UUID:
    return await tenants.add_signing_key(unit)


GATES = (
    Gate(
        "R21 event-delivery",
        "every event arrives, first arrivals in order, whoever dies",
        deliverers_die,
        push={"kills": 60, "events_per_kill": 34},
        night={"kills": 1_000, "events_per_kill": 50},
        minutes=6,
    ),
    Gate(
        "R22 hostile-endpoints",
        "hostile endpoints hold back nobody else, and only a success counts as one",
        hostile_endpoints,
        push={"rounds": 3},
        night={"rounds": 20},
    ),
    Gate(
        "R23 retry-waits",
        "failures are repeated after exactly the published waits",
        waits_between_attempts,
        push={"failures": 20},
        night={"failures": 60},
        quick=True,
    ),
    Gate(
        "R24 webhook-signatures",
        "every delivery's signature verifies, also while keys are replaced",
        signatures_verify,
        push={"deliveries": 500},
        night={"deliveries": 10_000},
    ),
)
