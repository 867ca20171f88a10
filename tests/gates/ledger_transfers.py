"""R15: transfers that cross, from many tasks over two pools, through the ledger's own posting."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from uuid import UUID

import asyncpg

from openvest.core.ids import deterministic_id
from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from openvest.ledger import posting_rules
from openvest.ledger.audit import prove_tenant
from openvest.ledger.chart import Leg
from openvest.ledger.posting import post
from openvest.ledger.posting_rules import Journal, house, journal_of
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.ground import ground
from tests.kit.ledger import DAY
from tests.kit.world import make_tenant, opened
from tests.stateful.storms import below_zero

OWNERS = [deterministic_id("crossed", number) for number in range(20)]
CURRENCIES = ("EUR", "GBP")
FUNDS = Decimal("9.00")
"""What each owner begins with: so little that a good part of the transfers is refused."""
TASKS = 24
AT_ONCE = 3
"""Journals of one unit, so that a unit locks several balances."""

_WORTH = Query(
    Decimal, "select coalesce(sum(available), 0) from balances where tenant_id = $1 and owner_id = any($2::uuid[])"
)
_FEES = Query(Decimal, "select coalesce(sum(balance), 0) from house_balances where tenant_id = $1 and bucket = 'fees'")


def transfer(run: Run, number: int) -> Journal:
    """Money of one owner for another, with a cent for the house. Every second one goes the way back of the one before.

    The kind is that of a debit which is refused where the balance is short.
    """
    chance = run.chance(f"transfer {number // 2}")
    way = chance.sample(OWNERS, 2)
    source, target = way if number % 2 else reversed(way)
    amount, currency = Decimal(chance.randint(2, 2_000)) / 100, chance.choice(CURRENCIES)
    legs = (
        Leg(source, currency, "available", -amount),
        Leg(target, currency, "available", amount - Decimal("0.01")),
        house(currency, "fees", Decimal("0.01")),
    )
    return journal_of("DEBT_WAIVED", deterministic_id("crossed", run.seed, number), DAY, legs)


async def crossed(run: Run) -> Verdict:
    """Send all transfers, then hold the books to their laws and to a sum in memory."""
    journals = [transfer(run, number) for number in range(run["transfers"])]
    async with ground(pool_size=12) as stand:
        tenant_id = await make_tenant(stand.world.database, "Crossed")
        async with opened(stand.cluster, stand.name, pool_size=12) as other:
            databases = (stand.world.database, other.database)
            await databases[0].write(tenant_id, _fund)
            told = await _storm(databases, tenant_id, journals)
        findings = [f"{count} writes ended with {kind}" for kind, count in told.items() if kind not in ("ok", "short")]
        findings += await _judge(stand.world.database, tenant_id, told)
        stand.world.database.pool.terminate()
        if met := await _deadlocks(stand.cluster.dsn(stand.name, "postgres")):
            findings.append(f"the database had to break {met} deadlocks")
    booked, refused = told["ok"], told["short"]
    figure = f"{booked + refused} crossed transfers, {refused} of them refused, {len(findings)} findings"
    return Verdict(figure, findings)


async def _fund(unit: Unit) -> None:
    wants = [
        posting_rules.topup(deterministic_id("crossed funds", owner, currency), owner, currency, FUNDS, DAY)
        for owner in OWNERS
        for currency in CURRENCIES
    ]
    await post(unit, wants)


async def _storm(databases: tuple[Database, Database], tenant_id: UUID, journals: list[Journal]) -> Counter[str]:
    """All journals, a few in a unit, from many tasks; how the writes ended."""
    told: Counter[str] = Counter()
    sets = iter([journals[first : first + AT_ONCE] for first in range(0, len(journals), AT_ONCE)])

    async def task(number: int) -> None:
        for chosen in sets:
            try:
                posted = await databases[number % 2].write(
                    tenant_id, lambda unit, js=chosen: post(unit, js, refuse="each")
                )
            except (asyncpg.PostgresError, TimeoutError) as error:
                told[type(error).__name__] += 1
                continue
            told["ok"] += sum(one.refused is None for one in posted)
            told["short"] += sum(one.refused is not None for one in posted)

    await asyncio.gather(*(task(number) for number in range(TASKS)))
    return told


async def _judge(database: Database, tenant_id: UUID, told: Counter[str]) -> list[str]:
    """What is wrong with the books; the floors are looked at after every entry."""
    findings = [f"below zero: {moment}" for moment in await below_zero(database, tenant_id)]
    proof = await prove_tenant(database, tenant_id)
    findings += [f"law broken: {finding}" for finding in proof.findings]
    journals = int(proof.figures["journals"])
    if journals != told["ok"] + len(OWNERS) * len(CURRENCIES):
        findings.append(f"{journals} journals stand in the books, {told['ok']} transfers were told to be booked")
    worth = await database.read(tenant_id, lambda unit: unit.one(_WORTH, tenant_id, OWNERS))
    fees = await database.read(tenant_id, lambda unit: unit.one(_FEES, tenant_id))
    if worth + fees != FUNDS * len(OWNERS) * len(CURRENCIES) or fees != Decimal("0.01") * told["ok"]:
        findings.append(f"money came or went: owners {worth}, fees {fees}")
    if not told["short"] or not told["ok"]:
        findings.append(f"nothing was refused, or nothing booked: {told}")
    return findings


async def _deadlocks(superuser: str) -> int:
    """How often the database met one; a backend tells when it ends, so the pools are closed before."""
    connection = await asyncpg.connect(superuser)
    try:
        for _ in range(50):
            if await connection.fetchval("select count(*) from pg_stat_activity where usename = 'openvest_app'") == 0:
                break
            await asyncio.sleep(0.1)
        return int(await connection.fetchval("select sum(deadlocks) from pg_stat_database"))
    finally:
        await connection.close()


R15 = Gate(
    "R15 crossing-transfers",
    "transfers that cross never meet in a deadlock",
    crossed,
    push={"transfers": 2_000},
    night={"transfers": 100_000},
    test={"transfers": 500},
    quick=True,
)
