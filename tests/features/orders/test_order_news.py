"""What becomes of an instrument reaches the orders that work for it: what does not fit ends, and nothing is filled."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from openvest import catalog
from openvest.db.unit import Unit
from openvest.features.orders import service as orders
from openvest.features.orders.model import OrderDetails
from openvest.features.users import service as users
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.kit.cluster import Cluster
from tests.kit.customers import make_customer, top_up
from tests.kit.imports import NEW, bring, owner_of, quote
from tests.kit.orders import Trader, make_trader
from tests.kit.scripted import script
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PLATFORM = ("CANCELLED", "CANCELLED_BY_UPVEST_PLATFORM")
PARTNER = ("CANCELLED", "CANCELLED_BY_TRADING_PARTNER")
FREE = "1000.00 / 0.00 / 0.00 / 1000.00 / 1000.00"
DAY = timedelta(days=1)
FALLS = ("2026-03-02T09:00:00Z 100.00 100.00", "2026-03-02T10:00:00Z 80.00 80.00", "2026-03-02T11:00:00Z 120.00 120.00")
Owner = asyncpg.Connection


@pytest.fixture
async def owner(cluster: Cluster, assembled: Assembled) -> AsyncGenerator[asyncpg.Connection[asyncpg.Record]]:
    async with owner_of(cluster, assembled.database) as connection:
        await bring(connection)
        yield connection


async def a_trader(world: Assembled, name: str = "News", pace: str = "calendar", **at: int) -> Trader:
    frozen_at = MONDAY_MORNING.replace(**at)  # pyright: ignore[reportArgumentType] - parts of a time
    return await make_trader(world, await make_tenant(world.database, name, pace=pace, frozen_at=frozen_at))


async def ends(trader: Trader, *placed: OrderDetails) -> list[tuple[str, str | None]]:
    found = [await trader.read(one.id) for one in placed]
    return [(one.status, one.cancellation_reason) for one in found]


async def prove(trader: Trader) -> None:
    proof = await prove_tenant(trader.world.database, trader.customer.tenant_id, catalog.INVARIANTS)
    assert proof.clean, proof


async def lock_user(trader: Trader) -> None:
    """The user is not active, so orders wait."""

    async def work(unit: Unit) -> None:
        await users.deactivate_user(unit, await users.user_for_update(unit, trader.customer.user_id))

    await trader.world.database.write(trader.customer.tenant_id, work)


async def test_an_instrument_that_becomes_inactive_ends_what_rests_and_fills_nothing(
    assembled: Assembled, owner: Owner
) -> None:
    """Also what the venue has already announced, and what waits for its user; locks return to the cent."""
    await quote(owner, *FALLS)
    trader = await a_trader(assembled)
    bought = await trader.place(isin=NEW, quantity="1")
    assert bought.status == "FILLED"
    rests = await trader.place(isin=NEW, quantity="2", order_type="LIMIT", limit_price="90.00")
    sells = await trader.place(isin=NEW, side="SELL", quantity="1", order_type="LIMIT", limit_price="110.00")
    other = await trader.place(cash_amount="20.00")
    await lock_user(trader)
    waits = await trader.place(isin=NEW, quantity="1")
    assert await ends(trader, rests, sells, waits) == [("PROCESSING", None)] * 2 + [("NEW", None)]
    announced = "select count(*) from venue_reports where booked_at is null"
    async with assembled.database.connection() as connection:
        await connection.execute("select set_config('app.tenant', $1, false)", str(trader.customer.tenant_id))
        assert await connection.fetchval(announced) == 2
        await connection.execute("select set_config('app.tenant', '', false)")
    await bring(owner, status="INACTIVE")
    await trader.rest()
    assert await ends(trader, rests, sells, waits) == [PLATFORM] * 3
    assert (await trader.cash()).split(" / ")[1] == "0.00"
    await trader.advance_to(MONDAY_MORNING + DAY)
    assert (await trader.read(other.id)).status == "FILLED"
    assert (await trader.event_types("EXECUTION.FILLED")) == ["EXECUTION.FILLED"] * 2
    await prove(trader)


STAYS = ("PROCESSING", None)
LISTINGS: dict[str, tuple[dict[str, str], tuple[str, str | None]]] = {
    "DE0007164600": ({"ticks": "0.001"}, STAYS),
    "DE000A1EWWW0": ({"venues": "XETR XLON", "currencies": "EUR GBP", "ticks": "0.01 1", "prices": "100 100"}, STAYS),
    "DE0008404005": ({"ticks": "0.4"}, PARTNER),
    NEW: ({"currencies": "GBP"}, PARTNER),
    "GB0002634946": ({"venues": "XLON"}, PARTNER),
}


async def test_a_listing_that_changes_ends_what_does_not_fit_it(assembled: Assembled, owner: Owner) -> None:
    """A limit stays where it lies on the new tick; a venue in front of the old one takes the orders of its currency."""
    for isin in LISTINGS:
        await bring(owner, isin)
    trader = await a_trader(assembled, hour=20)
    wants = [trader.wanted(isin=isin, quantity="2", order_type="LIMIT", limit_price="20.10") for isin in LISTINGS]
    placed = [one for one in await trader.place_all(wants) if isinstance(one, OrderDetails)]
    script(assembled)
    await trader.advance_to(MONDAY_MORNING + DAY)
    assert await ends(trader, *placed) == [STAYS] * len(LISTINGS)
    for isin, (changed, _) in LISTINGS.items():
        await bring(owner, isin, **changed)  # pyright: ignore[reportArgumentType] - texts only
    await trader.rest()
    assert await ends(trader, *placed) == [expected for _, expected in LISTINGS.values()]
    assert await trader.cash() == "1000.00 / 89.34 / 0.00 / 910.66 / 910.66"
    await prove(trader)


async def test_a_tick_that_leaves_nothing_of_a_price_ends_what_waits(assembled: Assembled, owner: Owner) -> None:
    """Such an order could not be sent; the one that had no limit of its own could not either, under its lock."""
    trader = await a_trader(assembled, hour=20)
    waits = await trader.place(isin=NEW, quantity="2", order_type="LIMIT", limit_price="0.50")
    await bring(owner, ticks="1", prices="100")
    await trader.rest()
    assert await ends(trader, waits) == [PARTNER]
    assert await trader.cash() == FREE
    await prove(trader)


@pytest.mark.parametrize("changes", [[{"status": "INACTIVE"}], [{"decimals": 0}, {"status": "INACTIVE"}, {}]])
async def test_a_frozen_log_is_the_same_whether_the_news_came_before_the_drain_or_after(
    assembled: Assembled, owner: Owner, changes: list[dict[str, Any]]
) -> None:
    names = ("Drained at once", "Drained late")
    traders = [await a_trader(assembled, name) for name in names]
    for trader in traders:
        await trader.place(isin=NEW, quantity="2", order_type="LIMIT", limit_price="9.00")
    for trader in traders:

        async def place(unit: Unit, trader: Trader = trader) -> None:
            await orders.place_orders(unit, [trader.wanted(isin=NEW, cash_amount="250.00")])

        await assembled.database.write(trader.customer.tenant_id, place)
    await traders[0].rest()
    for change in changes:
        await bring(owner, **change)
        if change is changes[0]:
            await traders[0].rest()
    for trader in traders:
        await trader.rest()
    logs = [[(one.type, one.object_version, one.created_at) for one in await trader.events()] for trader in traders]
    assert logs[0] == logs[1]
    types = [event_type for event_type, _, _ in logs[0]]
    assert types.count("ORDER.FILLED") == 1, "it was placed before the news"
    assert types.count("ORDER.CANCELLED") == any(change.get("status") for change in changes)
    for trader in traders:
        await prove(trader)


async def test_news_that_meet_a_question_to_the_venue_are_asked_about_again(assembled: Assembled, owner: Owner) -> None:
    """The venue was being asked to end the order when its end was dated: its answer to the first question is void."""
    database, runner = assembled.database, assembled.runner
    trader = await a_trader(assembled)
    ask: Any = next(work for work in catalog.WORKS if work.name == "street.ask_venue")
    tell = next(work for work in catalog.WORKS if work.name == "instruments.tell")
    script(assembled)
    placed = await trader.place(isin=NEW, quantity="2", order_type="LIMIT", limit_price="9.00")
    tenant_id = trader.customer.tenant_id
    await database.write(tenant_id, lambda unit: orders.cancel_order(unit, placed.id))
    rows = await database.write(tenant_id, lambda unit: ask.lease(unit, 10), n=0)
    said = await ask.call(runner.ports, rows)
    await bring(owner, status="INACTIVE")
    await replace(runner, works=[tell]).drain(tenant_id)
    await database.write(tenant_id, lambda unit: ask.record(unit, rows, said), n=0)
    await trader.rest()
    assert await ends(trader, placed) == [("CANCELLED", "CANCELLED_BY_CLIENT")]
    assert await trader.cash() == FREE
    await prove(trader)


async def test_what_happened_before_the_news_stands_and_nothing_later_though_it_is_heard_first(
    assembled: Assembled, owner: Owner
) -> None:
    """Of a live tenant whose workers were away when the instrument became INACTIVE."""
    database, runner = assembled.database, assembled.runner
    tenant_id = await make_tenant(database, "Live", pace="instant")
    trader = Trader(assembled, await make_customer(database, tenant_id))
    await runner.run_until_quiet(tenant_id)
    await top_up(database, trader.customer, "1000.00")
    away = replace(runner, works=[work for work in runner.works if work.name != "orders.book"])
    placed: list[OrderDetails] = []
    for hours in (2, 0.5):
        now = (await assembled.clockwork.show(tenant_id)).now
        venue = script(assembled, ("FILL", "*", "100.00"), until=now - timedelta(hours=hours))
        away.ports = replace(runner.ports, venue=venue)
        (answer,) = await database.write(
            tenant_id, lambda unit: orders.place_orders(unit, [trader.wanted(isin=NEW, quantity="2")])
        )
        assert isinstance(answer, OrderDetails)
        placed.append(answer)
        await away.run_until_quiet(tenant_id)
    waits = await database.write(
        tenant_id, lambda unit: orders.place_orders(unit, [trader.wanted(isin=NEW, quantity="1")])
    )
    assert isinstance(waits[0], OrderDetails)
    await bring(owner, status="INACTIVE")
    await owner.execute(
        "update instrument_changes set imported_at = imported_at - interval '1 hour', snapshot = jsonb_set(snapshot,"
        " '{updated_at}', to_jsonb(imported_at - interval '1 hour'))"
    )
    await runner.run_until_quiet(tenant_id)
    assert await ends(trader, *placed, waits[0]) == [("FILLED", None), PLATFORM, PLATFORM]
    assert await trader.cash() == "800.00 / 0.00 / 0.00 / 800.00 / 800.00"
    await prove(trader)
