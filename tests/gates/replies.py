"""Replies that never arrive, and processes that come back too late (R5, R6)."""

from __future__ import annotations

import asyncio

import aiohttp

from tests.faults.crash.checker import check, wait_for_rest
from tests.faults.crash.journal import Journal, read_journal
from tests.faults.crash.load import Load
from tests.faults.crash.run import SCOPE, furnished
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.pauses import pauses
from tests.gates.zombies import zombies
from tests.kit.lossy import Lossy, lossy
from tests.kit.stage import free_ports, staged
from tests.kit.wire import Wire

REFUSED = 401


async def lost_replies(run: Run) -> Verdict:
    """Clients never hear every tenth reply and ask again under their key; every twentieth request arrives twice."""
    ports = free_ports(2)
    timeout = aiohttp.ClientTimeout(total=15, connect=5)
    async with staged() as stage, aiohttp.ClientSession(timeout=timeout) as http:
        await stage.start("serve", "serve", "--port", str(ports[0]))
        known = stage.create_client("Lossy", "--pace", "instant", "--licence", "TOL")
        await stage.start("server", "server", "--port", str(ports[1]))
        plain = [Wire(http, f"http://127.0.0.1:{port}", known, SCOPE) for port in ports]
        people = await furnished(plain, 4)
        async with lossy(ports[0], run.chance("one")) as one, lossy(ports[1], run.chance("other")) as other:
            proxies = (one, other)
            wires = [Wire(http, f"http://127.0.0.1:{proxy.port}", known, SCOPE) for proxy in proxies]
            load = Load(run.seed, Journal(stage.root / "journal.jsonl"), wires, people)
            await _until(load, proxies, run["requests"], run["clients"])
        async with stage.database() as database:
            await wait_for_rest(database, known.tenant_id)
            findings = (await check(read_journal(load.journal.path), database, known.tenant_id, plain[0])).sentences
    dropped, repeated = one.dropped + other.dropped, one.repeated + other.repeated
    findings += [f"a request that was sent twice was answered {a} and {b}" for a, b in repeated if b != REFUSED]
    findings += [f"answered 500: {text}" for text in load.faults]
    if not dropped or not repeated:
        findings.append("nothing was lost or repeated on the way, so nothing was shown")
    figure = f"{dropped} replies lost and {len(repeated)} requests repeated, {load.journal.acknowledged} acknowledged"
    return Verdict(f"{figure}, {len(findings)} findings", findings)


async def _until(load: Load, proxies: tuple[Lossy, ...], requests: int, clients: int) -> None:
    """Send until so many requests have gone through, then until all are settled."""
    under_load = asyncio.create_task(load.run(clients))
    while sum(proxy.passed + proxy.dropped for proxy in proxies) < requests and not under_load.done():
        await asyncio.sleep(0.02)
    load.stop.set()
    await under_load
    await load.journal.close()


GATES: tuple[Gate, ...] = (
    Gate(
        "R5 lost-replies",
        "a reply that never arrives is told again, a request that arrives twice works once",
        lost_replies,
        push={"requests": 1_000, "clients": 16},
        night={"requests": 50_000},
    ),
    Gate(
        "R6 expired-leases",
        "a process that comes back after its lease records nothing",
        zombies,
        push={"stops": 3},
        night={"stops": 50},
    ),
    Gate(
        "R6-inside stopped-workers",
        "a worker stopped inside a transaction, or kept from its tables, leaves nothing behind",
        pauses,
        push={
            "fields": 1,
            "pauses": 3,
            "pause_seconds": 7,
            "groups": 1,
            "lock_seconds": 22,
            "orders": 300,
        },
        night={"fields": 2, "pauses": 1_000, "pause_seconds": 30, "groups": 7, "lock_seconds": 35, "orders": 12_000},
    ),
)
