"""Packages against a real receiver: envelope, signature, batches, order, blocked queues, what counts as received."""

from __future__ import annotations

import pytest

from openvest.core.ids import deterministic_id
from openvest.core.signing_keys import load_public_key
from openvest.db.unit import Unit
from openvest.events.sequencer import number_events
from openvest.features.tenants import service as tenants
from tests.kit.webhooks import WebhookWorld

pytestmark = pytest.mark.anyio


async def test_a_package_carries_the_published_envelope_under_a_valid_signature(world: WebhookWorld) -> None:
    webhook_id = await world.webhook("/hook?a=b%20c")
    await world.emit("USER.CREATED")
    await world.flow()
    (delivery,) = world.receiver.deliveries
    (event,) = delivery.payload
    assert list(event) == ["id", "created_at", "type", "object", "webhook_id"]
    assert event["type"] == "USER.CREATED"
    assert event["object"] == {"n": 1, "text": ""}
    assert event["webhook_id"] == str(webhook_id)
    assert event["created_at"].endswith("Z")
    assert delivery.message.method == "POST"
    assert delivery.message.query == b"a=b%20c"
    assert delivery.fields["content-type"] == "application/json"
    (key,) = await world.database.read(world.tenant_id, tenants.verify_keys)
    parsed = delivery.verify(load_public_key(key.public_key), world.wire.now_seconds())
    assert parsed.version == 6
    assert parsed.key_id == str(key.id)
    assert {b"@method", b"@path", b"@query", b"content-length", b"digest", b"openvest-sequence"} <= {*parsed.components}


async def test_delay_keeps_a_package_open_and_all_that_waits_goes_together(world: WebhookWorld) -> None:
    await world.webhook(delay_seconds=30)
    await world.emit("USER.CREATED")
    assert await world.deliverer.once(world.tenant_id) == 0
    await world.emit("ORDER.NEW", "ORDER.NEW")
    await world.age(29)
    assert await world.deliverer.once(world.tenant_id) == 0
    await world.age(2)
    assert await world.deliverer.once(world.tenant_id) == 1
    assert [len(delivery.payload) for delivery in world.receiver.deliveries] == [3]
    assert world.receiver.deliveries[0].sequence == (1, 3, 0)


async def test_a_full_package_does_not_wait_and_an_oversize_event_travels_alone(world: WebhookWorld) -> None:
    await world.webhook(delay_seconds=30, max_package_size=1000)
    await world.emit("USER.CREATED", "USER.CREATED", size=400)
    await world.emit("ORDER.NEW", size=5000)
    await world.emit("USER.CREATED", size=10)
    for _ in range(3):
        await world.deliverer.once(world.tenant_id)
    await world.flow()
    assert [[event["object"]["n"] for event in d.payload] for d in world.receiver.deliveries] == [[1], [2], [3], [4]]
    sizes = [len(delivery.body) for delivery in world.receiver.deliveries]
    assert sizes[0] <= 1000 < sizes[0] * 2
    assert sizes[2] > 5000


async def test_what_fits_to_the_byte_is_packed_and_one_byte_less_splits(world: WebhookWorld) -> None:
    await world.webhook("/probe", delay_seconds=1)
    await world.emit("USER.CREATED", "USER.CREATED", size=200)
    await world.flow()
    exact = len(world.receiver.at("/probe")[0].body)
    await world.webhook("/exact", delay_seconds=1, max_package_size=exact)
    await world.webhook("/less", delay_seconds=1, max_package_size=exact - 1)
    await world.emit("USER.CREATED", "USER.CREATED", size=200)
    await world.flow()
    assert [len(delivery.payload) for delivery in world.receiver.at("/exact")] == [2]
    assert [len(delivery.payload) for delivery in world.receiver.at("/less")] == [1, 1]


async def test_inside_a_package_events_stand_by_time_then_number(world: WebhookWorld) -> None:
    await world.webhook()
    thing, other = deterministic_id("a"), deterministic_id("b")

    async def late_then_early(unit: Unit) -> None:
        later = unit.moment_after(unit.moment_after(unit.now))
        unit.emit("USER.CREATED", thing, 1, later, {"n": 1})
        unit.emit("USER.CREATED", other, 1, unit.now, {"n": 2})
        unit.emit("ORDER.NEW", other, 1, unit.now, {"n": 3})

    await world.database.write(world.tenant_id, late_then_early)
    await number_events(world.database, world.tenant_id)
    await world.flow()
    assert world.heard() == [2, 3, 1]
    assert world.receiver.deliveries[0].sequence == (1, 3, 0)


async def test_a_failing_delivery_blocks_its_own_subscription_only_and_repeats_the_same_bytes(
    world: WebhookWorld,
) -> None:
    await world.webhook("/bad")
    await world.webhook("/good")
    world.receiver.script["/bad"] = [500, 404]
    await world.emit("USER.CREATED")
    await world.deliverer.once(world.tenant_id)
    await world.age()
    assert await world.deliverer.once(world.tenant_id) == 1
    await world.emit("USER.CREATED")
    await world.deliverer.once(world.tenant_id)
    await world.age()
    await world.deliverer.once(world.tenant_id)
    assert world.heard("/good") == [1, 2]
    assert world.heard("/bad")[:2] == [1, 1]
    await world.flow()
    assert world.heard("/bad") == [1, 1, 1, 2]
    first, second, third, fourth = world.receiver.at("/bad")
    assert first.body == second.body == third.body
    assert first.sequence == second.sequence == third.sequence == (1, 1, 0)
    assert fourth.sequence == (2, 2, 1)
    (key,) = await world.database.read(world.tenant_id, tenants.verify_keys)
    signatures = [d.verify(load_public_key(key.public_key), world.wire.now_seconds()) for d in (first, second, third)]
    assert len({parsed.nonce for parsed in signatures}) == 3


async def test_a_redirect_is_a_failure_and_nobody_follows_it(world: WebhookWorld) -> None:
    statuses = [301, 302, 303, 304, 307, 308]
    for status in statuses:
        await world.webhook(f"/{status}")
        world.receiver.script[f"/{status}"] = [status]
    await world.emit("USER.CREATED")
    await world.flow()
    for status in statuses:
        assert world.heard(f"/{status}") == [1, 1]
    assert world.receiver.at("/elsewhere") == []


async def test_exactly_200_to_299_count_as_received(world: WebhookWorld) -> None:
    taken, refused = [200, 201, 202, 204, 206, 299], [300, 400, 401, 404, 410, 429, 500, 503, 599]
    for status in taken + refused:
        await world.webhook(f"/{status}")
        world.receiver.script[f"/{status}"] = [status]
    await world.emit("USER.CREATED")
    await world.deliverer.once(world.tenant_id)
    await world.age()
    assert await world.deliverer.once(world.tenant_id) == len(taken)
    assert await world.count("webhook_packages") == len(refused)
    await world.flow()
    assert all(len(world.receiver.at(f"/{status}")) == 1 for status in taken)
    assert all(len(world.receiver.at(f"/{status}")) == 2 for status in refused)


async def test_sequence_headers_chain_without_a_gap_through_filters(world: WebhookWorld) -> None:
    await world.webhook("/users", type=["USER"])
    await world.webhook("/all")
    for _ in range(5):
        await world.emit("USER.CREATED", "ORDER.NEW")
        await world.emit("ORDER.NEW")
        await world.flow()
    for path, expected in (("/users", 5), ("/all", 15)):
        deliveries = world.receiver.at(path)
        last = 0
        for delivery in deliveries:
            first, end, previous = delivery.sequence
            assert previous == last
            assert last < first <= end
            last = end
        assert len(world.heard(path)) == expected
    assert [d.sequence[:2] for d in world.receiver.at("/users")] == [(1, 1), (4, 4), (7, 7), (10, 10), (13, 13)]
    assert [d.sequence[0] for d in world.receiver.at("/all")] == [1, 4, 7, 10, 13]


async def test_types_choose_and_exclusions_count_beside_all_only(world: WebhookWorld) -> None:
    cases: list[tuple[list[str], list[str] | None, list[int]]] = [
        (["ALL"], None, [1, 2, 3, 4]),
        (["ALL"], ["ORDER"], [1, 2, 4]),
        (["ALL"], ["USER"], [2, 3, 4]),
        (["USER", "ALL"], ["USER"], [2, 3, 4]),
        (["USER"], None, [1]),
        (["USER", "ORDER"], ["ORDER"], [1, 3]),
        (["USER_CHECK"], ["USER_CHECK"], [2]),
        (["TOPUP"], None, []),
    ]
    for number, (types, excluded, _) in enumerate(cases):
        await world.webhook(f"/{number}", type=types, exclude_type=excluded)
    await world.emit("USER.CREATED", "USER_CHECK.PASSED", "ORDER.NEW", "BUSINESS_CHECK.PASSED")
    await world.flow()
    assert [world.heard(f"/{number}") for number in range(len(cases))] == [expected for _, _, expected in cases]
