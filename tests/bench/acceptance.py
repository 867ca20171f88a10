"""T1d: orders accepted per second without HTTP, the flush alone, by two processes with 64 requests under way.

`run.py tests.bench.acceptance DSN TENANT CLIENT SECONDS` is one of the two; it reads accounts from its input, says
`ready`, waits for a line, accepts for so many seconds and prints how many in how many.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio.subprocess import Process
from dataclasses import dataclass
from uuid import UUID, uuid4

import uvloop

from openvest.core.clock import monotonic_ns
from openvest.core.memory import collect_rarely
from openvest.db.connections import open_pool
from openvest.db.unit import Unit
from openvest.declarations import Call, Caller
from openvest.features.orders.v1 import ENDPOINTS, OrderCreate
from openvest.features.tenants import service as tenants
from openvest.main import assemble
from openvest.server.flush import Flush, FlushItem
from openvest.server.idempotency import Keys, keyed_request
from openvest.server.messages import Request
from openvest.server.settings import ServerSettings
from tests.bench import run
from tests.bench.cpu import Cpu, Meter
from tests.bench.figures import Sample
from tests.bench.floor import Floor
from tests.bench.world import Bench
from tests.kit.orders import X
from tests.kit.world import SECRETS, SEED

CUSTOMERS = 2_000
PROCESSES = 2
UNDER_WAY = 64
PREPARED = 8_000
"""Requests made ready per second and process. Where they are all accepted sooner, sooner is when the round ends."""
PLACE_ORDER = next(endpoint for endpoint in ENDPOINTS if endpoint.operation_id == "place_order")


async def accept(dsn: str, tenant: str, client: str, seconds: str) -> None:
    """The child: everything up to the queue is done before the clock starts, as PERFORMANCE.md says of a flush."""
    pool = await open_pool(dsn, size=4, application="bench flush")
    world = assemble(pool, seed=SEED, secrets=SECRETS)
    flush = Flush(world.database, Keys(SECRETS), ServerSettings())
    caller = Caller(UUID(tenant), UUID(client), "bench", "v1", frozenset({"orders:admin"}), "TOL")
    accounts: list[list[str]] = json.loads(sys.stdin.readline())
    waiting = iter([item(caller, *accounts[n % len(accounts)]) for n in range(PREPARED * int(seconds))])
    done = 0
    collect_rarely()
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    ends = started + float(seconds)

    async def lane() -> None:
        nonlocal done
        while time.perf_counter() < ends and (item := next(waiting, None)) is not None:
            answer = await flush.submit(PLACE_ORDER, item)
            assert answer.status == 202, answer
            done += 1

    await asyncio.gather(*(lane() for _ in range(UNDER_WAY // PROCESSES)))
    print(done, time.perf_counter() - started, flush=True)
    sys.stdin.readline()
    pool.terminate()


def item(caller: Caller, account: str, user: str) -> FlushItem:
    raw = {
        "account_id": account,
        "user_id": user,
        "side": "BUY",
        "instrument_id": X,
        "instrument_id_type": "ISIN",
        "cash_amount": "1.00",
    }
    key = uuid4()
    call = Call(caller, {}, None, OrderCreate.model_validate(raw), key, "")
    request = Request("", "POST", "/orders", b"/orders", b"", (), {})
    return FlushItem(call, keyed_request(request, caller, key, raw), monotonic_ns() + 60_000_000_000)


@dataclass(frozen=True)
class Flushed:
    """A world and the client of whom its orders are."""

    bench: Bench
    floor: Floor
    client_id: UUID


async def accepted_per_second(flushed: Flushed, seconds: int) -> tuple[float, Cpu]:
    """Both children side by side."""
    bench, pipe = flushed.bench, asyncio.subprocess.PIPE
    words = (bench.cluster.dsn(bench.name), str(bench.tenant_id), str(flushed.client_id), str(seconds))
    command = run.command(sys.executable, "tests.bench.acceptance", *words)
    children = [await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe) for _ in range(PROCESSES)]
    for number, child in enumerate(children):
        mine = [[str(c.account_id), str(c.user_id)] for c in bench.customers[number::PROCESSES]]
        await _say(child, json.dumps(mine))
    for child in children:
        await _hear(child)
    meter = Meter("idle", server=[child.pid for child in children], postgres=bench.cluster.process.pid)
    for child in children:
        await _say(child, "go")
    found = [(await _hear(child)).split() for child in children]
    cpu = meter.per_operation(sum(int(done) for done, _ in found))
    for child in children:
        await _say(child, "end")
        await child.wait()
    return sum(int(done) / float(took) for done, took in found), cpu


async def _say(child: Process, text: str) -> None:
    assert child.stdin is not None
    child.stdin.write(text.encode() + b"\n")
    await child.stdin.drain()


async def _hear(child: Process) -> str:
    assert child.stdout is not None
    return (await child.stdout.readline()).decode()


async def prepared(bench: Bench, floor: Floor) -> Flushed:
    """Warmed up, and analysed."""

    async def work(unit: Unit) -> UUID:
        made = await tenants.create_client(unit, contract="v1", scopes=["orders:admin"], no_rate_limit=True)
        return made.client_id

    flushed = Flushed(bench, floor, await bench.world.database.write(bench.tenant_id, work, n=0))
    await accepted_per_second(flushed, 2)
    await bench.analyze()
    return flushed


async def measure(flushed: Flushed, seconds: int) -> Sample:
    """One round: the floor first, then acceptance."""
    below = flushed.floor.per_second(seconds)
    rate, cpu = await accepted_per_second(flushed, seconds)
    return Sample(rate / below, rate, cpu)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(accept(*sys.argv[1:]))
