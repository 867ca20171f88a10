"""The database that the tests of one worker use one after the other, and the sessions that stay open in it.

What a session has read of the catalogue and prepared for one test serves the next; to open sessions anew and to end
them was most of what a test with a database cost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from openvest.db.connections import open_pool
from tests.kit.cluster import Cluster

if TYPE_CHECKING:
    from openvest.db.connections import Pool


@dataclass(frozen=True)
class Kept:
    """A database, the application's sessions in it, and that of a superuser who empties it."""

    name: str
    pool: Pool
    emptier: asyncpg.Connection[Any]


class Keeper:
    """Lends one test at a time what it keeps. All of it lives on the loop of the worker's tests."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._kept: Kept | None = None

    @asynccontextmanager
    async def lent(self) -> AsyncGenerator[Pool]:
        """Sessions in an empty migrated database. What is still under way when the test ends is broken off."""
        kept = self._kept or await self._made()
        self._kept, before = None, _tasks()
        try:
            yield kept.pool
        finally:
            left = _tasks() - before
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            if self._cluster.is_reusable(kept.name) and await self._is_empty(kept):
                self._kept = kept
            else:
                await self._end(kept)

    async def end(self) -> None:
        if self._kept is not None:
            await self._end(self._kept)

    async def _made(self) -> Kept:
        name = await self._cluster.create()
        pool = await open_pool(self._cluster.dsn(name), size=10, application="test")
        return Kept(name, pool, await self._cluster.superuser(name))

    async def _is_empty(self, kept: Kept) -> bool:
        """Empty it, unless a session of the pool is in use or gone: those are no foundation for another test."""
        pool = kept.pool
        if pool.is_closing() or pool.get_idle_size() != pool.get_size():
            return False
        sessions = [one._con for one in pool._holders if one._con is not None]
        return await self._cluster.empty(kept.emptier, [one.get_server_pid() for one in sessions])

    async def _end(self, kept: Kept) -> None:
        kept.pool.terminate()
        await kept.emptier.close()
        await self._cluster.drop(kept.name)


def _tasks() -> set[asyncio.Task[Any]]:
    """All but those in which pytest's plugin waits for a fixture or a test."""
    return {task for task in asyncio.all_tasks() if "TestRunner." not in task.get_coro().__qualname__}
