"""Tenants apart, over HTTP: an id of another tenant is answered exactly as one that nobody has, by every operation.

All of it is held twice: with both walls, and with the policies of the database taken down.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from openvest.core.problems import NotFound
from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from openvest.declarations import Call, Endpoint
from openvest.server.app import App, make_app
from openvest.server.settings import ServerSettings
from tests.kit.cluster import Cluster
from tests.kit.contracts import FIRST, SERVED, TABLES, label
from tests.kit.http import WIRE, Api, make_apis
from tests.kit.operations import CONSTANT, OPERATIONS, ask, live_by_http, path_names
from tests.kit.walls import take_down_policies
from tests.kit.world import SECRETS, make_tenant, opened

pytestmark = pytest.mark.anyio

EVENTS = Query(int, "select count(*) from events")
_ANYBODY = Query(str, "select status from users where id = $1")


async def _leak(unit: Unit, call: Call) -> Any:
    status = await unit.row(_ANYBODY, call.path["user_id"])
    if status is None:
        raise NotFound("There is no user of this id.")
    return {"status": status}


LEAK = Endpoint("GET", "/leaks/{user_id}", "leak", "A read without its WHERE", "Leaks", ("users:read",), verb=_leak)


@dataclass
class Two:
    """One tenant's objects by the name of their path parameter, and the clients of another tenant."""

    owner: Api
    intruder: Api
    ids: dict[str, str]
    database: Database
    policies: bool

    async def events(self) -> int:
        tenant_id = self.owner.client.tenant_id
        return await self.database.read(tenant_id, lambda unit: unit.one(EVENTS))


@pytest.fixture(scope="module", params=["both walls", "without policies"])
async def two(cluster: Cluster, request: pytest.FixtureRequest) -> AsyncGenerator[Two]:
    """Everything here holds with the WHERE of each query alone, too."""
    name = await cluster.create()
    if request.param == "without policies":
        await take_down_policies(cluster, name)
    async with opened(cluster, name) as assembled:
        database = assembled.database
        app = make_app(
            database=database,
            contracts={**TABLES, FIRST: [*TABLES[FIRST], LEAK]},
            wire=WIRE,
            secrets=SECRETS,
            settings=ServerSettings(request_log=False),
            services=assembled,
        )
        tenant_id = await make_tenant(database, "Owner", pace="instant")
        owner = await _client(app, database, tenant_id)
        ids = await live_by_http(assembled, owner, tenant_id)
        intruder = await _client(app, database, await make_tenant(database, "Intruder", pace="instant"))
        yield Two(owner, intruder, ids, database, request.param == "both walls")
    await cluster.drop(name)


async def _client(app: App, database: Database, tenant_id: UUID) -> Api:
    return await make_apis(app, database, tenant_id)


def _seen(answer: httpx.Response, ids: Mapping[str, str]) -> str:
    """What an answer tells, without what differs by nature: the ids that were sent and the request's own."""
    text = answer.text.replace(answer.headers["upvest-request-id"], "")
    for value in ids.values():
        text = text.replace(value, "")
    return f"{answer.status_code} {text}"


async def test_every_operation_on_an_object_is_looked_at(two: Two) -> None:
    parameters = {name for endpoint in OPERATIONS for name in path_names(endpoint)}
    assert parameters - set(CONSTANT) <= set(two.ids)
    assert len(OPERATIONS) > 35


async def test_a_foreign_id_is_answered_like_one_nobody_has(two: Two) -> None:
    before = await two.events()
    for endpoint in OPERATIONS:
        nobody = {name: str(uuid4()) for name in two.ids}
        foreign = await ask(two.intruder, endpoint, two.ids)
        unknown = await ask(two.intruder, endpoint, nobody)
        name = label(endpoint)
        assert foreign.status_code in (400, 404, 422), f"{name}: {foreign.status_code} {foreign.text}"
        assert foreign.status_code != 400 or "idempotency" not in foreign.text, name
        assert _seen(foreign, two.ids) == _seen(unknown, nobody), name
    assert await two.events() == before


async def test_the_owner_is_answered_otherwise(two: Two) -> None:
    """Else the comparison above would say nothing: the same requests find the objects for their owner."""
    found = 0
    for endpoint in OPERATIONS:
        if endpoint.method != "GET":
            continue
        answer = await ask(two.owner, endpoint, two.ids)
        found += answer.status_code == 200
        assert answer.status_code in (200, 404), f"{label(endpoint)}: {answer.text}"
    assert found > 12


async def test_lists_show_nothing_of_another_tenant(two: Two) -> None:
    for endpoint in SERVED:
        if endpoint.method != "GET" or "{" in endpoint.path or "instruments" in endpoint.path:
            continue
        answer = await two.intruder.of(endpoint).get(endpoint.path)
        assert not any(value in answer.text for value in two.ids.values()), label(endpoint)


async def test_a_read_that_forgets_its_where_is_seen_without_policies_and_held_by_them(two: Two) -> None:
    nobody = {name: str(uuid4()) for name in two.ids}
    foreign, unknown = await ask(two.intruder, LEAK, two.ids), await ask(two.intruder, LEAK, nobody)
    assert unknown.status_code == 404
    assert (_seen(foreign, two.ids) == _seen(unknown, nobody)) is two.policies
    assert foreign.status_code == (404 if two.policies else 200)
