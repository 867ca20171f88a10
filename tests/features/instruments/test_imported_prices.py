"""Imported prices in a real database, as they are read inside a unit of work."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from openvest.core.problems import InvalidRequest
from openvest.core.table_files import ImportRefused
from openvest.db.unit import Database, Unit
from openvest.features.instruments import service
from tests.kit.cluster import Cluster
from tests.kit.imports import (
    MONDAY,
    QUOTES,
    SAP,
    Owner,
    at,
    bars,
    owner_of,
    quote_at,
    sap,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def owner(cluster: Cluster, database: Database) -> AsyncGenerator[Owner]:
    async with owner_of(cluster, database) as connection:
        yield connection


async def test_imported_days_count_and_the_path_goes_on_from_them(
    database: Database, owner: Owner, tenant_id: UUID
) -> None:
    simulated = await quote_at(database, tenant_id, at(12, day=6))
    lines = bars(f"{SAP},XETR,2026-03-02,1d,500,510,495,505,1000", f"{SAP},XETR,2026-03-04,1d,600,640,590,630,900")
    assert (await service.import_prices(owner, lines)).lines == 2
    seen = {day: await quote_at(database, tenant_id, at(20, day=day)) for day in (2, 3, 4, 5, 6)}
    assert seen[2].last == Decimal(505)
    assert seen[3].at == at(16, 30, day=3), "a day without a row between two that have some is simulated"
    assert seen[3].last is not None
    assert abs(seen[3].last - 505) < 35, "and begins where the day before ended"
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


async def test_bars_past_the_close_count_at_it_whoever_asks_when(
    database: Database, owner: Owner, tenant_id: UUID
) -> None:
    rows = [
        f"{SAP},XETR,2026-03-02T{hour:02}:00:00Z,1h,{hour}0,{hour}5,{hour - 1}0,{hour}2,10" for hour in range(8, 17)
    ]
    auction = f"{SAP},XETR,2026-03-02T16:35:00Z,1h,165,165,165,165,1000"
    await service.import_prices(owner, bars(*rows, auction))
    seen = [await quote_at(database, tenant_id, instant) for instant in (at(16, 30), at(16, 32), at(20), at(7, day=3))]
    assert {(quote.at, quote.last) for quote in seen} == {(at(16, 30), Decimal(165))}

    async def close(until: datetime) -> list[tuple[object, ...]]:
        async def work(unit: Unit) -> list[tuple[object, ...]]:
            found = service.market(unit).candles(
                listing := await sap(unit), at(0), until, 1440, "calendar", 10,
                (await service.imported(unit, [listing], at(0), until))[listing.key],
            )  # fmt: skip
            return [(c.open, c.high, c.low, c.close, c.volume) for c in found]

        return await database.read(tenant_id, work)

    for until in (at(16, 30), at(16, 32), at(23)):
        assert await close(until) == [(80, 165, 70, 165, 1090)]

    async def points(unit: Unit) -> list[tuple[datetime, Decimal | None]]:
        found = await service.points(unit, await sap(unit), "calendar", MONDAY, at(7), at(23))
        return [(point.at, point.last) for point in found]

    last = await database.read(tenant_id, points)
    assert last[-8:] == [
        *zip((at(16), at(16, 10), at(16, 20), at(16, 30)), (160, 150, 165, 162), strict=True),
        *[(at(16, 30), Decimal(165))] * 4,
    ]


async def test_a_row_after_midnight_at_the_venue_is_of_the_day_it_has_in_utc(
    database: Database, owner: Owner, tenant_id: UUID
) -> None:
    await service.import_prices(owner, [QUOTES, f"{SAP},XETR,2026-03-02T23:30:00Z,99,101"])
    assert (await quote_at(database, tenant_id, at(23, 31))).bid == 99
    following = await quote_at(database, tenant_id, at(8, day=3))
    assert following.last is not None and abs(following.last - 100) < 2
    with pytest.raises(ImportRefused):
        await service.import_prices(owner, [QUOTES, f"{SAP},XETR,2026-03-01T23:30:00Z,99,101"])


async def test_an_order_between_two_imports_finds_prices_on_every_day(
    database: Database, owner: Owner, tenant_id: UUID
) -> None:
    early, late = f"{SAP},XETR,2026-03-02,1d,500,510,495,505,1000", f"{SAP},XETR,2026-09-01,1d,900,900,900,900,1000"
    await service.import_prices(owner, bars(early))

    async def work(unit: Unit) -> list[list[Any]]:
        listing, days = await sap(unit), (date(2026, 3, 3), date(2026, 6, 1), date(2026, 8, 31))
        found: list[list[Any]] = []
        for on in days:
            start, end = (datetime.combine(on, time(hour), UTC) for hour in (0, 23))
            found.append(await service.points(unit, listing, "calendar", on, start, end))
        return found

    alone = await database.read(tenant_id, work)
    await service.import_prices(owner, bars(late))
    assert await database.read(tenant_id, work) == alone
    assert [len(points) for points in alone] == [103] * 3
    assert abs(alone[0][0].last - 505) < 7
    assert (await quote_at(database, tenant_id, datetime(2026, 9, 1, 20, tzinfo=UTC))).last == Decimal(900)


async def test_a_price_is_one_of_the_instant_however_much_is_read(
    database: Database, owner: Owner, tenant_id: UUID
) -> None:
    await service.import_prices(
        owner,
        bars(
            f"{SAP},XETR,2026-03-02T08:00:00Z,1h,300,310,290,305,10",
            f"{SAP},XETR,2026-03-02T16:00:00Z,1h,400,410,390,405,10",
            f"{SAP},XETR,2026-03-02,1d,500,510,495,505,10",
            f"{SAP},XETR,2026-03-05T07:00:00Z,1h,600,610,590,605,10",
        ),
    )
    await service.import_prices(owner, [QUOTES, f"{SAP},XETR,2026-03-04T17:00:00Z,450,452"])

    async def work(unit: Unit) -> None:
        listing = await sap(unit)
        whole = (await service.imported(unit, [listing], at(0, day=1), at(0, day=9)))[listing.key]
        assert [len(rows.bars) + len(rows.quotes) for rows in whole.days.values()] == [3, 1, 1]
        for day in range(1, 9):
            for hour in (5, 8, 9, 12, 17, 20):
                instant = at(hour, 30, day=day)
                (found,) = (await service.quotes(unit, [listing], "calendar", instant)).values()
                assert found == service.market(unit).quote(listing, instant, "calendar", whole)

    await database.read(tenant_id, work)
    assert (await quote_at(database, tenant_id, at(20))).last == Decimal(405)
    evening = await quote_at(database, tenant_id, at(20, day=4))
    assert (evening.at, evening.bid, evening.offer) == (at(17, day=4), 450, 452)
    assert (await quote_at(database, tenant_id, at(7, 59, day=5))).bid == 450
    assert (await quote_at(database, tenant_id, at(8, day=5))).last == 605


async def test_candles_of_imported_days(database: Database, owner: Owner, tenant_id: UUID) -> None:
    lines = bars(
        f"{SAP},XETR,2026-03-02T08:00:00Z,5m,500,510,495,505,10",
        f"{SAP},XETR,2026-03-02T08:05:00Z,5m,505,506,504,504,20",
        f"{SAP},XETR,2026-03-02T08:10:00Z,5m,504,504,504,504,0",
        f"{SAP},XETR,2026-03-04,1d,600,600,600,600,0",
    )
    await service.import_prices(owner, lines)

    async def ask(interval: str) -> list[tuple[Any, ...]]:
        async def work(unit: Unit) -> list[tuple[Any, ...]]:
            found = await service.candles(unit, await sap(unit), "calendar", interval, MONDAY, date(2026, 3, 4))
            return [(c.at, c.open, c.high, c.low, c.close, c.volume) for c in found]

        return await database.read(tenant_id, work)

    empty = (None, None, None)
    first, between, last = await ask("1d")
    assert between[0] == at(0, day=3) and None not in between
    assert [first, last] == [
        (at(0), 500, 510, 495, 504, 30),
        (at(0, day=4), *empty, 600, 0),
    ]
    small, large = [[row for row in await ask(length) if row[0] < at(0, day=3)] for length in ("5m", "1h")]
    assert small == [(at(8), 500, 510, 495, 505, 10), (at(8, 5), 505, 506, 504, 504, 20)]
    assert large == [(at(8), 500, 510, 495, 504, 30)]


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
