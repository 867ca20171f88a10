"""Storms: money is spent once, and a key has one effect, whatever arrives at once at however many processes.

Small ones; the gates R13 and R16 raise them over HTTP at full size.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from openvest.db.faults import DatabaseDown
from openvest.db.query import Query, Statement
from openvest.db.unit import Unit
from openvest.main import Assembled
from tests.kit.cluster import Cluster
from tests.stateful import storms
from tests.stateful.storms import AMOUNT, order_of
from tests.stateful.two import Two, two_processes

pytestmark = pytest.mark.anyio


@pytest.fixture
async def two(cluster: Cluster) -> AsyncGenerator[Two]:
    async with two_processes(cluster) as two:
        yield two


@asynccontextmanager
async def working(two: Two) -> AsyncGenerator[None]:
    """Both do the tenant's work all the while, as their workers would."""

    async def work(world: Assembled) -> None:
        while True:
            try:
                busy = await world.runner.run_until_quiet(two.customer.tenant_id)
            except DatabaseDown:
                busy = False  # A storm on a slow machine outlasts a session's timeouts; workers look again, too.
            if not busy:
                await asyncio.sleep(0.02)

    tasks = [asyncio.create_task(work(world)) for world in two.worlds]
    try:
        yield
    finally:
        fallen = [task.exception() for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Said even where waiting for the work failed, since this is why.
        assert fallen == []


async def test_a_storm_of_orders_spends_the_money_once(two: Two) -> None:
    count, money_for = 1_500, 394
    await two.money(AMOUNT * money_for + Decimal("9.99"))
    async with working(two):
        told = await storms.storm_of_orders(two.doors, two.customer, count)
        await storms.until_decided(two.doors[1], two.customer.account_id, 60)
    await storms.judge_orders(told, two.doors, two.worlds[0].database, two.customer, count, money_for)
    await two.assert_proved()


REFERENCES = Query(int, "select count(*) from orders where tenant_id = $1")


async def test_a_storm_of_equal_orders_places_each_once(two: Two) -> None:
    keys, times = 80, 20
    bodies = [order_of(two.customer, f"key {number}") for number in range(keys)]
    crowd = await storms.storm_of_keys(two.doors, "/orders", bodies, times)
    assert set(crowd.statuses) <= {202, 409}
    assert crowd.statuses[202] == keys * times
    assert [len(said) for said in crowd.bodies.values()] == [1] * keys
    tenant_id = two.customer.tenant_id
    assert await two.worlds[0].database.read(tenant_id, lambda unit: unit.one(REFERENCES, tenant_id)) == keys
    await two.assert_proved()


TOPUPS = Query(int, "select count(*) from topups where tenant_id = $1")


@pytest.mark.parametrize("hasty", [False, True])
async def test_a_storm_of_equal_topups_books_each_once(two: Two, hasty: bool) -> None:
    """The same on the ordinary path: who finds the key in use waits for it, or is told 409 and asks again."""
    # Whoever asks again stands in the line of the tenant's writes each time, which is no longer than its limit.
    keys, times = (20, 10) if hasty else (20, 20)
    wanted = {"account_group_id": str(two.customer.group_id), "cash_amount": "1.00", "currency": "EUR"}
    doors = two.hasty if hasty else two.doors
    crowd = await storms.storm_of_keys(doors, "/payments/topups", [wanted] * keys, times)
    assert set(crowd.statuses) == ({200, 409} if hasty else {200})
    assert crowd.statuses[200] == keys * times
    assert bool(crowd.waited) == hasty
    assert [len(said) for said in crowd.bodies.values()] == [1] * keys
    assert len({body for said in crowd.bodies.values() for body in said}) == keys
    tenant_id = two.customer.tenant_id
    assert await two.worlds[0].database.read(tenant_id, lambda unit: unit.one(TOPUPS, tenant_id)) == keys
    await two.assert_proved()


async def test_a_storm_of_withdrawals_pays_the_money_once(two: Two) -> None:
    await storms.judge_withdrawals(two.doors, two.worlds[0].database, two.customer, 120, 37)
    await two.assert_proved()


OVERDRAFT = Statement(
    """
    with j as (insert into journals (tenant_id, id, kind, object_id, booking_on, value_on, at)
               values ($1, 0, 'ORDER_LOCK', $2, $3::timestamptz::date, $3::timestamptz::date, $3) returning id)
    insert into entries (tenant_id, journal_id, line, asset, balance_id, bucket, amount)
    select $1, j.id, t.line, 'EUR', 1, t.bucket, t.amount
      from j, (values (1::smallint, 'available', -5), (2::smallint, 'locked', 5)) as t(line, bucket, amount)
    """
)


async def test_a_bucket_below_zero_would_be_seen(two: Two) -> None:
    """Control: the same balance is above zero at the end, and was not in between."""
    database, tenant_id = two.worlds[0].database, two.customer.tenant_id

    async def overdraw(unit: Unit) -> int:
        return await unit.run(OVERDRAFT, tenant_id, two.customer.account_id, unit.now)

    await database.write(tenant_id, overdraw, n=0)
    await two.money(Decimal(10))
    (found,) = await storms.below_zero(database, tenant_id)
    assert (found.bucket, found.amount) == ("available", Decimal(-5))
