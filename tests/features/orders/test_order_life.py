"""An order's life in the user's words: from acceptance to settlement, with the money at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from openvest import catalog
from openvest.features.accounts import service as accounts
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from openvest.ports.venue import VenueAnswer, VenueOrder
from tests.kit.orders import Trader, make_trader
from tests.kit.scripted import Deaf, ScriptedVenue, script
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


async def instant(world: Assembled, money: str = "1000.00") -> Trader:
    tenant = await make_tenant(world.database, "Instant", pace="instant", frozen_at=MONDAY_MORNING)
    return await make_trader(world, tenant, money)


async def calendar(world: Assembled, money: str = "1000.00", at: datetime = MONDAY_MORNING) -> Trader:
    tenant = await make_tenant(world.database, "Calendar", pace="calendar", frozen_at=at)
    return await make_trader(world, tenant, money)


async def assert_proved(trader: Trader) -> None:
    proof = await prove_tenant(trader.world.database, trader.customer.tenant_id, catalog.INVARIANTS)
    assert proof.clean, proof


async def test_a_nominal_buy_at_once(assembled: Assembled) -> None:
    trader = await instant(assembled)
    assert await trader.cash() == "1000.00 / 0.00 / 0.00 / 1000.00 / 1000.00"
    order = await trader.place(cash_amount="1000.00")
    assert (order.status, order.quantity) == ("FILLED", Decimal("8.6918730986"))
    assert [e.status for e in order.executions] == ["SETTLED"]
    assert await trader.cash() == "0.00 / 0.00 / 0.00 / 0.00 / 0.00"
    assert await trader.event_types("ORDER") == ["ORDER.NEW", "ORDER.PROCESSING", "ORDER.FILLED"]
    await assert_proved(trader)


async def test_an_order_without_money_is_accepted_then_cancelled(assembled: Assembled) -> None:
    trader = await instant(assembled, "100.00")
    order = await trader.place(cash_amount="100.01")
    assert (order.status, order.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_UPVEST_PLATFORM")
    assert await trader.event_types("ORDER") == ["ORDER.NEW", "ORDER.CANCELLED"]
    assert await trader.cash() == "100.00 / 0.00 / 0.00 / 100.00 / 100.00"


async def test_a_refused_large_order_does_not_block_a_small_one(assembled: Assembled) -> None:
    trader = await instant(assembled, "100.00")
    large, small = await trader.place_all([trader.wanted(cash_amount="100.01"), trader.wanted(cash_amount="50.00")])
    states = [(await trader.read(o.id)).status for o in (large, small) if not isinstance(o, Exception)]
    assert states == ["CANCELLED", "FILLED"]


async def test_buy_by_units_keeps_a_buffer_and_returns_it(assembled: Assembled) -> None:
    trader = await instant(assembled, "639.16")
    assert (await trader.place(quantity="5")).status == "CANCELLED"  # 575.25 is more than nine tenths of the money
    trader = await make_trader(assembled, trader.customer.tenant_id, "639.17")
    order = await trader.place(quantity="5")
    assert (order.status, order.cash_amount) == ("FILLED", Decimal("575.25"))
    assert await trader.cash() == "63.92 / 0.00 / 0.00 / 63.92 / 63.92"
    await assert_proved(trader)


async def test_a_fee_we_collect_is_on_top_of_the_amount(assembled: Assembled) -> None:
    trader = await instant(assembled, "110.00")
    order = await trader.place(cash_amount="100.00", fee="10.00", fee_collected=True, fee_type="TRANSACTION_FEE_BUY")
    assert (order.status, order.fee, order.quantity) == ("FILLED", Decimal("10.00"), Decimal("0.8691873098"))
    assert await trader.cash() == "0.00 / 0.00 / 0.00 / 0.00 / 0.00"
    await assert_proved(trader)


async def test_a_sale_by_amount_returns_what_it_did_not_need(assembled: Assembled) -> None:
    trader = await instant(assembled, "1000.00")
    await trader.place(cash_amount="1000.00")
    order = await trader.place(side="SELL", cash_amount="500.00")
    assert (order.status, order.quantity) == ("FILLED", Decimal("4.4236043529"))
    assert await trader.cash() == "500.00 / 0.00 / 0.00 / 500.00 / 500.00"
    await assert_proved(trader)


async def test_at_a_whole_share_venue_the_house_serves_fractions(assembled: Assembled) -> None:
    trader = await calendar(assembled)
    order = await trader.place(cash_amount="250.00")
    assert (order.status, order.quantity) == ("FILLED", Decimal("2.1729682746"))
    (execution,) = order.executions
    assert (execution.status, execution.settlement_date) == ("FILLED", date(2026, 3, 3))
    assert await trader.cash() == "750.00 / 0.00 / 0.00 / 750.00 / 750.00"
    await assert_proved(trader)
    await trader.advance_to(datetime(2026, 3, 3, 12, tzinfo=UTC))
    (execution,) = (await trader.read(order.id)).executions
    assert execution.status == "SETTLED"
    await assert_proved(trader)


async def test_a_block_is_served_from_the_inventory_where_that_suffices(assembled: Assembled) -> None:
    trader = await calendar(assembled)
    await trader.place(cash_amount="250.00")  # leaves 0.8270317254 with the house
    order = await trader.place(quantity="0.5")
    assert (order.status, order.cash_amount) == ("FILLED", Decimal("57.53"))
    sold = await trader.place(side="SELL", quantity="0.9")
    assert sold.status == "FILLED"
    await assert_proved(trader)
    await trader.advance_to(datetime(2026, 3, 6, 12, tzinfo=UTC))
    assert {e.status for o in (order, sold) for e in (await trader.read(o.id)).executions} == {"SETTLED"}
    await assert_proved(trader)


async def test_a_sale_settles_no_earlier_than_what_it_uses(assembled: Assembled) -> None:
    trader = await calendar(assembled)
    await trader.place(quantity="3")
    sold = await trader.place(side="SELL", quantity="3")
    assert sold.executions[0].settlement_date == date(2026, 3, 4)
    assert await trader.cash() == "993.94 / 0.00 / 339.09 / 654.85 / 993.94"
    await assert_proved(trader)
    await trader.advance_to(datetime(2026, 3, 4, 12, tzinfo=UTC))
    assert await trader.cash() == "993.94 / 0.00 / 0.00 / 993.94 / 993.94"
    await assert_proved(trader)


async def test_outside_the_session_the_lock_is_taken_and_the_order_waits(assembled: Assembled) -> None:
    trader = await calendar(assembled, at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    order = await trader.place(quantity="3")
    assert order.status == "NEW"
    assert await trader.cash() == "1000.00 / 383.50 / 0.00 / 616.50 / 616.50"
    await trader.advance_to(datetime(2026, 3, 2, 8, 0, tzinfo=UTC))
    assert (await trader.read(order.id)).status == "FILLED"
    assert await trader.cash() == "654.85 / 0.00 / 0.00 / 654.85 / 654.85"


async def test_a_limit_rests_until_cancelled_and_returns_its_lock(assembled: Assembled) -> None:
    trader = await calendar(assembled)
    order = await trader.place(quantity="3", order_type="LIMIT", limit_price="90.00")
    assert order.status == "PROCESSING"
    assert await trader.cash() == "1000.00 / 300.00 / 0.00 / 700.00 / 700.00"
    cancelled = await trader.cancel(order.id)
    assert (cancelled.status, cancelled.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_CLIENT")
    assert await trader.cash() == "1000.00 / 0.00 / 0.00 / 1000.00 / 1000.00"
    await trader.cancel(order.id)
    assert await trader.event_types("ORDER") == [
        "ORDER.NEW",
        "ORDER.PROCESSING",
        "ORDER.CANCELLED",
        "ORDER_CANCELLATION.CONFIRMED",
        "ORDER_CANCELLATION.REJECTED",
    ]
    await assert_proved(trader)


async def test_a_limit_expires_at_the_close_of_its_last_day(assembled: Assembled) -> None:
    trader = await calendar(assembled)
    last_day = date(2026, 3, 8)  # a Sunday: Friday is the last trading day
    order = await trader.place(quantity="3", order_type="LIMIT", limit_price="90.00", expiry_date=last_day)
    await trader.advance_to(datetime(2026, 3, 6, 16, 29, tzinfo=UTC))
    assert (await trader.read(order.id)).status == "PROCESSING"
    await trader.advance_to(datetime(2026, 3, 6, 16, 31, tzinfo=UTC))
    expired = await trader.read(order.id)
    assert (expired.status, expired.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_TRADING_PARTNER")
    assert await trader.cash() == "1000.00 / 0.00 / 0.00 / 1000.00 / 1000.00"


async def test_an_order_that_expired_before_it_could_trade_is_cancelled_at_once(assembled: Assembled) -> None:
    trader = await calendar(assembled, at=datetime(2026, 3, 7, 12, tzinfo=UTC))
    order = await trader.place(quantity="3", expiry_date=date(2026, 3, 8))
    assert order.status == "CANCELLED"


async def test_a_block_order_waits_for_the_cut_off(assembled: Assembled) -> None:
    trader = await calendar(assembled)
    order = await trader.place(cash_amount="250.00", execution_flow="BLOCK")
    assert order.status == "NEW"
    assert await trader.cash() == "1000.00 / 250.00 / 0.00 / 750.00 / 750.00"
    await trader.advance_to(datetime(2026, 3, 2, 15, 0, tzinfo=UTC))  # 16:00 in Frankfurt
    assert (await trader.read(order.id)).status == "FILLED"
    late = await trader.place(cash_amount="250.00", execution_flow="BLOCK")
    await trader.advance_to(datetime(2026, 3, 2, 23, 0, tzinfo=UTC))
    assert (await trader.read(late.id)).status == "NEW"
    await trader.advance_to(datetime(2026, 3, 3, 15, 0, tzinfo=UTC))
    assert (await trader.read(late.id)).status == "FILLED"


async def test_a_block_order_without_money_waits_for_the_next_cut_off(assembled: Assembled) -> None:
    trader = await calendar(assembled, "100.00")
    order = await trader.place(cash_amount="250.00", execution_flow="BLOCK")
    await trader.advance_to(datetime(2026, 3, 2, 15, 1, tzinfo=UTC))
    assert (await trader.read(order.id)).status == "NEW"
    assert await trader.cash() == "100.00 / 0.00 / 0.00 / 100.00 / 100.00"


async def test_a_currency_no_venue_trades(assembled: Assembled) -> None:
    trader = await calendar(assembled)
    order = await trader.place(cash_amount="10.00", currency="USD")
    assert (order.status, order.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_TRADING_PARTNER")


@pytest.mark.parametrize(("verb", "side", "status"), [("lock", "BUY", "CANCELLED"), ("close", "BUY", "CANCELLED")])
async def test_an_account_that_may_not_buy(assembled: Assembled, verb: str, side: str, status: str) -> None:
    trader = await instant(assembled)
    act = accounts.lock_account if verb == "lock" else accounts.close_account
    await trader.world.database.write(trader.customer.tenant_id, lambda unit: act(unit, trader.customer.account_id))
    order = await trader.place(side=side, cash_amount="10.00")
    assert (order.status, order.cancellation_reason) == (status, "CANCELLED_BY_UPVEST_PLATFORM")


@pytest.mark.parametrize("what", ["account", "group"])
async def test_closing_ends_purchases_that_rest(assembled: Assembled, what: str) -> None:
    trader = await calendar(assembled, at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    waits = await trader.place(quantity="1")
    await trader.advance_to(MONDAY_MORNING)
    resting = await trader.place(quantity="3", order_type="LIMIT", limit_price="90.00")
    sale = await trader.place(side="SELL", quantity="1", order_type="LIMIT", limit_price="400.00")
    assert [(await trader.read(o.id)).status for o in (waits, resting, sale)] == ["FILLED", "PROCESSING", "PROCESSING"]
    customer = trader.customer
    if what == "account":
        await trader.world.database.write(
            customer.tenant_id, lambda unit: accounts.close_account(unit, customer.account_id)
        )
    else:
        await trader.world.database.write(
            customer.tenant_id, lambda unit: accounts.close_account_group(unit, customer.group_id)
        )
    await trader.rest()
    ended = await trader.read(resting.id)
    assert (ended.status, ended.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_UPVEST_PLATFORM")
    assert (await trader.read(sale.id)).status == "PROCESSING"
    assert await trader.cash() == "884.95 / 0.00 / 0.00 / 884.95 / 884.95"
    await assert_proved(trader)


class Silent(ScriptedVenue):
    """A venue that has not answered yet."""

    async def ask(self, orders: Sequence[VenueOrder]) -> Sequence[VenueAnswer]:
        self.asked += orders
        return [VenueAnswer(order.id, (), None) for order in orders]


async def test_what_the_venue_trades_before_it_hears_of_the_closing_goes_to_the_account(assembled: Assembled) -> None:
    trader = await instant(assembled)
    customer = trader.customer
    script(assembled, ends=False)
    order = await trader.place(quantity="2")
    assert order.status == "PROCESSING"
    assembled.runner.ports = replace(assembled.runner.ports, venue=Deaf([("FILL", "*", "115.05")]))
    await assembled.database.write(customer.tenant_id, lambda unit: accounts.close_account(unit, customer.account_id))
    await trader.rest()
    assert (await trader.read(order.id)).status == "FILLED"
    assert await trader.event_types("ACCOUNT.CLOS") == ["ACCOUNT.CLOSING_INITIATED"]
    await trader.place(side="SELL", quantity="2")
    assert await trader.event_types("ACCOUNT.CLOS") == ["ACCOUNT.CLOSING_INITIATED", "ACCOUNT.CLOSED"]
    await assert_proved(trader)


async def test_an_account_waits_for_the_end_of_a_purchase_before_it_closes(assembled: Assembled) -> None:
    trader = await instant(assembled)
    customer = trader.customer
    script(assembled, ends=False)
    order = await trader.place(quantity="2")
    silent = Silent()
    assembled.runner.ports = replace(assembled.runner.ports, venue=silent)
    await assembled.database.write(customer.tenant_id, lambda unit: accounts.close_account(unit, customer.account_id))
    await trader.rest()
    assert await trader.event_types("ACCOUNT.CLOS") == ["ACCOUNT.CLOSING_INITIATED"]
    assert (await trader.read(order.id)).status == "PROCESSING"
    assert silent.asked
    await assert_proved(trader)
