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
from tests.kit.contracts import (
    SERVED,
    contract_of,
    demands_key,
    described,
    descriptions,
    label,
    rules_of,
    takes_key,
)
from tests.kit.http import WIRE, Api, make_apis
from tests.kit.openapi import check_answer, check_description
from tests.kit.world import SECRETS, make_tenant, opened

pytestmark = pytest.mark.anyio

PROVEN = [endpoint for endpoint in SERVED if not endpoint.form]
SCOPED = [endpoint for endpoint in PROVEN if endpoint.scopes]


@dataclass
class World:
    """Clients with every scope, until their token permits what the endpoint under test does not."""

    api: Api
    cluster: Cluster

    async def send(self, endpoint: Endpoint, body: Any = None, **options: Any) -> httpx.Response:
        content = json.dumps(body).encode() if body is not None else None
        options.setdefault("key", uuid4() if demands_key(endpoint) else None)
        answer = await self.api.of(endpoint).send(endpoint.method, target(endpoint), content, **options)
        check_answer(described(contract_of(endpoint)), answer)
        return answer

    async def fetch_tokens(self) -> None:
        for api in self.api.every:
            await api.fetch_token()


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
        api = await make_apis(app, database, await make_tenant(database, "Matrix"))
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


def document(answer: httpx.Response, status: int, endpoint: Endpoint) -> dict[str, Any]:
    assert answer.status_code == status, f"{label(endpoint)}: {answer.status_code} {answer.text}"
    found = answer.json()
    assert found["request_id"] == answer.headers["upvest-request-id"]
    return found


def test_the_catalog_is_described() -> None:
    for description in descriptions().values():
        check_description(description)
    assert len(PROVEN) > 40
    unknown = {scope for endpoint in SERVED for scope in endpoint.scopes} - set(SCOPES)
    assert not unknown
    assert {endpoint.path for endpoint in SERVED if not endpoint.scopes} == {"/auth/token"}


async def test_none_is_served_without_credentials(world: World) -> None:
    for endpoint in PROVEN:
        answer = await world.api.http.request(endpoint.method, target(endpoint), headers={"accept": "*/*"})
        document(answer, 401, endpoint)
        check_answer(described(contract_of(endpoint)), answer)


async def test_a_signature_is_demanded_where_the_contract_says_so_and_verified_everywhere(world: World) -> None:
    for endpoint in PROVEN:
        api, at = world.api.of(endpoint), target(endpoint)
        bearer = {"authorization": f"Bearer {api.token or await api.fetch_token()}", "accept": "*/*"}
        unsigned = await api.http.request(endpoint.method, at, headers=bearer)
        assert (unsigned.status_code == 401) == rules_of(endpoint).signed, label(endpoint)
        signed = await api.signed(endpoint.method, at, None, uuid4() if demands_key(endpoint) else None)
        right = await api.http.request(endpoint.method, at, headers=signed)
        assert right.status_code not in (401, 403, 500, 503), f"{label(endpoint)}: {right.text}"
        document(await api.http.request(endpoint.method, at, headers=signed), 401, endpoint)  # its nonce is used
        foreign = {"authorization": f"Bearer {'0' * 43}", "accept": "*/*"}
        document(await api.http.request(endpoint.method, at, headers=foreign), 401, endpoint)


async def test_none_is_served_without_its_scope(world: World) -> None:
    for endpoint in SCOPED:
        others = [scope for scope in SCOPES if scope not in endpoint.scopes]
        await world.api.of(endpoint).fetch_token(others)
        found = document(await world.send(endpoint), 403, endpoint)
        assert all(scope in found["detail"] for scope in endpoint.scopes)
    await world.fetch_tokens()


async def test_each_of_its_scopes_is_enough(world: World) -> None:
    for endpoint in SCOPED:
        for scope in endpoint.scopes:
            await world.api.of(endpoint).fetch_token([scope])
            answer = await world.send(endpoint, headers={"upvest-api-version": "1"})
            assert answer.status_code not in (401, 403, 500, 503), f"{label(endpoint)} {scope} {answer.text}"
    await world.fetch_tokens()


async def test_keys_are_demanded_where_they_are_listed(world: World) -> None:
    for endpoint in PROVEN:
        answer = await world.send(endpoint, key=None)
        missing = answer.status_code == 400 and answer.json()["type"].endswith("/missing_idempotency_key")
        assert missing == demands_key(endpoint), label(endpoint)
        odd = await world.send(endpoint, key="no key")
        told = odd.status_code == 400 and "idempotency-key" in odd.json()["detail"]
        assert told == takes_key(endpoint), label(endpoint)


async def test_bodies_are_held_to_their_schema(world: World) -> None:
    for endpoint in PROVEN:
        if endpoint.body is None:
            continue
        found = document(await world.send(endpoint, {"canary_field": "canary-value"}), 400, endpoint)
        fields = {error["field"] for error in found["errors"]}
        assert fields, label(endpoint)
        assert fields != {"(root)"}, label(endpoint)
        assert "canary-value" not in json.dumps(found)
        document(await world.send(endpoint, []), 400, endpoint)
        typed = await world.send(endpoint, {}, headers={"content-type": "text/plain"})
        document(typed, 415, endpoint)


async def test_queries_are_held_to_their_schema(world: World) -> None:
    for endpoint in PROVEN:
        if endpoint.method != "GET":
            continue
        answer = await world.api.of(endpoint).get(target(endpoint) + "?canary_field=canary-value")
        found = document(answer, 400, endpoint)
        assert "canary_field" in {error["field"] for error in found["errors"]}, label(endpoint)
        assert "canary-value" not in answer.text


async def test_only_json_is_answered(world: World) -> None:
    for endpoint in PROVEN:
        answer = await world.send(endpoint, headers={"accept": "text/html"})
        assert (answer.status_code == 406) == (endpoint.answer is not None and endpoint.status != 204), label(endpoint)


async def test_an_object_that_nobody_has_is_not_found(world: World) -> None:
    for endpoint in PROVEN:
        if endpoint.method not in ("GET", "DELETE") or "{" not in endpoint.path:
            continue
        if endpoint.query is not None and any(f.is_required() for f in endpoint.query.model_fields.values()):
            continue
        document(await world.send(endpoint), 404, endpoint)


async def test_other_methods_are_answered_with_those_allowed(world: World) -> None:
    # Before the caller is known it may be that of any contract.
    methods: dict[str, set[str]] = {}
    for endpoint in SERVED:
        methods.setdefault(endpoint.path, set()).add(endpoint.method)
    for endpoint in SERVED:
        path = target(endpoint)
        answer = await world.api.http.request("TRACE", path)
        assert answer.status_code == 405
        fitting = [one for one in methods if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one), path)]
        assert set(answer.headers["allow"].split(", ")) == {method for one in fitting for method in methods[one]}


async def test_no_sandbox_operation_is_described_in_production() -> None:
    assert all(endpoint.sandbox_only for endpoint in SERVED if endpoint.path.startswith("/tests/"))
