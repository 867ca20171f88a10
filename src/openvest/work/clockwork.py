"""Moving a sandbox's business time: show, freeze, thaw, advance.

An advance is state, not a job: the target is stored and committed, then the clock goes from due instant to due instant,
each brought to rest before the next. A crash resumes at the instant reached; requests are served between two instants.
While there is a target the clock keeps its mode, and only who has reached the target takes it away: one that was set
meanwhile is later and stays.

Source: DOMAIN.md section 2 "Advance".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from openvest.core.clock import instant
from openvest.core.failpoints import failpoint
from openvest.core.problems import Conflict, Unprocessable
from openvest.core.trading_calendar import is_covered
from openvest.db.faults import TooBusy
from openvest.db.query import Query, Statement
from openvest.db.unit import Unit
from openvest.work.runner import Runner

MICROSECOND = timedelta(microseconds=1)
STEPS_AT_ONCE = 2
"""Advancing tenants that one process moves from one instant to the next at the same time; the others take turns."""
STEP_SECONDS = 6.0
"""One step holds its place no longer; what is still due at its instant goes on in the next one. A little longer than a
worker's patience with rows that somebody holds, which it tells of."""
_WAIT_S = 0.02
_AFTER_TARGET, _BETWEEN_STEPS = failpoint("clock.after_target"), failpoint("clock.between_steps")
_BEFORE_MOVE = failpoint("clock.before_move")


class ClockBackward(Unprocessable):
    """Business time never goes back."""


class ClockBeyond(Unprocessable):
    """The target lies outside the trading calendars this version ships."""


class ClockMoves(Conflict):
    """An advance is under way."""


class NotASandbox(Unprocessable):
    """A production tenant lives in wall time."""


@dataclass(frozen=True, slots=True)
class ClockRow:
    """A tenant's clock as stored, and the instant it shows."""

    mode: str
    base: datetime
    ticks: int
    advance_to: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class ClockState:
    """What the clock endpoints answer. `target` is where an advance under way leads."""

    mode: str
    now: datetime
    target: datetime | None
    done: bool
    handled: int = 0
    steps: int = 0


_CLOCK = Query(
    ClockRow,
    "select mode, base, ticks, advance_to,"
    " case mode when 'frozen' then plus_us(base, ticks)"
    " when 'live' then plus_us(wire_now(), offset_us) else wire_now() end as now"
    " from clocks where tenant_id = $1",
)
_MODE_FOR_UPDATE = Query(str, "select mode from clocks where tenant_id = $1 for update")
_TARGET = Statement("update clocks set advance_to = $2 where tenant_id = $1")
_ARRIVED = Statement("update clocks set advance_to = null where tenant_id = $1 and advance_to = $2")
_SET_FROZEN = Statement(
    "update clocks set base = $2, ticks = 0, dirty = true where tenant_id = $1 and plus_us(base, ticks) < $2"
)
_SET_LIVE = Statement(
    "update clocks set offset_us ="
    " greatest(offset_us, (extract(epoch from $2::timestamptz - wire_now()) * 1000000)::bigint)"
    " where tenant_id = $1"
)
_FREEZE = Statement(
    "update clocks set mode = 'frozen', base = plus_us(wire_now(), offset_us), ticks = 0,"
    " dirty = true where tenant_id = $1 and mode = 'live'"
)
_THAW = Statement(
    "update clocks set mode = 'live', dirty = false, offset_us = (extract(epoch from"
    " plus_us(base, ticks) - wire_now()) * 1000000)::bigint where tenant_id = $1 and mode = 'frozen'"
)


@dataclass(slots=True)
class Clockwork:
    """The clock of each tenant, over the runner that brings it to rest.

    Why so few steps of advances at once, whoever asked for them: each holds two connections and keeps the database
    busy, and those whose clock stands or runs need both for their own work.
    """

    runner: Runner
    _steps: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(STEPS_AT_ONCE))
    _turns: dict[UUID, asyncio.Lock] = field(default_factory=dict[UUID, asyncio.Lock])

    async def show(self, tenant_id: UUID) -> ClockState:
        row = await self._row(tenant_id)
        return ClockState(row.mode, row.now, row.advance_to, row.advance_to is None)

    async def freeze(self, tenant_id: UUID) -> ClockState:
        """Stand still at the present instant. Raises: NotASandbox, ClockMoves."""
        return await self._switch(tenant_id, _FREEZE)

    async def thaw(self, tenant_id: UUID) -> ClockState:
        """Run on from the instant shown. Raises: NotASandbox, ClockMoves."""
        return await self._switch(tenant_id, _THAW)

    async def set_target(self, tenant_id: UUID, choose: Callable[[ClockRow], datetime]) -> datetime:
        """Store where the clock is to go. `choose` gets the clock under its lock and gives the target.

        Raises: NotASandbox, ClockBackward, ClockBeyond, and what choose raises.
        """

        async def work(unit: Unit) -> datetime:
            await unit.one(_MODE_FOR_UPDATE, tenant_id)
            row = await unit.one(_CLOCK, tenant_id)
            if row.mode == "wall":
                raise NotASandbox("The clock of a production tenant cannot be moved.")
            target = choose(row)
            if target < row.now and not (row.mode == "frozen" and target >= row.base):
                raise ClockBackward("Business time never goes back; give an instant after the present one.")
            if not is_covered(target.astimezone(UTC).date()):
                raise ClockBeyond("The trading calendars end in 2040; give an earlier instant.")
            if row.advance_to is not None and target < row.advance_to:
                raise ClockBackward("An advance to a later instant is under way; wait for it to end.")
            await unit.run(_TARGET, tenant_id, target)
            return target

        target = await self.runner.database.write(tenant_id, work, n=0)
        _AFTER_TARGET()
        return target

    async def advance(
        self, tenant_id: UUID, *, to: datetime | None = None, wait_s: float | None = 30, in_line: bool = False
    ) -> ClockState:
        """Go towards the stored target, at most `wait_s` seconds of wire time; no further than where `to` is reached.

        Those seconds are also the longest wait for a turn, unless the caller stays `in_line`, however long that is.
        Where the turn does not come, whoever has it goes there: the target is stored. Raises: nothing of its own.
        """
        loop, handled, steps = asyncio.get_running_loop(), 0, 0
        deadline = None if wait_s is None else loop.time() + wait_s
        # The first turn is waited for by whoever has no time, too; one that is free comes at once.
        latest = None if in_line or deadline is None else max(deadline, loop.time() + 1)
        arrived = False
        while not arrived and (deadline is None or not steps or loop.time() < deadline):
            limit = asyncio.timeout_at(latest)
            try:
                async with AsyncExitStack() as place:
                    async with limit:
                        await place.enter_async_context(self._turns.setdefault(tenant_id, asyncio.Lock()))
                        await place.enter_async_context(self._steps)
                        await place.enter_async_context(self.runner.alone(tenant_id))
                    row = await self._row(tenant_id)
                    if row.advance_to is None or (to is not None and to < row.advance_to and to <= row.now):
                        break
                    did, arrived = await self._one_instant(tenant_id, row, row.advance_to)
                    handled, steps = handled + did, steps + 1
                    _BETWEEN_STEPS()
            except TooBusy:
                if in_line or (deadline is not None and loop.time() >= deadline):
                    break
            except TimeoutError:
                if limit.expired():
                    break
                raise
        state = await self.show(tenant_id)
        return ClockState(state.mode, state.now, state.target, state.done, handled, steps)

    async def _one_instant(self, tenant_id: UUID, row: ClockRow, target: datetime) -> tuple[int, bool]:
        """Bring the present instant to rest, then go to the next due one, or to the target where none is before it."""
        handled = await self._rest(tenant_id, row.mode)
        due = await self.runner.next_due(tenant_id)
        arrived = due is None or due > target
        if due is not None and due <= row.now and not handled:
            # On a live clock others work too: what they hold is waited for.
            await asyncio.sleep(_WAIT_S)
        _BEFORE_MOVE()
        await self._set(tenant_id, target if arrived or due is None else due, arrived)
        if arrived:
            handled += await self._rest(tenant_id, row.mode)
        return handled, arrived

    async def _rest(self, tenant_id: UUID, mode: str) -> int:
        if mode == "frozen":
            return await self.runner.drain_alone(tenant_id, within_s=STEP_SECONDS)
        return await self.runner.run_until_quiet(tenant_id)

    async def _set(self, tenant_id: UUID, at: datetime, arrived: bool) -> None:
        async def work(unit: Unit) -> None:
            mode = await unit.one(_MODE_FOR_UPDATE, tenant_id)
            await unit.run(_SET_FROZEN if mode == "frozen" else _SET_LIVE, tenant_id, at)
            if arrived:
                await unit.run(_ARRIVED, tenant_id, at)

        await self.runner.database.write(tenant_id, work, n=0)

    async def _row(self, tenant_id: UUID) -> ClockRow:
        async def look(unit: Unit) -> ClockRow:
            return await unit.one(_CLOCK, tenant_id)

        return await self.runner.database.read(tenant_id, look)

    async def _switch(self, tenant_id: UUID, statement: Statement) -> ClockState:
        async def work(unit: Unit) -> None:
            if await unit.one(_MODE_FOR_UPDATE, tenant_id) == "wall":
                raise NotASandbox("The clock of a production tenant cannot be moved.")
            target = (await unit.one(_CLOCK, tenant_id)).advance_to
            if target is not None:
                raise ClockMoves(f"An advance to {instant(target)} is under way; freeze or thaw once it has arrived.")
            await unit.run(statement, tenant_id)

        await self.runner.database.write(tenant_id, work, n=0)
        return await self.show(tenant_id)
