"""A flush admits its requests in the unit that they share; who uses a nonce twice, or shows what ended, has no part."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from openvest.db.query import Statement
from openvest.db.unit import Database
from openvest.features.tenants.v1 import ENDPOINTS
from openvest.server.app import App
from openvest.server.directory import Directory, KnownKey
from tests.contract.test_dispatch import refused
from tests.contract.things import THINGS, made, thing
from tests.features.tenants.credentials import ENDS
from tests.kit.http import Api, http_of, make_api, make_test_app

pytestmark = pytest.mark.anyio

PATH = "/batched_things"
TOUCH = Statement("update api_clients set strict_idempotency = strict_idempotency where tenant_id = $1 and id = $2")
SPOILT = {"kind": "FINE"}
ANSWERS: Mapping[str, tuple[dict[str, Any], int]] = {
    "accepted": ({}, 200),
    "refused by its rules": ({"kind": "BAD"}, 422),
    "refused by its schema": (SPOILT, 400),
    "ended by a fault of ours": ({"kind": "BROKEN"}, 500),
}


async def request_of(api: Api, key: UUID | None = None, **fields: Any) -> tuple[bytes, dict[str, str]]:
    """One signed request, to be sent as often as one likes."""
    content = json.dumps(thing() | fields).encode()
    return content, await api.signed("POST", PATH, content, key or uuid4())


async def post(http: httpx.AsyncClient, request: tuple[bytes, dict[str, str]]) -> httpx.Response:
    return await http.post(PATH, content=request[0], headers=request[1])


@pytest.mark.parametrize("answer", ANSWERS)
async def test_whatever_it_was_answered_a_request_is_taken_once(
    app: App, api: Api, database: Database, tenant_id: UUID, answer: str
) -> None:
    fields, status = ANSWERS[answer]
    request = await request_of(api, **fields)
    assert (await post(api.http, request)).status_code == status
    for http in (api.http, http_of(make_test_app(database, [*ENDPOINTS, *THINGS]))):
        refused(await post(http, request), 401, "unauthorised")
    assert await made(database, tenant_id) == (status == 200)


async def test_an_answer_that_was_kept_is_told_once_too(api: Api) -> None:
    key = uuid4()
    first, again = await request_of(api, key), await request_of(api, key)
    told = await post(api.http, first)
    assert (await post(api.http, again)).content == told.content and told.status_code == 200
    refused(await post(api.http, again), 401, "unauthorised")


async def test_of_copies_sent_at_once_to_many_processes_one_is_taken(
    api: Api, database: Database, tenant_id: UUID
) -> None:
    processes = [api.http, http_of(make_test_app(database, [*ENDPOINTS, *THINGS]))]
    request, others = await request_of(api), [await request_of(api) for _ in range(4)]
    copies = [post(processes[n % 2], request) for n in range(10)]
    answers = await asyncio.gather(*copies, *(post(api.http, other) for other in others))
    assert sorted(answer.status_code for answer in answers[:10]) == [200, *[401] * 9]
    assert {answer.status_code for answer in answers[10:]} == {200}
    assert await made(database, tenant_id) == 5


@pytest.mark.parametrize("end", ENDS)
async def test_what_ends_a_credential_keeps_it_out_of_the_flush(
    app: App, database: Database, tenant_id: UUID, end: str
) -> None:
    """The others of its flush are accepted."""
    ended, other = await make_api(app, database, tenant_id), await make_api(app, database, tenant_id)
    assert (await post(ended.http, await request_of(ended))).status_code == 200
    requests = await request_of(ended), await request_of(other)
    await database.write(tenant_id, lambda unit: ENDS[end](unit, ended), n=0)
    mine, theirs = await asyncio.gather(*(post(ended.http, request) for request in requests))
    refused(mine, 401, "unauthorised")
    assert theirs.status_code == 200
    assert await made(database, tenant_id) == 2


@pytest.mark.parametrize("fields", [{}, {"kind": "BAD"}])
async def test_what_changes_of_a_client_is_judged_anew(
    api: Api, database: Database, tenant_id: UUID, fields: dict[str, Any]
) -> None:
    status = 422 if fields else 200
    assert (await post(api.http, await request_of(api))).status_code == 200
    await database.write(tenant_id, lambda unit: unit.run(TOUCH, tenant_id, api.client.client_id), n=0)
    request = await request_of(api, **fields)
    assert (await post(api.http, request)).status_code == status
    refused(await post(api.http, request), 401, "unauthorised")


async def test_a_key_that_never_is_what_stands_is_refused_in_the_end(
    api: Api, database: Database, tenant_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Directory.key

    async def another(self: Directory, key_id: UUID) -> KnownKey | None:
        found = await known(self, key_id)
        return found and replace(found, version="another")

    monkeypatch.setattr(Directory, "key", another)
    async with asyncio.timeout(10):
        refused(await post(api.http, await request_of(api)), 401, "unauthorised")
    assert await made(database, tenant_id) == 0


async def test_an_order_of_statements_and_none_of_its_own(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a signed write of a known client asks the database."""
    asked: list[str] = []
    connection = Database.connection

    @asynccontextmanager
    async def listened_to(self: Database) -> AsyncGenerator[Any]:
        async with connection(self) as one:
            with one.query_logger(lambda record: asked.append(record.query)):
                yield one

    assert (await post(api.http, await request_of(api))).status_code == 200
    monkeypatch.setattr(Database, "connection", listened_to)
    assert (await post(api.http, await request_of(api))).status_code == 200
    assert len(asked) == 4 and asked[0] == "begin" and "open_keyed_unit($1" in asked[1] and asked[3] == "commit"
