"""Scenarios in a real database: drawn by the next objects that fit, as often as said, kept by each object."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

import asyncpg
import pytest

from openvest.core.ids import deterministic_id
from openvest.core.paging import PageRequest
from openvest.core.problems import NotFound
from openvest.db.unit import Database, Unit
from openvest.features.instruments import service as instruments
from openvest.main import assemble
from openvest.ports.identity import CheckRequest
from openvest.ports.stored_prices import StoredPrices
from openvest.ports.unconnected import UnconnectedBank, UnconnectedIdentity, UnconnectedVenue
from openvest.ports.venue import VenueOrder
from openvest.simulation.assembly import SimulationRefused, simulated_ports
from openvest.simulation.bank import FATES
from openvest.simulation.fills import PLANS
from openvest.simulation.identity import OUTCOMES, SimulatedIdentity
from openvest.simulation.market import Market
from openvest.simulation.scenarios import KINDS, SCENARIOS, Candidate, Name, Scenario, lay, remove, scenarios_page, take
from openvest.simulation.venue import SimulatedVenue
from tests.kit.cluster import Cluster
from tests.kit.imports import owner_of
from tests.kit.venue_orders import MONDAY_MORNING, PATH_ISIN, venue_order
from tests.kit.world import SECRETS, SEED, make_tenant

pytestmark = pytest.mark.anyio

ADA, BOB = deterministic_id("user", "ada"), deterministic_id("user", "bob")


async def laid(database: Database, tenant: UUID, name: Name, times: int = 1, **on: Any) -> Scenario:
    async def work(unit: Unit) -> Scenario:
        return await lay(unit, name, times, **(on or {"user_id": ADA}))

    return await database.write(tenant, work)


def orders(count: int, user: UUID = ADA, start: int = 0) -> list[Candidate]:
    return [Candidate(deterministic_id("order", str(n)), "order", user) for n in range(start, start + count)]


def test_every_scenario_is_played_by_somebody() -> None:
    assert tuple(scenario.name for scenario in SCENARIOS) == get_args(Name)
    assert {name for name, kind in KINDS.items() if kind == "order"} == set(PLANS)
    assert {name for name, kind in KINDS.items() if kind in ("check", "data_change")} == set(OUTCOMES)
    assert {name for name, kind in KINDS.items() if kind in ("payout", "direct_debit")} == set(FATES)


async def test_a_scenario_is_used_exactly_as_often_as_said(database: Database, tenant_id: UUID) -> None:
    await laid(database, tenant_id, "order_rejected", 3)
    first = await take(database, tenant_id, orders(2))
    second = await take(database, tenant_id, orders(4, start=2))
    assert list(first.values()) == ["order_rejected"] * 2
    assert second == {deterministic_id("order", "2"): "order_rejected"}
    assert await take(database, tenant_id, orders(3, start=6)) == {}


async def test_asked_again_an_object_meets_the_same_fate(database: Database, tenant_id: UUID) -> None:
    await laid(database, tenant_id, "order_rejected")
    await laid(database, tenant_id, "order_delayed")
    asked = orders(1)
    assert [await take(database, tenant_id, asked) for _ in range(3)] == [{asked[0].object_id: "order_rejected"}] * 3
    assert await take(database, tenant_id, orders(2)) == {
        asked[0].object_id: "order_rejected",
        deterministic_id("order", "1"): "order_delayed",
    }


async def test_askers_at_once_share_what_there_is(database: Database, tenant_id: UUID) -> None:
    await laid(database, tenant_id, "order_rejected", 5)
    drawn = await asyncio.gather(*(take(database, tenant_id, orders(2, start=2 * n)) for n in range(6)))
    assert sum(len(found) for found in drawn) == 5
    same = await asyncio.gather(*(take(database, tenant_id, orders(12)) for _ in range(3)))
    assert len(same[0]) == 5
    assert same[0] == same[1] == same[2] == {key: name for found in drawn for key, name in found.items()}


async def test_a_scenario_touches_its_own_place_kind_and_tenant_only(database: Database, tenant_id: UUID) -> None:
    await laid(database, tenant_id, "order_rejected", 9, account_id=deterministic_id("account", "of ada"))
    await laid(database, tenant_id, "order_delayed", 9, client_reference="web-1")
    await laid(database, tenant_id, "check_fails", 9)
    other = await make_tenant(database, "Tenant B")
    asked = [
        Candidate(deterministic_id("o", "1"), "order", ADA),
        Candidate(deterministic_id("o", "2"), "order", ADA, deterministic_id("account", "of ada")),
        Candidate(deterministic_id("o", "3"), "order", BOB, deterministic_id("account", "of bob"), "web-1"),
        Candidate(deterministic_id("o", "4"), "check", BOB),
        Candidate(deterministic_id("o", "5"), "check", ADA),
    ]
    assert await take(database, other, asked) == {}
    assert await take(database, tenant_id, asked) == {
        deterministic_id("o", "2"): "order_rejected",
        deterministic_id("o", "3"): "order_delayed",
        deterministic_id("o", "5"): "check_fails",
    }


async def test_an_object_that_went_out_before_is_not_touched(database: Database, frozen_tenant_id: UUID) -> None:
    scenario = await laid(database, frozen_tenant_id, "order_rejected")
    early = Candidate(deterministic_id("o", "1"), "order", ADA, since=scenario.created_at - timedelta(microseconds=1))
    late = Candidate(deterministic_id("o", "2"), "order", ADA, since=scenario.created_at)
    assert await take(database, frozen_tenant_id, [early, late]) == {late.object_id: "order_rejected"}


async def test_a_removed_scenario_is_used_no_more_but_stays_with_who_has_it(
    database: Database, tenant_id: UUID
) -> None:
    scenario = await laid(database, tenant_id, "order_rejected", 9)
    drawn = await take(database, tenant_id, orders(1))
    await database.write(tenant_id, lambda unit: remove(unit, scenario.id))
    assert await take(database, tenant_id, orders(3)) == drawn
    with pytest.raises(NotFound):
        await database.write(tenant_id, lambda unit: remove(unit, scenario.id))
    found = await database.read(tenant_id, lambda unit: scenarios_page(unit, PageRequest(limit=100)))
    assert [(row.id, row.used, row.removed_at is None) for row in found.rows] == [(scenario.id, 1, False)]
    still = await database.read(tenant_id, lambda unit: scenarios_page(unit, PageRequest(limit=100), only_open=True))
    assert still.total == 0


async def test_checks_fail_or_stay_open_for_their_user(database: Database, tenant_id: UUID) -> None:
    await laid(database, tenant_id, "check_fails")
    await laid(database, tenant_id, "check_pending")
    await laid(database, tenant_id, "data_change_fails")
    identity = SimulatedIdentity(database)

    def question(number: int, user: UUID, subject: Any = "CHECK") -> CheckRequest:
        return CheckRequest(deterministic_id("q", str(number)), tenant_id, user, subject, "KYC", {})

    asked = [question(n, user) for n, user in enumerate((BOB, ADA, ADA, ADA))] + [question(9, ADA, "DATA_CHANGE")]
    said = await identity.check(asked)
    assert [result.id for result in said] == [request.id for request in asked]
    assert [result.outcome for result in said] == ["PASSED", "FAILED", "PENDING", "PASSED", "FAILED"]
    assert await identity.check(asked) == said


# The venue over a real database


@pytest.fixture
async def venue(database: Database) -> SimulatedVenue:
    return SimulatedVenue(database, Market(SEED))


async def asked(venue: SimulatedVenue, tenant: UUID, found: Sequence[VenueOrder]) -> list[list[str]]:
    said = await venue.ask([replace(order, tenant_id=tenant) for order in found])
    assert [answer.order_id for answer in said] == [order.id for order in found]
    return [[report.kind for report in answer.reports] for answer in said]


async def test_the_venue_finds_listings_and_plays_scenarios(
    database: Database, frozen_tenant_id: UUID, venue: SimulatedVenue
) -> None:
    for name in ("order_rejected", "order_partial_then_cancelled", "order_several_executions"):
        await laid(database, frozen_tenant_id, name, client_reference="web-1")
    sent = [
        venue_order(name=str(n), client_reference="web-1", active_at=MONDAY_MORNING + timedelta(seconds=n))
        for n in range(4)
    ]
    unknown = venue_order(name="unknown", mic="XLON", isin=PATH_ISIN)
    expected = [["REJECTED"], ["FILL", "CANCELLED"], ["FILL"] * 3, ["FILL"], ["REJECTED"]]
    assert await asked(venue, frozen_tenant_id, [*sent, unknown]) == expected
    assert await asked(venue, frozen_tenant_id, [*sent, unknown]) == expected


async def test_the_same_seed_tells_the_same_and_another_does_not(database: Database, tenant_id: UUID) -> None:
    order = venue_order(isin=PATH_ISIN, tenant_id=tenant_id)
    first = await SimulatedVenue(database, Market("one")).ask([order])
    again = await SimulatedVenue(database, Market("one")).ask([order])
    other = await SimulatedVenue(database, Market("two")).ask([order])
    assert first == again
    assert first[0].reports[0].price != other[0].reports[0].price


async def test_imported_prices_reach_the_venue(
    cluster: Cluster, database: Database, tenant_id: UUID, venue: SimulatedVenue
) -> None:
    lines = [
        "isin,mic,at,interval,open,high,low,close,volume",
        f"{PATH_ISIN},XETR,2026-03-02T08:00:00Z,1h,70.00,71.00,69.00,70.50,100",
    ]
    async for owner in as_owner(cluster, database):
        await instruments.import_prices(owner, lines)
    order = venue_order(isin=PATH_ISIN, tenant_id=tenant_id)
    (answer,) = await venue.ask([order])
    price = answer.reports[0].price
    assert price is not None and Decimal("70.50") <= price < Decimal("70.60")
    (instant,) = await venue.ask([replace(order, pace="instant")])
    assert instant.reports[0].price == Decimal("100.00")


async def as_owner(cluster: Cluster, database: Database) -> AsyncGenerator[asyncpg.Connection[asyncpg.Record]]:
    async with owner_of(cluster, database) as owner:
        yield owner


# Production


async def test_in_production_nothing_is_simulated(database: Database) -> None:
    with pytest.raises(SimulationRefused):
        simulated_ports(database, "production")
    ports = assemble(database.pool, seed=SEED, secrets=SECRETS, mode="production").runner.ports
    assert (type(ports.venue), type(ports.identity)) == (UnconnectedVenue, UnconnectedIdentity)
    assert type(ports.bank) is UnconnectedBank
    assert isinstance(ports.prices, StoredPrices)
    (answer,) = await ports.venue.ask([venue_order()])
    assert answer.reports == () and answer.look_at is not None and answer.look_at > MONDAY_MORNING
    assert await ports.identity.check([CheckRequest(ADA, ADA, ADA, "CHECK", "KYC", {})]) == []


async def test_a_sandbox_is_simulated(database: Database) -> None:
    assembled = assemble(database.pool, seed=SEED, secrets=SECRETS)
    assert isinstance(assembled.runner.ports.venue, SimulatedVenue)
    assert assembled.database.prices is assembled.runner.ports.prices
