"""Time that passes while processes are killed: whoever goes on does what is left, and the log is the same."""

from __future__ import annotations

import asyncio
import random
import signal
from contextlib import suppress
from datetime import datetime
from typing import Any

import psutil

from openvest.core.clock import EPOCH, instant, parse_instant
from openvest.sdk.client import Client, Unreachable
from tests.kit.stage import DidNotStart
from tests.repeat.outside import Outside

VICTIMS = ("serve", "server2", "worker", "postgres")
_PAUSE_SECONDS = 0.05
_STARTS = 5


async def advance_under_fire(world: Outside, to: datetime, seed: int) -> int:
    """Send the clock off, and kill at random until it has arrived. Returns how many were killed."""
    chance = random.Random(f"{seed} fire")
    passing = asyncio.create_task(_advance(world.clients[0], to))
    kills = 0
    while True:
        await asyncio.wait([passing], timeout=0.2 + chance.random() / 2)
        if passing.done():
            await passing
            return kills
        await _kill(world, chance.choice(VICTIMS))
        kills += 1


async def _advance(client: Client, to: datetime) -> None:
    """Ask until it is there: a target that was never stored is stored by the next attempt."""
    while await _now(client, "POST", "/tests/clock/advance", {"to": instant(to)}) < to:
        await asyncio.sleep(_PAUSE_SECONDS)


async def _now(client: Client, method: str, target: str, body: object) -> datetime:
    """Where the clock stands, once the advance is done; the beginning of time where that is not known."""
    try:
        answer = await asyncio.to_thread(client.request, method, target, body)
    except Unreachable:
        return EPOCH
    shown: dict[str, Any] = answer.json() if answer.ok else {"done": False}
    return parse_instant(shown["now"]) if shown["done"] else EPOCH


async def _kill(world: Outside, victim: str) -> None:
    stage = world.stage
    if victim == "postgres":
        with suppress(psutil.NoSuchProcess):  # the one before has died of the last kill, and the next is not there yet
            postmaster = psutil.Process(stage.address().pid)
            for process in (postmaster, *postmaster.children()):
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL)
        return
    stage.kill(victim)
    arguments = stage.running[victim].arguments
    for attempt in range(_STARTS):
        try:
            await stage.start(victim, *arguments)
        except DidNotStart:  # it may have met a database that is only just coming back
            if attempt == _STARTS - 1:
                raise
            await asyncio.sleep(1)
        else:
            return
