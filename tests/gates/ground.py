"""What gates stand on that need no processes of their own: the assembled program over a throw-away PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from openvest.main import Assembled
from tests.kit.cluster import Cluster, start_cluster
from tests.kit.world import opened


@dataclass(frozen=True, slots=True)
class Ground:
    """A cluster with one empty migrated database that has the instrument master, opened as the application role."""

    cluster: Cluster
    name: str
    world: Assembled


@asynccontextmanager
async def ground(*, durable: bool = False, pool_size: int = 10) -> AsyncGenerator[Ground]:
    """A cluster for the length of the block."""
    cluster = await asyncio.to_thread(start_cluster, durable=durable)
    try:
        name = await cluster.create()
        async with opened(cluster, name, pool_size=pool_size) as world:
            yield Ground(cluster, name, world)
    finally:
        await asyncio.to_thread(cluster.stop)
