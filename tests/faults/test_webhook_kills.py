"""Deliverers killed at random while endpoints answer anything: every event arrives, first arrivals in order."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from uuid import UUID

import pytest
from aiohttp import web

from openvest.db.query import Statement
from openvest.db.unit import Database
from openvest.worker.courier import HttpCourier
from openvest.worker.deliveries import Deliverer
from tests.kit.receiver import Delivery, receiving
from tests.kit.webhooks import TABLE, make_world

pytestmark = pytest.mark.anyio

SEED = 20261121
KILLS = 25
PATHS = [f"/{number}" for number in range(4)]
# As if every lease and every wait of those who died had run out.
_LATER = Statement("update webhook_packages set leased_until = leased_until - interval '1 minute'")


class Silent:
    """Hears and says nothing."""

    def info(self, event: str, **values: object) -> None:
        """Nothing."""

    warning = error = info


@dataclass
class Doomed:
    """A deliverer in a process that does not live long."""

    deliverer: Deliverer
    chance: random.Random

    async def live(self, tenant_id: UUID) -> None:
        for _ in range(self.chance.randrange(1, 4)):
            await self.deliverer.start(tenant_id)
            await asyncio.sleep(self.chance.choice([0, 0.002, 0.01]))

    async def die(self) -> None:
        """What is under way ends in the middle, and nobody hears of what has ended."""
        under_way = self.deliverer._under_way  # pyright: ignore[reportPrivateUsage] - death asks nobody
        tasks = [task for tasks in under_way.values() for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_every_event_arrives_and_first_arrivals_are_in_order(database: Database, tenant_id: UUID) -> None:
    chance = random.Random(SEED)

    async def anything(_: Delivery) -> web.StreamResponse:
        kind = chance.randrange(5)
        if kind == 0:
            await asyncio.sleep(0.3)
        return web.Response(status=[200, 500, 302, 204, 200][kind])

    async with receiving() as receiver:
        world = await make_world(database, tenant_id, receiver)
        courier = HttpCourier(world.wire, database.webhook_allow_list, timeout_seconds=0.1)
        for path in PATHS:
            await world.webhook(path, max_package_size=chance.choice([100, 600, 5_000]))
            receiver.script[path] = [anything] * 10_000
        for _ in range(KILLS):
            await world.emit(*["USER.CREATED"] * chance.randrange(1, 8), size=chance.randrange(200))
            await world.age()
            doomed = Doomed(Deliverer(database, TABLE, courier, back_off=(0,), log=Silent()), chance)
            await doomed.live(tenant_id)
            await doomed.die()
            await database.write(tenant_id, lambda unit: unit.run(_LATER), n=0)
        receiver.script.clear()
        await world.flow()
        await courier.close()
        await world.deliverer.courier.close()
    assert await world.count("webhook_packages") == 0
    for path in PATHS:
        first_heard = list(dict.fromkeys(world.heard(path)))
        assert first_heard == list(range(1, world.emitted + 1)), f"seed {SEED}"
        bodies: dict[tuple[int, int, int], set[bytes]] = {}
        for delivery in receiver.at(path):
            bodies.setdefault(delivery.sequence, set()).add(delivery.body)
        assert {len(same) for same in bodies.values()} == {1}
        last = 0
        for first, end, previous in bodies:
            assert (first, previous) == (last + 1, last)
            last = end
    repeated = sum(len(receiver.at(path)) for path in PATHS) > sum(
        len({delivery.sequence for delivery in receiver.at(path)}) for path in PATHS
    )
    assert repeated, "nobody died at the wrong moment, so nothing was shown"
