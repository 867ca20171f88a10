"""The runner: which work is due for a tenant, in sets, until it is quiet.

There are no jobs. A sweep claims rows that are due (`SKIP LOCKED`), decides and writes them in one unit; an outbound
step leases, talks without a transaction, then records. For a live tenant several runners work side by side. A frozen
tenant is serial: one runner at a time, by a session lock, and every step takes the first sweep of the catalog that has
work, so the outcome does not depend on how many processes there are.

What does not come through is told apart by whose fault it is (`db.faults`). A row that cannot be decided is set aside,
alone. What the database, the machine or the outside did says nothing of the rows: the work is tried again as it is,
after a pause that grows.

Source: DOMAIN.md sections 2 and 5, ARCHITECTURE.md "Work".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from openvest.core.clock import monotonic_ns
from openvest.core.failpoints import failpoint
from openvest.db.closing import TenantClosed
from openvest.db.faults import DOWN, DatabaseDown, TooBusy, is_passing
from openvest.db.lending import SecondConnection
from openvest.db.query import Statement
from openvest.db.unit import Database, MustDrain, Unit
from openvest.declarations import DeadLetterKind, Outbound, Sweep
from openvest.ports import Ports
from openvest.work.dead_letters import add_dead_letter
from openvest.work.look import LookFailed, Work, look
from openvest.work.setbacks import Ear, Nobody, Setbacks, pause_after

_REST = Statement(
    "update clocks set dirty = false where tenant_id = $1 and (mode <> 'frozen' or plus_us(base, ticks) = $2)"
)
_SESSION_LOCK = "select pg_try_advisory_lock(hashtextextended('drain:' || $1::uuid::text, 0))"
_SESSION_UNLOCK = "select pg_advisory_unlock(hashtextextended('drain:' || $1::uuid::text, 0))"
_AFTER_CLAIM, _AFTER_WORK = failpoint("sweep.after_claim"), failpoint("sweep.before_events")
_IN_LEASE, _AFTER_LEASE = failpoint("outbound.in_lease"), failpoint("outbound.after_lease")
_AFTER_CALL, _IN_RECORD = failpoint("outbound.after_call"), failpoint("outbound.in_record")
_WAIT_S, _LONGEST_WAIT_S = 0.005, 0.1
_UNLOCK_S = 2.0
_DRAIN_PAUSES_S = (0.05, 2.0)
PATIENCE_S = 20.0
TURN_SECONDS = 10.0
"""How long anybody waits for a frozen tenant's turn: in this process, then until another process lets go of it."""
DRAIN_SECONDS = 15.0
"""How long a write waits until its frozen tenant is at rest, the turn not counted."""


class Stuck(Exception):
    """Work of a frozen tenant is due and does not come through; the text names the sweeps, the cause what stops them.

    Its rows are held and not let go of, or the database or the machine refuses it time and again.
    """


def _of_the_rows(error: BaseException) -> bool:
    """Whether what was raised says something of the rows at hand, so that the one to blame is looked for."""
    return not (is_passing(error) or isinstance(error, MustDrain | Stuck | SecondConnection | TenantClosed))


def _passing_or_raised(error: Exception) -> BaseException:
    """What stopped a drain, where it may go on later. Raises: it, where no waiting helps or the database is gone."""
    cause = (error.__cause__ or error) if isinstance(error, LookFailed) else error
    if isinstance(cause, DatabaseDown) or not is_passing(cause):
        raise cause
    return cause


async def _unlock(connection: Any, tenant_id: UUID) -> None:
    """Let go of a lock, or of the session that may hold it: another one's turn would never come."""
    try:
        async with asyncio.timeout(_UNLOCK_S):
            await connection.execute(_SESSION_UNLOCK, tenant_id)
    except BaseException as error:
        connection.terminate()
        if not isinstance(error, DOWN):
            raise


@dataclass(slots=True)
class Runner:
    """Runs the catalog's work. `ports` is what the composition root assembled; `ear` hears what does not come through.

    `dead_letter_kinds` say of each work by name what else its row knows when it is set aside. Units: `patience_s`, how
    many seconds a drain goes on without anything done.
    """

    database: Database
    works: Sequence[Work]
    ports: Ports
    dead_letter_kinds: Mapping[str, DeadLetterKind] = field(default_factory=dict[str, DeadLetterKind])
    ear: Ear = field(default_factory=Nobody)
    patience_s: float = PATIENCE_S
    turn_seconds: float = TURN_SECONDS
    _turns: dict[UUID, asyncio.Lock] = field(default_factory=dict[UUID, asyncio.Lock])
    _setbacks: Setbacks = field(default_factory=Setbacks)

    async def run_until_quiet(self, tenant_id: UUID, *, max_sets: int = 1_000) -> int:
        """Do all work of a live tenant that is due now and not put off. Returns the rows handled."""
        handled = 0
        with suppress(MustDrain):  # Its clock was frozen meanwhile: what is left is a drain's.
            for _ in range(max_sets):
                did = 0
                for work in await self._due_unless_put_off(tenant_id):
                    did += await self._try(work, tenant_id)
                handled += did
                if did == 0:
                    break
        return handled

    async def _due_unless_put_off(self, tenant_id: UUID) -> list[Work]:
        """Work whose being due cannot even be read is put off alone. Raises: DatabaseDown."""
        while True:
            asked = [work for work in self.works if not self._setbacks.rests(tenant_id, work.name)]
            try:
                return (await look(self.database, tenant_id, asked)).due_now(asked)
            except LookFailed as failed:
                self._put_off(failed.work, tenant_id, failed.__cause__ or failed)

    async def _try(self, work: Work, tenant_id: UUID) -> int:
        """One set of a live tenant, whose other work goes on when it fails. Raises: DatabaseDown."""
        try:
            did = await self._one_set(work, tenant_id, draining=False)
        except (MustDrain, TenantClosed):
            raise
        except DatabaseDown:
            # Told by whoever runs this; put off all the same, so that what follows in the catalog gets its turn.
            self._setbacks.add(tenant_id, work.name)
            raise
        except Exception as error:
            self._put_off(work, tenant_id, error)
            return 0
        self._setbacks.forget(tenant_id, work.name)
        return did

    def _put_off(self, work: Work, tenant_id: UUID, error: BaseException) -> None:
        self.ear.put_off(tenant_id, work.name, error, self._setbacks.add(tenant_id, work.name))

    async def drain(self, tenant_id: UUID, *, within_s: float | None = None) -> int:
        """Bring a frozen tenant to rest: no work due at its instant, the clock row clean. Returns the rows handled.

        Raises: TooBusy where its turn does not come, or where there is work for longer than `within_s`.
        """
        async with self.alone(tenant_id):
            return await self.drain_alone(tenant_id, within_s=within_s)

    async def drain_alone(self, tenant_id: UUID, *, within_s: float | None = None) -> int:
        """The same for a caller that already holds the tenant's session lock.

        What is due and cannot be claimed is held by a transaction of a process that died, or of a request: it is waited
        for, since the clock would pass over it. What the database refuses is tried again, and nothing else meanwhile:
        the order of the catalog is what makes a frozen tenant repeatable.
        Raises: Stuck where nothing is done for `patience_s`; DatabaseDown, TooBusy after `within_s`.
        """
        handled, failures, names = 0, 0, ""
        begun = since = monotonic_ns()
        while True:
            if within_s is not None and monotonic_ns() - begun > within_s * 1_000_000_000:
                raise TooBusy(f"the tenant did not come to rest in {within_s:g} s")
            did, refused = 0, None
            try:
                seen = await look(self.database, tenant_id, self.works)
                due = seen.due_now(self.works)
                names = ", ".join(work.name for work in due)
                did = await self._first_of(due, tenant_id)
                if not due and await self._rest(tenant_id, seen.now):
                    return handled
                moves = did > 0 or not due
            except Exception as error:
                moves, refused = False, _passing_or_raised(error)
                failures += 1
            handled += did
            if moves:
                failures, since = 0, monotonic_ns()
                continue
            if monotonic_ns() - since > self.patience_s * 1_000_000_000:
                raise Stuck(names) from refused
            await asyncio.sleep(_WAIT_S if refused is None else pause_after(failures, *_DRAIN_PAUSES_S))

    async def _first_of(self, due: Sequence[Work], tenant_id: UUID) -> int:
        for work in due:
            did = await self._one_set(work, tenant_id, draining=True)
            if did:
                return did
        return 0

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
        if isinstance(work, Outbound):
            return await self._outbound(work, tenant_id, draining)
        try:
            return await self._claim_and_work(work, tenant_id, draining, work.set_size)
        except Exception as error:
            if not _of_the_rows(error):
                raise
            # One row spoils its set: find it, set it aside, let the others pass.
            return await self._one_by_one(work, tenant_id, draining)

    async def _claim_and_work(
        self, work: Sweep, tenant_id: UUID, draining: bool, limit: int, claimed: list[UUID] | None = None
    ) -> int:
        """One unit. `claimed` is told of the rows that were claimed, also where the unit fails after that."""

        async def unit_of_work(unit: Unit) -> int:
            rows = await work.claim(unit, limit)
            if not rows:
                unit.abandon()
                return 0
            if claimed is not None:
                claimed[:] = [row.id for row in rows]
            _AFTER_CLAIM(work.name)
            decided = await work.work(unit, rows)
            _AFTER_WORK(work.name)
            return len(rows) if decided is None else decided

        n = 1 if work.writes_events else 0
        return await self.database.write(tenant_id, unit_of_work, n=n, cause=work.name, draining=draining, drains=False)

    async def _one_by_one(self, work: Sweep, tenant_id: UUID, draining: bool) -> int:
        """The same in units of one row each; a row whose unit cannot be ended, reactions included, is set aside.

        Raises: what was not the row's own fault, and what a claim raises, which says nothing of any row.
        """
        handled = 0
        for _ in range(work.set_size):
            claimed: list[UUID] = []
            try:
                did = await self._claim_and_work(work, tenant_id, draining, 1, claimed)
            except Exception as error:
                if not claimed or not _of_the_rows(error):
                    raise
                await self._add_dead_letter(work, tenant_id, claimed[0], error, draining)
                did = 1
            if did == 0:
                break
            handled += did
        return handled

    async def _add_dead_letter(
        self, work: Work, tenant_id: UUID, row_id: UUID, error: BaseException, draining: bool
    ) -> None:
        kind = self.dead_letter_kinds.get(work.name)
        tells = kind is not None and kind.told is not None

        async def write(unit: Unit) -> None:
            await add_dead_letter(unit, work.name, kind, row_id, error)

        cause = f"{work.name} set aside"
        await self.database.write(tenant_id, write, n=1 if tells else 0, cause=cause, draining=draining)
        self.ear.dead_letter(tenant_id, work.name, row_id, error)

    async def _outbound(self, work: Outbound, tenant_id: UUID, draining: bool) -> int:
        async def lease(unit: Unit) -> Sequence[Any]:
            rows = await work.lease(unit, work.set_size)
            if not rows:
                unit.abandon()
            else:
                _IN_LEASE(work.name)
            return rows

        rows = await self.database.write(tenant_id, lease, n=0)
        if not rows:
            return 0
        _AFTER_LEASE(work.name)
        try:
            await self._call_and_record(work, tenant_id, draining, rows)
        except Exception as error:
            if not _of_the_rows(error):
                raise
            # One row spoils its set: ask and record each apart, set the bad ones aside.
            for row in rows:
                try:
                    await self._call_and_record(work, tenant_id, draining, [row])
                except Exception as own:
                    if not _of_the_rows(own):
                        raise
                    await self._add_dead_letter(work, tenant_id, row.id, own, draining)
        return len(rows)

    async def _call_and_record(self, work: Outbound, tenant_id: UUID, draining: bool, rows: Sequence[Any]) -> None:
        """Ask the outside and keep what it said. What does not come through is left to the lease, which runs out."""
        said = await work.call(self.ports, rows)
        _AFTER_CALL(work.name)

        async def record(unit: Unit) -> None:
            await work.record(unit, rows, said)
            _IN_RECORD(work.name)

        n = 1 if work.writes_events else 0
        await self.database.write(tenant_id, record, n=n, cause=work.name, draining=draining, drains=False)

    async def next_due(self, tenant_id: UUID) -> datetime | None:
        """The earliest instant at which any work of this tenant is due. Raises: DatabaseDown, what a look fails at."""
        try:
            seen = await look(self.database, tenant_id, self.works)
        except LookFailed as failed:
            raise failed.__cause__ or failed from None
        return min(seen.due.values(), default=None)
