"""Instruments in a real database: the master, the two imports and listings."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest

from openvest.core.ids import deterministic_id
from openvest.core.paging import PageRequest
from openvest.core.table_files import ImportRefused
from openvest.db.unit import Database, Unit
from openvest.features.instruments import service
from openvest.features.instruments.rules import InstrumentName, InstrumentNotFound, VenueNotFound
from tests.kit.cluster import Cluster
from tests.kit.imports import (
    INSTRUMENTS,
    QUOTES,
    SAP,
    SAP_ID,
    XETR,
    Owner,
    bars,
    owner_of,
    sap,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def owner(cluster: Cluster, database: Database) -> AsyncGenerator[Owner]:
    async with owner_of(cluster, database) as connection:
        yield connection


async def test_the_master_is_loaded_once(database: Database, owner: Owner, tenant_id: UUID) -> None:
    await owner.execute("delete from instrument_venues where instrument_id = $1", SAP_ID)
    await owner.execute("delete from instruments where id = $1", SAP_ID)
    assert await service.load_master(owner) == 1
    assert await service.load_master(owner) == 0

    async def work(unit: Unit) -> None:
        found = await service.list_instruments(unit, PageRequest(limit=1000))
        assert found.total == len(found.rows) > 100
        assert all(row.id == deterministic_id("instrument", row.isin) for row in found.rows)
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
    some, inactive = PageRequest(limit=100), {"trading_status": "INACTIVE"}
    found = await database.read(tenant_id, lambda unit: service.list_instruments(unit, some, inactive))
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


@pytest.mark.parametrize(
    ("name", "country", "column"),
    [
        ('"SAP\nSE"', "DE", "name"),
        ("SAP\u202eES", "DE", "name"),
        ("SAP\x1b[31m", "DE", "name"),
        ("\u200b\u2060", "DE", "name"),
        ("SAP SE", "ZZ", "home_country"),
        ("SAP SE", "XK", "home_country"),
        ("SAP SE", "de", "home_country"),
    ],
)
async def test_a_name_that_cannot_be_read_and_a_country_that_is_none_are_refused(
    owner: Owner, name: str, country: str, column: str
) -> None:
    header = "isin,name,home_country,type,venues,currencies,tick_sizes,reference_prices"
    lines = [header + "\n", *f"{SAP},{name},{country},EQUITY,XETR,EUR,0.01,100.00".splitlines(keepends=True)]
    with pytest.raises(ImportRefused) as refused:
        await service.import_instruments(owner, lines)
    assert [error.column for error in refused.value.errors] == [column]


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
