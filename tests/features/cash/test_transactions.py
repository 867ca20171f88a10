"""Transactions at the service: what was written is what is read and told; filters and orders of the lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from openvest.core.ids import deterministic_id
from openvest.core.money import Money
from openvest.core.paging import PageRequest
from openvest.db.unit import Database, Unit
from openvest.events.log import events_of
from openvest.features.cash import service as cash
from openvest.features.cash.model import CashTransaction, Instrument, Tax
from openvest.features.cash.model import Reference as CashReference
from openvest.features.positions import service
from openvest.features.positions.model import Reference, SecuritiesTransaction
from tests.kit.customers import Customer, make_customer
from tests.kit.trades import ADIDAS, read_instrument

pytestmark = pytest.mark.anyio


@pytest.fixture
async def customer(database: Database, tenant_id: UUID) -> Customer:
    return await make_customer(database, tenant_id)


def bought(unit: Unit, customer: Customer, of: Instrument, at: datetime, amount: str) -> SecuritiesTransaction:
    execution = deterministic_id("execution", at.isoformat(), amount)
    return SecuritiesTransaction(
        id=service.transaction_id(unit, execution, customer.account_id),
        account_group_id=customer.group_id,
        account_id=customer.account_id,
        instrument=of,
        type="ORDER_EXECUTION",
        delta=Decimal(amount),
        references=(Reference(execution, "ORDER_EXECUTION"), Reference(deterministic_id("order"), "ORDER")),
        booking_date=at,
        value_date=at,
        created_at=unit.now,
    )


DAYS = [
    datetime(2026, 3, 2, 0, 0, tzinfo=UTC),
    datetime(2026, 3, 2, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 3, 3, 0, 0, tzinfo=UTC),
]


@pytest.mark.parametrize(
    ("start", "end", "amounts"),
    [
        (None, None, [1, 2, 3]),
        (date(2026, 3, 2), date(2026, 3, 2), [1, 2]),
        (date(2026, 3, 3), None, [3]),
        (None, date(2026, 3, 1), []),
        (date(2026, 3, 2), date(2026, 3, 3), [1, 2, 3]),
        (date(2026, 3, 3), date(2026, 3, 2), []),
    ],
)
async def test_days_of_booking_filter_transactions_both_included(
    database: Database, customer: Customer, start: date | None, end: date | None, amounts: list[int]
) -> None:
    adidas = await read_instrument(database, customer)

    async def record(unit: Unit) -> list[SecuritiesTransaction]:
        rows = [bought(unit, customer, adidas, at, str(n)) for n, at in enumerate(DAYS, 1)]
        await service.record_transactions(unit, rows)
        paid = [
            CashTransaction(
                id=cash.transaction_id(unit, row.id, customer.group_id),
                account_group_id=customer.group_id,
                type=row.type,
                delta=Money(-row.delta, "EUR"),
                references=(CashReference(row.references[0].id, "ORDER_EXECUTION"),),
                booking_date=row.booking_date,
                value_date=row.value_date,
                created_at=row.created_at,
                account_id=customer.account_id,
                instrument=adidas,
                taxes=(Tax("CAPITAL_GAINS", Decimal("0.25"), "DE"),),
            )
            for row in rows
        ]
        await cash.record_transactions(unit, paid)
        return rows

    written = await database.write(customer.tenant_id, record)

    async def listed(unit: Unit) -> tuple[list[SecuritiesTransaction], list[CashTransaction]]:
        of_units = await service.list_transactions(unit, PageRequest(limit=100), start_date=start, end_date=end)
        of_money = await cash.list_transactions(unit, PageRequest(limit=100), start_date=start, end_date=end)
        return of_units.rows, of_money.rows

    of_units, of_money = await database.read(customer.tenant_id, listed)
    assert [row.delta for row in of_units] == amounts
    assert [row.delta.amount for row in of_money] == [-amount for amount in amounts]
    assert of_units == [row for row in written if row.delta in amounts]  # what was written is what is read
    assert all(row.taxes == (Tax("CAPITAL_GAINS", Decimal("0.25"), "DE"),) for row in of_money)
    assert all(row.instrument == adidas for row in of_money)


async def test_owners_filter_transactions_and_the_newest_can_come_first(database: Database, tenant_id: UUID) -> None:
    one, two = [await make_customer(database, tenant_id) for _ in range(2)]
    adidas = await read_instrument(database, one)

    async def record(unit: Unit) -> None:
        rows = [bought(unit, one, adidas, DAYS[0], "1"), bought(unit, one, adidas, DAYS[2], "3")]
        await service.record_transactions(unit, [*rows, bought(unit, two, adidas, DAYS[1], "2")])

    await database.write(tenant_id, record)

    async def amounts(order: Any = "ASC", **filters: Any) -> list[int]:
        async def work(unit: Unit) -> list[int]:
            found = await service.list_transactions(unit, PageRequest(limit=100, order=order), **filters)
            return [int(row.delta) for row in found.rows]

        return await database.read(tenant_id, work)

    assert await amounts() == [1, 2, 3]
    assert await amounts("DESC") == [3, 2, 1]
    assert await amounts(account_group_id=one.group_id) == [1, 3]
    assert await amounts(account_id=two.account_id) == [2]
    assert await amounts(account_id=two.account_id, account_group_id=one.group_id) == []


async def test_a_transaction_is_told_with_all_it_is(database: Database, customer: Customer) -> None:
    adidas = await read_instrument(database, customer)

    async def record(unit: Unit) -> SecuritiesTransaction:
        row = replace(bought(unit, customer, adidas, DAYS[0], "8.6918730986"), value_date=DAYS[2])
        await service.record_transactions(unit, [row])
        return row

    row = await database.write(customer.tenant_id, record)
    [event] = await database.read(customer.tenant_id, lambda unit: events_of(unit, [row.id]))
    assert (event.type, event.object_version) == ("SECURITY_TRANSACTION.EXECUTED", 1)
    assert event.snapshot["delta"] == "8.6918730986"
    assert event.snapshot["instrument"] == {"uuid": str(adidas.uuid), "isin": ADIDAS}
    assert event.snapshot["booking_date"] == "2026-03-02T00:00:00Z"
    assert event.snapshot["value_date"] == "2026-03-03T00:00:00Z"
    assert [ref["type"] for ref in event.snapshot["references"]] == ["ORDER_EXECUTION", "ORDER"]
