"""Instruments in a real database: the master, the two imports, listings, and prices read inside a unit of work."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest

from openvest.core.ids import caused_id
from openvest.core.problems import InvalidRequest
from openvest.core.table_files import ImportRefused
from openvest.db.unit import Database, Unit
from openvest.features.instruments import service
from openvest.features.instruments.rules import InstrumentName, InstrumentNotFound, VenueNotFound
from openvest.features.instruments.v1 import InstrumentQuery
from openvest.ports.prices import Listing, Quote
from tests.kit.cluster import OWNER, Cluster

pytestmark = pytest.mark.anyio

SAP = "DE0007164600"
SAP_ID = caused_id("instrument", SAP)
XETR = caused_id("venue", "XETR")
MONDAY = date(2026, 3, 2)


def at(hour: int, minute: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@pytest.fixture
async def owner(cluster: Cluster, database: Database) -> AsyncGenerator[asyncpg.Connection[asyncpg.Record]]:
    """The owner of the schema; the template of all test databases holds the master."""
    async with database.connection() as connection:
        name = await connection.fetchval("select current_database()")
    connection = await asyncpg.connect(cluster.dsn(name, OWNER))
    try:
        yield connection
    finally:
        await connection.close()


Owner = asyncpg.Connection


async def sap(unit: Unit) -> Listing:
    return await service.get_listing(unit, InstrumentName(isin=SAP), XETR)


async def quote_at(database: Database, tenant: UUID, instant: datetime) -> Quote:
    async def work(unit: Unit) -> Quote:
        listing = await sap(unit)
        found = (await service.quotes(unit, [listing], "calendar", instant))[listing.key]
        assert found is not None
        return found

    return await database.read(tenant, work)


async def test_the_master_is_loaded_once(database: Database, owner: Owner, tenant_id: UUID) -> None:
    await owner.execute("delete from instrument_venues where instrument_id = $1", SAP_ID)
    await owner.execute("delete from instruments where id = $1", SAP_ID)
    assert await service.load_master(owner) == 1
    assert await service.load_master(owner) == 0

    async def work(unit: Unit) -> None:
        found = await service.list_instruments(unit, InstrumentQuery(limit=1000))
        assert found.total == len(found.rows) > 100
        assert all(row.id == caused_id("instrument", row.isin) for row in found.rows)
        by_isin = await service.by_isin(unit, [SAP, "IE00B3XXRP09", "DE0000000000"])
        assert set(by_isin) == {SAP, "IE00B3XXRP09"}
        listings = await service.listings(unit, [row.id for row in found.rows])
        assert set(listings) == {row.id for row in found.rows}

    await database.read(tenant_id, work)


async def test_an_order_goes_to_the_venue_of_its_currency(database: Database, owner: Owner, tenant_id: UUID) -> None:
    async def work(unit: Unit) -> None:
        both = (await service.by_isin(unit, ["IE00B3XXRP09"]))["IE00B3XXRP09"].id
        found = (await service.listings(unit, [both]))[both]
        chosen = {currency: service.home_venue(found, currency) for currency in ("EUR", "GBP", "USD")}
        assert {currency: listing.mic if listing else None for currency, listing in chosen.items()} == {
            "EUR": "XETR",
            "GBP": "XLON",
            "USD": None,
        }

    await database.read(tenant_id, work)


async def test_unknown_names_are_not_found(database: Database, owner: Owner, tenant_id: UUID) -> None:
    async def work(unit: Unit) -> None:
        with pytest.raises(InstrumentNotFound):
            await service.get_instrument(unit, InstrumentName(isin="US0000000000"))
        with pytest.raises(InstrumentNotFound):
            await service.get_instrument(unit, InstrumentName(id=XETR))
        with pytest.raises(VenueNotFound):
            await service.get_listing(unit, InstrumentName(isin=SAP), SAP_ID)

    await database.read(tenant_id, work)


async def test_the_application_role_only_reads(database: Database, owner: Owner) -> None:
    async with database.connection() as connection:
        for table in ("venues", "instruments", "instrument_venues", "bars", "quotes", "imported_ranges"):
            assert await connection.fetchval(f"select count(*) from {table}") is not None
            for write in (f"delete from {table}", f"insert into {table} select * from {table}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(write)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.import_prices(connection, bars(f"{SAP},XETR,2026-03-02,1d,1,1,1,1,1"))


# Imports

INSTRUMENTS = "isin,wkn,name,type,fractional_trading,venues,currencies,tick_sizes,reference_prices,trading_status"
BARS = "isin,mic,at,interval,open,high,low,close,volume"
QUOTES = "isin,mic,at,bid,offer"


def bars(*lines: str) -> list[str]:
    return [BARS, *lines]


async def test_an_import_changes_what_is_known(database: Database, owner: Owner, tenant_id: UUID) -> None:
    before = await owner.fetchrow("select * from instruments where isin = $1", SAP)
    line = f"{SAP},716460,SAP renamed,EQUITY,false,XETR,EUR,0.05,200.00,INACTIVE"
    done = await service.import_instruments(owner, [INSTRUMENTS, line])
    assert (done.kind, done.lines) == ("instruments", 1)
    after = await owner.fetchrow("select * from instruments where isin = $1", SAP)
    assert before is not None
    assert after is not None
    assert (after["name"], after["trading_status"], after["quantity_decimals"]) == ("SAP renamed", "INACTIVE", 0)
    assert (after["id"], after["created_at"]) == (before["id"], before["created_at"])
    assert after["updated_at"] > before["updated_at"]
    await service.import_instruments(owner, [INSTRUMENTS, line])
    assert await owner.fetchval("select updated_at from instruments where isin = $1", SAP) == after["updated_at"]
    assert await service.load_master(owner) == 0
    listing = await database.read(tenant_id, sap)
    assert (listing.tick_size, listing.reference_price) == (Decimal("0.05"), Decimal("200.00"))
    inactive = InstrumentQuery(trading_status="INACTIVE")
    found = await database.read(tenant_id, lambda unit: service.list_instruments(unit, inactive, "INACTIVE"))
    assert [row.isin for row in found.rows] == [SAP]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], [(1, "isin"), (1, "name"), (1, "type"), (1, "venues")]),
        (["isin,name,type,venues,currencies,tick_sizes,reference_prices,colour"], [(1, "colour")]),
        (
            [
                INSTRUMENTS,
                "DE0007164601,,x,STOCK,true,XETR,EUR,0.01,1.00,",
                "US0378331005,86598I,,EQUITY,maybe,XETR XLON,EUR,0.01,1.00,OPEN",
                "US5949181045,,M,EQUITY,true,XETR,USD,0.01,1.005,",
                "US0231351067,,A,EQUITY,true,XETR,EUR,0.01,100.00,",
                "US0231351067,,A,EQUITY,true,XETR,EUR,0.01,100.00,",
                "US02079K3059,,A",
            ],
            [
                *[(2, "isin"), (2, "type")],
                *[(3, "name"), (3, "wkn"), (3, "fractional_trading"), (3, "trading_status"), (3, "currencies")],
                *[(4, "currencies"), (4, "reference_prices")],
                (6, "isin"),
                (7, "(line)"),
            ],
        ),
    ],
)
async def test_every_error_of_an_instruments_file_is_named(
    owner: Owner, lines: Sequence[str], expected: Sequence[tuple[int, str]]
) -> None:
    known = await owner.fetchval("select count(*) from instruments")
    with pytest.raises(ImportRefused) as refused:
        await service.import_instruments(owner, lines)
    found = {(error.line, error.column) for error in refused.value.errors}
    assert set(expected) <= found, found - set(expected)
    assert {line for line, _ in found} == {line for line, _ in expected}
    assert await owner.fetchval("select count(*) from instruments") == known


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("DE0000000000,XETR,2026-03-02,1d,10,12,9,11,5", "isin"),
        (f"{SAP},XLON,2026-03-02,1d,10,12,9,11,5", "mic"),
        (f"{SAP},XETR,2026-03-01,1d,10,12,9,11,5", "at"),
        (f"{SAP},XETR,2026-03-02,5m,10,12,9,11,5", "at"),
        (f"{SAP},XETR,2026-03-02T09:00:00,5m,10,12,9,11,5", "at"),
        (f"{SAP},XETR,1999-03-02T09:00:00Z,5m,10,12,9,11,5", "at"),
        (f"{SAP},XETR,2026-03-02,2d,10,12,9,11,5", "interval"),
        (f"{SAP},XETR,2026-03-02,1d,10.00001,12,9,11,5", "open"),
        (f"{SAP},XETR,2026-03-02,1d,10,10.5,9,11,5", "high"),
        (f"{SAP},XETR,2026-03-02,1d,10,12,10.5,11,5", "low"),
        (f"{SAP},XETR,2026-03-02,1d,10,12,0,11,5", "low"),
        (f"{SAP},XETR,2026-03-02,1d,10,12,9,11,-5", "volume"),
        (f"{SAP},XETR,2026-03-02,1d,10,12,9,11", "(line)"),
    ],
)
async def test_a_bad_bar_refuses_the_whole_file(owner: Owner, line: str, column: str) -> None:
    good = f"{SAP},XETR,2026-03-03,1d,10,12,9,11,5"
    with pytest.raises(ImportRefused) as refused:
        await service.import_prices(owner, bars(good, line))
    assert column in [error.column for error in refused.value.errors if error.line == 3]
    assert {error.line for error in refused.value.errors} == {3}
    assert await owner.fetchval("select count(*) from bars") == 0


async def test_a_file_without_a_line_below_its_header_is_refused(owner: Owner) -> None:
    for into, header in (
        (service.import_instruments, [INSTRUMENTS]),
        (service.import_prices, bars()),
        (service.import_prices, [QUOTES]),
    ):
        with pytest.raises(ImportRefused) as refused:
            await into(owner, header)
        assert [str(error) for error in refused.value.errors] == [
            "line 2, (line): is missing, so there is nothing to import; give a line or more below the header"
        ]


async def test_quotes_are_judged_too(owner: Owner) -> None:
    lines = [QUOTES, f"{SAP},XETR,2026-03-02T09:00:00Z,10,9.99", f"{SAP},XETR,2026-03-01T09:00:00Z,10,11"]
    with pytest.raises(ImportRefused) as refused:
        await service.import_prices(owner, lines)
    assert [(error.line, error.column) for error in refused.value.errors] == [(2, "offer"), (3, "at")]


# Prices


async def test_imported_days_count_and_the_path_goes_on_from_them(
    database: Database, owner: Owner, tenant_id: UUID
) -> None:
    simulated = await quote_at(database, tenant_id, at(12, day=6))
    lines = bars(f"{SAP},XETR,2026-03-02,1d,500,510,495,505,1000", f"{SAP},XETR,2026-03-04,1d,600,640,590,630,900")
    assert (await service.import_prices(owner, lines)).lines == 2
    seen = {day: await quote_at(database, tenant_id, at(20, day=day)) for day in (2, 3, 4, 5, 6)}
    assert seen[2].last == Decimal(505)
    assert seen[3] == seen[2], "a day without a row inside the imported range has no price of its own"
    assert seen[4].last == Decimal(630)
    assert seen[5].last is not None
    assert abs(seen[5].last - 630) < 40, "the path begins where the imported prices end"
    assert abs((seen[6].last or 0) - (simulated.last or 0)) > 200
    opening = await quote_at(database, tenant_id, at(8, 0))
    assert (opening.last, opening.bid, opening.offer) == (Decimal(500), Decimal("499.85"), Decimal("500.15"))
    before = await quote_at(database, tenant_id, at(7, 59))
    assert before.at.date() == date(2026, 2, 27)


async def test_quotes_beat_bars_and_small_bars_beat_large_ones(
    database: Database, owner: Owner, tenant_id: UUID
) -> None:
    await service.import_prices(owner, bars(f"{SAP},XETR,2026-03-02,1d,500,510,495,505,1000"))
    await service.import_prices(owner, bars(f"{SAP},XETR,2026-03-02T10:00:00Z,1h,501,502,500,502,10"))
    assert (await quote_at(database, tenant_id, at(10, 30))).last == Decimal(500)
    await service.import_prices(owner, [QUOTES, f"{SAP},XETR,2026-03-02T10:10:00Z,498,499"])
    found = await quote_at(database, tenant_id, at(10, 30))
    assert (found.at, found.bid, found.offer, found.last) == (at(10, 10), Decimal(498), Decimal(499), None)
    await service.import_prices(owner, [QUOTES, f"{SAP},XETR,2026-03-02T10:10:00Z,497,498"])
    assert (await quote_at(database, tenant_id, at(10, 30))).bid == Decimal(497), "imported again: replaced"


async def test_candles_of_imported_days(database: Database, owner: Owner, tenant_id: UUID) -> None:
    lines = bars(
        f"{SAP},XETR,2026-03-02T08:00:00Z,5m,500,510,495,505,10",
        f"{SAP},XETR,2026-03-02T08:05:00Z,5m,505,506,504,504,20",
        f"{SAP},XETR,2026-03-02T08:10:00Z,5m,504,504,504,504,0",
        f"{SAP},XETR,2026-03-04,1d,600,600,600,600,0",
    )
    await service.import_prices(owner, lines)

    async def ask(interval: str) -> list[tuple[object, ...]]:
        async def work(unit: Unit) -> list[tuple[object, ...]]:
            found = await service.candles(unit, await sap(unit), "calendar", interval, MONDAY, date(2026, 3, 4))
            return [(c.at, c.open, c.high, c.low, c.close, c.volume) for c in found]

        return await database.read(tenant_id, work)

    empty = (None, None, None)
    assert await ask("1d") == [
        (at(0), 500, 510, 495, 504, 30),
        (at(0, day=3), *empty, 504, 0),
        (at(0, day=4), *empty, 600, 0),
    ]
    assert await ask("5m") == [(at(8), 500, 510, 495, 505, 10), (at(8, 5), 505, 506, 504, 504, 20)]
    assert await ask("1h") == [(at(8), 500, 510, 495, 504, 30)]


async def test_candles_have_defaults_and_an_end(database: Database, owner: Owner, frozen_tenant_id: UUID) -> None:
    async def work(unit: Unit) -> None:
        listing = await sap(unit)

        async def ask(interval: str, start: date | datetime | None, end: date | datetime | None) -> list[datetime]:
            return [c.at for c in await service.candles(unit, listing, "calendar", interval, start, end)]

        usual = await ask("1d", None, None)
        assert (usual[0].date(), usual[-1].date()) == (date(2026, 1, 30), date(2026, 2, 27))
        assert await ask("1d", date(2026, 3, 3), date(2026, 3, 9)) == [], "nothing of the future"
        today = await ask("5m", MONDAY, MONDAY)
        assert (today[0], today[-1]) == (at(8), at(9, 30))
        assert await ask("5m", at(9, 1), at(9, 14)) == [at(9, 5), at(9, 10)]
        assert len(await ask("1d", date(1990, 1, 1), date(2020, 1, 10))) == 7
        with pytest.raises(InvalidRequest) as late:
            await ask("1d", MONDAY, date(2026, 3, 1))
        assert late.value.errors[0].field == "start_date"
        with pytest.raises(InvalidRequest) as many:
            await ask("5m", date(2026, 1, 2), MONDAY)
        assert many.value.errors[0].field == "interval"
        assert len(await ask("1d", unit.now - timedelta(days=1400), None)) < 1000

    await database.read(frozen_tenant_id, work)


async def test_points_are_those_of_the_market(database: Database, owner: Owner, tenant_id: UUID) -> None:
    await service.import_prices(owner, bars(f"{SAP},XETR,2026-03-02,1d,500,510,495,505,1000"))

    async def work(unit: Unit) -> None:
        listing = await sap(unit)
        found = await service.points(unit, listing, "calendar", MONDAY, at(7), at(23))
        assert [(p.last, p.fresh) for p in found] == [(500, True), (495, False), (510, False), (505, False)]
        later = await service.points(unit, listing, "calendar", date(2026, 3, 3), at(7, day=3), at(23, day=3))
        assert len(later) == 103
        assert abs((later[0].last or 0) - 505) < 20
        still = await service.points(unit, listing, "instant", MONDAY, at(7), at(23))
        assert [(p.at, p.bid, p.offer, p.fresh) for p in still] == [(at(7), 100, 100, True)]

    await database.read(tenant_id, work)


async def test_without_a_market_only_imported_prices_count(database: Database, owner: Owner, tenant_id: UUID) -> None:
    database.prices = None
    await service.import_prices(owner, bars(f"{SAP},XETR,2026-03-02,1d,500,510,495,505,1000"))

    async def work(unit: Unit) -> None:
        listing = await sap(unit)

        async def last(instant: datetime) -> Decimal | None:
            found = (await service.quotes(unit, [listing], "calendar", instant))[listing.key]
            return found.last if found else None

        assert await last(at(7)) is None
        assert await last(at(8)) == 500
        assert await last(at(12, day=30)) == 505
        assert await service.points(unit, listing, "calendar", date(2026, 3, 3), at(7, day=3), at(23, day=3)) == []
        found = await service.candles(unit, listing, "calendar", "1d", date(2026, 2, 2), date(2026, 3, 9))
        assert [(c.at, c.close) for c in found] == [(at(0), 505)]

    await database.read(tenant_id, work)
