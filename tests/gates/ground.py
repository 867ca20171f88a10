"""What gates stand on that need no processes of their own: the assembled program over a throw-away PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
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


_LENT: ContextVar[Cluster | None] = ContextVar("a cluster that others use too", default=None)


@contextmanager
def standing_on(cluster: Cluster) -> Generator[None]:
    """Inside, gates take a database of this cluster instead of a cluster of their own, which takes longer to make."""
    before = _LENT.set(cluster)
    try:
        yield
    finally:
        _LENT.reset(before)


@asynccontextmanager
async def ground(*, pool_size: int = 10) -> AsyncGenerator[Ground]:
    """A database for the length of the block, in a cluster of its own unless one was lent."""
    lent = _LENT.get()
    cluster = lent or await asyncio.to_thread(start_cluster)
    try:
        name = await cluster.create()
        try:
            async with opened(cluster, name, pool_size=pool_size) as world:
                yield Ground(cluster, name, world)
        finally:
            await cluster.drop(name)
    finally:
        if lent is None:
            await asyncio.to_thread(cluster.stop)
