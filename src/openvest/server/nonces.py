"""The nonce gate: one runner per durability claims the nonces of all waiting requests in one insert.

Nonces of writes are claimed durably; those of reads without waiting for the disk, since a read replayed after a crash
of the database harms nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from openvest.core.clock import EPOCH
from openvest.core.failpoints import failpoint
from openvest.db.query import Query
from openvest.db.unit import Database
from openvest.server.queues import Batcher, Waiting

_DURABLY = Query(int, "select claim_nonces($1, $2, $3)")
_LOOSELY = Query(int, "select claim_nonces($1, $2, $3) from set_config('synchronous_commit', 'off', true)")

_AFTER_COMMIT = failpoint("nonces.after_commit")


@dataclass(frozen=True, slots=True)
class Nonce:
    """A nonce of one key, remembered until no signature can carry it any more."""

    key_id: UUID
    text: str
    usable_until: datetime


class NonceGate:
    """Says of each nonce whether it is new, in any process."""

    def __init__(self, database: Database, size: int) -> None:
        self._database = database
        self._writes: Batcher[str, Nonce, bool] = Batcher(self._claim, 1, size)
        self._reads: Batcher[str, Nonce, bool] = Batcher(self._claim, 1, size)

    async def claim(self, key_id: UUID, text: str, usable_until: int, *, durably: bool) -> bool:
        """True the first time. Units: `usable_until` is Unix seconds. Raises: DatabaseDown."""
        nonce = Nonce(key_id, text, EPOCH + timedelta(seconds=usable_until))
        return await (self._writes.submit("writes", nonce) if durably else self._reads.submit("reads", nonce))

    async def drained(self) -> None:
        await self._writes.drained()
        await self._reads.drained()

    async def _claim(self, durability: str, waiting: Sequence[Waiting[Nonce, bool]]) -> None:
        new = await self._database.ask(
            _DURABLY if durability == "writes" else _LOOSELY,
            [w.item.key_id for w in waiting],
            [w.item.text for w in waiting],
            [w.item.usable_until for w in waiting],
        )
        _AFTER_COMMIT()
        fresh = set(new)
        for position, one in enumerate(waiting, start=1):
            one.succeed(position in fresh)
