"""T1d: orders accepted per second without HTTP, the flush alone, by two processes with 64 requests under way.

`python -m tests.bench.acceptance DSN TENANT CLIENT SECONDS` is one of the two; it reads accounts from its input, says
`ready`, waits for a line, accepts for so many seconds and prints how many.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
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
from tests.bench.floor import floor_per_second, prepare_floor
from tests.bench.world import Bench, bench_world
from tests.kit.cluster import Cluster
from tests.kit.orders import X
from tests.kit.world import SECRETS, SEED

CUSTOMERS = 2_000
PROCESSES = 2
UNDER_WAY = 64
PREPARED = 8_000
"""Requests made ready per second and process: more than can be accepted."""
PLACE_ORDER = next(endpoint for endpoint in ENDPOINTS if endpoint.operation_id == "place_order")


async def accept(dsn: str, tenant: str, client: str, seconds: str) -> None:
    """The child: everything up to the queue is done before the clock starts, as PERFORMANCE.md says of a flush."""
    pool = await open_pool(dsn, size=4, application="bench flush")
    world = assemble(pool, seed=SEED, secrets=SECRETS)
    flush = Flush(world.database, Keys(SECRETS), ServerSettings())
    caller = Caller(UUID(tenant), UUID(client), "bench", "v1", frozenset({"orders:admin"}), "TOL")
    accounts: list[list[str]] = json.loads(sys.stdin.readline())
    waiting = iter([_item(caller, *accounts[n % len(accounts)]) for n in range(PREPARED * int(seconds))])
    done = 0
    collect_rarely()
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    ends = started + float(seconds)

    async def lane() -> None:
        nonlocal done
        while time.perf_counter() < ends:
            answer = await flush.submit(PLACE_ORDER, next(waiting))
            assert answer.status == 202, answer
            done += 1

    await asyncio.gather(*(lane() for _ in range(UNDER_WAY // PROCESSES)))
    print(done / (time.perf_counter() - started), flush=True)
    pool.terminate()


def _item(caller: Caller, account: str, user: str) -> FlushItem:
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


async def accepted_per_second(bench: Bench, client: UUID, seconds: int) -> float:
    """Both children side by side."""
    command = [sys.executable, "-m", "tests.bench.acceptance", bench.cluster.dsn(bench.name), str(bench.tenant_id)]
    pipe = asyncio.subprocess.PIPE
    children = [
        await asyncio.create_subprocess_exec(*command, str(client), str(seconds), stdin=pipe, stdout=pipe)
        for _ in range(PROCESSES)
    ]
    total = 0.0
    for number, child in enumerate(children):
        assert child.stdin is not None and child.stdout is not None
        mine = bench.customers[number::PROCESSES]
        child.stdin.write(json.dumps([[str(c.account_id), str(c.user_id)] for c in mine]).encode() + b"\n")
        await child.stdin.drain()
        await child.stdout.readline()
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"go\n")
    for child in children:
        assert child.stdout is not None
        total += float(await child.stdout.readline())
        await child.wait()
    return total


async def make_client(bench: Bench) -> UUID:
    async def work(unit: Unit) -> UUID:
        made = await tenants.create_client(unit, contract="v1", scopes=["orders:admin"], no_rate_limit=True)
        return made.client_id

    return await bench.world.database.write(bench.tenant_id, work, n=0)


async def measure(cluster: Cluster, rounds: int, seconds: int, customers: int = CUSTOMERS) -> dict[str, list[float]]:
    """Ratios of each round, floor and acceptance by turns."""
    floor = await cluster.create(template=None)
    prepare_floor(cluster, floor)
    found: dict[str, list[float]] = {"T1d": []}
    async with bench_world(cluster, customers) as bench:
        client = await make_client(bench)
        await accepted_per_second(bench, client, 2)  # warm
        await bench.analyze()
        for _ in range(rounds):
            below = floor_per_second(cluster, floor, seconds)
            found["T1d"].append(await accepted_per_second(bench, client, seconds) / below)
    return found


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(accept(*sys.argv[1:]))
