"""The runner: which work is due for a tenant, in sets, until it is quiet.

There are no jobs. A sweep claims rows that are due (`SKIP LOCKED`), decides and writes them in one unit; an outward
step leases, talks without a transaction, then records. For a live tenant several runners work side by side. A frozen
tenant is serial: one runner at a time, by a session lock, and every step takes the first sweep of the catalog that has
work, so the outcome does not depend on how many processes there are.

Source: DOMAIN.md sections 2 and 5, ARCHITECTURE.md "A sweep".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from openvest.core.clock import monotonic_ns
from openvest.core.declarations import Outward, Sweep
from openvest.core.failpoints import failpoint
from openvest.db.faults import AGAIN, DOWN, TooBusy
from openvest.db.query import Statement
from openvest.db.unit import Database, DatabaseDown, Unit

Work = Sweep | Outward

_SET_ASIDE = Statement(
    "insert into set_aside (tenant_id, sweep, row_id, error, created_at)"
    " values ($1, $2, $3, $4, $5) on conflict do nothing"
)
_REST = Statement(
    "update clocks set dirty = false"
    " where tenant_id = $1 and (mode <> 'frozen' or base + ticks * interval '1 microsecond' = $2)"
)
_SESSION_LOCK = "select pg_try_advisory_lock(hashtextextended('drain:' || $1::uuid::text, 0))"
_SESSION_UNLOCK = "select pg_advisory_unlock(hashtextextended('drain:' || $1::uuid::text, 0))"
_AFTER_CLAIM, _AFTER_WORK = failpoint("sweep.after_claim"), failpoint("sweep.before_events")
_AFTER_LEASE, _AFTER_TALK = failpoint("outward.after_lease"), failpoint("outward.after_talk")
_WAIT_S, _LONGEST_WAIT_S = 0.005, 0.1
_UNLOCK_S = 2.0
_STUCK_S = 20.0
TURN_SECONDS = 10.0
"""How long anybody waits for a frozen tenant's turn: in this process, then until another process lets go of it."""
DRAIN_SECONDS = 15.0
"""How long a write waits until its frozen tenant is at rest, the turn not counted."""


class RecordFailed(Exception):
    """What the outside said could not be written; the cause is the exception that stopped it."""


class Stuck(Exception):
    """Work of a frozen tenant is due, but its rows are held and not let go of; the text names the sweeps."""


async def _unlock(connection: Any, tenant_id: UUID) -> None:
    """Let go of a lock, or of the session that may hold it: another one's turn would never come."""
    try:
        async with asyncio.timeout(_UNLOCK_S):
            await connection.execute(_SESSION_UNLOCK, tenant_id)
    except BaseException as error:
        connection.terminate()
        if not isinstance(error, DOWN):
            raise


def _ignore(sweep: str, row_id: UUID, error: BaseException) -> None:
    """Nobody listens."""


@dataclass(slots=True)
class Runner:
    """Runs the catalog's work. `ports` is what the composition root assembled; `failed` hears of rows set aside."""

    database: Database
    works: Sequence[Work]
    ports: Any
    failed: Callable[[str, UUID, BaseException], None] = _ignore
    turn_seconds: float = TURN_SECONDS
    _turns: dict[UUID, asyncio.Lock] = field(default_factory=dict[UUID, asyncio.Lock])

    async def run_until_quiet(self, tenant_id: UUID, *, max_sets: int = 1_000) -> int:
        """Do all work of a live tenant that is due now. Returns the rows handled."""
        handled = 0
        for _ in range(max_sets):
            did = 0
            for work in (await self._due(tenant_id))[0]:
                did += await self._one_set(work, tenant_id, draining=False)
            handled += did
            if did == 0:
                break
        return handled

    async def drain(self, tenant_id: UUID, *, within_s: float | None = None) -> int:
        """Bring a frozen tenant to rest: no work due at its instant, the clock row clean. Returns the rows handled.

        Raises: TooBusy where its turn does not come, or where there is work for longer than `within_s`.
        """
        async with self.alone(tenant_id):
            return await self.drain_alone(tenant_id, within_s=within_s)

    async def drain_alone(self, tenant_id: UUID, *, within_s: float | None = None) -> int:
        """The same for a caller that already holds the tenant's session lock.

        What is due and cannot be claimed is held by a transaction of a process that died, or of a request: it is waited
        for, since the clock would pass over it. Raises: Stuck where it is held too long, TooBusy.
        """
        handled, waited, begun = 0, 0.0, monotonic_ns()
        while True:
            if within_s is not None and monotonic_ns() - begun > within_s * 1_000_000_000:
                raise TooBusy(f"the tenant did not come to rest in {within_s:g} s")
            due, seen_at = await self._due(tenant_id)
            did = await self._first_of(due, tenant_id)
            handled += did
            if did:
                waited = 0.0
            elif due:
                if waited > _STUCK_S:
                    raise Stuck(", ".join(work.name for work in due))
                await asyncio.sleep(_WAIT_S)
                waited += _WAIT_S
            elif await self._rest(tenant_id, seen_at):
                return handled

    async def _first_of(self, due: Sequence[Work], tenant_id: UUID) -> int:
        for work in due:
            did = await self._one_set(work, tenant_id, draining=True)
            if did:
                return did
        return 0

    async def _due(self, tenant_id: UUID) -> tuple[list[Work], datetime]:
        """What is due now, in catalog order, read in one transaction; and the instant that is."""

        async def look(unit: Unit) -> tuple[list[Work], datetime]:
            due: list[Work] = []
            for work in self.works:
                at: datetime | None = await work.next_due(unit)
                if at is not None and at <= unit.now:
                    due.append(work)
            return due, unit.now

        return await self.database.read(tenant_id, look)

    async def _rest(self, tenant_id: UUID, seen_at: datetime) -> bool:
        """Mark the clock clean, unless it has ticked since nothing was found due.

        Why the comparison: a drain of a clock that is clean already holds back no write, so one may have slipped in.
        """

        async def work(unit: Unit) -> bool:
            return await unit.run(_REST, tenant_id, seen_at) == 1

        return await self.database.write(tenant_id, work, n=0)

    @asynccontextmanager
    async def alone(self, tenant_id: UUID) -> AsyncGenerator[None]:
        """Hold the tenant's drain lock on one connection, which all units below run on. Raises: TooBusy.

        Why that connection: what is done under a lock is lost with it, and who holds one asks for no other. While
        another process has the lock it is waited for with nothing in hand.
        """
        limit = asyncio.timeout(self.turn_seconds)
        async with AsyncExitStack() as held:
            try:
                async with limit:
                    await held.enter_async_context(self._turns.setdefault(tenant_id, asyncio.Lock()))
                    wait = _WAIT_S
                    while not await self._take_lock(held, tenant_id):
                        await asyncio.sleep(wait)
                        wait = min(wait * 2, _LONGEST_WAIT_S)
            except TimeoutError as error:
                if limit.expired():
                    raise TooBusy(f"the tenant's turn did not come in {self.turn_seconds:g} s") from error
                raise
            yield

    async def _take_lock(self, held: AsyncExitStack, tenant_id: UUID) -> bool:
        """Reserve a connection and lock on it; where another process has the lock nothing is kept."""
        async with AsyncExitStack() as attempt:
            connection = await attempt.enter_async_context(self.database.reserved())
            try:
                locked = await connection.fetchval(_SESSION_LOCK, tenant_id)
            except BaseException:
                # A question that is broken off may have been answered, and the lock outlives it.
                connection.terminate()
                raise
            if not locked:
                return False
            attempt.push_async_callback(_unlock, connection, tenant_id)
            held.push_async_exit(attempt.pop_all())
            return True

    async def _one_set(self, work: Work, tenant_id: UUID, *, draining: bool) -> int:
        if isinstance(work, Outward):
            return await self._outward(work, tenant_id, draining)
        try:
            return await self._claim_and_work(work, tenant_id, draining, work.set_size)
        except (DatabaseDown, asyncio.CancelledError):
            raise
        except Exception:  # one row spoils its set: find it, set it aside, let the others pass
            return await self._one_by_one(work, tenant_id, draining)

    async def _claim_and_work(self, work: Sweep, tenant_id: UUID, draining: bool, limit: int) -> int:
        async def unit_of_work(unit: Unit) -> int:
            rows = await work.claim(unit, limit)
            if not rows:
                unit.abandon()
                return 0
            _AFTER_CLAIM()
            await work.work(unit, rows)
            _AFTER_WORK()
            return len(rows)

        n = 1 if work.writes_events else 0
        return await self.database.write(tenant_id, unit_of_work, n=n, cause=work.name, draining=draining)

    async def _one_by_one(self, work: Sweep, tenant_id: UUID, draining: bool) -> int:
        bad: list[tuple[UUID, BaseException]] = []

        async def unit_of_work(unit: Unit) -> int:
            rows = await work.claim(unit, 1)
            if not rows:
                unit.abandon()
                return 0
            try:
                await work.work(unit, rows)
            except (asyncio.CancelledError, *DOWN, *AGAIN):
                raise
            except Exception as error:
                bad[:] = [(rows[0].id, error)]
                raise
            return 1

        n = 1 if work.writes_events else 0
        handled = 0
        for _ in range(work.set_size):
            try:
                did = await self.database.write(tenant_id, unit_of_work, n=n, cause=work.name, draining=draining)
            except Exception:
                if not bad:
                    raise
                row_id, error = bad.pop()
                await self._set_aside(work.name, tenant_id, row_id, error)
                did = 1
            if did == 0:
                break
            handled += did
        return handled

    async def _set_aside(self, sweep: str, tenant_id: UUID, row_id: UUID, error: BaseException) -> None:
        async def work(unit: Unit) -> int:
            # The first line only: what follows may quote the row, and rows hold personal data.
            text = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"[:2_000]
            return await unit.run(_SET_ASIDE, tenant_id, sweep, row_id, text, unit.now)

        await self.database.write(tenant_id, work, n=0)
        self.failed(sweep, row_id, error)

    async def _outward(self, work: Outward, tenant_id: UUID, draining: bool) -> int:
        async def lease(unit: Unit) -> Sequence[Any]:
            rows = await work.lease(unit, work.set_size)
            if not rows:
                unit.abandon()
            return rows

        rows = await self.database.write(tenant_id, lease, n=0)
        if not rows:
            return 0
        _AFTER_LEASE()
        try:
            await self._talk_and_record(work, tenant_id, draining, rows)
        except (DatabaseDown, asyncio.CancelledError):
            raise
        except RecordFailed:  # one row spoils its set: record each apart, set the bad ones aside
            for row in rows:
                try:
                    await self._talk_and_record(work, tenant_id, draining, [row])
                except RecordFailed as error:
                    await self._set_aside(work.name, tenant_id, row.id, error.__cause__ or error)
        return len(rows)

    async def _talk_and_record(self, work: Outward, tenant_id: UUID, draining: bool, rows: Sequence[Any]) -> None:
        """Ask the outside and keep what it said. What talking raises is left to the lease, which runs out."""
        said = await work.talk(self.ports, rows)
        _AFTER_TALK()

        async def record(unit: Unit) -> None:
            await work.record(unit, rows, said)

        n = 1 if work.writes_events else 0
        try:
            await self.database.write(tenant_id, record, n=n, cause=work.name, draining=draining)
        except (DatabaseDown, asyncio.CancelledError):
            raise
        except Exception as error:
            raise RecordFailed(work.name) from error

    async def next_due(self, tenant_id: UUID) -> datetime | None:
        """The earliest instant at which any work of this tenant is due."""

        async def look(unit: Unit) -> datetime | None:
            instants = [await work.next_due(unit) for work in self.works]
            return min((at for at in instants if at is not None), default=None)

        return await self.database.read(tenant_id, look)
