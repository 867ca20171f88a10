"""T7, T7n, T8: whole order lives per second, from accepted to settled, by two worker processes."""

from __future__ import annotations

import asyncio
import time

from tests.bench.floor import floor_per_second, prepare_floor
from tests.bench.world import Bench, bench_world, workers
from tests.kit.cluster import Cluster

ROUND = 10_000
SMALL_ROUND = 2_500


async def lives_per_second(bench: Bench, count: int, set_size: int, *, one_group: bool = False) -> float:
    """Accept so many orders, then let two workers bring them to settlement; only the work is timed."""
    async with workers(bench, 2, set_size):
        customers = [bench.customers[0]] * count if one_group else bench.customers[:count]
        # The workers see the orders at once, so the clock starts with acceptance of the first set.
        started = time.perf_counter()
        await bench.accept(customers)
        while await bench.unsettled():
            await asyncio.sleep(0.05)
        return count / (time.perf_counter() - started)


async def measure(cluster: Cluster, rounds: int, seconds: int, size: int = ROUND) -> dict[str, list[float]]:
    """Ratios of each round. A floor is taken before and after each life; no checkpoint in between."""
    floor = await cluster.create(template=None)
    prepare_floor(cluster, floor)
    found: dict[str, list[float]] = {"T7": [], "T7n": [], "T8": []}
    async with bench_world(cluster, size) as bench:
        await lives_per_second(bench, min(size, 1_000), 500)  # warm
        await bench.analyze()
        for _ in range(rounds):
            before = floor_per_second(cluster, floor, seconds)
            life = await lives_per_second(bench, size, 500)
            after = floor_per_second(cluster, floor, seconds)
            found["T7"].append(life / ((before + after) / 2))
            small = min(size, SMALL_ROUND)
            distinct = await lives_per_second(bench, small, 500)
            found["T7n"].append(await lives_per_second(bench, small, 50) / distinct)
            found["T8"].append(await lives_per_second(bench, small, 500, one_group=True) / distinct)
            await bench.analyze()
    return found
