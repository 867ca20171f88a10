"""Subscriptions as queues: on and off, leases and fencing, two deliverers at once, walls between tenants, clean-up."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from aiohttp import web

from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from openvest.events.log import last_sequence
from openvest.features.tenants import service as tenants
from openvest.features.webhooks import service, store
from openvest.worker.deliveries import Deliverer
from tests.kit.receiver import Delivery, receiving
from tests.kit.webhooks import AGE_FAILURE, AGE_LEASE, TOLD, WebhookWorld, make_world
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio


async def test_a_subscription_hears_of_what_happens_while_it_is_on(world: WebhookWorld) -> None:
    await world.emit("USER.CREATED")
    webhook_id = await world.webhook(enabled=False)
    await world.emit("USER.CREATED")
    await world.flow()
    await world.change(webhook_id, enabled=True)
    await world.emit("USER.CREATED")
    await world.flow()
    assert world.heard() == [3]
    await world.change(webhook_id, enabled=False)
    await world.emit("USER.CREATED")
    await world.flow()
    await world.change(webhook_id, enabled=True)
    await world.emit("USER.CREATED")
    await world.flow()
    assert world.heard() == [3, 5]
    assert world.receiver.deliveries[-1].sequence == (5, 5, 3)


async def test_switching_off_gives_up_a_blocked_queue(world: WebhookWorld) -> None:
    webhook_id = await world.webhook()
    world.receiver.script["/hook"] = [500] * 3
    await world.emit("USER.CREATED")
    await world.deliverer.once(world.tenant_id)
    await world.age()
    await world.deliverer.once(world.tenant_id)
    assert await world.count("webhook_packages") == 1
    await world.change(webhook_id, enabled=False)
    assert await world.count("webhook_packages") == 0
    world.receiver.script.clear()
    await world.change(webhook_id, enabled=True)
    await world.flow()
    assert world.heard() == [1]


async def test_another_url_gets_the_blocked_package_at_once(world: WebhookWorld) -> None:
    world.deliverer.back_off = (600,)
    webhook_id = await world.webhook("/old")
    world.receiver.script["/old"] = [500]
    await world.emit("USER.CREATED")
    await world.flow()
    assert world.heard("/old") == [1]
    await world.change(webhook_id, url=world.receiver.url("/new"))
    await world.flow()
    assert world.heard("/new") == [1]


async def test_a_deleted_subscription_hears_nothing_more(world: WebhookWorld) -> None:
    webhook_id = await world.webhook()
    world.receiver.script["/hook"] = [500]
    await world.emit("USER.CREATED")
    await world.flow()
    count = len(world.receiver.deliveries)

    async def end(unit: Unit) -> None:
        await service.delete_webhook(unit, "v1", webhook_id)

    await world.emit("USER.CREATED")
    await world.database.write(world.tenant_id, end, n=0)
    await world.flow()
    assert len(world.receiver.deliveries) == count
    assert await world.count("webhooks") == await world.count("webhook_packages") == 0


async def test_after_a_crash_between_sending_and_recording_the_same_bytes_come_again(world: WebhookWorld) -> None:
    await world.webhook()
    await world.emit("USER.CREATED")
    await world.deliverer.once(world.tenant_id)
    await world.age()
    taken = await world.deliverer.take(world.tenant_id)
    assert taken.key is not None
    (package,) = taken.packages
    assert (await world.deliverer.attempt(package, taken.key)).failure is None
    assert await world.deliverer.once(world.tenant_id) == 0
    await world.run(AGE_LEASE)
    assert await world.deliverer.once(world.tenant_id) == 1
    first, second = world.receiver.deliveries
    assert first.body == second.body
    assert first.sequence == second.sequence
    assert first.fields["signature"] != second.fields["signature"]


async def test_a_deliverer_that_lost_its_lease_records_nothing(world: WebhookWorld) -> None:
    await world.webhook()
    await world.emit("USER.CREATED")
    await world.deliverer.once(world.tenant_id)
    await world.age()
    stale = await world.deliverer.take(world.tenant_id)
    await world.run(AGE_LEASE)
    fresh = await world.deliverer.take(world.tenant_id)
    assert stale.key is not None
    assert fresh.key is not None
    world.receiver.script["/hook"] = [200, 500, 200]
    for _ in range(2):
        outcome = await world.deliverer.attempt(stale.packages[0], stale.key)
        assert await world.deliverer.record(world.tenant_id, [outcome]) == set()
        assert await world.count("webhook_packages where attempts = 0") == 1
    outcome = await world.deliverer.attempt(fresh.packages[0], fresh.key)
    assert await world.deliverer.record(world.tenant_id, [outcome]) == {outcome.package.webhook_id}
    assert await world.count("webhook_packages") == 0


async def test_what_ends_while_others_are_taken_is_recorded_by_the_next_unit(world: WebhookWorld) -> None:
    await world.webhook()
    await world.emit("USER.CREATED")
    await world.deliverer.once(world.tenant_id)
    await world.age()
    answer = asyncio.Event()

    async def late(_: Delivery) -> web.StreamResponse:
        await answer.wait()
        return web.Response()

    world.receiver.script["/hook"] = [late]
    ended: list[UUID] = []
    world.deliverer.ready = lambda tenant_id, _: ended.append(tenant_id)
    await world.deliverer.start(world.tenant_id)
    await world.receiver.arrived.wait()
    assert (await world.deliverer.take(world.tenant_id)).packages == []
    answer.set()
    while not ended:  # the receiver's answer is on its way back
        await asyncio.sleep(0.01)
    assert await world.count("webhook_packages") == 1
    await world.deliverer.start(world.tenant_id)
    assert await world.count("webhook_packages") == 0


async def test_a_stop_waits_for_what_is_under_way_and_records_it(world: WebhookWorld) -> None:
    await world.webhook("/quick")
    await world.webhook("/never")
    await world.emit("USER.CREATED")
    await world.deliverer.once(world.tenant_id)
    await world.age()

    async def never(_: Delivery) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    world.receiver.script["/never"] = [never]
    await world.deliverer.start(world.tenant_id)
    await world.deliverer.finish(0.5)
    assert await world.count("webhook_packages") == 1
    assert world.heard("/quick") == [1]


async def test_two_deliverers_never_have_one_subscription_in_flight_twice(world: WebhookWorld) -> None:
    for number in range(4):
        await world.webhook(f"/{number}", delay_seconds=1, max_package_size=100)
    in_flight: dict[str, int] = {}
    most: list[int] = []

    async def slow(delivery: Delivery) -> web.StreamResponse:
        path = str(delivery.message.path)
        in_flight[path] = in_flight.get(path, 0) + 1
        most.append(in_flight[path])
        await asyncio.sleep(0.01)
        in_flight[path] -= 1
        return web.Response(status=500 if len(most) % 5 == 0 else 200)

    for number in range(4):
        world.receiver.script[f"/{number}"] = [slow] * 100
    done = False

    async def keep_on() -> None:
        deliverer = Deliverer(world.database, TOLD, world.deliverer.sender, back_off=(0,), log=world.deliverer.log)
        while not done:
            await deliverer.once(world.tenant_id)

    for _ in range(6):
        await world.emit("USER.CREATED")
    deliverers = [asyncio.create_task(keep_on()) for _ in range(3)]
    while any(len({*world.heard(f"/{number}")}) < 6 for number in range(4)) or await world.count("webhook_packages"):
        await asyncio.sleep(0.01)
    done = True
    await asyncio.gather(*deliverers)
    assert max(most) == 1
    for number in range(4):
        heard = world.heard(f"/{number}")
        assert list(dict.fromkeys(heard)) == [1, 2, 3, 4, 5, 6]
        assert heard == sorted(heard)


async def test_a_claim_that_is_older_than_a_package_closes_no_second_one(
    world: WebhookWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the claim was told of packages may be out of date once it has the row: here it is told of none."""
    world.deliverer.back_off = (600,)
    world.receiver.script["/hook"] = [500]
    webhook_id = await world.webhook(max_package_size=100)
    await world.emit("USER.CREATED", "USER.CREATED")
    await world.deliverer.once(world.tenant_id)
    stale = Query(UUID, "select id from webhooks where tenant_id = $1 and cursor_sequence < $2 limit $3 for update")
    monkeypatch.setattr(store, "CLAIM_WAITING", stale)

    async def look(unit: Unit) -> tuple[list[UUID], int]:
        claimed = await unit.rows(stale, unit.tenant_id, await last_sequence(unit), 10)
        return claimed, await service.build_packages(unit, TOLD)

    assert await world.database.write(world.tenant_id, look, n=0) == ([webhook_id], 0)
    assert await world.count("webhook_packages where first_sequence = 1") == 1


async def test_an_event_that_cannot_be_shown_is_set_aside_and_blocks_nobody(world: WebhookWorld) -> None:
    await world.webhook()
    await world.emit("ORDER.FILLED", "USER.CREATED")
    await world.flow()
    assert world.heard() == [2]
    assert await world.count("dead_letters where sweep = 'webhooks.pack' and error like 'KeyError%'") == 1


async def test_tenants_do_not_hear_of_each_other(world: WebhookWorld) -> None:
    other = await make_tenant(world.database, "Tenant B")
    await world.webhook()
    neighbour = WebhookWorld(world.database, other, world.receiver, world.deliverer, world.wire, emitted=100)
    await world.database.write(other, tenants.add_signing_key, n=0)
    await neighbour.webhook("/neighbour")
    await neighbour.emit("USER.CREATED")
    await world.emit("USER.CREATED")
    assert set(await service.waiting_tenants(world.database)) == {world.tenant_id, other}
    await world.flow()
    await neighbour.flow()
    assert (world.heard(), world.heard("/neighbour")) == ([1], [101])
    assert await service.waiting_tenants(world.database) == []


async def test_a_sandbox_forgets_a_subscription_that_failed_for_thirty_days(world: WebhookWorld) -> None:
    webhook_id = await world.webhook()
    world.receiver.script["/hook"] = [500]
    world.deliverer.back_off = (600,)
    await world.emit("USER.CREATED")
    await world.flow()
    await world.run(AGE_FAILURE, 29)
    assert await world.database.write(world.tenant_id, service.remove_failing, n=0) == []
    await world.run(AGE_FAILURE, 2)
    assert await world.database.write(world.tenant_id, service.remove_failing, n=0) == [webhook_id]
    assert await world.count("webhooks") == 0


async def test_a_frozen_tenant_is_told_too(database: Database, frozen_tenant_id: UUID) -> None:
    async with receiving() as receiver:
        world = await make_world(database, frozen_tenant_id, receiver)
        ids = {await world.webhook(), await world.webhook("/second")}
        assert len(ids) == 2
        await world.emit("USER.CREATED")
        await world.flow()
        assert world.heard() == world.heard("/second") == [1]
        assert world.receiver.deliveries[0].payload[0]["created_at"].startswith("2026-03-02T09:30:00.")
        assert await database.read(frozen_tenant_id, last_sequence) == 1
        await world.deliverer.sender.close()
