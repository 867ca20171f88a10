"""Nobody waits for somebody else's work: beside tenants that advance years, dead endpoints and long lists.

The program is the one its user starts, `openvest serve`; the others are busy for as long as somebody is measured.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, Final
from uuid import uuid4

import aiohttp

from openvest.core.clock import monotonic_ns
from tests.faults.crash.run import SCOPE
from tests.gates.gate import Gate, Run, Verdict
from tests.kit.people import USER
from tests.kit.receiver import receiving
from tests.kit.stage import Stage, free_ports, staged
from tests.kit.wire import Wire
from tests.repeat.life import FIXED, Person, Steps, onboard

_SCOPE: Final = f"{SCOPE} tests:admin webhooks:admin webhooks:read instruments:read"
_BACK_OFF_S: Final = 0.05
GIVEN_UP_SECONDS: Final = 120
"""Whoever has to wait for so long has waited enough to be a finding."""
DELAY_SECONDS: Final = 1
"""How long a subscription keeps a package open: the least there is."""


@dataclass(slots=True)
class Field:
    """A served sandbox and how to send to it; `made` clients are each of a tenant of its own."""

    stage: Stage
    http: aiohttp.ClientSession
    base: str

    async def client(self, tenant: str, *options: str) -> Wire:
        known = await asyncio.to_thread(self.stage.create_client, tenant, *options)
        return Wire(self.http, self.base, known, _SCOPE)

    async def customer(self, wire: Wire, money: str = "1000000.00") -> Person:
        """An ACTIVE customer with money."""
        person = await onboard(Steps([wire.send]), "Ada")
        await person.until_active()
        await person.top_up(money)
        return person


@asynccontextmanager
async def field(*options: str) -> AsyncGenerator[Field]:
    (port,) = free_ports(1)
    timeout = aiohttp.ClientTimeout(total=120, connect=30)
    async with (
        staged() as stage,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http,
    ):
        await stage.start("serve", "serve", "--port", str(port), *options)
        yield Field(stage, http, f"http://127.0.0.1:{port}")


@asynccontextmanager
async def busy(works: Sequence[Callable[[], Awaitable[Any]]]) -> AsyncGenerator[list[Any]]:
    """Each of these over and over, side by side. What they gave is in the list; what one raises ends the block."""
    given: list[Any] = []

    async def again(work: Callable[[], Awaitable[Any]]) -> None:
        while True:
            given.append(await work())

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(again(work)) for work in works]
        yield given
        for task in tasks:
            task.cancel()


def _seconds(begun: int) -> float:
    return (monotonic_ns() - begun) / 1e9


def _said(times: Sequence[float]) -> str:
    return f"median {median(times):.2f} s, longest {max(times):.2f} s of {len(times)}"


# Beside tenants that advance years


async def filled_beside_advances(run: Run) -> Verdict:
    """Orders of a tenant whose clock runs, one after the other, while others go from session to session for years."""
    async with field() as at:
        live = await at.client("Live", "--pace", "instant")
        person = await at.customer(live)
        ahead = await asyncio.gather(*(_far_behind(at, number) for number in range(run["advancing"])))
        alone = [await _fill(live, person) for _ in range(5)]
        async with busy([lambda wire=wire: _advance(wire) for wire in ahead]) as advanced:
            await asyncio.sleep(1)
            before = [await _now(wire) for wire in ahead]
            times = [await _fill(live, person) for _ in range(run["orders"])]
            after = [await _now(wire) for wire in ahead]
    findings: list[str] = []
    if median(times) > 0.5 + median(alone) or max(times) > 3:
        findings.append(f"an order waited for the advances of others: {_said(times)}")
    still = sum(one == other for one, other in zip(before, after, strict=True))
    if still:
        findings.append(f"{still} of {len(ahead)} clocks did not move: {before}, {after}, {advanced[:3]}")
    return Verdict(
        f"fill time beside {len(ahead)} advancing tenants: {_said(times)}; alone {median(alone):.2f} s", findings
    )


async def _far_behind(at: Field, number: int) -> Wire:
    """A tenant with orders that rest, so that its clock stops at every session."""
    wire = await at.client(f"Ahead {number}", "--pace", "calendar", "--frozen-at", "2026-03-02T09:30:00Z")
    person = await at.customer(wire)
    for _ in range(3):
        await person.order(FIXED, "BUY", quantity="1", order_type="LIMIT", limit_price="1.00")
    return wire


async def _advance(wire: Wire) -> str:
    reply = await wire.send("POST", "/tests/clock/advance", {"by": "P1Y"})
    if reply.status not in (200, 202):
        await asyncio.sleep(_BACK_OFF_S)
    return f"{reply.status} {reply.content[:200]!r}"


async def _now(wire: Wire) -> str:
    return str((await wire.send("GET", "/tests/clock")).json["now"])


async def _fill(wire: Wire, person: Person) -> float:
    """Place an order and see it filled. Units: seconds."""
    begun = monotonic_ns()
    order_id = await person.order(FIXED, "BUY", quantity="1")
    while (await wire.send("GET", f"/orders/{order_id}")).json["status"] != "FILLED":
        await asyncio.sleep(0.01)
    return _seconds(begun)


# Beside dead endpoints


@dataclass(slots=True)
class Hanging:
    """An endpoint that takes every connection and never says a word."""

    port: int = 0
    connections: int = 0

    @property
    def entry(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.entry}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while await reader.read(65_536):
            pass
        writer.close()


@asynccontextmanager
async def hanging() -> AsyncGenerator[Hanging]:
    found = Hanging()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, backlog=1_000)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()


async def delivered_beside_dead_ones(run: Run) -> Verdict:
    """News of a tenant of which one subscription answers and many never do: new ones, and such as answered before."""
    times: list[float] = []
    async with hanging() as dead, receiving() as alive, AsyncExitStack() as stack:
        at = await stack.enter_async_context(
            field("--allow-webhooks-to", alive.entry, "--allow-webhooks-to", dead.entry)
        )
        wire = await at.client("Notified", "--pace", "instant")
        steps = Steps([wire.send])
        for number in range(run["dead"]):
            await _subscribed(steps, dead.url(f"/{number}"))
        await _subscribed(steps, alive.url())
        for _ in range(run["events"]):
            begun, known = monotonic_ns(), len(alive.deliveries)
            await steps.post("/users", USER | {"email": f"{uuid4()}@example.org"})
            async with asyncio.timeout(60):
                while len(alive.deliveries) == known:
                    await asyncio.sleep(0.01)
            times.append(_seconds(begun) - DELAY_SECONDS)
        tried = dead.connections
    findings: list[str] = []
    if tried < run["dead"]:
        findings.append(f"only {tried} dead endpoints were tried")
    if median(times) > 1 or max(times) > 3:
        findings.append(f"a delivery waited for dead endpoints: {_said(times)}")
    return Verdict(
        f"delivery beside {run['dead']} dead endpoints, after the second a package is kept open: {_said(times)}",
        findings,
    )


async def _subscribed(steps: Steps, url: str) -> None:
    made = await steps.post("/webhooks", {"title": "t", "url": url, "type": ["ALL"], "config": {"delay": "1s"}})
    await steps.send("PATCH", f"/webhooks/{made['id']}", {"enabled": True})


# Beside long lists


async def answered_beside_lists(run: Run) -> Verdict:
    """Single objects of one tenant, while another asks for its longest list as often as it can."""
    async with field() as at:
        near, far = await asyncio.gather(at.client("Near"), at.client("Far"))
        mine, theirs = await asyncio.gather(at.customer(near), at.customer(far))
        order_id = await mine.order(FIXED, "BUY", quantity="1")
        await _placed(theirs, run["rows"])
        alone = [await _read(near, order_id) for _ in range(50)]
        async with busy([lambda: _list(far, theirs.account_id)] * run["lists"]) as listed:
            await asyncio.sleep(1)
            begun, times = monotonic_ns(), list[float]()
            while len(times) < run["reads"] and (_seconds(begun) < GIVEN_UP_SECONDS or not times):
                times.append(await _read(near, order_id))
    told = Counter(listed)
    findings = [f"a list was answered {status}" for status in told if status not in (200, 429)]
    # A machine that is slow for whoever is alone is as slow for whoever is not.
    if p99(times) > 0.5 + p99(alone):
        findings.append(f"a read waited for the lists of others: p99 {p99(times):.3f} s")
    if told[200] < 10:
        findings.append(f"no lists to speak of: {dict(told)}")
    return Verdict(
        f"p99 beside {run['lists']} long lists: {p99(times):.3f} s of {len(times)} reads, alone {p99(alone):.3f} s;"
        f" lists answered {dict(told)}",
        findings,
    )


def p99(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


async def _placed(person: Person, rows: int) -> None:
    left = iter(range(rows))

    async def place() -> None:
        for _ in left:
            await person.order(FIXED, "BUY", quantity="1")

    await asyncio.gather(*(place() for _ in range(32)))


async def _read(wire: Wire, order_id: str) -> float:
    begun = monotonic_ns()
    reply = await wire.send("GET", f"/orders/{order_id}")
    assert reply.status == 200, reply
    taken = _seconds(begun)
    await asyncio.sleep(0.005)
    return taken


async def _list(wire: Wire, account_id: str) -> int:
    reply = await wire.send("GET", f"/accounts/{account_id}/orders?limit=1000")
    if reply.status == 429:
        await asyncio.sleep(1)
    return reply.status


GATES = (
    Gate(
        "advances",
        "an order is filled at once beside tenants that advance years",
        filled_beside_advances,
        push={"advancing": 6, "orders": 20},
        night={"advancing": 12, "orders": 300},
    ),
    Gate(
        "dead",
        "an endpoint that answers hears its news beside many that never do",
        delivered_beside_dead_ones,
        push={"dead": 150, "events": 4},
        night={"dead": 150, "events": 60},
    ),
    Gate(
        "lists",
        "a read is answered soon beside the long lists of others",
        answered_beside_lists,
        push={"lists": 100, "rows": 400, "reads": 150},
        night={"lists": 100, "rows": 1_000, "reads": 5_000},
    ),
)
