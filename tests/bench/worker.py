"""One worker process of a benchmark: `python -m tests.bench.worker DSN TENANT SET_SIZE`, until it is ended."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from uuid import UUID

import uvloop

from openvest.core.memory import collect_rarely
from openvest.db.connections import open_pool
from openvest.events.sequencer import number_events
from openvest.main import assemble
from tests.kit.world import SECRETS, SEED


async def main(dsn: str, tenant: str, set_size: str) -> None:
    pool = await open_pool(dsn, size=4, application="bench worker")
    world = assemble(pool, seed=SEED, secrets=SECRETS)
    world.runner.works = [dataclasses.replace(work, set_size=int(set_size)) for work in world.runner.works]
    tenant_id = UUID(tenant)
    print("ready", flush=True)

    async def number() -> None:
        while True:
            await number_events(world.database, tenant_id)
            await asyncio.sleep(0.02)

    numbering = asyncio.create_task(number())
    while not numbering.done():
        if not await world.runner.run_until_quiet(tenant_id):
            await asyncio.sleep(0.02)
    await numbering


# As the program's own processes run: see openvest.main.processes.
collect_rarely()
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main(*sys.argv[1:]))
