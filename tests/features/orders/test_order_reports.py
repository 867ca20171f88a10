"""Orders at a venue that says what it likes: parts, ends, contradictions, silence; and what becomes of the money."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from openvest import catalog
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.kit.orders import Trader, make_trader
from tests.kit.scripted import move_prices, script
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
D = Decimal


async def a_trader(world: Assembled, money: str, pace: str = "instant", at: datetime = MONDAY_MORNING) -> Trader:
    tenant = await make_tenant(world.database, "Reports", pace=pace, frozen_at=at)
    return await make_trader(world, tenant, money)


async def assert_proved(trader: Trader) -> None:
    proof = await prove_tenant(trader.world.database, trader.customer.tenant_id, catalog.INVARIANTS)
    assert proof.clean, proof


async def assert_only_hidden(trader: Trader, work: str) -> None:
    """The books hold, but for one row of this work that waits for somebody."""
    proof = await prove_tenant(trader.world.database, trader.customer.tenant_id, catalog.INVARIANTS)
    (finding,) = proof.findings
    assert finding.name == "no_open_work_is_hidden" and [json.loads(row)["sweep"] for row in finding.rows] == [work]


async def test_several_executions_by_amount(assembled: Assembled) -> None:
    trader = await a_trader(assembled, "250.00")
    script(assembled, ("FILL", "83.34", "115.05"), ("FILL", "83.33", "115.10"), ("FILL", "83.33", "115.20"))
    order = await trader.place(cash_amount="250.00")
    assert (order.status, order.quantity) == ("FILLED", D("2.1717105469"))
    assert [(e.cash_amount, e.quantity) for e in order.executions] == [
        (D("83.34"), D("0.7243807040")),
        (D("83.33"), D("0.7239791485")),
        (D("83.33"), D("0.7233506944")),
    ]
    assert await trader.cash() == "0.00 / 0.00 / 0.00 / 0.00 / 0.00"
    types = [t for t in await trader.event_types() if t.startswith(("ORDER.", "EXECUTION."))]
    assert types == [
        "ORDER.NEW",
        "ORDER.PROCESSING",
        *["EXECUTION.FILLED"] * 3,
        "ORDER.FILLED",
        *["EXECUTION.SETTLED"] * 3,
    ]
    await assert_proved(trader)


async def test_executions_of_one_instant_are_read_as_they_were_told(assembled: Assembled) -> None:
    """Within one set, and where an order's executions span two: what the event says, every reading says."""
    trader = await a_trader(assembled, "5000.00")
    amounts = [D(10), D(20), D(30), D(40)]
    script(assembled, *(("FILL", str(amount), "100.00") for amount in amounts))
    for size in (500, 500, 500, 3, 1, 1):
        assembled.runner.works = [replace(w, set_size=size) if w.name == "orders.book" else w for w in catalog.WORKS]
        order = await trader.place(cash_amount="100.00")
        told = [event for event in await trader.events() if event.type == "ORDER.FILLED"][-1].snapshot["executions"]
        assert [D(execution["cash_amount"]) for execution in told] == amounts
        assert [execution.cash_amount for execution in order.executions] == amounts
        assert [str(execution.id) for execution in order.executions] == [execution["id"] for execution in told]


async def test_a_cancellation_after_a_part_keeps_it_and_returns_the_rest_to_the_cent(assembled: Assembled) -> None:
    trader = await a_trader(assembled, "700.00")
    script(assembled, ("FILL", "3", "115.10"), ends=False)
    order = await trader.place(quantity="5")
    assert (order.status, order.cash_amount, len(order.executions)) == ("PROCESSING", D("345.30"), 1)
    assert order.updated_at > order.created_at
    assert await trader.cash() == "354.70 / 293.87 / 0.00 / 60.83 / 60.83"
    await assert_proved(trader)
    order = await trader.cancel(order.id)
    assert (order.status, order.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_CLIENT")
    assert [e.quantity for e in order.executions] == [3]
    assert await trader.cash() == "354.70 / 0.00 / 0.00 / 354.70 / 354.70"
    await assert_proved(trader)


async def test_an_expiry_after_a_part(assembled: Assembled) -> None:
    trader = await a_trader(assembled, "700.00", "calendar")
    script(assembled, ("FILL", "3", "100.00"), ends=False)
    order = await trader.place(quantity="5", order_type="LIMIT", limit_price="100.00", expiry_date=date(2026, 3, 2))
    await trader.advance_to(datetime(2026, 3, 2, 18, tzinfo=UTC))
    order = await trader.read(order.id)
    assert (order.status, order.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_TRADING_PARTNER")
    assert await trader.cash() == "400.00 / 0.00 / 0.00 / 400.00 / 400.00"
    await assert_proved(trader)


async def test_a_fill_at_the_instant_of_the_expiry_counts(assembled: Assembled) -> None:
    close = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
    trader = await a_trader(assembled, "700.00", "calendar", close - timedelta(hours=1))
    script(assembled, ("FILL", "5", "100.00"), until=close)
    order = await trader.place(quantity="5", order_type="LIMIT", limit_price="100.00", expiry_date=date(2026, 3, 2))
    await trader.advance_to(close + timedelta(hours=1))
    assert (await trader.read(order.id)).status == "FILLED"
    await assert_proved(trader)


async def test_what_the_venue_announced_for_later_is_void_once_it_is_cancelled(assembled: Assembled) -> None:
    trader = await a_trader(assembled, "700.00", "calendar")
    script(assembled, ("FILL", "5", "100.00"), until=MONDAY_MORNING + timedelta(hours=2))
    order = await trader.place(quantity="5", order_type="LIMIT", limit_price="100.00")
    order = await trader.cancel(order.id)
    assert (order.status, order.executions) == ("CANCELLED", ())
    await trader.advance_to(MONDAY_MORNING + timedelta(days=1))
    assert (await trader.read(order.id)).status == "CANCELLED"
    assert await trader.cash() == "700.00 / 0.00 / 0.00 / 700.00 / 700.00"
    await assert_proved(trader)


async def test_a_sale_that_ends_short_gives_its_units_back(assembled: Assembled) -> None:
    trader = await a_trader(assembled, "1000.00")
    await trader.place(quantity="5")
    script(assembled, ("FILL", "2", "113.00"), ("CANCELLED",))
    sold = await trader.place(
        side="SELL", quantity="5", fee="1.00", fee_collected=True, fee_type="TRANSACTION_FEE_SELL"
    )
    assert (sold.status, sold.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_TRADING_PARTNER")
    assert await trader.cash() == "649.75 / 0.00 / 0.00 / 649.75 / 649.75"
    assert (await trader.place(side="SELL", quantity="3.0000000001")).status == "CANCELLED"
    await assert_proved(trader)


async def test_a_rejected_block_lets_the_inventory_go(assembled: Assembled) -> None:
    trader = await a_trader(assembled, "2000.00", "calendar")
    await trader.place(quantity="0.5")  # leaves half a share with the house
    script(assembled, ("REJECTED",))
    order = await trader.place(quantity="1.2")  # counts on 0.2 of it
    assert order.status == "CANCELLED"
    await assert_proved(trader)
    script(assembled)
    order = await trader.place(quantity="0.5")  # all of it is free again: no venue is asked
    assert order.status == "FILLED"
    await assert_proved(trader)


async def test_a_block_the_street_fills_short(assembled: Assembled) -> None:
    trader = await a_trader(assembled, "2000.00", "calendar")
    await trader.place(quantity="0.8")
    script(assembled, ("FILL", "2", "115.05"), ("CANCELLED",))
    order = await trader.place(quantity="3.1")  # the street is asked for 3 shares, 0.1 come from the inventory
    assert (order.status, order.quantity) == ("CANCELLED", D("3.1"))
    assert [e.quantity for e in order.executions] == [D("2.1")]
    await assert_proved(trader)
    script(assembled, ("FILL", "1", "113.03"), ("CANCELLED",))
    sold = await trader.place(side="SELL", quantity="2.5")
    assert [e.quantity for e in sold.executions] == [D(1)]
    await assert_proved(trader)


async def test_a_better_price_makes_a_follow_up(assembled: Assembled) -> None:
    trader = await a_trader(assembled, "250.00", "calendar")
    venue = script(assembled, ("FILL", "*", "80.00"))
    order = await trader.place(cash_amount="250.00")  # 2.17 units at the offer, 3.125 at what is paid
    assert [asked.quantity for asked in venue.asked] == [3, 1]
    assert (order.status, [e.quantity for e in order.executions]) == ("FILLED", [D("3.125")])
    await assert_proved(trader)
    await trader.advance_to(MONDAY_MORNING + timedelta(days=3))
    assert (await trader.read(order.id)).executions[0].status == "SETTLED"
    await assert_proved(trader)


async def test_a_follow_up_that_is_refused_leaves_the_customer_what_there_is(assembled: Assembled) -> None:
    trader = await a_trader(assembled, "250.00", "calendar")
    venue = script(assembled, ("FILL", "*", "80.00"))
    venue.then = [("REJECTED",)]
    order = await trader.place(cash_amount="250.00")
    assert (order.status, [e.quantity for e in order.executions]) == ("CANCELLED", [D(3)])
    assert await trader.cash() == "10.00 / 0.00 / 0.00 / 10.00 / 10.00"
    await assert_proved(trader)


async def test_the_inventory_does_not_serve_above_what_the_lock_can_bear(assembled: Assembled) -> None:
    sunday = datetime(2026, 3, 1, 12, tzinfo=UTC)
    trader = await a_trader(assembled, "1000.00", "calendar", sunday - timedelta(days=2))
    await trader.place(quantity="0.3")
    await trader.advance_to(sunday)
    order = await trader.place(quantity="0.5")
    assert order.status == "NEW"
    move_prices(assembled, "1.2")
    venue = script(assembled)
    await trader.advance_to(datetime(2026, 3, 2, 9, tzinfo=UTC))
    assert (await trader.read(order.id)).status == "PROCESSING"
    assert [(asked.quantity, asked.limit_price) for asked in venue.asked] == [(1, D("127.84"))]
    await trader.cancel(order.id)
    await assert_proved(trader)


async def test_a_report_that_cannot_be_booked_holds_up_nobody_else(assembled: Assembled) -> None:
    trader = await a_trader(assembled, "2000.00", "calendar")
    script(assembled, ("FILL", "9", "115.05"), ("FILL", "1", "115.05"))
    wrong = await trader.place(quantity="5")  # the venue claims more than was ordered
    assert (wrong.status, wrong.executions) == ("PROCESSING", ())
    script(assembled, ("FILL", "5", "115.05"))
    right = await trader.place(quantity="5")
    assert right.status == "FILLED"
    await trader.advance_to(MONDAY_MORNING + timedelta(days=2))  # time goes on
    wrong = await trader.read(wrong.id)
    assert (wrong.status, wrong.executions) == ("PROCESSING", ())  # the end is not booked before what came first
    await assert_only_hidden(trader, "orders.book")


async def test_an_answer_that_cannot_be_recorded_holds_up_nobody_else(assembled: Assembled) -> None:
    trader = await a_trader(assembled, "2000.00", "calendar")
    script(assembled, ("NONSENSE",))
    strange = await trader.place(quantity="5")  # no report is of this kind
    assert (strange.status, strange.executions) == ("PROCESSING", ())
    script(assembled, ("FILL", "5", "115.05"))
    assert (await trader.place(quantity="5")).status == "FILLED"
    await assert_only_hidden(trader, "street.ask_venue")


async def test_an_order_the_venue_never_answers_rests_until_it_is_cancelled(assembled: Assembled) -> None:
    trader = await a_trader(assembled, "700.00", "calendar")
    script(assembled)
    order = await trader.place(quantity="5")
    await trader.advance_to(MONDAY_MORNING + timedelta(days=30))
    assert (await trader.read(order.id)).status == "PROCESSING"
    assert (await trader.cancel(order.id)).status == "CANCELLED"
    assert await trader.cash() == "700.00 / 0.00 / 0.00 / 700.00 / 700.00"


async def test_a_day_that_is_over_before_the_order_came(assembled: Assembled) -> None:
    trader = await a_trader(assembled, "700.00", "calendar")
    order = await trader.place(quantity="5", expiry_date=date(2026, 2, 27))
    assert (order.status, order.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_TRADING_PARTNER")
    assert await trader.event_types("ORDER") == ["ORDER.NEW", "ORDER.CANCELLED"]


async def test_at_the_pace_instant_a_day_ends_at_midnight(assembled: Assembled) -> None:
    saturday = datetime(2026, 3, 7, 12, tzinfo=UTC)
    trader = await a_trader(assembled, "700.00", "instant", saturday)
    order = await trader.place(quantity="5", order_type="LIMIT", limit_price="90.00", expiry_date=saturday.date())
    assert order.status == "PROCESSING"
    await trader.advance_to(saturday + timedelta(hours=11))
    assert (await trader.read(order.id)).status == "PROCESSING"
    await trader.advance_to(saturday + timedelta(hours=13))
    assert (await trader.read(order.id)).status == "CANCELLED"


async def test_what_a_refused_order_had_locked_is_there_for_the_next_one(assembled: Assembled) -> None:
    """Two accounts of one group wait for one cut-off; the first is locked meanwhile, the second takes its money."""
    trader = await a_trader(assembled, "250.00", "calendar")

    async def second_account(unit: Unit) -> UUID:
        return (await accounts.create_account(unit, trader.customer.user_id, trader.customer.group_id, "TRADING")).id

    database, tenant_id = assembled.database, trader.customer.tenant_id
    other = replace(trader.customer, account_id=await database.write(tenant_id, second_account))
    first = await trader.place(cash_amount="250.00", execution_flow="BLOCK")
    second = await Trader(assembled, other).place(cash_amount="200.00", execution_flow="BLOCK")
    assert await trader.cash() == "250.00 / 250.00 / 0.00 / 0.00 / 0.00"
    await database.write(tenant_id, lambda unit: accounts.lock_account(unit, trader.customer.account_id))
    await trader.advance_to(datetime(2026, 3, 2, 15, tzinfo=UTC))
    assert [(await trader.read(order.id)).status for order in (first, second)] == ["CANCELLED", "FILLED"]
    assert await trader.cash() == "50.00 / 0.00 / 0.00 / 50.00 / 50.00"
    await assert_proved(trader)
