"""The storms over real sockets, at processes of their own: `python -m tests.stateful.storm --orders 5000`."""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import sys
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import aiohttp

from openvest import catalog
from openvest.core.clock import monotonic_ns
from openvest.db.query import Query
from openvest.db.unit import Database
from openvest.ledger.audit import prove_tenant
from tests.kit.customers import Customer
from tests.kit.stage import Stage, free_ports, staged
from tests.kit.wire import Credentials, Wire
from tests.repeat.life import Steps, onboard
from tests.stateful import storms
from tests.stateful.storms import AMOUNT, Door, order_of

SCOPE = (
    "users:admin users:read checks:admin taxes:admin accounts:admin accounts:read orders:admin orders:read topups:admin"
)
REFERENCES = Query(int, "select count(*) from orders where tenant_id = $1 and client_reference like 'key %'")
DECIDED_SECONDS = 300


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.stateful.storm", description=__doc__)
    parser.add_argument("--orders", type=int, default=5_000, help="how many are sent at once")
    parser.add_argument("--money-for", type=int, default=1_313, help="for how many of them there is money")
    parser.add_argument("--keys", type=int, default=200, help="how many keys the second storm has")
    parser.add_argument("--times", type=int, default=20, help="how often each of them is sent at once")
    return parser.parse_args(arguments)


async def main(asked: argparse.Namespace) -> int:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ports = free_ports(2)
    timeout = aiohttp.ClientTimeout(total=300)
    async with staged() as stage:
        await stage.start("serve", "serve", "--port", str(ports[0]))
        await stage.start("server", "server", "--port", str(ports[1]))
        await stage.start("worker", "worker")
        known = stage.create_client("Storm", "--pace", "instant", "--licence", "TOL")
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http:
            doors: list[Door] = [Wire(http, f"http://127.0.0.1:{port}", known, SCOPE).send for port in ports]
            await storm(stage, known, doors, asked)
    return 0


async def storm(stage: Stage, known: Credentials, doors: Sequence[Door], asked: argparse.Namespace) -> None:
    """Both storms and what they must leave. Raises: AssertionError, TimeoutError."""
    steps = Steps(doors)
    rich, poor = await onboard(steps, "Rich"), await onboard(steps, "Poor")
    for person in (rich, poor):
        await person.until_active()
    await rich.top_up(f"{AMOUNT * asked.money_for + Decimal('9.99'):.2f}")
    customer, penniless = (
        Customer(known.tenant_id, UUID(p.user_id), UUID(p.group_id), UUID(p.account_id)) for p in (rich, poor)
    )
    async with stage.database() as database:
        begun = monotonic_ns()
        told = await storms.storm_of_orders(doors, customer, asked.orders)
        print(f"{len(told.accepted)} of {asked.orders} accepted in {_since(begun)}; others {dict(told.others)}")
        await storms.until_decided(doors[1], customer.account_id, DECIDED_SECONDS)
        await storms.judge_orders(told, doors, database, customer, asked.orders, asked.money_for)
        print(f"{asked.money_for} filled, {asked.orders - asked.money_for} cancelled by the platform, {_since(begun)}")
        begun = monotonic_ns()
        bodies = [order_of(penniless, f"key {number}") for number in range(asked.keys)]
        crowd = await storms.storm_of_keys(doors, "/orders", bodies, asked.times)
        effects = await _effects(database, known.tenant_id)
        same = sum(len(said) == 1 for said in crowd.bodies.values())
        print(
            f"{asked.keys} keys x {asked.times}: answers {dict(crowd.statuses)}, {effects} effects, {same} byte-equal"
        )
        assert effects == same == asked.keys and set(crowd.statuses) <= {202, 409}
        await storms.until_decided(doors[1], penniless.account_id, DECIDED_SECONDS)
        assert await storms.below_zero(database, known.tenant_id) == []
        proof = await prove_tenant(database, known.tenant_id, catalog.INVARIANTS)
        assert proof.clean, proof.findings
        print(f"no bucket was ever below zero; ledger prove: clean ({_since(begun)})")


async def _effects(database: Database, tenant_id: UUID) -> int:
    return await database.read(tenant_id, lambda unit: unit.one(REFERENCES, tenant_id))


def _since(begun: int) -> str:
    return f"{(monotonic_ns() - begun) / 1e9:.1f} s"


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parents[2])
    sys.exit(asyncio.run(main(options())))
