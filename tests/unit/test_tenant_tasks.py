"""Tenants that fail wait without holding a place that others need."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest

from openvest.core.clock import WireClock
from openvest.core.ids import deterministic_id
from openvest.core.logs import Log
from openvest.work.runner import Stuck
from openvest.worker import tasks as tasks_module
from openvest.worker.tasks import TenantTasks

pytestmark = pytest.mark.anyio


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.005)


async def test_a_tenant_that_fails_waits_outside_and_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[int] = []

    def pause_after(times: int) -> float:
        waits.append(times)
        return 0.02 if len(waits) < 4 else 3600

    monkeypatch.setattr(tasks_module, "pause_after", pause_after)
    failing, sound = deterministic_id("failing"), deterministic_id("sound")
    done: list[UUID] = []

    async def work(tenant_id: UUID) -> None:
        if tenant_id == failing:
            raise Stuck("orders.check")
        done.append(tenant_id)

    tasks = TenantTasks("things", work, 1, Log(WireClock()))
    for expected in (1, 2, 3):
        tasks.poke(failing)
        await until(lambda expected=expected: len(waits) == expected and not tasks.has_appointment(failing))
    tasks.poke(failing)
    await until(lambda: len(waits) == 4)
    tasks.poke(sound)
    await until(lambda: done == [sound])
    assert waits == [1, 2, 3, 4] and tasks.has_appointment(failing)
    async with asyncio.timeout(1):
        await tasks.finish(60)  # nobody waits for what only waits
