"""T10: what pages of long lists cost beside one signed GET by id (T3), and deep and filtered pages beside first ones.

A tenant with 1 M users and 1 M accounts; 200,000 orders of one account, one in a hundred of them cancelled. Rows are
copies of one that the services made, marked by housekeeping. The deep page is in the middle, where both ends are far.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from openvest.catalog import LISTS
from openvest.db.marks import mark_lists
from tests.bench.cpu import Meter
from tests.bench.figures import Sample
from tests.bench.load import built, send_all
from tests.bench.requests import Client, make_client, server
from tests.bench.world import Bench, bench_world
from tests.kit.cluster import Cluster
from tests.kit.copies import AS_TIME_GOES, copied

MILLION, OF_ACCOUNT = 1_000_000, 200_000
QUICK = 10
"""A quick run has so many times fewer rows."""
AT_ONCE = 16
ROWS = tuple(f"T10{kind}{page}" for kind in "uao" for page in ("", "d", "f") if kind + page != "uf")
"""By the list (users, accounts, orders of an account) and the page: the first, a deep one, a filtered one."""


@dataclass(frozen=True)
class Listed:
    """A running server with long lists behind it, the client who asks, and what it asks for by row."""

    bench: Bench
    port: int
    server_pid: int
    client: Client
    targets: Mapping[str, str]


@asynccontextmanager
async def listed(cluster: Cluster, *, quick: bool) -> AsyncGenerator[Listed]:
    """Rows made and marked."""
    rows, orders = (MILLION // QUICK, OF_ACCOUNT // QUICK) if quick else (MILLION, OF_ACCOUNT)
    async with bench_world(cluster, 1) as bench:
        client = await make_client(bench, "ed25519", ["accounts:read", "users:read", "orders:read"])
        customer = bench.customers[0]
        await bench.accept(bench.customers)
        await bench.world.runner.run_until_quiet(bench.tenant_id)
        await _fill(bench, rows, orders)
        of_account = f"/accounts/{customer.account_id}/orders?limit=20"
        targets = {
            "T3": f"/accounts/{customer.account_id}",
            "T10u": "/users?limit=20",
            "T10ud": f"/users?limit=20&offset={rows // 2}",
            "T10a": "/accounts?limit=20",
            "T10ad": f"/accounts?limit=20&offset={rows // 2}",
            "T10af": f"/users/{customer.user_id}/accounts?limit=20",
            "T10o": of_account,
            "T10od": f"{of_account}&offset={orders // 2}",
            "T10of": f"{of_account}&status=CANCELLED",
        }
        async with server(bench) as (port, pid):
            yield Listed(bench, port, pid, client, targets)


async def _fill(bench: Bench, rows: int, orders: int) -> None:
    owner, customer = await asyncpg.connect(bench.cluster.dsn(bench.name, "postgres")), bench.customers[0]
    at = "(wire_now() - interval '900 days' + n * interval '1 minute')"
    placed = {"id": AS_TIME_GOES.format(at=at), "created_at": at}
    own = {"status": "case when hashint4(n) % 100 = 0 then 'CANCELLED' else 'FILLED' end"} | {
        "cancellation_reason": "case when hashint4(n) % 100 = 0 then 'CANCELLED_BY_UPVEST_PLATFORM' end"
    }
    other = "('00000000-0000-4000-8000-' || lpad(to_hex(n / 3), 12, '0'))::uuid"
    try:
        await owner.execute("set session_replication_role = replica")
        await copied(owner, "users", customer.user_id, rows, placed)
        await copied(
            owner, "accounts", customer.account_id, rows, {**placed, "user_id": other, "account_number": "n + 1"}
        )
        (order_id,) = await owner.fetchrow("select id from orders")
        await copied(owner, "orders", order_id, orders, {**placed, **own})
        await owner.execute("vacuum analyze")
        marks = -1
        while (now := await owner.fetchval("select count(*) from list_marks")) != marks:
            marks = now
            await bench.world.database.write(bench.tenant_id, lambda unit: mark_lists(unit, LISTS), n=0)
        await owner.execute("update list_marks set laid_at = laid_at - interval '1 hour'")
        while await owner.fetchval("select count(*) from list_marks where ordinal is null"):
            await bench.world.database.write(bench.tenant_id, lambda unit: mark_lists(unit, LISTS), n=0)
        await owner.execute("vacuum analyze list_marks")
    finally:
        await owner.close()


async def measure(listed: Listed, row: str, seconds: int) -> Sample:
    """One round: what the page is held against first. The figure is how many times its time a page takes."""
    below, _ = await _asked(listed, "T3" if len(row) == len("T10u") else row[:-1], seconds)
    rate, sample = await _asked(listed, row, seconds)
    return Sample(below / rate, rate, sample.cpu)


async def _asked(listed: Listed, row: str, seconds: int) -> tuple[float, Sample]:
    client, target = listed.client, listed.targets[row]
    requests = [built(client.signer, client.token, "GET", target) for _ in range(6_000 * seconds)]
    meter = Meter("client", server=[listed.server_pid], postgres=listed.bench.cluster.process.pid)
    done = await send_all(listed.port, requests, AT_ONCE, 200, seconds)
    return done.per_second, Sample(0.0, done.per_second, meter.per_operation(done.count))
