"""The operations of webhook subscriptions over signed HTTP, every answer held against its description."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from aiohttp import web

from openvest.core.signing_keys import load_public_key
from openvest.db.unit import Database
from openvest.features.tenants import service as tenants
from openvest.features.tenants import v1 as tenants_v1
from openvest.features.webhooks import v1
from openvest.ports.webhook_sender import WebhookSender
from openvest.server.openapi import describe
from openvest.server.settings import ServerSettings
from tests.kit.http import Api, make_api, make_test_app
from tests.kit.openapi import check_answer
from tests.kit.receiver import Delivery
from tests.kit.webhooks import WebhookWorld
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

TABLE = [*tenants_v1.ENDPOINTS, *v1.ENDPOINTS]
DESCRIPTION = describe(TABLE, "v1", "1")
URL = "https://hooks.client.example/upvest"
NEW: dict[str, Any] = {"title": "money events", "url": URL}


@dataclass
class Client:
    """An API client whose answers are checked."""

    api: Api

    async def ask(self, method: str, target: str, body: Any = None, expect: int = 200) -> Any:
        answer = await self.api.send(method, target, body)
        assert answer.status_code == expect, answer.text
        check_answer(DESCRIPTION, answer)
        return answer.json() if answer.content else None

    async def create(self, **fields: Any) -> Any:
        return await self.ask("POST", "/webhooks", NEW | fields, 201)

    async def field_errors(self, method: str, target: str, body: Any) -> set[str]:
        return {error["field"] for error in (await self.ask(method, target, body, 400)).get("errors", [])}


async def client_of(
    database: Database,
    tenant_id: UUID,
    *scopes: str,
    sender: WebhookSender | None = None,
    allow_list: frozenset[str] = frozenset(),
) -> Client:
    settings = ServerSettings(webhook_allow_list=allow_list)
    services = SimpleNamespace(database=database, sender=sender)
    app = make_test_app(database, TABLE, settings=settings, services=services)
    return Client(await make_api(app, database, tenant_id, scopes=scopes or "all"))


@pytest.fixture
async def client(world: WebhookWorld) -> AsyncGenerator[Client]:
    made = await client_of(world.database, world.tenant_id, sender=world.deliverer.sender, allow_list=world.allow_list)
    async with made.api.http:
        yield made


async def test_a_subscription_is_made_switched_off_with_its_defaults(client: Client) -> None:
    made = await client.create()
    assert list(made) == ["id", "created_at", "updated_at", "title", "url", "enabled", "type", "config"]
    assert UUID(made["id"]).version == 4
    assert {name: made[name] for name in ("title", "url", "enabled", "type")} == NEW | {
        "enabled": False,
        "type": ["ALL"],
    }
    assert made["config"] == {"delay": "1s", "max_package_size": 65_536}
    assert made["created_at"] == made["updated_at"]
    assert await client.ask("GET", f"/webhooks/{made['id']}") == made


async def test_everything_that_can_be_said_is_kept(client: Client) -> None:
    said = {
        "title": "All (but) [orders] {1}.-",
        "url": "https://hooks.client.example:8443/a%20b?c=d",
        "type": ["ALL"],
        "exclude_type": ["ORDER", "EXECUTION"],
        "config": {"delay": "30s", "max_package_size": 100},
    }
    made = await client.create(**said)
    assert {name: made[name] for name in said} == said
    assert (await client.create(exclude_type=[]))["exclude_type"] == []


MISFITS: list[tuple[dict[str, Any], str]] = [
    ({"title": ""}, "title"),
    ({"title": "x" * 33}, "title"),
    ({"title": "käse"}, "title"),
    ({"title": "under_score"}, "title"),
    ({"title": "line\n"}, "title"),
    ({"title": 5}, "title"),
    ({"url": "http://hooks.client.example/"}, "url"),
    ({"url": "https://10.0.0.1/"}, "url"),
    ({"url": "https://[::1]/"}, "url"),
    ({"url": "https://localhost/"}, "url"),
    ({"url": "https://" + "a" * 1000 + ".example/"}, "url"),
    ({"url": ""}, "url"),
    ({"type": []}, "type"),
    ({"type": "ALL"}, "type"),
    ({"type": ["NEWS"]}, "type.0"),
    ({"type": ["BUSINESS_CHECK"]}, "type.0"),
    ({"exclude_type": ["ALL"]}, "exclude_type.0"),
    ({"config": {"delay": "0s"}}, "config.delay"),
    ({"config": {"delay": "31s"}}, "config.delay"),
    ({"config": {"delay": "1m"}}, "config.delay"),
    ({"config": {"delay": "01s"}}, "config.delay"),
    ({"config": {"delay": 5}}, "config.delay"),
    ({"config": {"max_package_size": 99}}, "config.max_package_size"),
    ({"config": {"max_package_size": 1_048_577}}, "config.max_package_size"),
    ({"config": {"max_package_size": "1024"}}, "config.max_package_size"),
    ({"config": {"speed": 1}}, "config.speed"),
    ({"enabled": True}, "enabled"),
    ({"secret": "x"}, "secret"),
]


async def test_what_does_not_fit_is_refused_by_name(client: Client) -> None:
    for fields, named in MISFITS:
        assert await client.field_errors("POST", "/webhooks", NEW | fields) == {named}, fields
    assert (await client.ask("GET", "/webhooks"))["meta"]["total_count"] == 0


async def test_title_and_url_are_required(client: Client) -> None:
    assert await client.field_errors("POST", "/webhooks", {}) == {"title", "url"}


async def test_a_patch_changes_what_it_names_and_takes_a_whole_webhook_back(client: Client) -> None:
    made = await client.create(exclude_type=["ORDER"], config={"delay": "9s", "max_package_size": 1000})
    path = f"/webhooks/{made['id']}"
    on = await client.ask("PATCH", path, {"enabled": True})
    assert on["updated_at"] > made["updated_at"]
    assert on == made | {"enabled": True, "updated_at": on["updated_at"]}
    shorter = await client.ask("PATCH", path, {"config": {"delay": "2s"}})
    assert shorter["config"] == {"delay": "2s", "max_package_size": 1000}
    whole = await client.ask("PATCH", path, shorter | {"id": str(uuid4()), "title": "other", "type": ["USER", "USER"]})
    assert (whole["id"], whole["title"], whole["type"]) == (made["id"], "other", ["USER"])
    assert await client.ask("GET", path) == whole
    assert await client.field_errors("PATCH", path, {"url": "https://127.0.0.1/"}) == {"url"}
    assert await client.field_errors("PATCH", path, {"version": 1, "enabled": "yes"}) == {"version", "enabled"}
    assert await client.ask("GET", path) == whole


async def test_an_ended_subscription_is_gone(client: Client) -> None:
    made = await client.create()
    path = f"/webhooks/{made['id']}"
    assert await client.ask("DELETE", path, expect=204) is None
    for method in ("GET", "DELETE"):
        await client.ask(method, path, expect=404)
    await client.ask("PATCH", path, {"enabled": True}, 404)
    await client.ask("POST", f"{path}/test", expect=404)
    assert (await client.ask("GET", "/webhooks"))["data"] == []


async def test_the_list_is_ordered_and_paged(client: Client) -> None:
    for title, host in (("b", "z"), ("a", "y"), ("c", "x")):
        await client.create(title=title, url=f"https://{host}.client.example/")
    second = (await client.ask("GET", "/webhooks"))["data"][1]
    await client.ask("PATCH", f"/webhooks/{second['id']}", {"enabled": True})

    async def titles(query: str) -> list[str]:
        return [row["title"] for row in (await client.ask("GET", f"/webhooks?{query}"))["data"]]

    assert await titles("") == ["b", "a", "c"]
    assert await titles("sort=title&order=DESC") == ["c", "b", "a"]
    assert await titles("sort=url") == ["c", "a", "b"]
    assert (await titles("sort=enabled&order=DESC"))[0] == "a"
    assert (await titles("sort=updated_at&order=DESC"))[0] == "a"
    assert await titles("sort=created_at&offset=1&limit=1") == ["a"]
    meta = (await client.ask("GET", "/webhooks?limit=2"))["meta"]
    assert meta == {"offset": 0, "limit": 2, "count": 2, "total_count": 3, "sort": "created_at", "order": "ASC"}
    assert await client.field_errors("GET", "/webhooks?sort=type", None) == {"sort"}


async def test_a_test_sends_one_signed_event_now_and_shows_the_answer(client: Client, world: WebhookWorld) -> None:
    async def teapot(_: Delivery) -> web.StreamResponse:
        return web.Response(status=418, text="short and stout", headers={"x-pot": "tea"})

    made = await client.create(url=world.receiver.url())
    world.receiver.script["/hook"] = [teapot, 302]
    shown = await client.ask("POST", f"/webhooks/{made['id']}/test")
    assert shown["url"] == world.receiver.url()
    assert (shown["response"]["status"], shown["response"]["body"]) == (418, "short and stout")
    assert shown["response"]["headers"]["x-pot"] == "tea"
    (delivery,) = world.receiver.deliveries
    (event,) = delivery.payload
    assert (event["type"], event["webhook_id"], event["object"]) == ("WEBHOOK.TEST", made["id"], made)
    assert "openvest-sequence" not in delivery.fields
    (key,) = await world.database.read(world.tenant_id, tenants.verify_keys)
    delivery.verify(load_public_key(key.public_key), world.wire.now_seconds())
    moved = await client.ask("POST", f"/webhooks/{made['id']}/test")
    assert moved["response"]["status"] == 302
    assert world.receiver.at("/elsewhere") == []


async def test_a_test_that_reaches_nobody_says_so(client: Client, world: WebhookWorld) -> None:
    made = await client.create(url=world.receiver.url())
    silent = await client_of(world.database, world.tenant_id)
    async with silent.api.http:
        await silent.ask("POST", f"/webhooks/{made['id']}/test", expect=503)
    await client.ask("PATCH", f"/webhooks/{made['id']}", {"url": "https://hooks.client.invalid/"})
    problem = await client.ask("POST", f"/webhooks/{made['id']}/test", expect=422)
    assert problem["detail"] == "The name of the endpoint has no address."


async def test_scopes_decide_who_may_read_and_who_may_change(world: WebhookWorld) -> None:
    made = await (await client_of(world.database, world.tenant_id)).create()
    path = f"/webhooks/{made['id']}"
    reader = await client_of(world.database, world.tenant_id, "webhooks:read")
    await reader.ask("GET", "/webhooks")
    await reader.ask("GET", path)
    for method, target, body in (
        ("POST", "/webhooks", NEW),
        ("PATCH", path, {"enabled": True}),
        ("DELETE", path, None),
        ("POST", f"{path}/test", None),
    ):
        await reader.ask(method, target, body, 403)
    stranger = await client_of(world.database, world.tenant_id, "users:read")
    await stranger.ask("GET", path, expect=403)


async def test_another_tenant_sees_no_subscription_of_ours(world: WebhookWorld, client: Client) -> None:
    made = await client.create()
    other = await client_of(world.database, await make_tenant(world.database, "Tenant B"))
    assert (await other.ask("GET", "/webhooks"))["data"] == []

    def masked(answer: httpx.Response, webhook_id: str) -> str:
        body = {name: value for name, value in answer.json().items() if name != "request_id"}
        return str(body).replace(webhook_id, "ID")

    random = str(uuid4())
    for method, suffix, body in (("GET", "", None), ("PATCH", "", {"title": "x"}), ("DELETE", "", None)):
        ours = await other.api.send(method, f"/webhooks/{made['id']}{suffix}", body)
        theirs = await other.api.send(method, f"/webhooks/{random}{suffix}", body)
        assert ours.status_code == theirs.status_code == 404
        assert masked(ours, made["id"]) == masked(theirs, random)
    await client.ask("GET", f"/webhooks/{made['id']}")
