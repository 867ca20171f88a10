"""Waking the workers: within a process by an event, between processes by NOTIFY, and polling where both fail.

NOTIFY takes a lock of the whole database at its commit, so it never stands in a writing transaction: it follows in one
of its own, at most one per process in 20 ms, naming the tenants that have news. Nothing depends on a message arriving.

Source: PERFORMANCE.md "Waking"; DOMAIN.md section 3.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from openvest.db.faults import DOWN, is_passing
from openvest.db.lending import apart
from openvest.db.unit import Database

CHANNEL = "openvest_wake"
GAP_SECONDS = 0.02
_IDS_PER_MESSAGE = 200  # a message has less than 8,000 bytes
_AGAIN_SECONDS = 0.5
_CLOSE_SECONDS = 0.5
_NOTIFY = "select pg_notify($1, $2 || ' ' || message) from unnest($3::text[]) as message"


@dataclass(slots=True)
class Wake:
    """What one process knows of tenants with news. `announce` goes into `Database.committed`."""

    database: Database
    gap_seconds: float = GAP_SECONDS
    _own: str = field(default_factory=lambda: secrets.token_hex(8))
    _woken: set[UUID] = field(default_factory=set[UUID])
    _signal: asyncio.Event = field(default_factory=asyncio.Event)
    _to_tell: set[UUID] = field(default_factory=set[UUID])
    _telling: asyncio.Task[None] | None = None

    def announce(self, tenant_id: UUID) -> None:
        """A unit of this tenant that wrote events was committed in this process."""
        self._wake(tenant_id)
        self._to_tell.add(tenant_id)
        if self._telling is None or self._telling.done():
            self._telling = apart(self._tell())

    async def wait(self, seconds: float) -> set[UUID]:
        """The tenants that were woken since the last call; waits for the first, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._signal.wait()
        except TimeoutError:
            pass
        self._signal.clear()
        woken, self._woken = self._woken, set()
        return woken

    async def listen(self) -> None:
        """Hear what other processes announce, until cancelled. A lost connection is made again."""
        while True:
            try:
                await self._listen_once()
            except Exception as error:
                if not is_passing(error):
                    raise
            await asyncio.sleep(_AGAIN_SECONDS)

    async def close(self) -> None:
        """Let the last message go out, if it goes soon: whoever would have heard it polls."""
        if self._telling is not None:
            await asyncio.wait({self._telling}, timeout=_CLOSE_SECONDS)

    def _wake(self, tenant_id: UUID) -> None:
        self._woken.add(tenant_id)
        self._signal.set()

    async def _tell(self) -> None:
        while self._to_tell:
            ids = sorted(str(tenant_id) for tenant_id in self._to_tell)
            self._to_tell.clear()
            messages = [" ".join(ids[i : i + _IDS_PER_MESSAGE]) for i in range(0, len(ids), _IDS_PER_MESSAGE)]
            try:
                async with self.database.connection() as connection:
                    await connection.execute(_NOTIFY, CHANNEL, self._own, messages)
            except Exception as error:
                if not is_passing(error):
                    raise
                return  # whoever would have heard it polls
            await asyncio.sleep(self.gap_seconds)

    async def _listen_once(self) -> None:
        lost = asyncio.Event()

        def ended(_connection: Any) -> None:
            lost.set()

        async with self.database.connection() as connection:
            try:
                connection.add_termination_listener(ended)
                await connection.add_listener(CHANNEL, self._hear)
                await lost.wait()
            finally:
                # It listens, so it must not go back to the pool as an ordinary connection.
                with contextlib.suppress(*DOWN):
                    connection.terminate()

    def _hear(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        sender, *ids = str(payload).split()
        if sender == self._own:
            return
        for text in ids:
            self._wake(UUID(text))
