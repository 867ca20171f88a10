"""A clock passes over nothing: what a dead process had leased, or still holds locked, is done at its own instant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from openvest import catalog
from openvest.core.problems import Problem
from openvest.db.unit import Unit
from openvest.declarations import Outbound
from openvest.features.orders import service as orders
from openvest.features.orders.model import OrderDetails, PlaceOrder
from openvest.main import Assembled
from openvest.work.runner import Stuck
from tests.kit.orders import Trader, make_trader
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FRIDAY_CLOSE = datetime(2026, 3, 6, 16, 30, tzinfo=UTC)
NEXT_YEAR = datetime(2027, 3, 2, tzinfo=UTC)


async def resting(world: Assembled, *, frozen: bool = True) -> tuple[Trader, UUID]:
    """An order that rests at the venue and expires on Friday."""
    at = MONDAY_MORNING if frozen else None
    tenant_id = await make_tenant(world.database, "Passing", pace="calendar", frozen_at=at)
    trader = await make_trader(world, tenant_id)
    order = await trader.place(quantity="3", order_type="LIMIT", limit_price="90.00", expiry_date=date(2026, 3, 8))
    assert order.status == "PROCESSING"
    return trader, order.id


async def leased_by_the_dead(world: Assembled, tenant_id: UUID) -> int:
    """Go to the next look at the venue, lease what is to be looked at, and ask nobody."""
    outbound: Any = next(
        work for work in catalog.WORKS if isinstance(work, Outbound) and work.name == "street.ask_venue"
    )
    return len(await world.database.write(tenant_id, lambda unit: outbound.lease(unit, 100), n=0))


async def test_a_dead_lease_hides_no_order_from_a_clock_that_is_moved(assembled: Assembled) -> None:
    trader, order_id = await resting(assembled)
    tenant_id = trader.customer.tenant_id
    asking = [work for work in catalog.WORKS if work.name == "street.ask_venue"]
    due = await replace(assembled.runner, works=asking).next_due(tenant_id)
    assert due is not None and due < FRIDAY_CLOSE
    await assembled.clockwork.set_target(tenant_id, lambda _: due)
    # The instant is reached by hand, so that nobody has looked at the venue yet.
    async with assembled.database.connection() as connection:
        await connection.execute("begin")
        await connection.fetchrow("select * from open_unit($1, 0, false)", tenant_id)
        await connection.execute("update clocks set base = $2, ticks = 0 where tenant_id = $1", tenant_id, due)
        await connection.execute("commit")
    assert await leased_by_the_dead(assembled, tenant_id) == 1
    await trader.advance_to(NEXT_YEAR)
    order = await trader.read(order_id)
    assert (order.status, order.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_TRADING_PARTNER")
    assert order.updated_at.replace(microsecond=0) == FRIDAY_CLOSE


@asynccontextmanager
async def held(world: Assembled, tenant_id: UUID) -> AsyncGenerator[None]:
    """All orders of the tenant locked by a transaction that does not end."""
    async with world.database.pool.acquire() as connection:
        await connection.execute("begin")
        await connection.fetchrow("select * from open_unit($1, 0, false)", tenant_id)
        await connection.execute("select from orders where tenant_id = $1 for update", tenant_id)
        try:
            yield
        finally:
            await connection.execute("rollback")


async def test_a_locked_row_is_waited_for(assembled: Assembled) -> None:
    trader, order_id = await resting(assembled)
    tenant_id = trader.customer.tenant_id
    async with held(assembled, tenant_id):
        passing = asyncio.create_task(trader.advance_to(NEXT_YEAR))
        await asyncio.sleep(0.5)
        assert not passing.done()
        shown = await assembled.clockwork.show(tenant_id)
        assert shown.now.replace(microsecond=0) <= FRIDAY_CLOSE
    await passing
    order = await trader.read(order_id)
    assert (order.status, order.updated_at.replace(microsecond=0)) == ("CANCELLED", FRIDAY_CLOSE)


async def test_a_row_that_is_held_for_ever_is_told(assembled: Assembled) -> None:
    trader, _ = await resting(assembled)
    assembled.runner.patience_s = 0.2
    async with held(assembled, trader.customer.tenant_id):
        with pytest.raises(Stuck, match="orders"):
            await trader.advance_to(NEXT_YEAR)


async def test_leases_are_respected_where_several_work(assembled: Assembled) -> None:
    """On a clock that runs, a lease may be that of a living process."""
    tenant_id = await make_tenant(assembled.database, "Live", pace="instant")
    trader = await make_trader(assembled, tenant_id)
    await assembled.runner.run_until_quiet(tenant_id)
    works = [work for work in assembled.runner.works if work.name != "street.ask_venue"]
    others = replace(assembled.runner, works=works)
    wanted = trader.wanted(quantity="1", order_type="LIMIT", limit_price="90.00")
    order_id = await place(trader, wanted)
    await others.run_until_quiet(tenant_id)
    assert await leased_by_the_dead(assembled, tenant_id) == 1
    assert await leased_by_the_dead(assembled, tenant_id) == 0
    assert await assembled.runner.next_due(tenant_id) is not None
    assert (await trader.read(order_id)).status == "PROCESSING"


async def place(trader: Trader, want: PlaceOrder) -> UUID:
    """Accept an order and look no further."""

    async def work(unit: Unit) -> OrderDetails | Problem:
        return (await orders.place_orders(unit, [want]))[0]

    placed = await trader.world.database.write(trader.customer.tenant_id, work)
    assert isinstance(placed, OrderDetails)
    return placed.id
