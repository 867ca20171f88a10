"""A block of 100,000 orders, worked once in peace and once by processes that are killed at each crash point.

`make blocks`: both must come to the same rows and the same log, with books that are proven. The customers and their
orders are made in sets through the services; the two lives start from copies of one database.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import asyncpg

from openvest import catalog
from openvest.core.clock import monotonic_ns
from openvest.core.problems import Problem
from openvest.db.connections import open_pool
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.declarations import Sweep
from openvest.events.sequencer import number_events
from openvest.features.accounts import service as accounts
from openvest.features.orders import service as orders
from openvest.features.orders.model import PlaceOrder
from openvest.features.payments import service as payments
from openvest.features.payments.model import NewTopup
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled, assemble
from openvest.main.failpoints import KILLED, arm_failpoint
from openvest.work.look import Work
from tests.gates.ground import ground
from tests.kit.blocks import CUT_OFF, MORNING
from tests.kit.cluster import Cluster
from tests.kit.customers import make_user
from tests.kit.orders import X
from tests.kit.world import SECRETS, SEED, make_tenant, opened

AT_ONCE = 500
SELLS = 10
"""One customer in so many holds shares and sells."""
POINTS = (
    "sweep.after_claim@orders.check:2",
    "sweep.before_events@orders.check:2",
    "unit.before_events",
    "unit.before_commit",
    "unit.after_commit",
    "sweep.after_claim@orders.close_blocks",
    "sweep.before_events@orders.close_blocks",
    "outbound.in_lease@street.ask_venue",
    "outbound.after_lease@street.ask_venue",
    "outbound.after_call@street.ask_venue",
    "outbound.in_record@street.ask_venue",
    "sweep.after_claim@orders.book",
    "sweep.before_events@orders.book",
    "sweep.after_claim@orders.allot:2",
    "sweep.before_events@orders.allot:3",
    "unit.before_house",
    "unit.before_commit",
    "unit.after_commit",
)
"""Where processes are killed, one after the other, each going on where the one before it was."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a life came to. `given` and `traded` are units, by side."""

    side: str
    members: int
    given: Decimal
    traded: Decimal
    prices: int


FIGURES = Query(
    Figures,
    """
    select b.side, b.members, b.given, b.shares as traded,
           (select count(distinct e.price)::int from executions e
             where e.tenant_id = $1 and e.street_order_id = b.street_order_id) as prices
      from blocks b where b.tenant_id = $1 order by b.side
    """,
)
_INVENTORY = Query(
    Decimal,
    "select coalesce(sum(balance), 0) from house_balances"
    " where tenant_id = $1 and bucket = 'fractions' and length(asset) > 3",
)
_ROWS = (
    "orders",
    "blocks",
    "block_members",
    "executions",
    "block_trades",
    "fraction_reserves",
    "balances",
    "lots",
    "cash_transactions",
    "securities_transactions",
    "events",
)

_LINE = {
    "events": "row(row_number() over (order by set_id, n), id, type, object_id, object_version, created_at,"
    " snapshot)::text"
}
"""What of a row is compared where that is not all of it: a set that was not committed leaves a gap in their ids."""


async def life(world: Assembled, tenant_id: UUID) -> None:
    """Bring the clock to the cut-off, whatever was done of it before."""
    state = await world.clockwork.show(tenant_id)
    if state.now < CUT_OFF and state.target is None:
        await world.clockwork.set_target(tenant_id, lambda _: CUT_OFF)
    await world.clockwork.advance(tenant_id, wait_s=None)
    await world.runner.drain(tenant_id)


async def child(dsn: str, tenant_id: UUID) -> None:
    """One process of a life; where a crash point is armed it ends there."""
    pool = await open_pool(dsn, size=4, application="blocks")
    world = assemble(pool, seed=SEED, secrets=SECRETS)
    stages = Stages()
    world.runner.works = [stages.timed(work) for work in world.runner.works]
    arm_failpoint(os.environ.get("OPENVEST_FAILPOINT"))
    await life(world, tenant_id)
    stages.stop()
    for name, seconds in stages.seconds.most_common():
        if stages.rows[name]:
            print(f"  {name}: {stages.rows[name]} rows in {seconds / 1e9:.1f} s")
    print(f"  memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    pool.terminate()


class Stages:
    """Seconds between one claim and the next, by the work that claimed."""

    def __init__(self) -> None:
        self.seconds, self.rows = Counter[str](), Counter[str]()
        self._since, self._name = monotonic_ns(), ""

    def stop(self, name: str = "") -> None:
        now = monotonic_ns()
        self.seconds[self._name] += now - self._since
        self._since, self._name = now, name

    def timed(self, work: Work) -> Work:
        """The same work, counted."""
        if not isinstance(work, Sweep):
            return work

        async def claim(unit: Unit, limit: int) -> Sequence[Any]:
            self.stop(work.name)
            rows = await work.claim(unit, limit)
            self.rows[work.name] += len(rows)
            return rows

        return replace(work, claim=claim)


async def make_customers(world: Assembled, tenant_id: UUID, count: int) -> list[UUID]:
    """Accounts with money, in sets."""

    async def some(unit: Unit, number: int) -> list[UUID]:
        made: list[UUID] = []
        for _ in range(number):
            user_id = await make_user(unit)
            group = await accounts.create_account_group(unit, user_id, "PERSONAL")
            made.append((await accounts.create_account(unit, user_id, group.id, "TRADING")).id)
            await payments.create_topup(unit, NewTopup(group.id, Decimal("1000000.00"), "EUR"))
        return made

    found: list[UUID] = []
    while len(found) < count:
        number = min(100, count - len(found))
        found += await world.database.write(tenant_id, lambda unit, n=number: some(unit, n), n=number)
    return found


async def place(world: Assembled, tenant_id: UUID, wants: Sequence[PlaceOrder]) -> None:
    for first in range(0, len(wants), AT_ONCE):
        some = wants[first : first + AT_ONCE]

        async def work(unit: Unit, some: Sequence[PlaceOrder] = some) -> None:
            refused = [one for one in await orders.place_orders(unit, some) if isinstance(one, Problem)]
            assert not refused, refused[0]

        await world.database.write(tenant_id, work, n=len(some))
    await world.runner.drain(tenant_id)


def wants_of(accounts_of: Sequence[UUID], count: int, seed: int) -> list[PlaceOrder]:
    """Random orders of all customers in turn: purchases by amount and by units, and sales of those who hold shares."""
    chance, wants = Random(seed), list[PlaceOrder]()
    for number in range(count):
        place_of = number % len(accounts_of)
        sells = place_of % SELLS == 0 and chance.random() < 0.5
        by_units = chance.random() < 0.3
        cash = None if by_units else Decimal(chance.randint(100, 50_000)).scaleb(-2)
        units = Decimal(chance.randint(10**8, 10**10)).scaleb(-10) if by_units else None
        side = "SELL" if sells else "BUY"
        wants.append(PlaceOrder(accounts_of[place_of], None, X, side, cash_amount=cash, quantity=units,
                                execution_flow="BLOCK"))  # fmt: skip
    return wants


async def prints(world: Assembled, tenant_id: UUID) -> dict[str, str]:
    """One hash per table, of all its rows in the order of their text."""
    await number_events(world.database, tenant_id)
    found: dict[str, str] = {}
    async with world.database.connection() as connection:
        await connection.execute("select set_config('app.tenant', $1, false)", str(tenant_id))
        for table in _ROWS:
            found[table] = await connection.fetchval(
                f"select md5(coalesce(string_agg(r.line, '' order by r.line), ''))"
                f" from (select md5({_LINE.get(table, 't::text')}) as line from {table} t where tenant_id = $1) r",
                tenant_id,
            )
    return found


async def judged(cluster: Cluster, name: str, tenant_id: UUID) -> dict[str, str]:
    """Prove the books, hold the block to its laws, and say the rows in short."""
    owner = await asyncpg.connect(cluster.dsn(name, "postgres"))
    await owner.execute("analyze")
    await owner.close()
    async with opened(cluster, name) as world:
        proof = await prove_tenant(world.database, tenant_id, catalog.INVARIANTS)
        assert proof.clean, proof.findings
        figures = await world.database.read(tenant_id, lambda unit: unit.rows(FIGURES, tenant_id))
        inventory = await world.database.read(tenant_id, lambda unit: unit.one(_INVENTORY, tenant_id))
        change = Decimal(0)
        for one in figures:
            assert one.prices == 1, one
            change += (one.traded - one.given) * (1 if one.side == "BUY" else -1)
            print(f"  {one.side}: {one.members} orders got {one.given} at one price; the street {one.traded}")
        assert change == inventory, (change, inventory)
        assert 0 <= inventory < 2, "less than a share remains of each side"
        print(f"  inventory {inventory}; proved by {proof.laws} laws in {proof.milliseconds} ms")
        return await prints(world, tenant_id)


async def run(dsn: str, tenant_id: UUID, point: str | None) -> int:
    command = (sys.executable, "-m", "tests.stateful.blocks", "--child", dsn, str(tenant_id))
    also = {} if point is None else {"OPENVEST_FAILPOINT": point}
    process = await asyncio.create_subprocess_exec(*command, env=os.environ | also)
    return await process.wait()


async def main(asked: argparse.Namespace) -> int:
    async with ground() as stage:
        tenant_id = await make_tenant(stage.world.database, "Blocks", pace="calendar", frozen_at=MORNING)
        begun = monotonic_ns()
        held = await make_customers(stage.world, tenant_id, asked.customers)
        holders = [PlaceOrder(one, None, X, "BUY", quantity=Decimal(2_000)) for one in held[::SELLS]]
        await place(stage.world, tenant_id, holders)
        made = monotonic_ns()
        print(f"{len(held)} customers in {(made - begun) / 1e9:.0f} s; seed {asked.seed}")
        await place(stage.world, tenant_id, wants_of(held, asked.orders, asked.seed))
        print(f"{asked.orders} orders accepted and locked in {(monotonic_ns() - made) / 1e9:.0f} s")
        cluster, name = stage.cluster, stage.name
        await stage.world.database.pool.close()
        said: list[dict[str, str]] = []
        for killed in (False, True)[: 1 if asked.once else 2]:
            copy = await cluster.create(template=name)
            since = monotonic_ns()
            for point in POINTS if killed else ():
                status = await run(cluster.dsn(copy), tenant_id, point)
                assert status == KILLED, f"{point} was not reached: {status}"
            assert await run(cluster.dsn(copy), tenant_id, None) == 0
            how = f"killed at {len(POINTS)} points" if killed else "in peace"
            print(f"the block, {how}: {(monotonic_ns() - since) / 1e9:.0f} s")
            said.append(await judged(cluster, copy, tenant_id))
        differ = [table for table in said[0] if said[0][table] != said[-1][table]]
        assert not differ, f"the killed life differs in {differ}"
        print(f"the same in {', '.join(said[0])}" if not asked.once else "done")
    return 0


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("blocks", description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--customers", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--once", action="store_true", help="only the life in peace")
    parser.add_argument("--child", nargs=2, metavar=("DSN", "TENANT"), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # pyright: ignore[reportAttributeAccessIssue] - a text stream
    os.chdir(Path(__file__).resolve().parents[2])
    found = options()
    if found.child:
        asyncio.run(child(found.child[0], UUID(found.child[1])))
        sys.exit(0)
    sys.exit(asyncio.run(main(found)))
