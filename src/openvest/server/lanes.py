"""Places at work: how many requests of one tenant, and of one client, a process holds at the same time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from openvest.core.problems import TooManyRequests
from openvest.db.faults import TooBusy


@dataclass(slots=True)
class _Lane:
    """A tenant's places, and how many are at them or wait."""

    places: asyncio.Semaphore
    users: int = 0


@dataclass(frozen=True, slots=True)
class Lanes:
    """Lets only so many requests of a tenant hold a connection; its others wait behind them and hold nothing.

    Why: whoever asks for a hundred long lists at once would have all the connections, and nobody else one.
    """

    places: int
    seconds: float = 10.0
    """How long a request waits for a place."""
    _lanes: dict[UUID, _Lane] = field(default_factory=dict[UUID, _Lane])

    @asynccontextmanager
    async def of(self, tenant_id: UUID) -> AsyncGenerator[None]:
        """Raises: TooBusy where no place comes free."""
        lane = self._lanes.setdefault(tenant_id, _Lane(asyncio.Semaphore(self.places)))
        lane.users += 1
        try:
            await self._place(lane)
            try:
                yield
            finally:
                lane.places.release()
        finally:
            lane.users -= 1
            if not lane.users:
                del self._lanes[tenant_id]

    async def _place(self, lane: _Lane) -> None:
        try:
            async with asyncio.timeout(self.seconds):
                await lane.places.acquire()
        except TimeoutError as error:
            raise TooBusy(f"no place among the tenant's requests came free in {self.seconds:g} s") from error


@dataclass(frozen=True, slots=True)
class InFlight:
    """Counts the requests of each client from when its credentials are proven until their answers are sent.

    Why not from when the client is named: whoever knows its id could take all its places.
    """

    most: int
    _under_way: Counter[UUID] = field(default_factory=Counter[UUID])

    def enter(self, client_id: UUID) -> None:
        """Raises: TooManyRequests."""
        under_way = self._under_way.get(client_id, 0)
        if under_way >= self.most:
            raise TooManyRequests(
                f"The client may have {self.most} requests under way at once; wait for their answers.",
                headers={"Retry-After": "1"},
            )
        self._under_way[client_id] = under_way + 1

    def leave(self, client_id: UUID) -> None:
        """An answer to one that has entered was sent, or there is nobody to send it to."""
        self._under_way[client_id] -= 1
        if not self._under_way[client_id]:
            del self._under_way[client_id]
