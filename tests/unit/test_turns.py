"""What takes long of many at once takes turns of the event loop, so that everybody else has theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, cast

import pytest

from openvest.main.http_front import Front
from openvest.server.bodies import Bodies
from openvest.server.settings import ServerSettings

pytestmark = pytest.mark.anyio

LARGE, SMALL = 1600, 100
TURN = "turn"


async def beside_turns(begin: Callable[[list[str]], Sequence[asyncio.Task[Any]]], until: int) -> list[str]:
    """What was done, and the turns of the loop in between."""
    done: list[str] = []
    tasks = begin(done)
    while len(done) - done.count(TURN) < until:
        await asyncio.sleep(0)
        done.append(TURN)
    for task in tasks:
        task.cancel()
    return done


def longest(done: list[str]) -> int:
    """How much was done without a turn in between."""
    return max(len(list(same)) for what, same in groupby(done) if what != TURN)


@pytest.mark.parametrize(("size", "together"), [(LARGE, 1), (SMALL, 30)])
async def test_one_large_body_is_worked_on_in_a_turn(size: int, together: int) -> None:
    bodies = Bodies(ServerSettings(body_bytes=LARGE))

    def begin(done: list[str]) -> list[asyncio.Task[None]]:
        async def one() -> None:
            await bodies.turn(size)
            done.append("body")

        return [asyncio.create_task(one()) for _ in range(30)]

    assert longest(await beside_turns(begin, 30)) == together


class Overdue:
    """A connection whose time is over, and its transport."""

    def __init__(self, done: list[str]) -> None:
        self.transport, self.deadline, self._done = cast("asyncio.Transport", self), 0.0, done
        self.task: asyncio.Task[None] | None = None

    def abort(self) -> None:
        self._done.append("closed")

    def end(self) -> None: ...


async def test_connections_that_end_together_are_closed_a_hundred_at_a_time() -> None:
    front = Front(None, 1)

    def begin(done: list[str]) -> list[asyncio.Task[None]]:
        for _ in range(250):
            front.enter(Overdue(done))
        return [asyncio.create_task(front.watch())]

    assert longest(await beside_turns(begin, 250)) == 100
