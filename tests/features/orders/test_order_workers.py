"""Orders under several workers on a running clock: who comes first, who is paid, what a race or a crash leaves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest

from openvest import catalog
from openvest.core.problems import Problem
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.declarations import Sweep
from openvest.features.accounts import service as accounts
from openvest.features.onboarding import service_identifiers as identifiers
from openvest.features.onboarding.model import Residency
from openvest.features.orders import service as orders
from openvest.features.orders.model import OrderCancellation, OrderDetails, PlaceOrder
from openvest.features.street import service as street
from openvest.features.street import store as street_store
from openvest.features.street.model import Report
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from openvest.ports.venue import VenueAnswer, VenueOrder, VenueReport
from openvest.work.runner import Runner
from tests.kit.customers import make_customer, top_up
from tests.kit.elsewhere import elsewhere
from tests.kit.orders import Trader
from tests.kit.scripted import Deaf, ScriptedVenue, script
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio


class Crash(Exception):
    """The process dies before the commit."""


async def live(world: Assembled, money: str, pace: str = "instant") -> Trader:
    """A customer of a tenant whose clock runs; at the pace calendar on a Monday morning in session."""
    tenant_id = await make_tenant(world.database, "Live", pace=pace)
    trader = Trader(world, await make_customer(world.database, tenant_id))
    await world.runner.run_until_quiet(tenant_id)
    if pace == "calendar":
        now = await world.clockwork.show(tenant_id)
        monday = now.now.date() + timedelta(days=7 - now.now.weekday())
        await trader.advance_to(datetime.combine(monday, time(10, 0), UTC))
    await top_up(world.database, trader.customer, money)
    return trader


async def accept(trader: Trader, *wants: PlaceOrder) -> list[OrderDetails]:
    """Orders as accepted, nothing done about them yet."""

    async def work(unit: Unit) -> list[OrderDetails | Problem]:
        return await orders.place_orders(unit, wants)

    found = await trader.world.database.write(trader.customer.tenant_id, work, n=len(wants))
    return [answer for answer in found if isinstance(answer, OrderDetails)]


def workers(trader: Trader, count: int, set_size: int, *only: str) -> list[Runner]:
    """Runners as other processes would have them; `only` these works, by name."""
    works = [replace(w, set_size=set_size) for w in catalog.WORKS if not only or w.name in only]
    return [Runner(trader.world.database, works, trader.world.runner.ports) for _ in range(count)]


async def run(trader: Trader, runners: Sequence[Runner]) -> None:
    """Let runners work side by side until nothing is due for any of them."""
    while sum(await asyncio.gather(*(r.run_until_quiet(trader.customer.tenant_id) for r in runners))):
        pass


async def states(trader: Trader, placed: Sequence[OrderDetails]) -> list[str]:
    return [(await trader.read(order.id)).status for order in placed]


async def assert_proved(trader: Trader) -> None:
    proof = await prove_tenant(trader.world.database, trader.customer.tenant_id, catalog.INVARIANTS)
    assert proof.clean, proof


def sweep(name: str) -> Sweep:
    return next(w for w in catalog.WORKS if w.name == name and isinstance(w, Sweep))


async def test_two_workers_keep_the_order_of_acceptance_within_a_group(assembled: Assembled) -> None:
    trader = await live(assembled, "200.00")
    placed = [(await accept(trader, trader.wanted(cash_amount="10.00")))[0] for _ in range(40)]
    await run(trader, workers(trader, 2, 3))
    assert await states(trader, placed) == ["FILLED"] * 20 + ["CANCELLED"] * 20
    assert await trader.cash() == "0.00 / 0.00 / 0.00 / 0.00 / 0.00"
    await assert_proved(trader)


async def test_a_storm_of_orders_with_money_for_some(assembled: Assembled) -> None:
    """200 at once, money for 37: as many are filled, the rest cancelled by us, whoever works on them."""
    trader = await live(assembled, "379.99")
    accepting = (accept(trader, trader.wanted(cash_amount="10.00")) for _ in range(200))
    working = [asyncio.create_task(run(trader, [runner])) for runner in workers(trader, 2, 20)]
    placed = [order for (order,) in await asyncio.gather(*accepting)]
    await asyncio.gather(*working)
    await run(trader, workers(trader, 2, 20))
    found = [await trader.read(order.id) for order in placed]
    assert Counter((o.status, o.cancellation_reason) for o in found) == {
        ("FILLED", None): 37,
        ("CANCELLED", "CANCELLED_BY_UPVEST_PLATFORM"): 163,
    }
    assert await trader.cash() == "9.99 / 0.00 / 0.00 / 9.99 / 9.99"
    await assert_proved(trader)


async def test_an_older_order_that_is_due_later_stops_nobody(assembled: Assembled) -> None:
    """A group's line goes by when orders are due: an order woken last does not hold up those before it."""
    trader = await live(assembled, "1000.00")
    old, *others = [(await accept(trader, trader.wanted(cash_amount="10.00")))[0] for _ in range(4)]

    async def postpone(unit: Unit) -> None:
        row = await unit.row(orders.store.ORDER_FOR_UPDATE, unit.tenant_id, old.id)
        assert row is not None
        await orders.save(unit, [replace(row, due_at=unit.now)])

    await trader.world.database.write(trader.customer.tenant_id, postpone)
    await run(trader, workers(trader, 1, 2))
    assert await states(trader, [old, *others]) == ["FILLED"] * 4


async def test_an_activation_during_the_check_is_not_missed(assembled: Assembled) -> None:
    tenant_id = await make_tenant(assembled.database, "Waiting", pace="instant")
    trader = Trader(assembled, await make_customer(assembled.database, tenant_id, active=False))
    (order,) = await accept(trader, trader.wanted(cash_amount="10.00"))
    check = sweep("orders.check")

    async def activate(unit: Unit) -> None:
        await identifiers.set_tax_residencies(unit, trader.customer.user_id, (Residency("DE", "12345678911", None),))

    running: list[asyncio.Task[None]] = []

    async def decide(unit: Unit) -> None:
        await check.work(unit, await check.claim(unit, 10))
        running.append(asyncio.create_task(elsewhere(assembled.database.write(tenant_id, activate))))
        await asyncio.sleep(0.3)

    await assembled.database.write(tenant_id, decide)
    await asyncio.gather(*running)
    await run(trader, workers(trader, 1, 10))
    assert (await trader.read(order.id)).status == "CANCELLED"  # it was woken, and there is no money


async def test_a_cancellation_that_comes_after_the_inventory_has_served(assembled: Assembled) -> None:
    trader = await live(assembled, "1000.00", "calendar")
    first, second = await accept(trader, trader.wanted(quantity="0.5"), trader.wanted(quantity="0.25"))
    await run(trader, workers(trader, 1, 1))
    assert await states(trader, [first, second]) == ["FILLED", "FILLED"]
    (third,) = await accept(trader, trader.wanted(quantity="0.1", expiry_date=date(2040, 1, 2)))
    await run(trader, workers(trader, 1, 10, "orders.check"))
    assert await states(trader, [third]) == ["PROCESSING"]

    async def cancel(unit: Unit) -> OrderCancellation:
        return await orders.cancel_order(unit, third.id)

    await trader.world.database.write(trader.customer.tenant_id, cancel)
    await run(trader, workers(trader, 1, 10))
    assert await states(trader, [third]) == ["FILLED"]
    types = await trader.event_types("ORDER")
    assert types[-2:] == ["ORDER.FILLED", "ORDER_CANCELLATION.REJECTED"]
    await assert_proved(trader)


async def test_cancellations_race_with_everything(assembled: Assembled) -> None:
    """Whatever wins, the money is where it belongs, every order ends once, and every wish is answered once."""
    trader = await live(assembled, "5000.00")
    placed = [(await accept(trader, trader.wanted(cash_amount="10.00")))[0] for _ in range(60)]

    asked: dict[UUID, OrderCancellation] = {}

    async def cancel_all() -> None:
        for order in placed:
            asked[order.id] = await trader.world.database.write(
                trader.customer.tenant_id, lambda unit, i=order.id: orders.cancel_order(unit, i)
            )

    await asyncio.gather(cancel_all(), *(run(trader, [runner]) for runner in workers(trader, 2, 5)))
    await run(trader, workers(trader, 2, 5))
    ended = Counter(await states(trader, placed))
    assert set(ended) <= {"FILLED", "CANCELLED"} and sum(ended.values()) == 60
    spent = 10 * ended["FILLED"]
    assert (await trader.cash()).startswith(f"{5000 - spent}.00 / 0.00 ")
    ends = Counter(e.object_id for e in await trader.events() if e.type in ("ORDER.FILLED", "ORDER.CANCELLED"))
    assert set(ends.values()) == {1}
    answers = [e for e in await trader.events() if e.type.startswith("ORDER_CANCELLATION")]
    assert sorted(e.snapshot["id"] for e in answers) == sorted(str(one.id) for one in asked.values())
    stands = dict(zip((str(order.id) for order in placed), await states(trader, placed), strict=True))
    for event in answers:
        confirmed = event.type == "ORDER_CANCELLATION.CONFIRMED"
        assert confirmed == (event.snapshot["outcome"] == "CONFIRMED")
        assert confirmed == (stands[event.snapshot["order_id"]] == "CANCELLED")
    await assert_proved(trader)


@pytest.mark.parametrize("asks", [True, False])
async def test_a_client_who_asked_second_is_told_that_the_order_was_filled(assembled: Assembled, asks: bool) -> None:
    """The order is being ended by the closing already; the venue fills it all the same."""
    trader = await live(assembled, "1000.00")
    tenant_id, account_id = trader.customer.tenant_id, trader.customer.account_id
    script(assembled, ends=False)
    (order,) = await accept(trader, trader.wanted(cash_amount="10.00"))
    await run(trader, workers(trader, 1, 10))
    await assembled.database.write(tenant_id, lambda unit: accounts.close_account(unit, account_id))
    if asks:
        await assembled.database.write(tenant_id, lambda unit: orders.cancel_order(unit, order.id))
    assembled.runner.ports = replace(assembled.runner.ports, venue=Deaf([("FILL", "*", "115.05")]))
    await run(trader, workers(trader, 1, 10))
    assert await states(trader, [order]) == ["FILLED"]
    told = ["ORDER.FILLED", "ORDER_CANCELLATION.REJECTED"] if asks else ["ORDER.FILLED"]
    assert (await trader.event_types("ORDER"))[2:] == told
    await assert_proved(trader)


@dataclass
class Asked:
    """A venue that is a function."""

    ask: Callable[[Sequence[VenueOrder]], Awaitable[Sequence[VenueAnswer]]]


@dataclass
class Slow:
    """A venue that announces a fill for a little later, and takes its time over a cancellation."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, orders: Sequence[VenueOrder]) -> Sequence[VenueAnswer]:
        (order,) = orders
        if order.cancel:
            self.asked.set()
            await self.go_on.wait()
            end = VenueReport(order.id, "cancelled", "CANCELLED", order.asked_at, last=True)
            return [VenueAnswer(order.id, (end,), None, drop_after=order.asked_at)]
        due, price = order.asked_at + timedelta(milliseconds=300), Decimal(100)
        fill = VenueReport(order.id, "fill", "FILL", due, last=True, cash_amount=order.cash_amount, price=price)
        return [VenueAnswer(order.id, (fill,), None)]


async def test_a_street_order_that_ended_while_the_venue_was_asked_hears_nothing_more(assembled: Assembled) -> None:
    trader, venue = await live(assembled, "100.00"), Slow()
    assembled.runner.ports = replace(assembled.runner.ports, venue=venue)
    (asks, books) = workers(trader, 2, 10)
    (order,) = await accept(trader, trader.wanted(cash_amount="10.00"))
    await run(trader, [asks])
    await trader.world.database.write(trader.customer.tenant_id, lambda unit: orders.cancel_order(unit, order.id))
    asking = asyncio.create_task(run(trader, [asks]))
    await venue.asked.wait()
    while await states(trader, [order]) == ["PROCESSING"]:
        await run(trader, [books])
        await asyncio.sleep(0.02)
    venue.go_on.set()
    await asking
    await run(trader, [books])
    assert await states(trader, [order]) == ["FILLED"]
    dead_letters = Query(str, "select sweep || ' ' || error from dead_letters where tenant_id = $1")
    assert (
        await trader.world.database.read(trader.customer.tenant_id, lambda u: u.rows(dead_letters, u.tenant_id)) == []
    )
    assert (await trader.event_types("ORDER"))[-2:] == ["ORDER.FILLED", "ORDER_CANCELLATION.REJECTED"]
    await assert_proved(trader)


async def test_a_cancellation_that_comes_while_the_venue_is_asked_is_not_lost(assembled: Assembled) -> None:
    """Who asks took its question before the customer cancelled; what it brings back says nothing of that."""
    trader, venue = await live(assembled, "100.00"), ScriptedVenue()
    (order,) = await accept(trader, trader.wanted(cash_amount="10.00"))

    async def cancelled_meanwhile(orders_: Sequence[VenueOrder]) -> Sequence[VenueAnswer]:
        if len(venue.asked) == 0:
            await trader.world.database.write(trader.customer.tenant_id, lambda u: orders.cancel_order(u, order.id))
        return await ScriptedVenue.ask(venue, orders_)

    assembled.runner.ports = replace(assembled.runner.ports, venue=Asked(cancelled_meanwhile))
    await run(trader, workers(trader, 1, 10))
    assert [asked.cancel for asked in venue.asked] == [False, True]
    assert await states(trader, [order]) == ["CANCELLED"]
    await assert_proved(trader)


async def test_a_report_that_another_worker_booked_is_not_claimed(assembled: Assembled) -> None:
    """The statement that claims saw the past: what it found due was booked before its rows were locked."""
    trader = await live(assembled, "100.00")
    script(assembled, ("FILL", "*", "100"), ends=False)
    await accept(trader, trader.wanted(cash_amount="10.00"))
    await run(trader, workers(trader, 1, 10, "orders.check", "street.ask_venue"))
    tenant_id = trader.customer.tenant_id

    async def seen(unit: Unit) -> list[Report]:
        found = await street.claim_reports(unit, 10, "orders.book")
        unit.abandon()
        return found

    before = await assembled.database.write(tenant_id, seen, n=0)
    await run(trader, workers(trader, 1, 10))
    (order,) = await accept(trader, trader.wanted(cash_amount="10.00"))
    await run(trader, workers(trader, 1, 10, "orders.check", "street.ask_venue"))

    async def late(unit: Unit) -> list[Report]:
        unit_rows = Unit.rows

        async def stale(one: Unit, query: Query[Any], *args: Any) -> list[Any]:
            found = await unit_rows(one, query, *args)
            return [*before, *found] if query is street_store.CLAIM_REPORTS else found

        with patch.object(Unit, "rows", stale):
            return await street.claim_reports(unit, 10, "orders.book")

    claimed = await assembled.database.write(tenant_id, late, n=0)
    assert (len(before), [report.order_id for report in claimed]) == (1, [order.id])


@pytest.mark.parametrize("name", ["orders.check", "orders.book", "executions.settle"])
async def test_a_crash_before_the_commit_leaves_the_work_due(assembled: Assembled, name: str) -> None:
    trader = await live(assembled, "100.00")
    (order,) = await accept(trader, trader.wanted(cash_amount="10.00"))
    before = [
        w.name for w in catalog.WORKS if "orders" in w.name or w.name in ("street.ask_venue", "executions.settle")
    ]
    await run(
        trader, workers(trader, 1, 10, *before[: before.index(name)], "orders.check" if name != "orders.check" else "")
    )
    crashed = sweep(name)

    async def crash(unit: Unit) -> None:
        rows: Sequence[Any] = await crashed.claim(unit, 10)
        assert len(rows) == 1
        await crashed.work(unit, rows)
        raise Crash

    with pytest.raises(Crash):
        await trader.world.database.write(trader.customer.tenant_id, crash)
    await run(trader, workers(trader, 1, 10))
    found = await trader.read(order.id)
    assert (found.status, [e.status for e in found.executions]) == ("FILLED", ["SETTLED"])
    assert await trader.cash() == "90.00 / 0.00 / 0.00 / 90.00 / 90.00"
    await assert_proved(trader)


async def test_versions_and_times_of_an_order_go_up_together(assembled: Assembled) -> None:
    trader = await live(assembled, "100.00")
    placed = [(await accept(trader, trader.wanted(cash_amount="10.00")))[0] for _ in range(3)]
    await run(trader, workers(trader, 1, 10))
    for order in placed:
        mine = [e for e in await trader.events() if e.object_id == order.id]
        assert [e.type for e in mine] == ["ORDER.NEW", "ORDER.PROCESSING", "ORDER.FILLED"]
        assert [e.object_version for e in mine] == sorted({e.object_version for e in mine})
        assert [e.created_at for e in mine] == sorted({e.created_at for e in mine})
