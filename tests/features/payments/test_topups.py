"""Top-ups at the service: money and events of each step, what refuses a cancellation, which wires match."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from openvest.core.paging import PageRequest
from openvest.core.problems import Problem
from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from openvest.events.log import LoggedEvent, events_after, events_of
from openvest.events.sequencer import number_events
from openvest.features.accounts import service as accounts
from openvest.features.accounts.rules import GROUP
from openvest.features.bank import service as bank
from openvest.features.bank.model import BankLine
from openvest.features.cash import service as cash
from openvest.features.cash.model import CashTransaction
from openvest.features.payments import service
from openvest.features.payments.model import NewTopup, Topup
from openvest.ledger.audit import prove_tenant
from openvest.ledger.chart import balance_id
from openvest.ledger.posting import post
from openvest.ledger.posting_rules import reserve_cash, reserve_withdrawal
from openvest.work.runner import Runner
from tests.kit.banks import BOOK, book, entry, wire
from tests.kit.cluster import Cluster
from tests.kit.customers import Customer, make_customer, top_up
from tests.kit.elsewhere import elsewhere
from tests.kit.world import make_tenant, opened

pytestmark = pytest.mark.anyio

HOUSE = Query(
    Decimal, "select coalesce(sum(balance), 0) from house_balances where tenant_id = $1 and bucket = $2 and asset = $3"
)
LINES = Query(str, "select status from bank_lines where tenant_id = $1 order by due_at, id")
SEALED = Query(bytes, "select sealed_parties from bank_lines where tenant_id = $1 and id = $2")


@pytest.fixture
async def customer(database: Database, tenant_id: UUID) -> Customer:
    return await make_customer(database, tenant_id)


async def figures(database: Database, customer: Customer, currency: str = "EUR") -> str:
    """The published figures: balance / locked / pending / withdrawable / tradable."""
    balance = await database.read(customer.tenant_id, lambda unit: cash.get_balance(unit, customer.group_id, currency))
    five = (
        balance.balance,
        balance.locked_for_trading,
        balance.pending_settlement,
        balance.available_for_withdrawal,
        balance.available_for_trading,
    )
    return " / ".join(format(figure, ".2f") for figure in five)


async def house(database: Database, customer: Customer, bucket: str, currency: str = "EUR") -> Decimal:
    return await database.read(customer.tenant_id, lambda unit: unit.one(HOUSE, customer.tenant_id, bucket, currency))


async def told(database: Database, customer: Customer, *ids: UUID) -> list[LoggedEvent]:
    return await database.read(customer.tenant_id, lambda unit: events_of(unit, ids))


async def transactions(database: Database, customer: Customer) -> list[CashTransaction]:
    async def work(unit: Unit) -> list[CashTransaction]:
        return (await cash.list_transactions(unit, PageRequest(limit=100), account_group_id=customer.group_id)).rows

    return await database.read(customer.tenant_id, work)


async def cancel(database: Database, customer: Customer, topup_id: UUID) -> Topup:
    return await database.write(customer.tenant_id, lambda unit: service.cancel_topup(unit, topup_id))


async def prove(database: Database, customer: Customer) -> None:
    proof = await prove_tenant(database, customer.tenant_id)
    assert proof.clean, proof.findings


async def test_a_topup_is_tradable_and_withdrawable_at_once(database: Database, customer: Customer) -> None:
    topup = await top_up(database, customer, "1000.00")
    assert (topup.status, topup.version) == ("CONFIRMED", 1)
    assert topup.settlement_reference != str(topup.id)
    assert await figures(database, customer) == "1000.00 / 0.00 / 0.00 / 1000.00 / 1000.00"
    assert await house(database, customer, "client_funding") == -1000
    [booked] = await transactions(database, customer)
    assert (booked.type, booked.delta.amount, booked.delta.currency) == ("TOPUP", 1000, "EUR")
    assert [(ref.id, ref.type) for ref in booked.references] == [(topup.id, "TOPUP")]
    assert booked.booking_date == booked.value_date == topup.created_at
    events = await told(database, customer, topup.id, booked.id, balance_id(customer.group_id, "EUR"))
    assert [(event.type, event.object_version) for event in events] == [
        ("TOPUP.CONFIRMED", 1),
        ("CASH_TRANSACTION.EXECUTED", 1),
        ("CASH_BALANCE.UPDATED", 1),
    ]
    assert events[0].snapshot["settlement_reference"] == topup.settlement_reference
    assert events[2].snapshot == {
        "account_group_id": str(customer.group_id),
        "currency": "EUR",
        "balance": "1000",
        "locked_for_trading": "0",
        "pending_settlement": "0",
        "available_for_withdrawal": "1000",
        "available_for_trading": "1000",
    }
    await prove(database, customer)


async def test_its_wire_settles_a_topup_without_touching_the_customer(database: Database, customer: Customer) -> None:
    topup = await top_up(database, customer, "1000.00")
    await wire(database, customer.tenant_id, f"topup {topup.settlement_reference}")
    settled = await database.read(customer.tenant_id, lambda unit: service.get_topup(unit, topup.id))
    assert (settled.status, settled.version) == ("SETTLED", 2)
    assert settled.updated_at > topup.updated_at
    assert await house(database, customer, "client_funding") == 0
    assert await house(database, customer, "bank") == -1000
    assert await house(database, customer, "suspense") == 0
    assert len(await transactions(database, customer)) == 1
    balance = await told(database, customer, balance_id(customer.group_id, "EUR"))
    assert [event.object_version for event in balance] == [1]
    assert [event.type for event in await told(database, customer, topup.id)] == ["TOPUP.CONFIRMED", "TOPUP.SETTLED"]
    await prove(database, customer)


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("topup {}", "999.99", "EUR"),
        ("topup {}", "1000.01", "EUR"),
        ("topup {}", "1000.00", "GBP"),
        ("topup 00000000-0000-4000-8000-000000000000", "1000.00", "EUR"),
        ("{}", "1000.00", "EUR"),
        ("", "1000.00", "EUR"),
    ],
    ids=["less", "more", "other currency", "unknown reference", "without the word", "no text"],
)
async def test_any_other_wire_stands_in_suspense(
    database: Database, customer: Customer, text: str, amount: str, currency: str
) -> None:
    topup = await top_up(database, customer, "1000.00")
    await wire(database, customer.tenant_id, text.format(topup.settlement_reference), amount, currency=currency)
    known = await database.read(customer.tenant_id, lambda unit: service.get_topup(unit, topup.id))
    assert known.status == "CONFIRMED"
    assert await house(database, customer, "suspense", currency) == Decimal(amount)
    assert await house(database, customer, "bank", currency) == -Decimal(amount)
    assert await house(database, customer, "client_funding") == -1000
    assert await figures(database, customer) == "1000.00 / 0.00 / 0.00 / 1000.00 / 1000.00"
    assert await database.read(customer.tenant_id, lambda unit: unit.rows(LINES, customer.tenant_id)) == ["UNMATCHED"]
    await prove(database, customer)


async def test_two_wires_for_one_topup_settle_it_once(database: Database, customer: Customer) -> None:
    topup = await top_up(database, customer, "1000.00")
    text = f"TOPUP {topup.settlement_reference.upper()}"

    async def both(unit: Unit) -> None:
        await bank.receive(unit, [entry(unit, text) for _ in range(2)])

    await database.write(customer.tenant_id, both)
    await book(database, customer.tenant_id)
    assert sorted(await database.read(customer.tenant_id, lambda unit: unit.rows(LINES, customer.tenant_id))) == [
        "MATCHED",
        "UNMATCHED",
    ]
    assert await house(database, customer, "suspense") == 1000
    assert await house(database, customer, "client_funding") == 0
    await prove(database, customer)


async def test_a_transfer_told_twice_is_booked_once(database: Database, customer: Customer) -> None:
    first = await wire(database, customer.tenant_id, "rent", "10.00", external_id="bank 1")
    second = await wire(database, customer.tenant_id, "rent", "10.00", external_id="bank 1")
    assert first == second
    assert await house(database, customer, "suspense") == 10


async def test_a_line_that_cannot_be_booked_is_left_alone_and_holds_nobody_up(
    database: Database, customer: Customer
) -> None:
    topup = await top_up(database, customer, "1000.00")

    async def spoilt(unit: Unit, lines: Sequence[BankLine]) -> None:
        if any(line.remittance_information == "spoilt" for line in lines):
            raise ArithmeticError("a fault of ours")
        await BOOK.work(unit, lines)

    async def arrive(unit: Unit) -> None:
        texts = ["spoilt", f"topup {topup.settlement_reference}"]
        await bank.receive(unit, [entry(unit, text, external_id=text) for text in texts])

    await database.write(customer.tenant_id, arrive)
    sweep = replace(BOOK, work=spoilt)
    await Runner(database, [sweep], None).run_until_quiet(customer.tenant_id)
    lines = await database.read(customer.tenant_id, lambda unit: unit.rows(LINES, customer.tenant_id))
    assert sorted(lines) == ["MATCHED", "RECEIVED"]
    assert await Runner(database, [BOOK], None).next_due(customer.tenant_id) is None


async def test_who_paid_stands_sealed(database: Database, customer: Customer) -> None:
    receipt = await wire(database, customer.tenant_id, "rent", "10.00")
    sealed = await database.read(customer.tenant_id, lambda unit: unit.one(SEALED, customer.tenant_id, receipt.id))
    assert b"Beispiel" not in sealed and b"DE9550" not in sealed
    assert database.secrets is not None
    opened = database.secrets.open(sealed, f"bank_lines.sealed_parties {receipt.id}")
    assert b"Erika Beispiel" in opened and b"DE95500105173934555844" in opened


async def test_a_confirmed_topup_can_be_taken_back(database: Database, customer: Customer) -> None:
    topup = await top_up(database, customer, "1000.00")
    cancelled = await cancel(database, customer, topup.id)
    assert (cancelled.status, cancelled.version) == ("CANCELLED", 2)
    assert await figures(database, customer) == "0.00 / 0.00 / 0.00 / 0.00 / 0.00"
    assert await house(database, customer, "client_funding") == 0
    booked = await transactions(database, customer)
    assert [(row.type, row.delta.amount) for row in booked] == [("TOPUP", 1000), ("TOPUP_CANCELLATION", -1000)]
    events = await told(database, customer, topup.id, balance_id(customer.group_id, "EUR"))
    assert [(event.type, event.object_version) for event in events] == [
        ("TOPUP.CONFIRMED", 1),
        ("CASH_BALANCE.UPDATED", 1),
        ("TOPUP.CANCELLED", 2),
        ("CASH_BALANCE.UPDATED", 2),
    ]
    await prove(database, customer)


async def test_a_cancelled_topup_is_not_cancelled_again(database: Database, customer: Customer) -> None:
    topup = await top_up(database, customer, "1000.00")
    await cancel(database, customer, topup.id)
    with pytest.raises(Problem) as refused:
        await cancel(database, customer, topup.id)
    assert refused.value.status == 422
    assert "CANCELLED" in refused.value.detail


async def test_a_settled_topup_is_not_cancelled(database: Database, customer: Customer) -> None:
    topup = await top_up(database, customer, "1000.00")
    await wire(database, customer.tenant_id, f"topup {topup.settlement_reference}")
    with pytest.raises(Problem) as refused:
        await cancel(database, customer, topup.id)
    assert refused.value.status == 422
    assert await figures(database, customer) == "1000.00 / 0.00 / 0.00 / 1000.00 / 1000.00"


async def test_money_that_is_locked_is_not_taken_back(database: Database, customer: Customer) -> None:
    topup = await top_up(database, customer, "1000.00")
    order_id = UUID(int=7)

    async def lock(unit: Unit) -> None:
        await post(unit, [reserve_cash(order_id, customer.group_id, "EUR", Decimal("0.01"), unit.now.date())])

    await database.write(customer.tenant_id, lock)
    with pytest.raises(Problem) as refused:
        await cancel(database, customer, topup.id)
    assert refused.value.status == 422
    assert "0.01 EUR" in refused.value.detail
    assert await figures(database, customer) == "1000.00 / 0.01 / 0.00 / 999.99 / 999.99"
    assert [event.type for event in await told(database, customer, topup.id)] == ["TOPUP.CONFIRMED"]
    assert len(await transactions(database, customer)) == 1


async def test_money_on_its_way_out_is_not_taken_back(database: Database, customer: Customer) -> None:
    topup = await top_up(database, customer, "1000.00")

    async def leave(unit: Unit) -> None:
        journal = reserve_withdrawal(UUID(int=8), customer.group_id, "EUR", Decimal("200.00"), unit.now.date())
        await post(unit, [journal])

    await database.write(customer.tenant_id, leave)
    with pytest.raises(Problem) as refused:
        await cancel(database, customer, topup.id)
    assert refused.value.status == 422
    assert await figures(database, customer) == "1000.00 / 0.00 / 0.00 / 800.00 / 800.00"


async def test_a_group_that_is_not_active_is_not_topped_up(database: Database, tenant_id: UUID) -> None:
    waiting = await make_customer(database, tenant_id, active=False)
    with pytest.raises(Problem) as refused:
        await top_up(database, waiting, "1.00")
    assert (refused.value.status, "PENDING_APPROVAL" in refused.value.detail) == (422, True)


async def test_a_locked_group_is_not_topped_up(database: Database, customer: Customer) -> None:
    await database.write(customer.tenant_id, lambda unit: accounts.lock_account_group(unit, customer.group_id))
    with pytest.raises(Problem) as refused:
        await top_up(database, customer, "1.00")
    assert (refused.value.status, "LOCKED" in refused.value.detail) == (422, True)


@pytest.mark.parametrize("verb", sorted(verb for state, verb in GROUP.moves if state == "ACTIVE"))
async def test_a_group_stays_active_until_its_topup_is_there(database: Database, customer: Customer, verb: str) -> None:
    """What would end the group's activity while a top-up is being booked waits for it."""
    do = {"lock": accounts.lock_account_group, "close": accounts.close_account_group}[verb]
    ends: list[asyncio.Task[Any]] = []

    async def work(unit: Unit) -> None:
        await service.create_topup(unit, NewTopup(customer.group_id, Decimal("1.00"), "EUR"))
        ending = database.write(customer.tenant_id, lambda unit: do(unit, customer.group_id))
        ends.append(asyncio.create_task(elsewhere(ending)))
        _, waiting = await asyncio.wait(ends, timeout=0.3)
        assert waiting, f"a group that is being topped up was left for: {verb}"

    await database.write(customer.tenant_id, work)
    await ends[0]
    assert await figures(database, customer) == "1.00 / 0.00 / 0.00 / 1.00 / 1.00"


async def test_topups_of_another_tenant_do_not_exist(database: Database, customer: Customer) -> None:
    topup = await top_up(database, customer, "1.00")
    other = await make_tenant(database, "Tenant B")
    for verb in (
        lambda unit: service.get_topup(unit, topup.id),
        lambda unit: service.cancel_topup(unit, topup.id),
        lambda unit: service.create_topup(unit, NewTopup(customer.group_id, Decimal("1.00"), "EUR")),
        lambda unit: service.list_topups(unit, PageRequest(limit=100), customer.group_id),
    ):
        with pytest.raises(Problem) as refused:
            await database.write(other, verb)
        assert refused.value.status == 404


async def test_currencies_have_balances_of_their_own(database: Database, customer: Customer) -> None:
    await top_up(database, customer, "10.00", "GBP")
    balances = await database.read(customer.tenant_id, lambda unit: cash.list_balances(unit, customer.group_id))
    assert [(balance.currency, balance.balance) for balance in balances] == [("EUR", 0), ("GBP", 10)]
    with pytest.raises(Problem) as refused:
        await database.read(customer.tenant_id, lambda unit: cash.get_balance(unit, customer.group_id, "USD"))
    assert refused.value.status == 404


async def test_the_same_requests_give_the_same_log_on_a_frozen_clock(cluster: Cluster) -> None:
    async def life() -> list[tuple[int, UUID, str, UUID, datetime, Any]]:
        name = await cluster.create()
        try:
            async with opened(cluster, name) as world:
                database = world.database
                tenant = await make_tenant(database, "Tenant F", frozen_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
                customer = await make_customer(database, tenant)
                paid, taken_back = [await top_up(database, customer, amount) for amount in ("5.00", "7.00")]
                await wire(database, customer.tenant_id, f"topup {paid.settlement_reference}", "5.00")
                await cancel(database, customer, taken_back.id)
                await wire(database, customer.tenant_id, f"topup {taken_back.settlement_reference}", "7.00")
                await number_events(database, tenant)
                log = await database.read(tenant, lambda unit: events_after(unit, 0, 1_000))
                await prove(database, customer)
                return [(e.sequence, e.id, e.type, e.object_id, e.created_at, e.snapshot) for e in log]
        finally:
            await cluster.drop(name)

    first, second = await life(), await life()
    assert first == second
    types = [event[2] for event in first if event[2].startswith("TOPUP")]
    assert types == ["TOPUP.CONFIRMED", "TOPUP.CONFIRMED", "TOPUP.SETTLED", "TOPUP.CANCELLED"]
    transactions = [event[3] for event in first if event[2] == "CASH_TRANSACTION.EXECUTED"]
    assert len(set(transactions)) == len(transactions) == 3
