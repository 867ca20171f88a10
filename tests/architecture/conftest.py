"""Fixtures of the rules that look at the migrated schema."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import asyncpg
import pytest

from tests.kit.cluster import OWNER, TEMPLATE, Cluster


@pytest.fixture
async def owner(cluster: Cluster) -> AsyncGenerator[asyncpg.Connection]:
    """The owner in the migrated template, inside a transaction that is undone."""
    connection = await asyncpg.connect(cluster.dsn(TEMPLATE, OWNER))
    try:
        await connection.execute("begin; set local openvest.app_role = 'openvest_app'")
        yield connection
    finally:
        await connection.close()
