"""Deliverers that die at random while endpoints answer anything, and what must come of it all the same."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from uuid import UUID

from aiohttp import web

from openvest.db.query import Statement
from openvest.db.unit import Database
from openvest.worker.deliveries import Deliverer
from openvest.worker.webhook_sender import HttpWebhookSender
from tests.kit.receiver import Delivery, Receiver, receiving
from tests.kit.webhooks import TOLD, WebhookWorld, make_world

PATHS = [f"/{number}" for number in range(4)]
# As if every lease and every wait of those who died had run out.
_LATER = Statement("update webhook_packages set leased_until = leased_until - interval '1 minute'")


class Silent:
    """Hears and says nothing."""

    def info(self, event: str, **values: object) -> None:
        """Nothing."""

    warning = error = info


@dataclass
class Campaign:
    """What came of it. `repeated`: deliveries that came again, as somebody died at the wrong moment."""

    events: int = 0
    kills: int = 0
    deliveries: int = 0
    repeated: int = 0
    findings: list[str] = field(default_factory=list[str])


@dataclass
class _Doomed:
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


async def campaign(database: Database, tenant_id: UUID, seed: int, kills: int, events_per_kill: int) -> Campaign:
    """So many lives and deaths, about so many events between two; then one deliverer does what is left."""
    chance, told = random.Random(seed), Campaign(kills=kills)

    async def anything(_: Delivery) -> web.StreamResponse:
        kind = chance.randrange(5)
        if kind == 0:
            await asyncio.sleep(0.3)
        return web.Response(status=[200, 500, 302, 204, 200][kind])

    async with receiving() as receiver:
        world = await make_world(database, tenant_id, receiver)
        sender = HttpWebhookSender(world.wire, world.allow_list, timeout_seconds=0.1)
        for path in PATHS:
            await world.webhook(path, max_package_size=chance.choice([100, 600, 5_000]))
            receiver.script[path] = [anything] * kills * events_per_kill * 10
        for _ in range(kills):
            count = chance.randrange(1, 2 * events_per_kill)
            await world.emit(*["USER.CREATED"] * count, size=chance.randrange(200))
            await world.age()
            doomed = _Doomed(Deliverer(database, TOLD, sender, back_off=(0,), log=Silent()), chance)
            await doomed.live(tenant_id)
            await doomed.die()
            await database.write(tenant_id, lambda unit: unit.run(_LATER), n=0)
        receiver.script.clear()
        await world.flow()
        await sender.close()
        await world.deliverer.sender.close()
    if left := await world.count("webhook_packages"):
        told.findings.append(f"{left} packages are still under way")
    _judge(told, world, receiver)
    return told


def _judge(told: Campaign, world: WebhookWorld, receiver: Receiver) -> None:
    told.events, told.deliveries = world.emitted, len(receiver.deliveries)
    everything = list(range(1, world.emitted + 1))
    for path in PATHS:
        first_heard = list(dict.fromkeys(world.heard(path)))
        if first_heard != everything:
            missing = sorted({*everything} - {*first_heard})
            told.findings.append(f"{path}: missing {missing[:5]}, or first arrivals out of order")
        bodies: dict[tuple[int, int, int], set[bytes]] = {}
        for delivery in receiver.at(path):
            bodies.setdefault(delivery.sequence, set()).add(delivery.body)
        if different := [sequence for sequence, same in bodies.items() if len(same) > 1]:
            told.findings.append(f"{path}: packages repeated with other bytes: {different[:5]}")
        last = 0
        for first, end, previous in bodies:
            if (first, previous) != (last + 1, last):
                told.findings.append(f"{path}: package {first}-{end} says it follows {previous}, it follows {last}")
            last = end
        told.repeated += len(receiver.at(path)) - len(bodies)
