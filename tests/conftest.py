"""Fixtures every test may use: a real PostgreSQL, an empty migrated database, a tenant."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from openvest.db.unit import Database
from openvest.main import Assembled
from tests.kit.cluster import Cluster, start_cluster
from tests.kit.lifecycles import untold_anywhere
from tests.kit.world import make_tenant, opened


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def cluster() -> Generator[Cluster]:
    """The session's PostgreSQL server."""
    started = start_cluster()
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
async def assembled(cluster: Cluster) -> AsyncGenerator[Assembled]:
    """The program over an empty migrated database with the instrument master, opened as the application role."""
    name = await cluster.create()
    try:
        async with opened(cluster, name) as assembled:
            yield assembled
            untold = await untold_anywhere(assembled.database)
        assert not untold, f"the news tells other states than the tables: {untold[:3]}"
    finally:
        await cluster.drop(name)


@pytest.fixture
def database(assembled: Assembled) -> Database:
    """The assembled program's database."""
    return assembled.database


@pytest.fixture
async def tenant_id(database: Database) -> UUID:
    """A sandbox tenant of licence TOL, pace calendar, whose clock runs live."""
    return await make_tenant(database, "Tenant A")


@pytest.fixture
async def frozen_tenant_id(database: Database) -> UUID:
    """The same with its clock frozen on a Monday morning in session."""
    return await make_tenant(database, "Tenant F", frozen_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
