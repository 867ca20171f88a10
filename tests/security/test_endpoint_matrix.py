"""Every operation of the catalog, held to what all of them owe: credentials, scopes, keys, bodies, unknown ids.

The tables are read from top to bottom, so an operation added later is held to the same without a new test. Every
answer is held against the served description too.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from openvest.catalog import CONTRACTS
from openvest.declarations import Endpoint
from openvest.features.tenants.model import SCOPES
from openvest.server.app import make_app
from openvest.server.settings import ServerSettings
from tests.kit.cluster import Cluster
from tests.kit.contracts import SERVED, descriptions, whole_description
from tests.kit.http import WIRE, Api, make_api
from tests.kit.openapi import check_answer, check_description
from tests.kit.world import SECRETS, make_tenant, opened

pytestmark = pytest.mark.anyio

DESCRIPTION = whole_description()
SIGNED = [endpoint for endpoint in SERVED if not endpoint.form]
SCOPED = [endpoint for endpoint in SIGNED if endpoint.scopes]


@dataclass
class World:
    """A client with every scope, and one whose token permits what the endpoint under test does not."""

    api: Api
    cluster: Cluster

    async def send(self, endpoint: Endpoint, body: Any = None, **options: Any) -> httpx.Response:
        content = json.dumps(body).encode() if body is not None else None
        options.setdefault("key", uuid4() if endpoint.key_required else None)
        answer = await self.api.send(endpoint.method, target(endpoint), content, **options)
        check_answer(DESCRIPTION, answer)
        return answer


@pytest.fixture(scope="module")
async def world(cluster: Cluster) -> AsyncGenerator[World]:
    name = await cluster.create()
    async with opened(cluster, name) as assembled:
        database = assembled.database
        app = make_app(
            database=database,
            contracts=CONTRACTS,
            wire=WIRE,
            secrets=SECRETS,
            settings=ServerSettings(request_log=False),
            services=assembled,
        )
        api = await make_api(app, database, await make_tenant(database, "Matrix"))
        async with api.http:
            yield World(api, cluster)
    await cluster.drop(name)


def target(endpoint: Endpoint) -> str:
    """A path of this endpoint whose objects nobody has."""
    found = endpoint.path
    for name in re.findall(r"\{([^}]+)\}", endpoint.path):
        text = "isin:DE0000000000" if "instrument" in name else "EUR" if "currency" in name else str(uuid4())
        found = found.replace(f"{{{name}}}", text)
    return found


def document(answer: httpx.Response, status: int, label: Endpoint) -> dict[str, Any]:
    assert answer.status_code == status, f"{label.method} {label.path}: {answer.status_code} {answer.text}"
    found = answer.json()
    assert found["request_id"] == answer.headers["upvest-request-id"]
    return found


def names(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def test_the_catalog_is_described() -> None:
    for described in descriptions().values():
        check_description(described)
    assert len(SIGNED) > 40
    unknown = {scope for endpoint in SERVED for scope in endpoint.scopes} - set(SCOPES)
    assert not unknown
    assert [endpoint.path for endpoint in SERVED if not endpoint.scopes] == ["/auth/token"]


async def test_none_is_served_without_credentials(world: World) -> None:
    for endpoint in SIGNED:
        answer = await world.api.http.request(endpoint.method, target(endpoint), headers={"accept": "*/*"})
        document(answer, 401, endpoint)
        check_answer(DESCRIPTION, answer)


async def test_none_is_served_without_its_scope(world: World) -> None:
    for endpoint in SCOPED:
        others = [scope for scope in SCOPES if scope not in endpoint.scopes]
        await world.api.fetch_token(others)
        found = document(await world.send(endpoint), 403, endpoint)
        assert all(scope in found["detail"] for scope in endpoint.scopes)
    await world.api.fetch_token()


async def test_each_of_its_scopes_is_enough(world: World) -> None:
    for endpoint in SCOPED:
        for scope in endpoint.scopes:
            await world.api.fetch_token([scope])
            answer = await world.send(endpoint, headers={"upvest-api-version": "1"})
            assert answer.status_code not in (401, 403, 500, 503), f"{names(endpoint)} {scope} {answer.text}"
    await world.api.fetch_token()


async def test_keys_are_demanded_where_they_are_listed(world: World) -> None:
    for endpoint in SIGNED:
        answer = await world.send(endpoint, key=None)
        missing = answer.status_code == 400 and answer.json()["type"].endswith("/missing_idempotency_key")
        assert missing == endpoint.key_required, names(endpoint)


async def test_bodies_are_held_to_their_schema(world: World) -> None:
    for endpoint in SIGNED:
        if endpoint.body is None:
            continue
        found = document(await world.send(endpoint, {"canary_field": "canary-value"}), 400, endpoint)
        fields = {error["field"] for error in found["errors"]}
        assert fields, names(endpoint)
        assert fields != {"(root)"}, names(endpoint)
        assert "canary-value" not in json.dumps(found)
        document(await world.send(endpoint, []), 400, endpoint)
        typed = await world.send(endpoint, {}, headers={"content-type": "text/plain"})
        document(typed, 415, endpoint)


async def test_queries_are_held_to_their_schema(world: World) -> None:
    for endpoint in SIGNED:
        if endpoint.method != "GET":
            continue
        answer = await world.api.get(target(endpoint) + "?canary_field=canary-value")
        found = document(answer, 400, endpoint)
        assert "canary_field" in {error["field"] for error in found["errors"]}, names(endpoint)
        assert "canary-value" not in answer.text


async def test_only_json_is_answered(world: World) -> None:
    for endpoint in SIGNED:
        answer = await world.send(endpoint, headers={"accept": "text/html"})
        assert (answer.status_code == 406) == (endpoint.answer is not None and endpoint.status != 204), names(endpoint)


async def test_an_object_that_nobody_has_is_not_found(world: World) -> None:
    for endpoint in SIGNED:
        if endpoint.method not in ("GET", "DELETE") or "{" not in endpoint.path:
            continue
        if endpoint.query is not None and any(f.is_required() for f in endpoint.query.model_fields.values()):
            continue
        document(await world.send(endpoint), 404, endpoint)


async def test_other_methods_are_answered_with_those_allowed(world: World) -> None:
    methods: dict[str, set[str]] = {}
    for endpoint in SERVED:
        methods.setdefault(endpoint.path, set()).add(endpoint.method)
    for endpoint in SERVED:
        answer = await world.api.http.request("TRACE", target(endpoint))
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == methods[endpoint.path]


async def test_no_sandbox_operation_is_described_in_production() -> None:
    assert all(endpoint.sandbox_only for endpoint in SERVED if endpoint.path.startswith("/tests/"))
