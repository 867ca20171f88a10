"""Imports in tests, as the owner of the schema runs them: instruments that change, prices that are known."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg

from openvest.db.unit import Database
from openvest.features.instruments import service
from tests.kit.cluster import OWNER, Cluster

NEW = "XS2010029663"
"""An ISIN that no master knows."""
_HEADER = (
    "isin,name,type,venues,currencies,tick_sizes,reference_prices,fractional_trading,quantity_decimals,trading_status"
)


@asynccontextmanager
async def importing(cluster: Cluster, database: Database) -> AsyncGenerator[asyncpg.Connection[asyncpg.Record]]:
    """A connection of the owner."""
    async with database.connection() as connection:
        name = await connection.fetchval("select current_database()")
    owner = await asyncpg.connect(cluster.dsn(name, OWNER))
    try:
        yield owner
    finally:
        await owner.close()


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
    await service.import_instruments(owner, [_HEADER, line])


async def quote(owner: asyncpg.Connection[asyncpg.Record], *lines: str, isin: str = NEW, mic: str = "XETR") -> None:
    """Quotes, each `INSTANT BID OFFER`."""
    rows = [",".join([isin, mic, *line.split()]) for line in lines]
    await service.import_prices(owner, ["isin,mic,at,bid,offer", *rows])
