"""Who is killed when, and how long it takes until everything answers again."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import aiohttp
import psutil

from openvest.core.clock import monotonic_ns
from tests.kit.stage import Stage

Victim = Literal["serve", "server", "worker", "second worker", "postmaster", "backend", "postgres", "everything"]
PROCESSES = ("serve", "server", "worker", "second worker")
VICTIMS: Sequence[Victim] = ("server", "worker", "postmaster", "serve", "backend", "postgres", "everything")
"""`serve` supervises PostgreSQL, serves and works; `server` and `worker` run beside it on the same data directory.
`postgres` is the whole database at once, `everything` all of it as a power cut would have it."""
BACK_SECONDS = 90


@dataclass
class Kill:
    """One kill. Units: seconds until everything answered again."""

    victim: Victim
    after: int
    back_seconds: float = 0


@dataclass
class Killer:
    """Kills what runs on a stage and starts it again. `ports` are those of `serve` and `server`."""

    stage: Stage
    ports: Sequence[int]
    http: aiohttp.ClientSession
    names: Sequence[str] = PROCESSES[:3]
    kills: list[Kill] = field(default_factory=list[Kill])

    async def start(self, *names: str) -> None:
        """Start processes by name; the one that supervises the database first."""
        arguments = {
            "serve": ("serve", "--port", str(self.ports[0]), "--pace", "instant"),
            "server": ("server", "--port", str(self.ports[1])),
            "worker": ("worker",),
            "second worker": ("worker",),
        }
        if "serve" in names:
            await self.stage.start("serve", *arguments["serve"])
        await asyncio.gather(*(self.stage.start(name, *arguments[name]) for name in names if name != "serve"))

    async def carry_out(self, plan: Sequence[Kill], done: Callable[[], int]) -> None:
        """Kill whenever so many requests are acknowledged; whoever died is started again at once."""
        for kill in plan:
            while done() < kill.after:
                await asyncio.sleep(0.005)
                self._nobody_else_died()
            begun = monotonic_ns()
            killed = self._kill(kill.victim)
            restarting = asyncio.create_task(self.start(*killed))
            await self._until_back(restarting)
            if "worker" in kill.victim:
                await restarting
            kill.back_seconds = (monotonic_ns() - begun) / 1e9
            await restarting
            self.kills.append(kill)
            print(f"  kill {len(self.kills):3}  {kill.victim:11} back in {kill.back_seconds:5.1f} s", flush=True)

    def _kill(self, victim: Victim) -> Sequence[str]:
        """Returns who is to be started again; PostgreSQL is started again by whoever supervises it."""
        if victim in ("postgres", "everything"):
            self._kill_postgres()
        if victim == "postmaster":
            self._postmaster().kill()
        if victim == "backend":
            self._kill_backend()
        killed = self.names if victim == "everything" else [name for name in self.names if name == victim]
        for name in killed:
            self.stage.kill(name)
        return killed

    def _postmaster(self) -> psutil.Process:
        return psutil.Process(self.stage.address().pid)

    def _kill_postgres(self) -> None:
        """The postmaster and all it started, before any of them can do anything about it."""
        postmaster = self._postmaster()
        for process in (postmaster, *postmaster.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)

    def _kill_backend(self) -> None:
        """One session of the application role, which makes PostgreSQL restart all of them."""
        for process in self._postmaster().children():
            with suppress(psutil.NoSuchProcess):
                if "openvest_app" in " ".join(process.cmdline()):
                    process.kill()
                    return

    def _nobody_else_died(self) -> None:
        for name, running in self.stage.running.items():
            if running.process.poll() is not None:
                raise RuntimeError(f"{name} ended unasked ({running.process.returncode}):\n{running.said[-3_000:]}")

    async def _until_back(self, restarting: asyncio.Task[None]) -> None:
        """Until both servers answer. Raises: TimeoutError, DidNotStart, RuntimeError."""
        async with asyncio.timeout(BACK_SECONDS):
            for port in self.ports:
                while not await self._is_ready(port):
                    if restarting.done():
                        restarting.result()
                        self._nobody_else_died()
                    await asyncio.sleep(0.05)

    async def _is_ready(self, port: int) -> bool:
        try:
            async with self.http.get(f"http://127.0.0.1:{port}/health/ready") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False


def planned(seed: int, kills: int, acknowledged: int, victims: Sequence[Victim]) -> list[Kill]:
    """Kills at random moments of the run; every kind of victim is met before one is met again."""
    chance = random.Random(f"{seed} kills")
    order: list[Victim] = []
    while len(order) < kills:
        order += chance.sample(list(victims), len(victims))
    moments = sorted(chance.randint(acknowledged // 20, acknowledged * 19 // 20) for _ in range(kills))
    return [Kill(victim, after) for victim, after in zip(order, moments, strict=False)]


def killing(
    seed: int, kills: int, acknowledged: int, victims: Sequence[Victim]
) -> Callable[[Killer, Callable[[], int]], Awaitable[None]]:
    """What kills so often while a load of so many goes on."""

    async def disturb(killer: Killer, done: Callable[[], int]) -> None:
        await killer.carry_out(planned(seed, kills, acknowledged, victims), done)

    return disturb
