"""Work that is done together: who gets a runner, and that nothing that was queued is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from openvest.server.queues import Batcher, Waiting

pytestmark = pytest.mark.anyio


class Runs:
    """The runs of a batcher, each of which lasts until it is let go."""

    def __init__(self, runners: int = 2, size: int = 200, crowd: int = 4, slow_seconds: float = 60) -> None:
        self.batcher: Batcher[str, int, int] = Batcher(self._run, runners, size, crowd, slow_seconds)
        self.begun: list[tuple[str, int]] = []
        self._gates: list[asyncio.Event] = []

    async def _run(self, key: str, waiting: Sequence[Waiting[int, int]]) -> None:
        self.begun.append((key, len(waiting)))
        gate = asyncio.Event()
        self._gates.append(gate)
        await gate.wait()
        for one in waiting:
            one.succeed(-one.item)

    async def queue(self, key: str, count: int) -> list[asyncio.Future[int]]:
        futures = [self.batcher.submit(key, number) for number in range(count)]
        await settled()
        return futures

    async def end(self, number: int) -> None:
        self._gates[number].set()
        await settled()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_lone_item_is_run_at_once() -> None:
    runs = Runs()
    await runs.queue("a", 1)
    assert runs.begun == [("a", 1)]


async def test_a_few_wait_for_the_run_of_their_key() -> None:
    runs = Runs()
    await runs.queue("a", 1)
    await runs.queue("a", 3)
    assert runs.begun == [("a", 1)]
    await runs.end(0)
    assert runs.begun == [("a", 1), ("a", 3)]


async def test_a_crowd_gets_a_second_runner_and_no_third() -> None:
    runs = Runs()
    await runs.queue("a", 1)
    await runs.queue("a", 4)
    await runs.queue("a", 9)
    assert runs.begun == [("a", 1), ("a", 4)]


async def test_another_key_does_not_wait() -> None:
    runs = Runs()
    await runs.queue("a", 1)
    await runs.queue("b", 1)
    assert runs.begun == [("a", 1), ("b", 1)]


async def test_a_free_runner_leaves_a_few_to_the_one_that_works_their_key() -> None:
    runs = Runs()
    await runs.queue("a", 1)
    await runs.queue("b", 1)
    futures = await runs.queue("a", 2)
    await runs.end(1)
    assert runs.begun == [("a", 1), ("b", 1)]
    await runs.end(0)
    await runs.end(2)
    assert runs.begun == [("a", 1), ("b", 1), ("a", 2)]
    assert [future.result() for future in futures] == [0, -1]


async def test_keys_that_wait_behind_a_busy_one_are_served_by_whoever_is_free_first() -> None:
    runs = Runs()
    await runs.queue("a", 1)
    await runs.queue("b", 1)
    futures = [*await runs.queue("a", 2), *await runs.queue("c", 1)]
    await runs.end(1)
    assert runs.begun[2:] == [("c", 1)]
    await runs.end(0)
    for number in (2, 3):
        await runs.end(number)
    await runs.batcher.drained()
    assert all(future.done() for future in futures)


async def test_no_run_is_larger_than_its_size() -> None:
    runs = Runs(size=3)
    await runs.queue("a", 8)
    for number in range(3):
        await runs.end(number)
    assert [count for _, count in runs.begun] == [3, 3, 2]


async def _until(runs: Runs, count: int) -> None:
    async with asyncio.timeout(5):
        while len(runs.begun) < count:
            await asyncio.sleep(0.001)


async def test_a_run_that_waits_for_somebody_gives_its_place_to_another() -> None:
    runs = Runs(runners=1, slow_seconds=0.01)
    futures = [await runs.queue(key, 1) for key in ("held", "free", "held", "late")]
    await _until(runs, 2)
    assert runs.begun == [("held", 1), ("free", 1)]
    # There is one spare place and no more; whoever ends has its own back, and nothing that was queued is forgotten.
    await asyncio.sleep(0.05)
    assert len(runs.begun) == 2
    await runs.end(0)
    await _until(runs, 3)
    await runs.end(1)
    await _until(runs, 4)
    for number in (2, 3):
        await runs.end(number)
    async with asyncio.timeout(5):
        await runs.batcher.drained()
    assert sorted(runs.begun) == [("free", 1), ("held", 1), ("held", 1), ("late", 1)]
    assert all(future.done() for pair in futures for future in pair)
    # As at the beginning: one place.
    await runs.queue("a", 1)
    await runs.queue("b", 1)
    assert len(runs.begun) == 5
