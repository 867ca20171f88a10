"""Connections are few: who waits for them waits for a bounded time, and a process ends whatever hangs (R43, ends)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import aiohttp

from openvest.core.clock import monotonic_ns
from openvest.db.room import POOL_SIZE
from tests.gates.ends import endings
from tests.gates.frozen import Caller, frozen, seconds_to_end
from tests.gates.full import full_disk
from tests.gates.gate import Gate, Run, Verdict
from tests.kit.stage import free_ports
from tests.kit.wire import Reply

WRITE_SECONDS, ADVANCE_SECONDS = 45, 60
"""What one request may take: its turn, its drain and the connections on its way; an advance is waited for longer."""
QUIET_SECONDS = 5
SIGTERM_SECONDS = 10
_ANSWERS = frozenset({200, 201, 202, 204})


@dataclass
class Storm:
    """What became of the requests to all tenants."""

    seen: Counter[str] = field(default_factory=Counter[str])
    findings: list[str] = field(default_factory=list[str])
    slowest: dict[str, float] = field(default_factory=dict[str, float])
    over: bool = False

    def judge(self, what: str, reply: Reply | None, seconds: float, limit: float) -> None:
        if self.over:
            return
        self.slowest[what] = max(self.slowest.get(what, 0.0), seconds)
        if reply is None:
            self.findings.append(f"{what} was not answered in {limit:g} s")
        elif reply.status == 503 and not reply.retry_after:
            self.findings.append(f"{what} was refused without Retry-After")
        elif reply.status not in (*_ANSWERS, 503):
            self.findings.append(f"{what} was answered {reply.status}: {reply.content[:300]!r}")
        else:
            self.seen["refused" if reply.status == 503 else "done"] += 1


async def exhaustion(run: Run) -> Verdict:
    """Write to many frozen tenants of one process and advance them, all at once; then once more, and SIGTERM."""
    (port,) = free_ports(1)
    storm = Storm()
    async with frozen(run["tenants"], port) as (stage, callers):
        await _rage(storm, callers, run["seconds"])
        await asyncio.sleep(QUIET_SECONDS)
        ready = await _ready(port)
        if ready != 200:
            storm.findings.append(f"/health/ready answers {ready} {QUIET_SECONDS} s after the storm")
        again = asyncio.create_task(_rage(Storm(), callers, 60))
        await asyncio.sleep(2)
        took = await seconds_to_end(stage, "serve")
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)
        if took > SIGTERM_SECONDS:
            storm.findings.append(f"SIGTERM in the storm took {took:.1f} s")
        storm.findings += [f"logged as a fault: {text} ({times} times)" for text, times in stage.faults().items()]
    slowest = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in sorted(storm.slowest.items()))
    figure = f"{run['tenants']} frozen tenants on {POOL_SIZE} connections: {storm.seen['done']} requests done, "
    figure += f"{storm.seen['refused']} told to come again; slowest {slowest}; ended in {took:.1f} s"
    if not storm.seen["done"]:
        storm.findings.append("nothing was done")
    return Verdict(figure, storm.findings)


async def _rage(storm: Storm, callers: Sequence[Caller], seconds: float) -> None:
    until = monotonic_ns() + int(seconds * 1_000_000_000)

    async def go_on(what: str, act: Callable[[], Awaitable[Reply]], limit: float) -> None:
        while monotonic_ns() < until:
            begun = monotonic_ns()
            reply: Reply | None = None
            try:
                async with asyncio.timeout(limit):
                    reply = await act()
            except TimeoutError:
                pass
            storm.judge(what, reply, (monotonic_ns() - begun) / 1e9, limit)

    async with asyncio.TaskGroup() as group:
        for one in callers:
            group.create_task(go_on("a write", one.write, WRITE_SECONDS))
            group.create_task(go_on("an order", one.order, WRITE_SECONDS))
            group.create_task(go_on("an advance", one.advance, ADVANCE_SECONDS))


async def _ready(port: int) -> int:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/health/ready") as answer:
        return answer.status


GATES: tuple[Gate, ...] = (
    Gate(
        "R8 full-disk",
        "a full disk refuses writes, loses nothing, and is forgotten when there is room again",
        full_disk,
        push={"fills": 2, "seconds": 4},
        night={"fills": 10, "seconds": 10},
    ),
    Gate(
        "R43 pool-exhaustion",
        "many frozen tenants at once do not use up a process, and it ends in the middle of them",
        exhaustion,
        push={"tenants": 14, "seconds": 6},
        night={"tenants": 60, "seconds": 60},
    ),
    Gate(
        "ends",
        "SIGTERM ends any process in 10 s, whatever hangs",
        endings,
        push={"each": 0},
        night={"each": 1},
    ),
)
