"""Lends the connections of a pool: one at a time to whoever asks, and none after a limit of time.

Who holds a connection and waits for another of the same pool can wait for ever: as many of those as the pool has
connections stop a process for everybody. So nobody is let to. What runs below a loan gets the connection that was
reserved for it, or is refused at once as the fault of ours that it is.

Source: RELIABILITY.md R43.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import asyncpg

from openvest.db.faults import DOWN, TooBusy

if TYPE_CHECKING:
    from collections.abc import Coroutine

    Connection = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]

ACQUIRE_SECONDS = 10.0
"""How long anybody waits for a connection."""
RELEASE_SECONDS = 2.0
"""How long a connection may take to be fit for the next one; after that it is closed."""


class SecondConnection(RuntimeError):
    """A connection was asked for beside one that is held. A fault of ours."""


@dataclass(slots=True)
class Loan:
    """A connection in somebody's hands.

    `in_use`: a unit runs on it now; `reserved`: for one unit after the other; `back`: it was returned.
    """

    pool: Pool
    connection: Connection
    holder: asyncio.Task[Any] | None
    in_use: bool = True
    reserved: bool = False
    back: bool = False


_LOANS: ContextVar[tuple[Loan, ...]] = ContextVar("loans", default=())
"""What is held where this code runs. Tasks inherit it from whoever made them, and may be waited for by them."""


@dataclass(slots=True)
class Lender:
    """The loans of one pool.

    At most half of the connections may be reserved: a reservation lasts for many units, and the other half serves
    those of a single one.
    """

    pool: Pool
    acquire_seconds: float = ACQUIRE_SECONDS
    _reservable: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._reservable = asyncio.Semaphore(max(1, self.pool.get_max_size() // 2))

    async def borrow(self) -> Loan:
        """A connection for one unit: the reserved one where there is one. Raises: TooBusy, SecondConnection."""
        loan = self._held()
        if loan is None:
            return await self._take()
        if loan.in_use or loan.holder is not asyncio.current_task():
            raise SecondConnection("A connection was asked for by what holds one of the same pool.")
        loan.in_use = True
        return loan

    async def give_back(self, loan: Loan, *, broken_off: bool) -> None:
        """Return it, or leave it reserved. What was broken off may hang, and is not waited for without a limit."""
        if loan.reserved:
            loan.in_use = False
            return
        loan.back = True
        _LOANS.set(tuple(one for one in _LOANS.get() if one is not loan))
        with suppress(*DOWN):
            await self.pool.release(cast(Any, loan.connection), timeout=RELEASE_SECONDS if broken_off else None)

    @asynccontextmanager
    async def reserve(self) -> AsyncGenerator[Connection]:
        """A connection that every unit below runs on. Raises: TooBusy, SecondConnection."""
        if self._held() is not None:
            raise SecondConnection("A connection was to be reserved by what holds one of the same pool.")
        async with self._reservable:
            loan = await self._take()
            loan.reserved, loan.in_use = True, False
            try:
                yield loan.connection
            finally:
                loan.reserved = False
                await self.give_back(loan, broken_off=True)

    def _held(self) -> Loan | None:
        for loan in _LOANS.get():
            if loan.pool is self.pool and not loan.back:
                return loan
        return None

    async def _take(self) -> Loan:
        loan = Loan(self.pool, await self._acquire(), asyncio.current_task())
        _LOANS.set((*_LOANS.get(), loan))
        return loan

    async def _acquire(self) -> Connection:
        limit = asyncio.timeout(self.acquire_seconds)
        try:
            async with limit:
                return cast("Connection", await self.pool.acquire())
        except TimeoutError as error:
            if limit.expired():
                raise TooBusy(f"no connection came free in {self.acquire_seconds:g} s") from error
            raise


def apart(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task that nobody waits for with a connection in hand, so that it may ask for one of its own."""
    return asyncio.create_task(work, context=Context())
