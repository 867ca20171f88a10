"""Orders at the edges of days and calendars: before the first session, after the last, on days that close early."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from openvest import catalog
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.kit.customers import top_up
from tests.kit.orders import Trader, make_trader
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PARTNER = ("CANCELLED", "CANCELLED_BY_TRADING_PARTNER")


async def a_trader(world: Assembled, pace: str = "calendar", at: datetime = MONDAY_MORNING) -> Trader:
    return await make_trader(world, await make_tenant(world.database, "Days", pace=pace, frozen_at=at))


async def assert_proved(trader: Trader) -> None:
    proof = await prove_tenant(trader.world.database, trader.customer.tenant_id, catalog.INVARIANTS)
    assert proof.clean, proof


@pytest.mark.parametrize("pace", ["instant", "calendar"])
@pytest.mark.parametrize("day", [date(1999, 1, 1), date(2019, 12, 31), date(2020, 1, 1), date(2024, 1, 1)])
async def test_an_order_whose_last_day_is_long_over_is_cancelled(assembled: Assembled, pace: str, day: date) -> None:
    trader = await a_trader(assembled, pace)
    order = await trader.place(cash_amount="100.00", expiry_date=day)
    assert (order.status, order.cancellation_reason) == PARTNER
    assert await trader.cash() == "1000.00 / 0.00 / 0.00 / 1000.00 / 1000.00"


@pytest.mark.parametrize("at", [datetime(2040, 12, 31, 22, tzinfo=UTC), datetime(2040, 12, 31, 23, 59, tzinfo=UTC)])
@pytest.mark.parametrize("fields", [{}, {"execution_flow": "BLOCK"}])
async def test_after_the_last_session_we_know_nothing_is_tradable(
    assembled: Assembled, fields: Any, at: datetime
) -> None:
    """At the later instant it is a day at the venue that no calendar knows."""
    trader = await a_trader(assembled, at=at)
    order = await trader.place(cash_amount="100.00", **fields)
    assert (order.status, order.cancellation_reason) == PARTNER


async def test_an_order_that_rests_ends_with_the_last_session_that_settles(assembled: Assembled) -> None:
    trader = await a_trader(assembled, at=datetime(2040, 12, 20, 10, tzinfo=UTC))
    await top_up(assembled.database, trader.customer, "1000.00", "GBP")
    rests = {"order_type": "LIMIT", "quantity": "1", "limit_price": "1.00"}
    orders = [
        await trader.place(**rests, expiry_date=day, **place)
        for day in (None, date(2040, 12, 31), date(2041, 1, 2))
        for place in ({}, {"isin": "GB0009895292", "currency": "GBP"})
    ]
    assert {order.status for order in orders} == {"PROCESSING"}
    await trader.advance_to(datetime(2040, 12, 28, 16, 31, tzinfo=UTC))
    for order in orders:
        order = await trader.read(order.id)
        assert (order.status, order.cancellation_reason) == PARTNER
        assert order.updated_at.date() == date(2040, 12, 28)
    assert await trader.cash() == "1000.00 / 0.00 / 0.00 / 1000.00 / 1000.00"
    await assert_proved(trader)


async def test_after_the_last_cut_off_we_know_only_blocks_are_not_tradable(assembled: Assembled) -> None:
    trader = await a_trader(assembled, at=datetime(2040, 12, 28, 10, tzinfo=UTC))
    short = await trader.place(cash_amount="1000.01", execution_flow="BLOCK")
    joins = await trader.place(cash_amount="100.00", execution_flow="BLOCK")
    assert [short.status, joins.status] == ["NEW", "NEW"]
    await trader.advance_to(datetime(2040, 12, 28, 12, 57, tzinfo=UTC))
    assert (await trader.read(joins.id)).status == "FILLED"
    short = await trader.read(short.id)
    assert (short.status, short.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_UPVEST_PLATFORM")
    late = await trader.place(cash_amount="100.00", execution_flow="BLOCK")
    assert (late.status, late.cancellation_reason) == PARTNER
    assert (await trader.place(cash_amount="100.00")).status == "FILLED"
    await assert_proved(trader)


async def test_what_would_settle_after_the_last_day_we_know_is_not_tradable(assembled: Assembled) -> None:
    """London has a session on the last day of the calendars; no trade of it can settle within them."""
    trader = await a_trader(assembled, at=datetime(2040, 12, 28, 18, tzinfo=UTC))
    await top_up(assembled.database, trader.customer, "1000.00", "GBP")
    for _ in range(2):
        order = await trader.place(isin="GB0009895292", currency="GBP", quantity="1")
        assert (order.status, order.cancellation_reason) == PARTNER
        await trader.advance_to(datetime(2040, 12, 31, 10, tzinfo=UTC))
    await assert_proved(trader)


async def test_on_a_half_day_a_block_trades_before_the_early_close(assembled: Assembled) -> None:
    trader = await a_trader(assembled, at=datetime(2026, 12, 30, 9, 30, tzinfo=UTC))
    order = await trader.place(cash_amount="100.00", execution_flow="BLOCK", expiry_date=date(2026, 12, 30))
    await trader.advance_to(datetime(2026, 12, 30, 20, tzinfo=UTC))
    order = await trader.read(order.id)
    assert order.status == "FILLED"
    assert order.executions[0].transaction_time <= datetime(2026, 12, 30, 13, tzinfo=UTC)
    await assert_proved(trader)
