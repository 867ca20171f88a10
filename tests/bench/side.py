"""One side of a comparison: a checkout's program on a cluster of its own, measured one round of one row at a time.

`python run.py tests.bench.side PORT QUICK` says `ready`, takes `ROW SECONDS` line by line and answers each with the
sample as JSON. PORT is that of the bare application, which both sides share.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import uvloop

from tests.bench import growth, lists, lives, memory, requests
from tests.bench.figures import Sample
from tests.bench.floor import Floor, prepared_floor
from tests.bench.world import bench_world
from tests.kit.cluster import Cluster, start_cluster

if TYPE_CHECKING:
    from tests.bench import acceptance


class Side:
    """What is measured on is made when the first row asks for it."""

    def __init__(self, cluster: Cluster, stack: AsyncExitStack, bare_port: int, *, quick: bool) -> None:
        self._cluster, self._stack, self._bare_port, self._quick = cluster, stack, bare_port, quick
        self._floor: Floor | None = None
        self._asked: requests.Asked | None = None
        self._flushed: acceptance.Flushed | None = None
        self._lived: lives.Lived | None = None
        self._listed: lists.Listed | None = None
        self._grown: growth.Grown | None = None

    async def measure(self, row: str, seconds: int) -> Sample:
        """One round of a row."""
        if row in requests.ROWS:
            return await requests.measure(await self._requests(), row, seconds)
        if row == "T1d":
            # Its requests are made inside the server, so that an earlier checkout may lack what makes them.
            from tests.bench import acceptance

            return await acceptance.measure(await self._acceptance(), seconds)
        if row in lives.ROWS:
            return await lives.measure(await self._lives(), row, seconds)
        if row in lists.ROWS:
            return await lists.measure(await self._lists(), row, seconds)
        if row in growth.ROWS:
            return await growth.measure(await self._growth(), row)
        if row == "T11a":
            return Sample(await memory.after_requests(self._cluster))
        size, until_answered = await memory.serve_idle()
        return Sample(size if row == "T11b" else until_answered)

    async def _below(self) -> Floor:
        if self._floor is None:
            self._floor = await prepared_floor(self._cluster)
        return self._floor

    async def _requests(self) -> requests.Asked:
        if self._asked is None:
            floor = await self._below()
            self._asked = await self._stack.enter_async_context(requests.asked(self._cluster, floor, self._bare_port))
        return self._asked

    async def _acceptance(self) -> acceptance.Flushed:
        from tests.bench import acceptance

        if self._flushed is None:
            bench = await self._stack.enter_async_context(bench_world(self._cluster, acceptance.CUSTOMERS))
            self._flushed = await acceptance.prepared(bench, await self._below())
        return self._flushed

    async def _lives(self) -> lives.Lived:
        if self._lived is None:
            size = lives.QUICK if self._quick else lives.ROUND
            bench = await self._stack.enter_async_context(bench_world(self._cluster, size))
            self._lived = await lives.prepared(bench, await self._below())
        return self._lived

    async def _lists(self) -> lists.Listed:
        if self._listed is None:
            self._listed = await self._stack.enter_async_context(lists.listed(self._cluster, quick=self._quick))
        return self._listed

    async def _growth(self) -> growth.Grown:
        if self._grown is None:
            worlds = [
                await self._stack.enter_async_context(bench_world(self._cluster, growth.LIVES))
                for _ in ("small", "large")
            ]
            self._grown = await growth.prepared(*worlds, quick=self._quick)
        return self._grown


async def serve(cluster: Cluster, bare_port: str, quick: str) -> None:
    """Until the input ends."""
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        side = Side(cluster, stack, int(bare_port), quick=quick == "True")
        print("ready", flush=True)
        while wanted := (await loop.run_in_executor(None, sys.stdin.readline)).split():
            sample = await side.measure(wanted[0], int(wanted[1]))
            print(json.dumps(dataclasses.asdict(sample)), flush=True)


if __name__ == "__main__":
    measured = start_cluster(durable=True)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(measured, *sys.argv[1:]))
    finally:
        measured.stop()
