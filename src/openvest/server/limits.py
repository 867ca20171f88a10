"""Rate limits per client: processes lease tokens from the client's one bucket, in blocks of at most 50 ms.

A sandbox client has a limit unless it was made without; a refused client hears how long to wait.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from openvest.core.clock import monotonic_ns
from openvest.core.problems import TooManyRequests
from openvest.db.faults import DatabaseDown, TooBusy
from openvest.db.query import Query
from openvest.db.unit import Database

_LEASE = Query(int, "select lease_rate($1, $2, $3) from set_config('synchronous_commit', 'off', true)")

BLOCKS_PER_SECOND = 20
_LIFE_NS = 1_000_000_000
_MANY = 10_000


@dataclass(slots=True)
class _Block:
    """Tokens this process holds for one client, until they are too old to be part of the client's second."""

    tokens: int = 0
    until_ns: int = 0
    refused_until_ns: int = 0
    failed_ns: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateLimits:
    """Takes one token per request."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._blocks: dict[UUID, _Block] = {}

    async def take(self, client_id: UUID, per_second: int) -> None:
        """Raises: TooManyRequests, DatabaseDown."""
        block = self._blocks.get(client_id)
        if block is None:
            if len(self._blocks) > _MANY:
                self._blocks.clear()
            block = self._blocks[client_id] = _Block()
        if not _spend(block):
            asked_ns = monotonic_ns()
            async with block.lock:
                if _spend(block):
                    return
                if block.failed_ns >= asked_ns:
                    # Whoever waited with it would only wait as long again, one behind the other.
                    raise TooBusy("the one before could not ask either")
                try:
                    await self._lease(client_id, per_second, block)
                except DatabaseDown:
                    block.failed_ns = monotonic_ns()
                    raise

    async def _lease(self, client_id: UUID, per_second: int, block: _Block) -> None:
        now = monotonic_ns()
        if now < block.refused_until_ns:
            raise _too_many(per_second)
        wanted = -(-per_second // BLOCKS_PER_SECOND)
        granted = (await self._database.ask(_LEASE, client_id, per_second, wanted))[0]
        if granted == 0:
            # One token's time: asking earlier would only be refused again.
            block.refused_until_ns = now + _LIFE_NS // per_second
            raise _too_many(per_second)
        block.tokens, block.until_ns = granted - 1, now + _LIFE_NS


def _spend(block: _Block) -> bool:
    if block.tokens > 0 and monotonic_ns() < block.until_ns:
        block.tokens -= 1
        return True
    return False


def _too_many(per_second: int) -> TooManyRequests:
    return TooManyRequests(
        f"The client may send {per_second} requests per second; wait and send this one again.",
        headers={"Retry-After": "1"},
    )
