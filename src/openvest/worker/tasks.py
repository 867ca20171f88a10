"""One kind of work, at most one task per tenant, a few tenants at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from openvest.db.closing import TenantClosed
from openvest.db.faults import DatabaseDown, TooBusy, is_unavailable
from openvest.work.runner import Stuck
from openvest.work.setbacks import pause_after

CANCEL_SECONDS = 1
"""How long a cancelled task is waited for: one that asks a server that hangs takes its time."""


class TenantTasks:
    """Runs `work(tenant)` when poked; a poke during a run means one more run. Errors are logged and end nothing.

    After an error the tenant waits, longer after each further one, and holds no place while it does: other tenants go
    on. A database that is gone is gone for all, and is asked again at the same short interval.
    """

    def __init__(self, name: str, work: Callable[[UUID], Awaitable[None]], at_once: int, log: Any) -> None:
        self._name = name
        self._work = work
        self._slots = asyncio.Semaphore(at_once)
        self._log = log
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._again: set[UUID] = set()
        self._timers: dict[UUID, tuple[float, asyncio.TimerHandle]] = {}
        self._failures: dict[UUID, int] = {}
        self._closed = False
        self._closing = asyncio.Event()

    def poke(self, tenant_id: UUID) -> None:
        """There is work for this tenant now, or there may be."""
        timer = self._timers.pop(tenant_id, None)
        if timer is not None:
            timer[1].cancel()
        if self._closed:
            return
        if tenant_id in self._running:
            self._again.add(tenant_id)
        else:
            self._running[tenant_id] = asyncio.create_task(self._run(tenant_id), name=f"{self._name} {tenant_id}")

    def poke_in(self, tenant_id: UUID, seconds: float) -> None:
        """There will be work then; an earlier appointment stands."""
        if self._closed:
            return
        if seconds <= 0:
            self.poke(tenant_id)
            return
        loop = asyncio.get_running_loop()
        moment = loop.time() + seconds
        known = self._timers.get(tenant_id)
        if known is not None:
            if known[0] <= moment:
                return
            known[1].cancel()
        self._timers[tenant_id] = (moment, loop.call_at(moment, self.poke, tenant_id))

    def has_appointment(self, tenant_id: UUID) -> bool:
        """Whether this tenant is being worked for, or will be."""
        return tenant_id in self._running or tenant_id in self._timers

    async def finish(self, seconds: float) -> None:
        """Take nothing new, let what runs come to its end, cancel what does not."""
        self._closed = True
        self._closing.set()
        for _, timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        tasks = list(self._running.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=CANCEL_SECONDS)

    async def _run(self, tenant_id: UUID) -> None:
        try:
            while True:
                self._again.discard(tenant_id)
                async with self._slots:
                    seconds = await self._guarded(tenant_id)
                if seconds:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(seconds):
                            await self._closing.wait()
                if self._closed or tenant_id not in self._again:
                    return
        finally:
            del self._running[tenant_id]

    async def _guarded(self, tenant_id: UUID) -> float:
        """One run. Returns for how many seconds the tenant is to wait now."""
        try:
            await self._work(tenant_id)
        except DatabaseDown as error:
            event = "worker.busy" if isinstance(error, TooBusy) else "worker.database_down"
            self._log.warning(event, work=self._name, error=error)
            return pause_after(1)
        except TenantClosed:
            return 0  # while it was on its way here; nobody looks for more
        except Stuck as error:
            self._log.warning("work.stuck", work=self._name, tenant=str(tenant_id), waits_for=str(error))
        except Exception as error:
            unavailable = is_unavailable(error)
            log, event = (self._log.warning, "work.put_off") if unavailable else (self._log.error, "worker.fault")
            log(event, work=self._name, tenant=str(tenant_id), error=error)
        else:
            self._failures.pop(tenant_id, None)
            return 0
        self._failures[tenant_id] = self._failures.get(tenant_id, 0) + 1
        return pause_after(self._failures[tenant_id])
