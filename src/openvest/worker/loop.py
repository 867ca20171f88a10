"""The worker: one loop per process that numbers news, does due work, packs and delivers, and keeps house.

Any number of workers may run side by side: numbering and draining hold locks, sweeps claim their rows, deliveries lease
their packages. What is done when follows three things: a wake that names the tenant, an appointment for what falls due
later, and every quarter of a second a look at the whole database for what nobody announced. A live tenant that nothing
is known of is looked at every two seconds, which also bounds how late a moved clock is noticed.

Source: ARCHITECTURE.md; DOMAIN.md sections 2 and 5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from openvest.core.clock import WireClock, monotonic_ns
from openvest.core.logs import Log
from openvest.db.faults import is_partly_down, is_unavailable
from openvest.db.unit import Database, DatabaseDown
from openvest.db.wake import Wake
from openvest.db.wire import measure
from openvest.events.sequencer import number_events, tenants_waiting
from openvest.features.tenants import service as tenants
from openvest.features.webhooks import service as webhooks
from openvest.work.clockwork import Clockwork
from openvest.work.runner import Runner
from openvest.worker.deliveries import Deliverer
from openvest.worker.housekeeping import keep_house
from openvest.worker.silent import LOOK_SECONDS, SilentSessions
from openvest.worker.tasks import TenantTasks

POLL_SECONDS = 0.25
IDLE_SECONDS = 2.0
HOUSE_SECONDS = 60
MEASURE_SECONDS = 10
SETS_IN_A_ROW = 20
"""After so many sets of its work a tenant lets others to its place."""
ADVANCE_SECONDS = 2
"""An advance is taken in slices of so long, so that a stop need not wait for a year."""
ADVANCING_AT_ONCE = 64
"""Tenants on their way. How many of them take a step at the same time is the clockwork's to say."""
STOP_SECONDS = 4
"""What is under way gets so long to end when the worker does. A delivery may last 10 s: one that takes longer than
this is left to its lease, and sent again."""
_SHORTEST_SECONDS = 0.02
_LONGEST_SECONDS = 3600.0


class LoopEnded(Exception):
    """A part of the worker that goes on for ever did not; the text names it."""


@dataclass(slots=True)
class Worker:
    """The parts of one worker. Put together by the composition root, which has set `database.committed`."""

    database: Database
    runner: Runner
    clockwork: Clockwork
    deliverer: Deliverer
    wake: Wake
    wire: WireClock
    log: Any = field(default_factory=lambda: Log(WireClock()))
    poll_seconds: float = POLL_SECONDS
    idle_seconds: float = IDLE_SECONDS
    numbering: TenantTasks = field(init=False)
    working: TenantTasks = field(init=False)
    draining: TenantTasks = field(init=False)
    advancing: TenantTasks = field(init=False)
    delivering: TenantTasks = field(init=False)
    silent: SilentSessions = field(init=False)

    def __post_init__(self) -> None:
        self.numbering = TenantTasks("numbering", self._number, 2, self.log)
        self.working = TenantTasks("working", self._work, 3, self.log)
        self.draining = TenantTasks("draining", self._drain, 2, self.log)
        self.advancing = TenantTasks("advancing", self._advance, ADVANCING_AT_ONCE, self.log)
        self.delivering = TenantTasks("delivering", self._deliver, 2, self.log)
        self.deliverer.ready = self.delivering.poke_in
        self.silent = SilentSessions(self.database)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop, then end what was begun. Errors are logged and never end it.

        Raises: LoopEnded where a part of it ended all the same: a worker that looks no more would seem healthy.
        """
        background = [
            asyncio.create_task(self.wake.listen(), name="listen"),
            asyncio.create_task(self._poll(), name="poll"),
            asyncio.create_task(self._wait_for_wakes(), name="wakes"),
            asyncio.create_task(self._every(HOUSE_SECONDS, self._keep_house), name="house"),
            asyncio.create_task(self._every(MEASURE_SECONDS, self._measure), name="measure"),
            asyncio.create_task(self._every(LOOK_SECONDS, self._end_silent), name="silent"),
        ]
        asked = asyncio.create_task(stop.wait(), name="asked to stop")
        try:
            ended, _ = await asyncio.wait([asked, *background], return_when=asyncio.FIRST_COMPLETED)
            for task in ended - {asked}:
                raise LoopEnded(task.get_name()) from (None if task.cancelled() else task.exception())
        finally:
            for task in (asked, *background):
                task.cancel()
            await asyncio.gather(asked, *background, return_exceptions=True)
            begun = monotonic_ns()
            await asyncio.gather(
                self.numbering.finish(STOP_SECONDS),
                self.working.finish(STOP_SECONDS),
                self.draining.finish(STOP_SECONDS),
                self.advancing.finish(STOP_SECONDS),
                self.delivering.finish(STOP_SECONDS),
            )
            await self.deliverer.finish(max(0.0, STOP_SECONDS - (monotonic_ns() - begun) / 1_000_000_000))
            await self.wake.close()

    async def _wait_for_wakes(self) -> None:
        while True:
            for tenant_id in await self.wake.wait(_LONGEST_SECONDS):
                self.numbering.poke(tenant_id)
                self.working.poke(tenant_id)

    async def _poll(self) -> None:
        await self._every(self.poll_seconds, self._look)

    async def _look(self) -> None:
        try:
            clocks = await tenants.all_clocks(self.database)
            closed = {clock.tenant_id for clock in clocks if clock.closed}
            for tenant_id in set(await tenants_waiting(self.database)) - closed:
                self.numbering.poke(tenant_id)
            for tenant_id in set(await webhooks.waiting_tenants(self.database)) - closed:
                self.delivering.poke(tenant_id)
            for clock in clocks:
                if clock.closed:
                    continue
                moving = clock.advancing or (clock.frozen and clock.dirty)
                if moving or not (clock.frozen or self.working.has_appointment(clock.tenant_id)):
                    self.working.poke(clock.tenant_id)
        except DatabaseDown as error:
            if not is_partly_down(error):
                raise
            await self._look_at_each()

    async def _look_at_each(self) -> None:
        """Let every tenant be asked by itself: a machine is gone, and whose tenants are there goes on."""
        for tenant in await tenants.all_tenants(self.database):
            for tasks in (self.numbering, self.delivering, self.working):
                tasks.poke(tenant.tenant_id)
        await asyncio.sleep(self.idle_seconds)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        down = False
        while True:
            try:
                await work()
                down = False
            except DatabaseDown as error:
                if not down:
                    self.log.warning("worker.database_down", error=error)
                down = True
            except Exception as error:
                log, event = (
                    (self.log.warning, "work.put_off") if is_unavailable(error) else (self.log.error, "worker.fault")
                )
                log(event, work=work.__name__.strip("_"), error=error)
            await asyncio.sleep(seconds)

    async def _number(self, tenant_id: UUID) -> None:
        if await number_events(self.database, tenant_id):
            self.delivering.poke(tenant_id)

    async def _work(self, tenant_id: UUID) -> None:
        """All that is due for a tenant now; for a live one also an appointment for what falls due next.

        Why an advance is not done here, nor what a clock that stands still waits for: the one takes as long as there
        are years, the other as long as somebody else is at it, and those whose clock runs wait for these few places.
        """
        state = await self.clockwork.show(tenant_id)
        if state.target is not None:
            self.advancing.poke(tenant_id)
        elif state.mode == "frozen":
            self.draining.poke(tenant_id)
        else:
            handled = await self.runner.run_until_quiet(tenant_id, max_sets=SETS_IN_A_ROW)
            due = await self.runner.next_due(tenant_id)
            now = (await self.clockwork.show(tenant_id)).now
            wait = self.idle_seconds if due is None else (due - now) / timedelta(seconds=1)
            if handled and wait <= 0:
                self.working.poke(tenant_id)  # there is more, behind those who wait for this place
                return
            self.working.poke_in(tenant_id, min(max(wait, self.poll_seconds), self.idle_seconds))

    async def _drain(self, tenant_id: UUID) -> None:
        await self.runner.drain(tenant_id)

    async def _advance(self, tenant_id: UUID) -> None:
        state = await self.clockwork.advance(tenant_id, wait_s=ADVANCE_SECONDS, in_line=True)
        (self.working if state.done else self.advancing).poke(tenant_id)

    async def _deliver(self, tenant_id: UUID) -> None:
        look_in = await self.deliverer.start(tenant_id)
        if look_in is not None:
            seconds = look_in / timedelta(seconds=1)
            self.delivering.poke_in(tenant_id, min(max(seconds, _SHORTEST_SECONDS), _LONGEST_SECONDS))

    async def _keep_house(self) -> None:
        await keep_house(self.database, self.log)

    async def _end_silent(self) -> None:
        for pid in await self.silent.end():
            self.log.warning("worker.silent_session_ended", pid=pid)

    async def _measure(self) -> None:
        await measure(self.database, self.wire)
