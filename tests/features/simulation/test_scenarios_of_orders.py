"""What scenarios make of real orders: from the placed order to the booked money, with the books still sound."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from openvest.db.unit import Unit
from openvest.features.onboarding import service as onboarding
from openvest.main import Assembled
from openvest.simulation.scenarios import Name, lay
from tests.kit.orders import Trader, make_trader

pytestmark = pytest.mark.anyio

UNTOUCHED = "1000.00 / 0.00 / 0.00 / 1000.00 / 1000.00"
SEVERAL_ISIN = "IE00B5M1WJ87"


@pytest.fixture
async def trader(assembled: Assembled, frozen_tenant_id: UUID) -> Trader:
    return await make_trader(assembled, frozen_tenant_id)


async def laid(trader: Trader, name: Name, times: int = 1, **on: UUID | str) -> None:
    place = on or {"account_id": trader.customer.account_id}

    async def work(unit: Unit) -> None:
        await lay(unit, name, times, **place)  # pyright: ignore[reportArgumentType] - one of three places, each of its type

    await trader.world.database.write(trader.customer.tenant_id, work)
    await trader.rest()


async def test_a_rejected_order_gives_its_money_back_and_the_next_one_fills(trader: Trader) -> None:
    await laid(trader, "order_rejected")
    first = await trader.place(quantity="2")
    assert (first.status, first.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_TRADING_PARTNER")
    assert await trader.cash() == UNTOUCHED
    assert (await trader.place(quantity="2")).status == "FILLED"


async def test_partial_then_cancelled_keeps_the_half_that_was_executed(trader: Trader) -> None:
    await laid(trader, "order_partial_then_cancelled", client_reference="half")
    order = await trader.place(quantity="4", client_reference="half")
    assert order.status == "PROCESSING"
    assert [execution.quantity for execution in order.executions] == [2]
    await trader.advance_to(order.created_at + timedelta(minutes=10))
    order = await trader.read(order.id)
    assert (order.status, order.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_TRADING_PARTNER")
    assert [(e.quantity, e.cash_amount) for e in order.executions] == [(2, Decimal("230.10"))]
    assert await trader.cash() == "769.90 / 0.00 / 0.00 / 769.90 / 769.90"
    assert await trader.event_types("ORDER.") == ["ORDER.NEW", "ORDER.PROCESSING", "ORDER.CANCELLED"]


async def test_several_executions_fall_due_one_after_another(trader: Trader) -> None:
    await laid(trader, "order_several_executions", user_id=trader.customer.user_id)
    order = await trader.place(quantity="4")
    await trader.advance_to(order.created_at + timedelta(minutes=15))
    order = await trader.read(order.id)
    assert order.status == "FILLED"
    assert sorted(execution.quantity for execution in order.executions) == [1, 1, 2]
    assert await trader.event_types("EXECUTION.") == ["EXECUTION.FILLED"] * 3


async def test_a_delayed_order_fills_an_hour_later(trader: Trader) -> None:
    await laid(trader, "order_delayed")
    order = await trader.place(quantity="1")
    assert (order.status, order.executions) == ("PROCESSING", ())
    await trader.advance_to(order.created_at + timedelta(minutes=59))
    assert (await trader.read(order.id)).status == "PROCESSING"
    await trader.advance_to(order.created_at + timedelta(minutes=61))
    assert (await trader.read(order.id)).status == "FILLED"


async def test_an_order_sent_before_the_scenario_is_not_touched(trader: Trader) -> None:
    resting = await trader.place(quantity="1", order_type="LIMIT", limit_price="1.00")
    await laid(trader, "order_rejected")
    await trader.advance_to(resting.created_at + timedelta(days=3))
    assert (await trader.read(resting.id)).status == "PROCESSING"
    assert (await trader.place(quantity="1")).cancellation_reason == "CANCELLED_BY_TRADING_PARTNER"


async def test_the_partial_isin_executes_by_value(trader: Trader) -> None:
    order = await trader.place(isin=SEVERAL_ISIN, quantity="3")
    await trader.advance_to(order.created_at + timedelta(minutes=30))
    order = await trader.read(order.id)
    assert (order.status, [execution.quantity for execution in order.executions]) == ("FILLED", [1, 1, 1])


async def test_a_check_fails_or_waits_by_scenario(trader: Trader) -> None:
    user_id, tenant_id = trader.customer.user_id, trader.customer.tenant_id
    await laid(trader, "check_fails", user_id=user_id)
    await laid(trader, "check_pending", user_id=user_id)

    async def ask(unit: Unit) -> None:
        details = {"instrument_suitability": {"suitability": True}}
        await onboarding.create_check(unit, user_id, "INSTRUMENT_FIT", unit.now, details)

    for _ in range(3):
        await trader.world.database.write(tenant_id, ask)
        await trader.rest()
    checks = await trader.world.database.read(
        tenant_id, lambda unit: onboarding.list_checks(unit, user_id, history=True, kind="INSTRUMENT_FIT")
    )
    assert [check.status for check in checks] == ["FAILED", "IN_PROGRESS", "PASSED"]
