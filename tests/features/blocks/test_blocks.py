"""Blocks on the real database: joined, sent, heard and served, with the figures of POSTINGS.md section 3.4."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest

from openvest.core.trading_calendar import UnknownVenue
from openvest.db.unit import Unit
from openvest.features.blocks import service as blocks
from openvest.features.orders import service_dead_letters
from openvest.main import Assembled
from openvest.simulation.scenarios import lay
from tests.kit.blocks import BLOCKS, CUT_OFF, Hall, got, make_hall
from tests.kit.cluster import Cluster
from tests.kit.imports import NEW, bring, owner_of
from tests.kit.scripted import script

pytestmark = pytest.mark.anyio
D = Decimal


async def with_inventory(world: Assembled, units: str = "0.2") -> Hall:
    """A house that has kept so much of earlier fractions."""
    hall = await make_hall(world)
    await hall.traders[0].place(quantity=str(1 - D(units)))
    return hall


async def test_three_customers_of_one_block(assembled: Assembled) -> None:
    hall = await with_inventory(assembled)
    placed = await hall.place_all(["100.00", "250.00", "75.00"])
    assert {order.status for order in placed} == {"NEW"}
    await hall.to(CUT_OFF)
    found = await hall.read(placed)
    assert [order.status for order in found] == ["FILLED"] * 3
    assert [got(order) for order in found] == [
        ("0.8691873098", "100.00"),
        ("2.1729682746", "250.00"),
        ("0.6518904823", "75.00"),
    ]
    assert {order.executions[0].price for order in found} == {D("115.05")}
    assert await hall.street() == [4]
    assert await hall.states() == ["DONE"]
    assert await hall.inventory(found[0].instrument_id) == (D("0.5059539333"), D(0))
    await hall.proved()
    await hall.to(CUT_OFF + timedelta(days=4))
    assert {order.executions[0].status for order in await hall.read(placed)} == {"SETTLED"}
    await hall.proved()


async def test_the_street_fills_short(assembled: Assembled) -> None:
    hall = await with_inventory(assembled)
    placed = await hall.place_all(["100.00", "250.00", "75.00"])
    script(assembled, ("FILL", "3", "115.05"), ("CANCELLED",))
    await hall.to(CUT_OFF)
    found = await hall.read(placed)
    assert [(order.status, order.cancellation_reason) for order in found] == [
        ("CANCELLED", "CANCELLED_BY_TRADING_PARTNER")
    ] * 3
    assert [got(order) for order in found] == [
        ("0.7529411765", "86.63"),
        ("1.8823529412", "216.57"),
        ("0.5647058823", "64.97"),
    ]
    assert await hall.inventory(found[0].instrument_id) == (D(0), D(0))
    assert [(await trader.cash()).split(" / ")[1] for trader in hall.traders] == ["0.00"] * 3
    await hall.proved()


async def test_a_better_price_asks_for_missing_shares(assembled: Assembled) -> None:
    hall = await make_hall(assembled)
    placed = await hall.place_all(["1150.50", "1150.50", "1150.50"])
    venue = script(assembled, ("FILL", "*", "100.00"))
    venue.then = [("FILL", "*", "101.00")]
    await hall.to(CUT_OFF)
    found = await hall.read(placed)
    assert await hall.street() == [30, 5]
    price = D("100.1429")  # 30 at 100.00 and 5 at 101.00
    assert {order.executions[0].price for order in found} == {price}
    given = sum(order.executions[0].quantity for order in found)
    assert [order.status for order in found] == ["FILLED"] * 3
    assert await hall.inventory(found[0].instrument_id) == (35 - given, D(0))
    await hall.proved()


async def test_nothing_is_traded(assembled: Assembled) -> None:
    hall = await with_inventory(assembled)
    placed = await hall.place_all(["100.00", "250.00", "75.00"])
    script(assembled, ("REJECTED",))
    await hall.to(CUT_OFF)
    found = await hall.read(placed)
    assert {(order.status, order.cancellation_reason) for order in found} == {
        ("CANCELLED", "CANCELLED_BY_TRADING_PARTNER")
    }
    assert await hall.states() == ["DONE"]
    assert await hall.inventory(found[0].instrument_id) == (D("0.2"), D(0))
    await hall.proved()


async def test_sales_join_the_inventory_and_may_come_from_it(assembled: Assembled) -> None:
    """⌊2.4 + 0.2⌋ = 2 shares are sold; the rest is the house's."""
    hall = await with_inventory(assembled)
    await hall.bought("2", "2", "2")
    placed = [await hall.place(n, side="SELL", quantity=q) for n, q in enumerate(("0.8", "0.9", "0.7"))]
    await hall.to(CUT_OFF)
    found = await hall.read(placed)
    assert [got(order) for order in found] == [("0.8", "90.42"), ("0.9", "101.72"), ("0.7", "79.12")]
    assert await hall.street() == [2]
    assert await hall.inventory(found[0].instrument_id) == (D("0.6"), D(0))
    await hall.proved()
    await hall.to(CUT_OFF + timedelta(days=4))
    assert {order.executions[0].status for order in await hall.read(placed)} == {"SETTLED"}
    await hall.proved()


async def test_a_sale_short_and_a_sale_dearer(assembled: Assembled) -> None:
    hall = await make_hall(assembled)
    await hall.bought("2", "2", "2")
    placed = [await hall.place(n, side="SELL", quantity=q) for n, q in enumerate(("1.5", "0.9", "1.6"))]
    script(assembled, ("FILL", "1", "113.03"), ("CANCELLED",))
    await hall.to(CUT_OFF)
    found = await hall.read(placed)
    assert sum(order.executions[0].quantity for order in found) == 1
    assert [got(order)[0] for order in found] == ["0.3750000000", "0.2250000000", "0.4000000000"]
    await hall.proved()
    again = [await hall.place(n, side="SELL", cash_amount=a) for n, a in enumerate(("100.00", "50.00", "76.06"))]
    script(assembled, ("FILL", "*", "120.00"))
    await hall.to(CUT_OFF + timedelta(days=1))
    found = await hall.read(again)
    assert [order.status for order in found] == ["FILLED"] * 3
    assert sum(order.executions[0].quantity for order in found) == 2, "what the house delivered is there"
    assert {order.executions[0].price for order in found} == {D("120.00")}
    await hall.proved()


async def test_buys_and_sales_meet_in_the_inventory_alone(assembled: Assembled) -> None:
    """At one cut-off the purchases count on what is free of the inventory, and the sales on what is left."""
    hall = await with_inventory(assembled, "0.7")
    await hall.bought("0", "2")
    buys = await hall.place(0, cash_amount="57.52")
    sells = await hall.place(1, side="SELL", quantity="0.5")
    await hall.to(CUT_OFF)
    found = await hall.read([buys, sells])
    assert [order.status for order in found] == ["FILLED"] * 2
    assert await hall.street() == [0, 0], "the inventory has served both"
    assert await hall.inventory(buys.instrument_id) == (D("0.7") - D(got(found[0])[0]) + D("0.5"), D(0))
    await hall.proved()


async def test_cancelled_until_the_block_closes(assembled: Assembled) -> None:
    hall = await make_hall(assembled)
    placed = await hall.place_all(["100.00", "250.00", "75.00"])
    await hall.to(CUT_OFF - timedelta(minutes=1))
    assert (await hall.traders[0].cancel(placed[0].id)).status == "CANCELLED"
    script(assembled, ends=False)
    await hall.to(CUT_OFF)
    assert await hall.states() == ["WORKING"]
    late = await hall.traders[1].cancel(placed[1].id)
    assert late.status == "PROCESSING"
    assert (await hall.traders[0].event_types("ORDER_CANCELLATION"))[-1] == "ORDER_CANCELLATION.REJECTED"
    assert await hall.street() == [3], "the one that left is not bought for"
    await hall.proved()


async def test_a_scenario_of_a_block(assembled: Assembled) -> None:
    """A sandbox lays it under the block's reference."""
    hall = await make_hall(assembled)
    placed = await hall.place_all(["1150.50", "1150.50", "1150.50"])
    await assembled.database.write(
        hall.tenant_id,
        lambda unit: lay(unit, "order_partial_then_cancelled", times=1, client_reference=f"BLOCK {placed[0].isin} BUY"),
    )
    await hall.to(CUT_OFF + timedelta(hours=1))
    found = await hall.read(placed)
    assert [got(order)[0] for order in found] == ["5.0000000000"] * 3
    assert {order.cancellation_reason for order in found} == {"CANCELLED_BY_TRADING_PARTNER"}
    await hall.proved()


async def test_who_misses_the_cut_off_takes_the_next(assembled: Assembled) -> None:
    """On Good Friday and Easter Monday there is none."""
    hall = await make_hall(assembled, at=datetime(2026, 4, 2, 9, 30, tzinfo=UTC))
    thursday, tuesday = datetime(2026, 4, 2, 14, tzinfo=UTC), datetime(2026, 4, 7, 14, tzinfo=UTC)
    joins = await hall.place(0, cash_amount="100.00")
    await hall.to(thursday - timedelta(minutes=4, seconds=59))
    misses = await hall.place(1, cash_amount="100.00")
    await hall.to(thursday)
    assert [order.status for order in await hall.read([joins, misses])] == ["FILLED", "NEW"]
    await hall.to(tuesday - timedelta(minutes=1))
    assert [order.status for order in await hall.read([misses])] == ["NEW"]
    await hall.to(tuesday)
    [found] = await hall.read([misses])
    assert found.executions[0].transaction_time - tuesday < timedelta(seconds=1)
    await hall.proved()


async def test_a_price_of_its_own_is_sent_by_itself(assembled: Assembled) -> None:
    hall = await make_hall(assembled)
    limited = await hall.place(0, quantity="1", order_type="LIMIT", limit_price="120.00")
    plain = await hall.place(1, cash_amount="230.10")
    await hall.to(CUT_OFF)
    assert [order.status for order in await hall.read([limited, plain])] == ["FILLED"] * 2
    assert await hall.street() == [2]
    await hall.proved()


@pytest.mark.parametrize("pace", ["instant", "calendar"])
async def test_a_block_is_netted_at_every_pace(assembled: Assembled, pace: str) -> None:
    hall = await make_hall(assembled, pace=pace)
    placed = await hall.place_all(["100.00", "100.00", "100.00"])
    await hall.to(CUT_OFF)
    assert [order.status for order in await hall.read(placed)] == ["FILLED"] * 3
    assert await hall.street() == [3]
    await hall.proved()


async def test_sets_of_two_come_to_the_same(assembled: Assembled) -> None:
    """However small the sets, and between them the books are in order."""
    hall = await make_hall(assembled, 5)
    await hall.bought("2", "2", "2", "2", "2")
    placed = await hall.place_all(["100.00", "250.00", "75.00", "33.33", "4.44"])
    sales = [await hall.place(n, side="SELL", quantity="0.3") for n in range(5)]
    small = [replace(work, set_size=2) for work in assembled.runner.works]
    assembled.runner.works = small
    await hall.to(CUT_OFF - timedelta(seconds=1))
    await hall.to(CUT_OFF)
    found = await hall.read(placed)
    assert len({order.executions[0].price for order in found}) == 1
    bought = sum(order.executions[0].quantity for order in found)
    sold = sum(order.executions[0].quantity for order in await hall.read(sales))
    street = await hall.street()
    assert sold == D("1.5")
    assert (await hall.inventory(placed[0].instrument_id))[0] == street[0] - street[1] - bought + sold
    await hall.proved()


async def test_a_cut_off_of_the_tenants_own(assembled: Assembled) -> None:
    hall = await make_hall(assembled)

    async def name(mic: str | None, local: time) -> None:
        await assembled.database.write(hall.tenant_id, lambda unit: blocks.name_cut_off(unit, mic, local), n=0)

    await name(None, time(12, 0))
    await name("XETR", time(11, 30))
    early = await hall.place(0, cash_amount="100.00")
    await hall.to(datetime(2026, 3, 2, 10, 30, tzinfo=UTC))
    assert [order.status for order in await hall.read([early])] == ["FILLED"]
    tomorrow = await hall.place(0, cash_amount="100.00")
    await name("XETR", time(15, 0))
    await hall.to(datetime(2026, 3, 3, 10, 30, tzinfo=UTC))
    assert [order.status for order in await hall.read([tomorrow])] == ["NEW"], "it looks for the first one after"
    await hall.to(datetime(2026, 3, 3, 14, 0, tzinfo=UTC))
    assert [order.status for order in await hall.read([tomorrow])] == ["FILLED"]
    with pytest.raises(UnknownVenue):
        await name("XXXX", time(12, 0))


async def test_an_instrument_that_ends_takes_its_block_with_it(assembled: Assembled, cluster: Cluster) -> None:
    hall = await make_hall(assembled)
    async with owner_of(cluster, assembled.database) as owner:
        await bring(owner)
        placed = [await hall.place(n, isin=NEW, cash_amount="100.00") for n in range(3)]
        script(assembled, ends=False)
        await hall.to(CUT_OFF)
        assert [order.status for order in await hall.read(placed)] == ["PROCESSING"] * 3
        await bring(owner, status="INACTIVE")
        await hall.to(CUT_OFF + timedelta(minutes=1))
    assert {order.cancellation_reason for order in await hall.read(placed)} == {"CANCELLED_BY_UPVEST_PLATFORM"}
    assert await hall.states() == ["DONE"]
    await hall.proved()


async def test_a_block_that_cannot_be_asked_about_is_dropped(assembled: Assembled) -> None:
    hall = await make_hall(assembled)
    placed = await hall.place_all(["100.00", "250.00", "75.00"])
    script(assembled, ends=False)
    await hall.to(CUT_OFF)

    async def drop(unit: Unit) -> None:
        [block_id] = await unit.rows(BLOCKS, unit.tenant_id)
        await service_dead_letters.drop_order(unit, block_id)

    await assembled.database.write(hall.tenant_id, drop)
    await hall.traders[0].rest()
    assert {order.status for order in await hall.read(placed)} == {"CANCELLED"}
    assert [(await trader.cash()).split(" / ")[1] for trader in hall.traders] == ["0.00"] * 3
    await hall.proved()
