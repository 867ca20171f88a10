"""Builders: they make what a test needs through the program's own functions, never by raw inserts."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from openvest.core.ids import deterministic_id
from openvest.core.sealing import Secrets
from openvest.db.connections import open_pool
from openvest.db.query import Query
from openvest.db.unit import Database
from openvest.main import Assembled, assemble
from tests.kit.cluster import Cluster

SEED = "test"
SECRETS = Secrets(bytes(range(32)))
MAY_BE = Query(datetime, "select $2::timestamptz where $1::uuid is not null")
"""Of work that is kept in memory: something may be due, its closer look says when."""


@asynccontextmanager
async def opened(cluster: Cluster, name: str, *, pool_size: int = 10) -> AsyncGenerator[Assembled]:
    """The program over an existing database, assembled as `main` does it."""
    pool = await open_pool(cluster.dsn(name), size=pool_size, application="test")
    try:
        yield assemble(pool, seed=SEED, secrets=SECRETS)
    finally:
        pool.terminate()


async def make_tenant(
    database: Database,
    name: str,
    *,
    licence: str = "TOL",
    pace: str = "calendar",
    frozen_at: datetime | None = None,
) -> UUID:
    """A sandbox tenant with its clock; live unless frozen at an instant."""
    async with database.connection() as connection:
        return await connection.fetchval(
            "select found_tenant($1, $2, $3, 'sandbox', $4, $5)",
            deterministic_id("tenant", database.seed, name),
            name,
            licence,
            pace,
            frozen_at,
        )
