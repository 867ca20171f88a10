"""Imports in tests, as the owner of the schema runs them: files, changing instruments, and what a share then costs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from uuid import UUID

import asyncpg

from openvest.core.ids import deterministic_id
from openvest.db.unit import Database, Unit
from openvest.features.instruments import service
from openvest.features.instruments.rules import InstrumentName
from openvest.ports.prices import Listing, Quote
from tests.kit.cluster import OWNER, Cluster

Owner = asyncpg.Connection
INSTRUMENTS = "isin,wkn,name,type,fractional_trading,venues,currencies,tick_sizes,reference_prices,trading_status"
BARS = "isin,mic,at,interval,open,high,low,close,volume"
QUOTES = "isin,mic,at,bid,offer"
SAP = "DE0007164600"
SAP_ID = deterministic_id("instrument", SAP)
XETR = deterministic_id("venue", "XETR")
NEW = "XS2010029663"
"""An ISIN that no master knows."""
_CHANGING = (
    "isin,name,type,venues,currencies,tick_sizes,reference_prices,fractional_trading,quantity_decimals,trading_status"
)
MONDAY = date(2026, 3, 2)


def at(hour: int, minute: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@asynccontextmanager
async def owner_of(cluster: Cluster, database: Database) -> AsyncGenerator[asyncpg.Connection[asyncpg.Record]]:
    """The owner of the schema; the template of all test databases holds the master."""
    async with database.connection() as connection:
        name = await connection.fetchval("select current_database()")
    connection = await asyncpg.connect(cluster.dsn(name, OWNER))
    try:
        yield connection
    finally:
        await connection.close()


async def sap(unit: Unit) -> Listing:
    return await service.get_listing(unit, InstrumentName(isin=SAP), XETR)


async def quote_at(database: Database, tenant: UUID, instant: datetime) -> Quote:
    async def work(unit: Unit) -> Quote:
        listing = await sap(unit)
        found = (await service.quotes(unit, [listing], "calendar", instant))[listing.key]
        assert found is not None
        return found

    return await database.read(tenant, work)


def bars(*lines: str) -> list[str]:
    return [BARS, *lines]


async def bring(
    owner: asyncpg.Connection[asyncpg.Record],
    isin: str = NEW,
    *,
    venues: str = "XETR",
    currencies: str = "EUR",
    ticks: str = "0.01",
    prices: str = "100.00",
    decimals: int = 10,
    status: str = "ACTIVE",
) -> None:
    """One instrument as it is from now on."""
    fractional = str(decimals > 0).lower()
    line = f"{isin},Changing Corp,EQUITY,{venues},{currencies},{ticks},{prices},{fractional},{decimals},{status}"
    await service.import_instruments(owner, [_CHANGING, line])


async def quote(owner: asyncpg.Connection[asyncpg.Record], *lines: str, isin: str = NEW, mic: str = "XETR") -> None:
    """Quotes, each `INSTANT BID OFFER`."""
    rows = [",".join([isin, mic, *line.split()]) for line in lines]
    await service.import_prices(owner, [QUOTES, *rows])
