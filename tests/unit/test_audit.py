"""The proof finds every planted error, each by its own law, and says nothing of sound books."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest

from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from openvest.declarations import AuditQuery
from openvest.ledger import posting_rules
from openvest.ledger.audit import AUDIT, prove_tenant
from openvest.ledger.trades import settlement
from openvest.ledger.trial import trial_balance
from tests.kit.cluster import Cluster
from tests.kit.ledger import DAY, NEXT_DAY, Desk
from tests.kit.world import make_tenant, opened

pytestmark = pytest.mark.anyio


async def busy_books(database: Database, tenant_id: UUID) -> Desk:
    """Two customers with settled and unsettled trades, an open lock, a withdrawal, a mistrade and a debt."""
    desk = Desk(database, tenant_id)
    await desk.post(settlement(await desk.hold("10", "1000.00"), NEXT_DAY))
    await desk.hold("2.5", "300.00")
    await desk.lock("sale order", "4", instrument="X")
    await desk.fill(desk.trade("sale", "sale order", "SELL", "3", "330.00", rounding=Decimal("0.01")))
    await desk.fund("150.00")
    await desk.lock("open order", "100.00")
    await desk.post(posting_rules.reserve_withdrawal(desk.id("withdrawal"), desk.id("G"), "EUR", Decimal("20.00"), DAY))
    await desk.cancel(await desk.hold("1", "50.00", customer="2"))
    funding = (desk.id("funding"), desk.id("G3"), "EUR", Decimal("70.00"), DAY)
    await desk.post(posting_rules.credit_funding(*funding))
    await desk.lock("third order", "30.00", "3")
    await desk.post(posting_rules.credit_funding_charge_back(*funding))
    return desk


@pytest.fixture(scope="module")
async def books(cluster: Cluster) -> AsyncGenerator[tuple[str, Desk]]:
    """A database with busy books, made once; tests work on copies of it."""
    name = await cluster.create()
    async with opened(cluster, name) as assembled:
        desk = await busy_books(assembled.database, await make_tenant(assembled.database, "Tenant A"))
    yield name, desk
    await cluster.drop(name)


@pytest.fixture
async def desk(cluster: Cluster, books: tuple[str, Desk]) -> AsyncGenerator[Desk]:
    template, made = books
    name = await cluster.create(template)
    async with opened(cluster, name) as assembled:
        yield Desk(assembled.database, made.tenant_id, dict(made.names))
    await cluster.drop(name)


async def tamper(cluster: Cluster, database: Database, statement: str) -> None:
    """What no role of the program can do: as superuser, past triggers, keys and checks."""
    async with database.connection() as connection:
        name = await connection.fetchval("select current_database()")
    superuser = await asyncpg.connect(cluster.dsn(name, "postgres"))
    try:
        await superuser.execute("set session_replication_role = replica")
        for table in ("balances", "lots", "locks", "entries"):
            checks = await superuser.fetch(
                "select conname from pg_constraint where conrelid = $1::text::regclass and contype = 'c'", table
            )
            for check in checks:
                await superuser.execute(f'alter table {table} drop constraint "{check[0]}"')
        await superuser.execute(statement)
    finally:
        await superuser.close()


async def test_sound_books_are_clean_and_told_in_figures(desk: Desk) -> None:
    proof = await desk.prove()
    assert proof.clean, proof.findings
    assert (proof.tenant_id, proof.laws) == (desk.tenant_id, len(AUDIT))
    assert proof.figures["customers EUR"] == "530"
    assert proof.figures["due EUR"] == "-30"
    assert proof.figures["owners"] == "5"
    assert int(proof.figures["entries"]) > int(proof.figures["journals"]) > 15
    assert proof.milliseconds >= 0


PLANTED = [
    ("events_are_in_sets", "update events set set_id = set_id + 1000000 where n = 1 and set_id = 1"),
    ("events_are_in_sets", "delete from events where (set_id, n) = (select set_id, n from events limit 1)"),
    ("events_are_in_sets", "update event_sets set events = events + 1 where id = (select max(id) from event_sets)"),
    ("journals_sum_to_zero", "update entries set amount = amount + 1 where bucket = 'bank' and line = 1"),
    ("journals_have_entries", "delete from entries where journal_id = (select min(id) from journals)"),
    ("entries_have_owners", "update entries set balance_id = 999999 where bucket = 'withdrawing'"),
    ("entries_have_owners", "delete from journals where kind = 'WITHDRAWAL_LOCK'"),
    (
        "entries_have_owners",
        "update entries set balance_id = (select id from balances where owner_kind = 'account' limit 1)"
        " where bucket = 'withdrawing'",
    ),
    ("balances_are_entries", "update balances set locked = locked + 0.01 where locked > 0"),
    ("balances_are_entries", "delete from balances where withdrawing > 0"),
    ("balances_are_entries", "update entries set bucket = 'covering' where bucket = 'withdrawing'"),
    ("house_balances_are_entries", "update house_balances set balance = balance - 1 where bucket = 'memo'"),
    ("house_balances_are_entries", "delete from house_balances where bucket = 'client_funding'"),
    ("house_balances_are_entries", "update entries set detail = '2026-03-09' where bucket = 'street'"),
    ("customers_and_house_are_zero", "update balances set available = available + 1 where available > 0"),
    ("customers_and_house_are_zero", "update house_balances set balance = balance + 1 where bucket = 'custody'"),
    ("memo_mirrors_pending", "update balances set unsettled_in = 0 where unsettled_in > 0 and owner_kind = 'group'"),
    ("due_only_without_available", "update balances set available = 1, due = -1 where owner_kind = 'group'"),
    ("balances_in_range", "update balances set withdrawing = -withdrawing where withdrawing > 0"),
    ("balances_in_range", "update balances set due = 1 where owner_kind = 'account'"),
    ("balances_in_range", "update balances set covering = 1 where owner_kind = 'account'"),
    ("balances_in_range", "update balances set owner_kind = 'account' where asset = 'EUR'"),
    ("locks_are_locked", "update locks set amount = amount + 1 where amount > 0"),
    ("locks_are_locked", "delete from locks"),
    ("lots_are_positions", "update lots set remaining = remaining - 0.0000000001 where remaining > 1"),
    ("lots_are_positions", "delete from lots where remaining > 0"),
    ("lots_are_their_uses", "update lot_uses set cost = cost + 0.01"),
    ("lots_are_their_uses", "update lots set remaining_cost = null where remaining > 0"),
    ("lots_are_their_uses", "update lots set remaining_advance_tax = 1"),
    ("lots_are_their_uses", "update lot_uses set given_back = true"),
    ("lot_sums_are_open_lots", "update lot_sums set cost = cost + 0.01"),
    ("lot_sums_are_open_lots", "update lot_sums set remaining = 0, cost = 0 where remaining > 0"),
    ("lot_sums_are_open_lots", "update lot_sums set currency = 'USD' where remaining > 0"),
    ("lot_sums_are_open_lots", "delete from lot_sums where remaining > 0"),
    (
        "reversals_negate",
        "update entries e set amount = amount / 2 from journals j"
        " where j.id = e.journal_id and j.kind = 'ORDER_EXECUTION_CANCELLATION' and e.bucket = 'available'",
    ),
    ("rounding_never_loses", "update house_balances set balance = -balance where bucket = 'rounding'"),
]


def test_every_law_has_a_planted_error() -> None:
    assert {law for law, _ in PLANTED} == {query.name for query in AUDIT}
    assert len({query.name for query in AUDIT}) == len(AUDIT)


@pytest.mark.parametrize(("law", "statement"), PLANTED, ids=[f"{n} {law}" for n, (law, _) in enumerate(PLANTED)])
async def test_a_planted_error_is_found(cluster: Cluster, desk: Desk, law: str, statement: str) -> None:
    other = await make_tenant(desk.database, "Tenant B")
    await tamper(cluster, desk.database, statement)
    proof = await desk.prove()
    found = {finding.name: finding for finding in proof.findings}
    assert law in found, list(found)
    assert found[law].rows and found[law].law.endswith(".")
    assert not proof.clean
    assert (await prove_tenant(desk.database, other)).clean, "another tenant's books are another proof"


async def test_entries_without_a_journal_are_found(desk: Desk) -> None:
    """No key of the database holds an entry to its journal; what sums to zero it lets in."""

    async def tear(unit: Unit) -> None:
        await unit.connection.execute(
            "insert into entries (tenant_id, journal_id, line, asset, bucket, amount)"
            " values ($1, 999999, 1, 'EUR', 'bank', -5), ($1, 999999, 2, 'EUR', 'suspense', 5)",
            unit.tenant_id,
        )

    await desk.database.write(desk.tenant_id, tear)
    found = {finding.name: finding for finding in (await desk.prove()).findings}
    assert len(found["entries_have_owners"].rows) == 2


async def test_the_trial_balance_sums_to_zero(desk: Desk) -> None:
    lines = await desk.database.read(desk.tenant_id, trial_balance)
    totals: dict[tuple[str, bool], Decimal] = {}
    for line in lines:
        totals[line.asset, line.memo] = totals.get((line.asset, line.memo), Decimal(0)) + line.amount
    assert totals == {("EUR", False): 0, ("EUR", True): 0, (desk.asset("X"), False): 0, (desk.asset("X"), True): 0}
    cash = [(line.side, line.bucket, line.amount) for line in lines if line.asset == "EUR" and not line.memo]
    assert cash[:4] == [
        ("customers", "available", Decimal("410")),
        ("customers", "due", Decimal("-30")),
        ("customers", "locked", Decimal("130")),
        ("customers", "withdrawing", Decimal("20")),
    ]


async def test_rows_of_a_finding_are_limited(cluster: Cluster, desk: Desk) -> None:
    await tamper(cluster, desk.database, "update entries set amount = amount * 2 where balance_id is not null")
    proof = await prove_tenant(desk.database, desk.tenant_id, limit=2)
    assert {len(f.rows) for f in proof.findings if f.name == "journals_sum_to_zero"} == {2}


async def test_features_add_their_own_laws(desk: Desk) -> None:
    mine = AuditQuery(
        "nothing_withdrawn",
        "Nobody withdraws.",
        "select owner_id from balances where tenant_id = $1 and withdrawing > 0",
    )
    proof = await prove_tenant(desk.database, desk.tenant_id, [*AUDIT, mine])
    assert [finding.name for finding in proof.findings] == ["nothing_withdrawn"]
    assert str(desk.id("G")) in proof.findings[0].rows[0]


async def test_a_proof_sees_one_snapshot(desk: Desk) -> None:
    level = Query(str, "select current_setting('transaction_isolation')")
    seen = await desk.database.read(desk.tenant_id, lambda unit: unit.one(level), one_snapshot=True)
    assert seen == "repeatable read"
