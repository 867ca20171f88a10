"""Work that is done together: requests await a future while a few runners take whatever has queued up.

A run begins when nobody else arrives, which the turns of the loop tell; what arrives meanwhile shares the next one. So
the size of a run adapts to the load, and nobody waits for a timer.

Source: PERFORMANCE.md "A flush".
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable, Sequence, Sized
from dataclasses import dataclass, field
from typing import Generic, TypeVar

QUIET_TURNS = 6
"""Turns of the loop without an arrival. Why not one: an answer has to reach its client and the next request us."""
SLOW_SECONDS = 1.0
"""A run that takes longer waits for somebody: those that do not take a tenth of it."""

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class Waiting(Generic[T, R]):
    """One item and whoever waits for it."""

    item: T
    future: asyncio.Future[R]

    def succeed(self, result: R) -> None:
        """Tell the result; nobody may be there any more to hear it."""
        if not self.future.done():
            self.future.set_result(result)

    def fail(self, error: BaseException) -> None:
        if not self.future.done():
            self.future.set_exception(error)


@dataclass(slots=True)
class _Runner:
    """One task at work; `slow` where another one has its place. `clock` runs while a run does."""

    slow: bool = False
    clock: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class Batcher(Generic[K, T, R]):
    """Queues by key, worked off in turn by at most `runners` tasks, at most `size` items of one key at a time.

    A run that lasts longer than `slow_seconds` gives its place to another, as many times as there are runners. Why:
    what one tenant's locks hold up must not keep the few places from all others.

    A key that is being worked gets a second runner only when `crowd` of its items wait. Why: a run costs its round
    trips to the database however few its items are, so two small runs side by side serve fewer than one after them.

    `run` settles every item it is given; what it leaves out or raises is settled here.
    """

    run: Callable[[K, Sequence[Waiting[T, R]]], Awaitable[None]]
    runners: int
    size: int
    crowd: int = 1
    slow_seconds: float = SLOW_SECONDS
    _queues: dict[K, deque[Waiting[T, R]]] = field(default_factory=dict["K", "deque[Waiting[T, R]]"])
    _turns: deque[K] = field(default_factory=deque["K"])
    _busy: Counter[K] = field(default_factory=Counter[K])
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _working: int = 0
    _slow: int = 0

    def submit(self, key: K, item: T) -> asyncio.Future[R]:
        """Queue an item; the future gets its result. A waiter that is cancelled cancels nothing but its waiting."""
        waiting: Waiting[T, R] = Waiting(item, asyncio.get_running_loop().create_future())
        self.requeue(key, waiting)
        return waiting.future

    def requeue(self, key: K, waiting: Waiting[T, R]) -> None:
        """Queue an item again, for a later run."""
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = deque()
            self._turns.append(key)
        queue.append(waiting)
        if self._working < self.runners and self._wanted(key):
            self._start()

    async def drained(self) -> None:
        """Wait until all queues are empty; for the end of a process."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    def _start(self) -> None:
        self._working += 1
        task = asyncio.create_task(self._work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _watch(self, runner: _Runner) -> None:
        runner.clock = asyncio.get_running_loop().call_later(self.slow_seconds, self._give_place, runner)

    def _give_place(self, runner: _Runner) -> None:
        if runner.slow:
            return
        if self._slow >= self.runners:
            self._watch(runner)  # there is no spare place now, and there may be one later
            return
        runner.slow = True
        self._slow += 1
        self._working -= 1
        if self._turns:
            self._start()

    def _has_place(self, runner: _Runner) -> bool:
        """Whether it may go on; a slow one may where its place is free again."""
        if runner.slow and self._working < self.runners:
            runner.slow = False
            self._slow -= 1
            self._working += 1
        return not runner.slow

    async def _work(self) -> None:
        runner = _Runner()
        # Counted here and not by the task's end, which others hear of only later: an item queued in between would
        # find nobody.
        try:
            while self._has_place(runner) and (key := self._next()) is not None:
                queue = self._queues[key]
                await _all_here(queue, self.size)
                taken = [queue.popleft() for _ in range(min(self.size, len(queue)))]
                if queue:
                    self._turns.append(key)
                else:
                    del self._queues[key]
                self._busy[key] += 1
                self._watch(runner)
                try:
                    await self._run_safely(key, taken)
                finally:
                    if runner.clock is not None:
                        runner.clock.cancel()
                    self._busy[key] -= 1
                    if not self._busy[key]:
                        del self._busy[key]
        finally:
            if runner.slow:
                self._slow -= 1
            else:
                self._working -= 1

    def _wanted(self, key: K) -> bool:
        return key not in self._busy or len(self._queues[key]) >= self.crowd

    def _next(self) -> K | None:
        """The next key in turn that may have a runner; whoever is busy with one that may not comes back to it."""
        for _ in range(len(self._turns)):
            key = self._turns.popleft()
            if self._wanted(key):
                return key
            self._turns.append(key)
        return None

    async def _run_safely(self, key: K, taken: Sequence[Waiting[T, R]]) -> None:
        try:
            await self.run(key, taken)
        except Exception as error:
            for waiting in taken:
                waiting.fail(error)
        except BaseException:
            for waiting in taken:
                waiting.future.cancel()
            raise


async def _all_here(queue: Sized, most: int) -> None:
    """Let the loop turn until nobody else arrives: who is on the way already shares this run."""
    still = 0
    while still < QUIET_TURNS and len(queue) < most:
        before = len(queue)
        await asyncio.sleep(0)
        still = still + 1 if len(queue) == before else 0
