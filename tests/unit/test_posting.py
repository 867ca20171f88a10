"""Posting: once, whole, in sets, on locked balances; the walls of the database behind it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest

from openvest.core.ids import deterministic_id
from openvest.core.problems import Conflict
from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from openvest.ledger import posting_rules
from openvest.ledger.apply import InsufficientFunds, LedgerFault
from openvest.ledger.audit import prove_tenant
from openvest.ledger.chart import Balance, Key
from openvest.ledger.posting import balances_for_update, locks_of, post, read_balances, touched
from openvest.ledger.posting_rules import Journal
from openvest.ledger.trades import settlement
from tests.kit.ledger import DAY, NEXT_DAY, Desk, figures
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

GROUP = deterministic_id("posting", "group")
CASH = Key(GROUP, "EUR")


@pytest.fixture
def desk(database: Database, tenant_id: UUID) -> Desk:
    return Desk(database, tenant_id)


def topup(name: str, amount: str, group: UUID = GROUP) -> Journal:
    return posting_rules.topup(deterministic_id("topup", name), group, "EUR", Decimal(amount), DAY)


def lock(name: str, amount: str, group: UUID = GROUP) -> Journal:
    return posting_rules.reserve_cash(deterministic_id("order", name), group, "EUR", Decimal(amount), DAY)


def unlock(name: str, amount: str) -> Journal:
    return posting_rules.release_cash(deterministic_id("order", name), GROUP, "EUR", Decimal(amount), DAY)


async def count(database: Database, tenant: UUID, table: str) -> int:
    sql = {"journals": "select count(*) from journals", "entries": "select count(*) from entries"}[table]
    return await database.read(tenant, lambda unit: unit.one(Query(int, sql)))  # type: ignore[arg-type]  # one of two literals


async def cash_of(database: Database, tenant: UUID, group: UUID = GROUP) -> Balance:
    key = Key(group, "EUR")
    return (await database.read(tenant, lambda unit: read_balances(unit, [key])))[key]


async def test_posting_twice_is_a_no_op(database: Database, tenant_id: UUID) -> None:
    first = await database.write(tenant_id, lambda unit: post(unit, [topup("a", "10"), lock("a", "10")]))
    second = await database.write(tenant_id, lambda unit: post(unit, [topup("a", "10"), lock("a", "10")]))
    assert [(p.id, p.repeated) for p in first] == [(first[0].id, False), (first[1].id, False)]
    assert [(p.id, p.repeated, p.entries) for p in second] == [(first[0].id, True, ()), (first[1].id, True, ())]
    balance = await cash_of(database, tenant_id)
    assert (balance.available, balance.locked, balance.version) == (0, 10, 1)
    assert await count(database, tenant_id, "journals") == 2
    assert (await prove_tenant(database, tenant_id)).clean


async def test_the_same_journal_twice_in_one_set_is_booked_once(database: Database, tenant_id: UUID) -> None:
    posted = await database.write(tenant_id, lambda unit: post(unit, [topup("a", "10"), topup("a", "10")]))
    assert [p.repeated for p in posted] == [False, True]
    assert posted[0].id == posted[1].id
    assert (await cash_of(database, tenant_id)).available == 10


async def test_a_refusal_books_nothing_or_only_itself(database: Database, tenant_id: UUID) -> None:
    journals = [topup("a", "100"), lock("large", "100.01"), lock("small", "60"), lock("last", "40.01")]
    with pytest.raises(InsufficientFunds) as refused:
        await database.write(tenant_id, lambda unit: post(unit, journals))
    assert refused.value.journal is journals[1]
    assert await count(database, tenant_id, "journals") == 0
    posted = await database.write(tenant_id, lambda unit: post(unit, journals, refuse="each"))
    assert [p.refused is None for p in posted] == [True, False, True, False]
    assert [p.id is None for p in posted] == [False, True, False, True]
    balance = await cash_of(database, tenant_id)
    assert (balance.available, balance.locked) == (40, 60)
    [again] = await database.write(tenant_id, lambda unit: post(unit, [lock("last", "40")]))
    assert again.refused is None and not again.repeated, "what was refused may be tried again"
    assert (await prove_tenant(database, tenant_id)).clean


async def test_an_empty_set_and_one_too_large(database: Database, tenant_id: UUID) -> None:
    assert await database.write(tenant_id, lambda unit: post(unit, [])) == []
    with pytest.raises(ValueError, match="10000"):
        await database.write(tenant_id, lambda unit: post(unit, [topup("a", "1")] * 10_001))


async def test_touched_balances_and_their_versions(database: Database, tenant_id: UUID) -> None:
    other = Key(deterministic_id("posting", "other"), "EUR")

    async def work(unit: Unit) -> list[Balance]:
        assert touched(unit) == []
        before = await balances_for_update(unit, [CASH, other])
        assert (before[CASH].version, before[CASH].balance) == (0, 0)
        await post(unit, [topup("a", "10")])
        assert (await balances_for_update(unit, [CASH]))[CASH].available == 10
        await post(unit, [lock("a", "4")])
        return touched(unit)

    [seen] = await database.write(tenant_id, work)
    assert (seen.key, seen.available, seen.locked, seen.version) == (CASH, 6, 4, 1)
    assert seen.public_id == deterministic_id("balance", GROUP, "EUR")
    stored = await cash_of(database, tenant_id)
    assert stored == seen
    await database.write(tenant_id, lambda unit: post(unit, [topup("b", "1")]))
    later = await cash_of(database, tenant_id)
    assert later.version == 2 and later.updated_at > stored.updated_at and later.created_at == stored.created_at
    found = await database.read(tenant_id, lambda unit: read_balances(unit, [CASH, other]))
    assert list(found) == [CASH], "a balance nothing was posted to is not shown"


async def test_the_published_view_shows_the_same_figures(desk: Desk) -> None:
    await desk.post(settlement(await desk.hold("10", "350.70", "Y"), DAY))
    await desk.lock("order", "4", instrument="Y")
    await desk.fill(desk.trade("sale", "order", "SELL", "3", "300.00", instrument="Y"))

    async def work(unit: Unit) -> None:
        for owner, asset in (("G", "EUR"), ("A", "Y")):
            key = desk.key(owner, asset)
            row = await unit.connection.fetchrow(
                "select balance, locked_for_trading, pending_settlement, available_for_withdrawal,"
                " available_for_trading, settled_quantity, version, created_at, updated_at"
                " from pub_balances where owner_id = $1 and asset = $2",
                *key,
            )
            b = (await read_balances(unit, [key]))[key]
            assert row is not None and tuple(row) == (
                b.balance,
                b.locked_for_trading,
                b.pending_settlement,
                b.available_for_withdrawal,
                b.available_for_trading,
                b.settled_quantity,
                b.version,
                b.created_at,
                b.updated_at,
            )

    await desk.database.read(desk.tenant_id, work)
    assert await desk.position("Y") == figures("7 / 1 / 0 / 6 / 10")


async def test_locks_are_exact(database: Database, tenant_id: UUID) -> None:
    order = deterministic_id("order", "a")

    async def open_lock() -> Decimal | None:
        found = await database.read(tenant_id, lambda unit: locks_of(unit, [order]))
        return found[order].amount if order in found else None

    await database.write(tenant_id, lambda unit: post(unit, [topup("a", "100"), lock("a", "60"), lock("b", "40")]))
    assert await open_lock() == 60
    with pytest.raises(LedgerFault, match="smaller than its use"):
        await database.write(tenant_id, lambda unit: post(unit, [unlock("a", "60.01")]))
    await database.write(tenant_id, lambda unit: post(unit, [unlock("a", "60")]))
    assert await open_lock() is None
    assert (await prove_tenant(database, tenant_id)).clean


async def test_a_reversal_names_its_original(database: Database, tenant_id: UUID) -> None:
    taken_back = posting_rules.topup_cancellation(deterministic_id("topup", "a"), GROUP, "EUR", Decimal(10), DAY)
    with pytest.raises(LedgerFault, match="never booked"):
        await database.write(tenant_id, lambda unit: post(unit, [topup("b", "10"), taken_back]))
    [original] = await database.write(tenant_id, lambda unit: post(unit, [topup("a", "10")]))
    [reversal] = await database.write(tenant_id, lambda unit: post(unit, [taken_back]))
    query = Query(int, "select reverses from journals where id = $1")
    assert await database.read(tenant_id, lambda unit: unit.one(query, reversal.id)) == original.id


async def test_what_a_savepoint_takes_back_is_forgotten(database: Database, tenant_id: UUID) -> None:
    async def work(unit: Unit) -> None:
        await post(unit, [topup("a", "10")])
        with pytest.raises(Conflict):
            async with unit.savepoint():
                await post(unit, [lock("a", "10"), topup("c", "5", deterministic_id("posting", "other"))])
                unit.emit("THING.CHANGED", GROUP, 1, unit.now, {})
                raise Conflict("no")
        assert unit.event_count == 0
        async with unit.savepoint():
            await post(unit, [topup("d", "1")])
        await post(unit, [lock("b", "10")])
        assert [b.key for b in touched(unit)] == [CASH]

    await database.write(tenant_id, work)
    assert (await prove_tenant(database, tenant_id)).clean
    assert await count(database, tenant_id, "journals") == 3


async def test_tenants_do_not_see_each_others_books(database: Database, tenant_id: UUID) -> None:
    await database.write(tenant_id, lambda unit: post(unit, [topup("a", "10")]))
    other = await make_tenant(database, "Tenant B")
    assert await database.read(other, lambda unit: read_balances(unit, [CASH])) == {}
    [posted] = await database.write(other, lambda unit: post(unit, [topup("a", "7")]))
    assert not posted.repeated
    assert (await cash_of(database, tenant_id)).available == 10
    assert (await cash_of(database, other)).available == 7


RAW_JOURNAL = (
    "insert into journals (tenant_id, id, kind, object_id, booking_on, value_on, at)"
    " values ($1, 1, 'TOPUP', $2, '2026-03-02', '2026-03-02', wire_now())"
)
RAW_ENTRIES = "insert into entries (tenant_id, journal_id, line, asset, bucket, amount)"


@pytest.mark.parametrize(
    ("rows", "sound"),
    [
        ("(1, 'EUR', 'bank', -5), (2, 'EUR', 'suspense', 5)", True),
        ("(1, 'EUR', 'bank', -5), (2, 'EUR', 'suspense', 4.99)", False),
        ("(1, 'EUR', 'bank', -5), (2, 'USD', 'suspense', 5)", False),
        ("(1, 'EUR', 'bank', -5), (2, 'EUR', 'memo', 5)", False),
        ("(1, 'EUR', 'bank', -5), (2, 'EUR', 'suspense', 5), (3, 'EUR', 'memo', 1)", False),
    ],
)
async def test_the_database_refuses_an_unbalanced_journal(
    database: Database, tenant_id: UUID, rows: str, sound: bool
) -> None:
    async def work(unit: Unit) -> None:
        values = f"select $1, 1, v.* from (values {rows}) v"
        await unit.connection.execute(f"with j as ({RAW_JOURNAL}) {RAW_ENTRIES} {values}", tenant_id, GROUP)

    if sound:
        await database.write(tenant_id, work)
        return
    with pytest.raises(asyncpg.CheckViolationError, match="not balanced"):
        await database.write(tenant_id, work)


async def test_the_database_takes_a_journal_whole_or_not_at_all(database: Database, tenant_id: UUID) -> None:
    """Neither without entries, nor with two more that sum to zero behind those of an old one."""
    with pytest.raises(asyncpg.CheckViolationError, match="has no entries"):
        await database.write(tenant_id, lambda unit: unit.connection.execute(RAW_JOURNAL, tenant_id, GROUP))
    [posted] = await database.write(tenant_id, lambda unit: post(unit, [topup("a", "10")]))
    more = f"{RAW_ENTRIES} values ($1, $2, 8, 'EUR', 'bank', -5), ($1, $2, 9, 'EUR', 'suspense', 5)"
    with pytest.raises(asyncpg.CheckViolationError, match="written in parts"):
        await database.write(tenant_id, lambda unit: unit.connection.execute(more, tenant_id, posted.id))


@pytest.mark.parametrize(
    "statement",
    [
        "update entries set amount = amount * 2",
        "delete from entries",
        "truncate entries",
        "update journals set kind = 'OTHER'",
        "delete from journals",
        "delete from balances",
        "delete from house_balances",
        "delete from locks",
        "delete from lots",
        "delete from lot_uses",
        "delete from lot_sums",
        "alter table entries disable trigger entries_zero",
    ],
)
async def test_the_application_cannot_rewrite_the_books(database: Database, tenant_id: UUID, statement: str) -> None:
    await database.write(tenant_id, lambda unit: post(unit, [topup("a", "10")]))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await database.write(tenant_id, lambda unit: unit.connection.execute(statement))


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("available = -0.01", "balances_available"),
        ("locked = -1", "balances_locked"),
        ("withdrawing = -1", "balances_withdrawing"),
        ("covering = -1", "balances_covering"),
        ("unsettled_in = -1", "balances_unsettled_in"),
        ("due = 1", "balances_due"),
        ("due = -1", "balances_set_off"),
        ("blocked = 1", "balances_buckets"),
        ("unsettled_out = 1", "balances_buckets"),
        ("owner_kind = 'account'", "balances_owner"),
    ],
)
async def test_ranges_stand_in_the_schema_too(
    database: Database, tenant_id: UUID, change: str, constraint: str
) -> None:
    await database.write(tenant_id, lambda unit: post(unit, [topup("a", "10")]))
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await database.write(tenant_id, lambda unit: unit.connection.execute(f"update balances set {change}"))
    assert refused.value.constraint_name == constraint


async def test_writers_at_once_on_the_same_and_on_new_balances(database: Database, tenant_id: UUID) -> None:
    """Eight writers over few groups: nothing is lost, nothing goes below zero, deadlocks are run again."""
    groups = [deterministic_id("posting", "crowd", n) for n in range(4)]
    refusals = 0

    async def writer(number: int) -> None:
        nonlocal refusals
        chance = random.Random(number)
        for step in range(12):
            name = f"{number}-{step}"
            journals = [topup(f"{name}-{n}", str(chance.randint(1, 9)), group) for n, group in enumerate(groups)]
            journals += [lock(f"{name}-{n}", str(chance.randint(1, 12)), group) for n, group in enumerate(groups)]
            chosen = chance.sample(journals, 5)
            posted = await database.write(tenant_id, lambda unit, js=chosen: post(unit, js, refuse="each"))
            refusals += sum(1 for p in posted if p.refused)

    await asyncio.gather(*(writer(number) for number in range(8)))
    assert refusals > 0
    proof = await prove_tenant(database, tenant_id)
    assert proof.clean, proof.findings
    assert int(proof.figures["journals"]) == 8 * 12 * 5 - refusals


async def test_an_equal_posting_by_two_writers_is_booked_once(database: Database, tenant_id: UUID) -> None:
    async def work(unit: Unit) -> bool:
        [posted] = await post(unit, [topup("same", "10")])
        await asyncio.sleep(0.05)
        return posted.repeated

    assert sorted(await asyncio.gather(*(database.write(tenant_id, work) for _ in range(4)))) == [
        False,
        True,
        True,
        True,
    ]
    assert (await cash_of(database, tenant_id)).available == 10


async def test_a_late_settlement_closes_the_day_it_was_booked_for(desk: Desk) -> None:
    trade = await desk.hold("10", "350.70")
    await desk.post(settlement(trade, replace(trade, settles_on=NEXT_DAY).settles_on))
    query = Query(int, "select count(*) from house_balances where bucket = 'street' and balance <> 0")
    assert await desk.database.read(desk.tenant_id, lambda unit: unit.one(query)) == 0
