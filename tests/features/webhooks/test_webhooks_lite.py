"""Subscriptions of lite: active from the first moment, told in lite's words, and managed by lite's clients alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal
from uuid import uuid4

import pytest

from openvest import catalog
from openvest.core.lite import EventObjectView, event_object
from openvest.core.signing_keys import jwk_of_p521, load_public_key
from openvest.core.snapshots import Snapshot
from openvest.declarations import Contract, Representation
from openvest.events.telling import Tellings, telling
from openvest.features.tenants import service as tenants
from openvest.server.settings import ServerSettings
from tests.kit.contracts import described
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.openapi import check_answer
from tests.kit.webhooks import TOLD, WebhookWorld

pytestmark = pytest.mark.anyio

URL = "https://hooks.client.example/lite"
NEW: dict[str, Any] = {"url": URL, "event_categories": ["ORDER", "EXECUTION"]}


def odd_or_even(thing: Snapshot) -> Literal["ORDER.ODD", "ORDER.EVEN"]:
    return "ORDER.ODD" if thing["n"] % 2 else "ORDER.EVEN"


THING = Representation(event_object("ORDER", "n"), EventObjectView)
BROKEN = Representation(event_object("ORDER", "missing"), EventObjectView)
BOTH: Mapping[Contract, Tellings] = {
    **TOLD,
    "lite": {
        "ORDER.NEW": telling(odd_or_even, THING),
        "USER.CREATED": telling("FEE.CHARGED", THING),
        "ORDER.FILLED": telling("ORDER.FILLED", BROKEN),
    },
}
"""The made-up events of these tests, as lite tells them: one is called by its object, one is of another category, one
cannot be shown, and two of v1 are not told."""


@dataclass
class Clients:
    """Clients of one tenant whose answers are checked."""

    api: Api

    async def ask(
        self, method: str, target: str, body: Any = None, expect: int = 200, contract: Contract = "lite"
    ) -> Any:
        answer = await self.api.speaking(contract).send(method, target, body)
        assert answer.status_code == expect, answer.text
        check_answer(described(contract), answer)
        return answer.json() if answer.content else None

    async def refused(self, method: str, target: str, body: Any) -> list[str]:
        """The field of every error that the answer names."""
        return [error["field"] for error in (await self.ask(method, target, body, 400))["errors"]]


@pytest.fixture
async def clients(world: WebhookWorld) -> AsyncGenerator[Clients]:
    settings = ServerSettings(webhook_allow_list=world.allow_list)
    services = SimpleNamespace(database=world.database, sender=world.deliverer.sender)
    app = make_test_app(world.database, catalog.CONTRACTS, settings=settings, services=services)
    api = await make_apis(app, world.database, world.tenant_id)
    async with api.http:
        yield Clients(api)


async def test_a_subscription_is_active_at_once(clients: Clients) -> None:
    made = await clients.ask("POST", "/webhooks", NEW, 201)
    assert made == NEW | {"id": made["id"], "created_at": made["created_at"], "status": "ACTIVE"}
    path = f"/webhooks/{made['id']}"
    assert await clients.ask("GET", path) == made
    assert await clients.ask("GET", "/webhooks") == {"data": [made]}
    off = await clients.ask("PATCH", path, {"status": "INACTIVE", "event_categories": ["ALL", "ALL"]})
    assert off == made | {"status": "INACTIVE", "event_categories": ["ALL"]}
    assert await clients.ask("PATCH", path, {}) == off
    assert await clients.ask("DELETE", path, expect=204) is None
    for method, body in (("GET", None), ("PATCH", {"status": "ACTIVE"}), ("DELETE", None)):
        await clients.ask(method, path, body, 404)
    assert await clients.ask("GET", "/webhooks") == {"data": []}


async def test_what_does_not_fit_is_refused_in_the_words_of_lite(clients: Clients) -> None:
    misfits: list[tuple[dict[str, Any], str]] = [
        ({"url": "http://hooks.client.example/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": ""}, "url"),
        ({"event_categories": []}, "event_categories"),
        ({"event_categories": "ALL"}, "event_categories"),
        ({"event_categories": ["TOPUP"]}, "event_categories.0"),
        ({"type": ["ALL"]}, "type"),
        ({"title": "mine"}, "title"),
        ({"status": "ACTIVE"}, "status"),
    ]
    for fields, named in misfits:
        assert await clients.refused("POST", "/webhooks", NEW | fields) == [named], fields
    assert await clients.refused("POST", "/webhooks", {}) == ["url", "event_categories"]
    made = await clients.ask("POST", "/webhooks", NEW, 201)
    path = f"/webhooks/{made['id']}"
    assert await clients.refused("PATCH", path, {"status": "enabled", "url": "https://127.0.0.1/"}) == ["status", "url"]
    assert await clients.refused("PATCH", path, {"enabled": False}) == ["enabled"]
    assert await clients.ask("GET", "/webhooks") == {"data": [made]}


async def test_a_client_manages_the_subscriptions_of_its_own_contract(clients: Clients) -> None:
    """What one contract has categories for, the other cannot show; so neither sees the other's."""
    mine = await clients.ask("POST", "/webhooks", NEW, 201)
    theirs = await clients.ask("POST", "/webhooks", {"title": "v1", "url": URL}, 201, "v1")
    shown: dict[Contract, Any] = {}
    for contract, own, other in (("lite", mine, theirs), ("v1", theirs, mine)):
        shown[contract] = (await clients.ask("GET", "/webhooks", contract=contract))["data"]
        assert shown[contract] == [own]
        for method, body, suffix in (
            ("GET", None, ""),
            ("PATCH", {"url": URL}, ""),
            ("DELETE", None, ""),
            ("POST", None, "/test"),
        ):
            for webhook_id in (other["id"], str(uuid4())):
                answer = await clients.ask(method, f"/webhooks/{webhook_id}{suffix}", body, 404, contract)
                assert answer["detail"] == f"There is no webhook {webhook_id}."
    assert (await clients.ask("GET", "/webhooks"))["data"] == shown["lite"]


async def test_a_test_is_signed_with_a_key_that_lite_shows(clients: Clients, world: WebhookWorld) -> None:
    made = await clients.ask("POST", "/webhooks", NEW | {"url": world.receiver.url()}, 201)
    told = await clients.ask("POST", f"/webhooks/{made['id']}/test")
    assert (told["url"], told["response"]["status"]) == (made["url"], 200)
    (delivery,) = world.receiver.deliveries
    (event,) = delivery.payload
    assert list(event) == ["id", "created_at", "event_type", "object", "webhook_id"]
    assert (event["event_type"], event["object"]) == ("WEBHOOK.TEST", {"id": made["id"], "type": "WEBHOOK"})
    (shown,) = (await clients.ask("GET", "/auth/verify_keys"))["keys"]
    (key,) = await world.database.read(world.tenant_id, tenants.verify_keys)
    assert shown == jwk_of_p521(key.public_key, str(key.id))
    assert delivery.verify(load_public_key(key.public_key), world.wire.now_seconds()).key_id == shown["kid"]


# Deliveries of both contracts out of one log


async def test_each_contract_hears_its_own_names_of_one_log(world: WebhookWorld) -> None:
    world.deliverer.told = BOTH
    await world.webhook("/v1")
    await world.webhook("/lite", contract="lite")
    await world.emit("USER.CREATED", "ORDER.NEW", "USER_CHECK.PASSED", "ORDER.FILLED", "ORDER.NEW")
    await world.flow()
    ((v1,), (lite,)) = world.receiver.at("/v1"), world.receiver.at("/lite")
    assert [event["type"] for event in v1.payload] == ["USER.CREATED", "ORDER.NEW", "USER_CHECK.PASSED", "ORDER.NEW"]
    assert [event["event_type"] for event in lite.payload] == ["FEE.CHARGED", "ORDER.EVEN", "ORDER.ODD"]
    assert {(*event,) for event in lite.payload} == {("id", "created_at", "event_type", "object", "webhook_id")}
    assert [event["object"] for event in lite.payload] == [{"id": n, "type": "ORDER"} for n in (1, 2, 5)]
    # The same events under the same ids and numbers, whoever hears of them.
    ids = {event["id"] for event in v1.payload}
    assert {event["id"] for event in lite.payload} <= ids
    assert (v1.sequence, lite.sequence) == ((1, 5, 0), (1, 5, 0))
    assert await world.count("dead_letters") == 1


async def test_categories_are_those_of_the_contracts_own_names(world: WebhookWorld) -> None:
    world.deliverer.told = BOTH
    await world.webhook("/fees", contract="lite", type=["FEE"])
    await world.webhook("/users", contract="lite", type=["USER"])
    await world.webhook("/others", contract="lite", type=["ALL"], exclude_type=["FEE"])
    await world.webhook("/v1", type=["USER"])
    await world.emit("USER.CREATED", "ORDER.NEW")
    await world.flow()
    heard = {
        path: [event.get("event_type") or event["type"] for one in world.receiver.at(path) for event in one.payload]
        for path in ("/fees", "/users", "/others", "/v1")
    }
    assert heard == {"/fees": ["FEE.CHARGED"], "/users": [], "/others": ["ORDER.EVEN"], "/v1": ["USER.CREATED"]}


async def test_lite_begins_at_the_present_and_again_where_it_was_made_active(
    clients: Clients, world: WebhookWorld
) -> None:
    world.deliverer.told = BOTH
    await world.emit("ORDER.NEW")
    made = await clients.ask("POST", "/webhooks", {"url": world.receiver.url(), "event_categories": ["ALL"]}, 201)
    await world.emit("ORDER.NEW")
    await world.flow()
    path = f"/webhooks/{made['id']}"
    await clients.ask("PATCH", path, {"status": "INACTIVE"})
    await world.emit("ORDER.NEW")
    await clients.ask("PATCH", path, {"status": "ACTIVE"})
    await world.emit("ORDER.NEW")
    await world.flow()
    assert [one.sequence for one in world.receiver.deliveries] == [(2, 2, 0), (4, 4, 2)]
