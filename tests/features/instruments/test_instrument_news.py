"""News of instruments: what an import means, who is told of it, and that nothing is told twice or never."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from openvest import catalog
from openvest.core.clock import WireClock
from openvest.core.ids import deterministic_id
from openvest.core.snapshots import snapshot_of
from openvest.db.query import Statement
from openvest.db.unit import Database, Unit
from openvest.declarations import Sweep
from openvest.events.log import LoggedEvent, events_after
from openvest.events.sequencer import number_events
from openvest.features.instruments import service
from openvest.features.instruments.model import Instrument
from openvest.features.instruments.rules import InstrumentName, venue_id
from openvest.features.instruments.rules_changes import changes_of
from openvest.features.instruments.rules_import import InstrumentRow, ListingRow
from openvest.features.orders import service as orders
from openvest.features.tenants import service as tenants
from openvest.main import Assembled
from openvest.work.dead_letters import by_sweep, list_dead_letters, retry
from openvest.worker.deliveries import Deliverer
from openvest.worker.webhook_sender import HttpWebhookSender
from tests.kit.cluster import OWNER, Cluster
from tests.kit.orders import Trader, make_trader
from tests.kit.receiver import receiving
from tests.kit.webhooks import WebhookWorld
from tests.kit.world import make_tenant, opened

pytestmark = pytest.mark.anyio

SAP, BAE = "DE0007164600", "GB0002634946"
SAP_ID, BAE_ID = deterministic_id("instrument", SAP), deterministic_id("instrument", BAE)
HEADER = "isin,name,type,home_country,fractional_trading,trading_status,venues,currencies,tick_sizes,reference_prices"
NINE = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WAITING = (
    "select count(*) from pg_locks l join pg_database d on d.oid = l.database"
    " where l.locktype = 'advisory' and not l.granted and d.datname = current_database()"
)
ADD_DEAD_LETTER = Statement("insert into dead_letters values ($1, 'instruments.tell', $2, 'for a test', $3)")


def line(isin: str, name: str, *, fractional: bool = True, status: str = "ACTIVE") -> str:
    return f"{isin},{name},EQUITY,GB,{str(fractional).lower()},{status},XETR,EUR,0.01,20.00"


Owner = asyncpg.Connection


@pytest.fixture
async def owner(cluster: Cluster, database: Database) -> AsyncGenerator[asyncpg.Connection[asyncpg.Record]]:
    async with database.connection() as connection:
        name = await connection.fetchval("select current_database()")
    connection = await asyncpg.connect(cluster.dsn(name, OWNER))
    try:
        yield connection
    finally:
        await connection.close()


async def bring(owner: Owner, *lines: str) -> None:
    await service.import_instruments(owner, [HEADER, *lines])


async def log_of(database: Database, tenant_id: UUID) -> list[LoggedEvent]:
    await number_events(database, tenant_id)
    return await database.read(tenant_id, lambda unit: events_after(unit, 0, 10_000))


async def told(database: Database, tenant_id: UUID) -> list[tuple[str, str, int]]:
    """Type, ISIN and version of what a tenant heard of instruments."""
    found = await log_of(database, tenant_id)
    return [
        (event.type.removeprefix("INSTRUMENT."), event.snapshot["isin"], event.object_version)
        for event in found
        if event.type.startswith("INSTRUMENT.")
    ]


async def waiting_or(done: asyncio.Task[None], database: Database) -> None:
    """Until an import waits for a lock, or is done."""
    async with database.connection() as connection:
        while not done.done() and not await connection.fetchval(WAITING):
            await asyncio.sleep(0.01)


# What an import means

BEFORE = Instrument(SAP_ID, SAP, "716460", "SAP", "EQUITY", "DE", True, 10, "ACTIVE", NINE, NINE)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"name": "SAP SE"}, ["DATA_CHANGED"]),
        ({"wkn": None}, ["DATA_CHANGED"]),
        ({"type": "FUND"}, ["DATA_CHANGED"]),
        ({"home_country": None}, ["DATA_CHANGED"]),
        ({"quantity_decimals": 4}, ["DATA_CHANGED"]),
        ({"fractional_trading": False, "quantity_decimals": 0}, ["FRACTIONAL_TRADING_DISABLED"]),
        ({"trading_status": "INACTIVE"}, ["DEACTIVATED"]),
        (
            {"name": "S", "fractional_trading": False, "quantity_decimals": 0, "trading_status": "INACTIVE"},
            ["DATA_CHANGED", "FRACTIONAL_TRADING_DISABLED", "DEACTIVATED"],
        ),
    ],
)
async def test_what_is_said_of_a_known_instrument(changed: dict[str, Any], expected: list[str]) -> None:
    same: Any = InstrumentRow(SAP_ID, SAP, "716460", "SAP", "EQUITY", "DE", True, 10, "ACTIVE", ())
    assert changes_of(BEFORE, replace(same, **changed)) == [f"INSTRUMENT.{name}" for name in expected]
    assert changes_of(None, replace(same, **changed)) == ("INSTRUMENT.ONBOARDED",)


def traded(*venues: str) -> Any:
    """Listings by `MIC currency tick`, the preferred first."""
    rows: list[ListingRow] = []
    for place, (mic, currency, tick) in enumerate((venue.split() for venue in venues), 1):
        rows.append(ListingRow(SAP_ID, venue_id(mic), place, currency, Decimal(tick), Decimal(20)))
    return tuple(rows)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (["XETR EUR 0.01"], ["XETR EUR 0.01"], False),
        (["XETR EUR 0.01", "XLON GBP 0.01"], ["XETR EUR 0.01"], False),
        (["XETR EUR 0.01"], ["XETR GBP 0.01"], True),
        (["XETR EUR 0.01"], ["XETR EUR 0.05"], True),
        (["XETR EUR 0.01"], ["XLON EUR 0.01"], True),
        (["XETR EUR 0.01"], ["XETR EUR 0.01", "XLON GBP 0.01"], True),
        (["XETR EUR 0.01", "XLON EUR 0.01"], ["XLON EUR 0.01", "XETR EUR 0.01"], True),
    ],
)
async def test_where_it_trades_is_news(before: list[str], after: list[str], told: bool) -> None:
    row = InstrumentRow(SAP_ID, SAP, "716460", "SAP", "EQUITY", "DE", True, 10, "ACTIVE", traded(*after))
    assert changes_of(BEFORE, row, traded(*before)) == (["INSTRUMENT.DATA_CHANGED"] if told else [])


async def test_what_is_said_on_the_way_back() -> None:
    shut = replace(BEFORE, fractional_trading=False, quantity_decimals=0, trading_status="INACTIVE")
    row = InstrumentRow(SAP_ID, SAP, "716460", "SAP", "EQUITY", "DE", True, 4, "ACTIVE", ())
    assert changes_of(shut, row) == ["INSTRUMENT.FRACTIONAL_TRADING_ENABLED", "INSTRUMENT.ACTIVATED"]


# Who is told


async def test_every_tenant_is_told_of_what_happens_after_its_founding(
    assembled: Assembled, owner: Owner, tenant_id: UUID
) -> None:
    database, run = assembled.database, assembled.runner.run_until_quiet
    assert await run(tenant_id) == 0, "the master is no news"
    await bring(owner, line(BAE, "BAE Systems"), line(SAP, "SAP renamed", status="INACTIVE"))
    later = await make_tenant(database, "Tenant B")
    assert (await run(tenant_id), await run(later)) == (2, 0)
    first = [("DATA_CHANGED", SAP, 2), ("DEACTIVATED", SAP, 2), ("ONBOARDED", BAE, 1)]
    assert sorted(await told(database, tenant_id)) == first
    assert await told(database, later) == []
    await bring(owner, line(BAE, "BAE Systems", fractional=False), line(SAP, "SAP renamed"))
    assert (await run(tenant_id), await run(later)) == (2, 2)
    second = [("ACTIVATED", SAP, 3), ("FRACTIONAL_TRADING_DISABLED", BAE, 2)]
    assert sorted(await told(database, later)) == second
    assert sorted(await told(database, tenant_id)) == sorted(first + second)
    shown = await database.read(later, lambda unit: service.get_instrument(unit, InstrumentName(isin=SAP)))
    assert snapshot_of(shown) in [event.snapshot for event in await log_of(database, later)]


async def test_what_is_known_is_no_news(assembled: Assembled, owner: Owner, tenant_id: UUID) -> None:
    lines = [line(BAE, "BAE Systems"), line(SAP, "SAP renamed")]
    await bring(owner, *lines)
    stored = await owner.fetch("select * from instruments order by id")
    await bring(owner, *lines)
    assert await service.load_master(owner) == 0
    assert await owner.fetch("select * from instruments order by id") == stored
    assert await owner.fetchval("select count(*) from instrument_changes") == 2
    assert await assembled.runner.run_until_quiet(tenant_id) == 2
    assert await assembled.runner.next_due(tenant_id) is None


async def test_a_subscriber_gets_the_instrument_as_a_get_shows_it(
    assembled: Assembled, owner: Owner, tenant_id: UUID
) -> None:
    database, wire = assembled.database, WireClock()
    await database.write(tenant_id, tenants.add_signing_key, n=0)
    async with receiving() as receiver:
        sender = HttpWebhookSender(wire, frozenset({receiver.entry}))
        world = WebhookWorld(database, tenant_id, receiver, Deliverer(database, catalog.TOLD, sender), wire)
        await world.webhook(type=["INSTRUMENT"])
        await bring(owner, line(BAE, "BAE Systems"))
        await assembled.runner.run_until_quiet(tenant_id)
        await number_events(database, tenant_id)
        await world.flow()
        await sender.close()
    (event,) = world.events()
    assert (event["type"], event["object"]["id"], event["object"]["name"]) == (
        "INSTRUMENT.ONBOARDED",
        str(BAE_ID),
        "BAE Systems",
    )
    catalog.TOLD["v1"][event["type"]].shown.schema.model_validate(event["object"])


# Nothing is lost, nothing comes twice


async def test_an_import_that_fails_tells_nothing(assembled: Assembled, owner: Owner, tenant_id: UUID) -> None:
    with pytest.raises(ZeroDivisionError):
        async with owner.transaction():
            await bring(owner, line(BAE, "BAE Systems"))
            raise ZeroDivisionError
    assert await assembled.runner.run_until_quiet(tenant_id) == 0


@pytest.mark.parametrize("frozen_at", [None, NINE])
async def test_a_crash_between_import_and_telling_loses_nothing(
    cluster: Cluster, assembled: Assembled, owner: Owner, frozen_at: datetime | None
) -> None:
    tenant_id = await make_tenant(assembled.database, "Tenant C", frozen_at=frozen_at)
    await bring(owner, line(BAE, "BAE Systems"))
    sweep = next(work for work in catalog.WORKS if isinstance(work, Sweep) and work.name == "instruments.tell")

    async def dies(unit: Unit, rows: Sequence[Any]) -> None:
        await sweep.work(unit, rows)
        raise asyncio.CancelledError

    dying = replace(assembled.runner, works=[replace(sweep, work=dies)])
    with pytest.raises(asyncio.CancelledError):
        await dying.drain(tenant_id)
    name = await owner.fetchval("select current_database()")
    async with opened(cluster, name) as again:
        assert await told(again.database, tenant_id) == []
        run = again.runner.drain if frozen_at else again.runner.run_until_quiet
        assert (await run(tenant_id), await run(tenant_id)) == (1, 0)
        assert await told(again.database, tenant_id) == [("ONBOARDED", BAE, 1)]


async def test_two_workers_tell_each_change_once(assembled: Assembled, owner: Owner, tenant_id: UUID) -> None:
    for number in range(6):
        await bring(owner, line(BAE, f"BAE {number}"), line(SAP, f"SAP {number}"))
    run = assembled.runner.run_until_quiet
    assert sum(await asyncio.gather(run(tenant_id), run(tenant_id))) + await run(tenant_id) == 12
    found = await log_of(assembled.database, tenant_id)
    assert [event.object_version for event in found if event.object_id == BAE_ID] == [1, 2, 3, 4, 5, 6]
    assert [event.created_at for event in found] == sorted(event.created_at for event in found)


async def test_imports_at_the_same_time_are_both_told(
    cluster: Cluster, assembled: Assembled, owner: Owner, tenant_id: UUID
) -> None:
    other = await asyncpg.connect(cluster.dsn(await owner.fetchval("select current_database()"), OWNER))
    async with owner.transaction():
        await bring(owner, line(BAE, "BAE Systems"))
        second = asyncio.create_task(bring(other, line(SAP, "SAP renamed")))
        await waiting_or(second, assembled.database)
        await assembled.runner.run_until_quiet(tenant_id)
    await second
    await other.close()
    await assembled.runner.run_until_quiet(tenant_id)
    assert await told(assembled.database, tenant_id) == [("ONBOARDED", BAE, 1), ("DATA_CHANGED", SAP, 2)]


async def test_what_was_set_aside_holds_up_nothing(assembled: Assembled, owner: Owner, tenant_id: UUID) -> None:
    await bring(owner, line(BAE, "BAE Systems"), line(SAP, "SAP renamed"))
    await assembled.database.write(tenant_id, lambda unit: unit.run(ADD_DEAD_LETTER, tenant_id, SAP_ID, unit.now), n=0)
    assert await assembled.runner.run_until_quiet(tenant_id) == 1
    assert await told(assembled.database, tenant_id) == [("ONBOARDED", BAE, 1)]
    assert await assembled.runner.next_due(tenant_id) is None


async def test_what_was_set_aside_and_passed_over_is_told_once_it_is_retried(
    assembled: Assembled, owner: Owner, tenant_id: UUID
) -> None:
    database, kind = assembled.database, by_sweep(catalog.DEAD_LETTER_KINDS)["instruments.tell"]

    async def again() -> None:
        (row,) = await database.read(tenant_id, lambda unit: list_dead_letters(unit, catalog.DEAD_LETTERS))
        await database.write(tenant_id, lambda unit: retry(unit, kind, row))
        await assembled.runner.run_until_quiet(tenant_id)

    await bring(owner, line(SAP, "SAP renamed"))
    await database.write(tenant_id, lambda unit: unit.run(ADD_DEAD_LETTER, tenant_id, SAP_ID, unit.now), n=0)
    await bring(owner, line(BAE, "BAE Systems"))
    await assembled.runner.run_until_quiet(tenant_id)
    await again()
    heard = [("ONBOARDED", BAE, 1), ("DATA_CHANGED", SAP, 2)]
    assert await told(database, tenant_id) == heard
    await database.write(tenant_id, lambda unit: unit.run(ADD_DEAD_LETTER, tenant_id, SAP_ID, unit.now), n=0)
    await again()
    assert await told(database, tenant_id) == heard, "what was told is not told twice"


# Frozen tenants


async def order(trader: Trader) -> None:
    """An order whose work is not done yet."""

    async def work(unit: Unit) -> None:
        await orders.place_orders(unit, [trader.wanted(cash_amount="20.00")])

    await trader.world.database.write(trader.customer.tenant_id, work)


async def test_a_frozen_log_does_not_depend_on_when_it_was_drained(assembled: Assembled, owner: Owner) -> None:
    names = ("Drained at once", "Drained late")
    traders = [
        await make_trader(assembled, await make_tenant(assembled.database, name, frozen_at=NINE)) for name in names
    ]
    prompt = traders[0]
    for trader in traders:
        await order(trader)
    await prompt.rest()
    await bring(owner, line(BAE, "BAE Systems"), line(SAP, "SAP renamed"))
    await prompt.rest()
    await bring(owner, line(BAE, "BAE"))
    for trader in traders:
        await order(trader)
        await trader.rest()
    logs = [[(event.type, event.object_version, event.created_at) for event in await one.events()] for one in traders]
    assert logs[0] == logs[1]
    types = [event_type for event_type, _, _ in logs[0]]
    news = [place for place, event_type in enumerate(types) if event_type.startswith("INSTRUMENT.")]
    bounds = [place for place, event_type in enumerate(types) if event_type in ("ORDER.NEW", "ORDER.FILLED")]
    assert [place < news[0] for place in bounds] == [True, True, False, False]
    assert [place > news[-1] for place in bounds] == [False, False, True, True]
    assert len(news) == 3


async def test_an_import_never_slips_between_a_drains_last_look_and_its_rest(
    assembled: Assembled, owner: Owner, frozen_tenant_id: UUID
) -> None:
    database, runner = assembled.database, assembled.runner
    await runner.drain(frozen_tenant_id)
    async with runner.alone(frozen_tenant_id):
        importing = asyncio.create_task(bring(owner, line(BAE, "BAE Systems")))
        await waiting_or(importing, database)
        assert not importing.done(), "it waits for the drain"
        assert await runner.drain_alone(frozen_tenant_id) == 0
    await importing
    clocks = {clock.tenant_id: clock for clock in await tenants.all_clocks(database)}
    assert clocks[frozen_tenant_id].dirty, "the next write is drained for"
    assert await runner.drain(frozen_tenant_id) == 1
    assert await told(database, frozen_tenant_id) == [("ONBOARDED", BAE, 1)]
