"""T7, T7n, T8: whole order lives per second, from accepted to settled, by two worker processes."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from tests.bench.cpu import Cpu, Meter
from tests.bench.figures import Sample
from tests.bench.floor import Floor
from tests.bench.world import Bench, workers

ROUND = 10_000
QUICK = 3_000
SMALL_ROUND = 2_500
ROWS = ("T7", "T7n", "T8")


@dataclass(frozen=True)
class Lived:
    """A world whose customers have each lived an order already."""

    bench: Bench
    floor: Floor

    @property
    def size(self) -> int:
        return len(self.bench.customers)


async def lives_per_second(bench: Bench, count: int, set_size: int, *, one_group: bool = False) -> tuple[float, Cpu]:
    """Accept so many orders, then let two workers bring them to settlement; only the work is timed."""
    async with workers(bench, 2, set_size) as pids:
        customers = [bench.customers[0]] * count if one_group else bench.customers[:count]
        # Acceptance is part of a life, so this process counts as a server.
        meter = Meter("server", server=pids, postgres=bench.cluster.process.pid)
        # The workers see the orders at once, so the clock starts with acceptance of the first set.
        started = time.perf_counter()
        await bench.accept(customers)
        while await bench.is_unsettled():
            await asyncio.sleep(0.05)
        return count / (time.perf_counter() - started), meter.per_operation(count)


async def prepared(bench: Bench, floor: Floor) -> Lived:
    """Warmed up, and analysed."""
    await lives_per_second(bench, min(len(bench.customers), 1_000), 500)
    await bench.analyze()
    return Lived(bench, floor)


async def measure(lived: Lived, row: str, seconds: int) -> Sample:
    """One round. The floor is taken before and after each life; no checkpoint in between."""
    bench, small = lived.bench, min(lived.size, SMALL_ROUND)
    if row == "T7":
        before = lived.floor.per_second(seconds)
        life, cpu = await lives_per_second(bench, lived.size, 500)
        figure = life / ((before + lived.floor.per_second(seconds)) / 2)
    else:
        distinct, _ = await lives_per_second(bench, small, 500)
        if row == "T7n":
            life, cpu = await lives_per_second(bench, small, 50)
        else:
            life, cpu = await lives_per_second(bench, small, 500, one_group=True)
        figure = life / distinct
    await bench.analyze()
    return Sample(figure, life, cpu)
