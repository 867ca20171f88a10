"""Credentials that end do so at once and in every process, also while one of them is being used; at no round trip."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from openvest.db.query import Query, Statement
from openvest.db.unit import Database, Unit
from openvest.features.tenants import rules
from openvest.features.tenants import service as tenants
from openvest.features.tenants.model import NewClient
from openvest.features.tenants.v1 import ENDPOINTS
from openvest.server.app import App
from tests.contract.test_dispatch import refused
from tests.contract.things import LITE_THINGS, THINGS, thing
from tests.features.tenants.credentials import ENDS
from tests.kit.http import Api, http_of, make_api, make_test_app

pytestmark = pytest.mark.anyio

OPEN = "select now, frozen, write_number, dirty, tenant_name, closed_at from open_unit"
STRICT = Statement("update api_clients set strict_idempotency = true where tenant_id = $1 and id = $2")
WAITING = Query(int, "select count(*)::integer from pg_stat_activity where wait_event_type = 'Lock'")


@pytest.mark.parametrize("end", ENDS)
async def test_what_ends_a_credential_holds_at_once_in_every_process(
    app: App, database: Database, tenant_id: UUID, end: str
) -> None:
    """Both processes have just used it, so both remember it."""
    processes = [http_of(app), http_of(make_test_app(database, [*ENDPOINTS, *THINGS]))]
    api = await make_api(app, database, tenant_id)
    for http in processes:
        assert (await http.get("/things", headers=await api.signed("GET", "/things", None))).status_code == 200
    await database.write(tenant_id, lambda unit: ENDS[end](unit, api), n=0)
    for http in processes:
        refused(await http.get("/things", headers=await api.signed("GET", "/things", None)), 401, "unauthorised")
        api.http = http
        refused(await api.ask_token("users:read"), 401, "unauthorised")


async def test_a_rotated_secret_serves_and_a_disabled_client_stays_so(
    app: App, database: Database, tenant_id: UUID
) -> None:
    api = await make_api(app, database, tenant_id)
    me = api.client.client_id
    assert (await api.get("/things")).status_code == 200
    api.client = await database.write(tenant_id, lambda unit: tenants.rotate_secret(unit, me), n=0)
    assert await api.fetch_token(["orders:read"])
    assert (await api.get("/things")).status_code == 200
    await database.write(tenant_id, lambda unit: tenants.disable_client(unit, me), n=0)
    with pytest.raises(rules.UnknownClient):
        await database.write(tenant_id, lambda unit: tenants.disable_client(unit, me), n=0)
    [listed] = await database.read(tenant_id, tenants.list_clients)
    assert listed.disabled_at is not None


async def test_a_client_without_signatures_is_refused_at_once_too(
    app: App, database: Database, tenant_id: UUID
) -> None:
    second = http_of(make_test_app(database, {"lite": [ENDPOINTS[0], *LITE_THINGS]}))
    api = await make_api(app, database, tenant_id, contract="lite")
    headers = {"authorization": f"Bearer {await api.fetch_token()}"}
    assert (await second.get("/things", headers=headers)).status_code == 200
    await database.write(tenant_id, lambda unit: tenants.disable_client(unit, api.client.client_id), n=0)
    assert (await second.get("/things", headers=headers)).status_code == 401


async def test_an_unsigned_token_request_does_not_tell_whether_there_is_such_a_client(
    app: App, database: Database, tenant_id: UUID
) -> None:
    """In a sandbox, which says reasons."""
    lite = await make_api(app, database, tenant_id, contract="lite")
    signing = await make_api(app, database, tenant_id)
    clients = {"its own": lite.client.client_id, "one that signs": signing.client.client_id, "nobody's": uuid4()}
    told = {
        which: (await lite.ask_token("orders:read", client_id=str(client_id), client_secret="x")).json()["detail"]
        for which, client_id in clients.items()
    }
    assert len(set(told.values())) == 1, told
    assert (await lite.ask_token("orders:read")).status_code == 200


async def test_what_else_changes_of_a_client_is_judged_anew(api: Api, database: Database, tenant_id: UUID) -> None:
    """A key that no signature covers is good enough for a client, until the client is made strict."""
    for strict in (False, True):
        if strict:
            await database.write(tenant_id, lambda unit: unit.run(STRICT, tenant_id, api.client.client_id), n=0)
        headers = await api.signed("POST", "/things", b'{"name":"a"}')
        headers["idempotency-key"] = str(uuid4())
        answer = await api.http.post("/things", content=b'{"name":"a"}', headers=headers)
        assert answer.status_code == (401 if strict else 200)
    assert (await api.post("/things", thing())).status_code == 200


@pytest.mark.parametrize("end", ["its secret was exchanged", "its client was disabled"])
async def test_a_token_bought_while_its_secret_ends_ends_with_it(
    api: Api, database: Database, tenant_id: UUID, end: str
) -> None:
    """The secret was found right and the token is not committed yet: what ends the secret waits, and sees the token."""
    proven, go_on = asyncio.Event(), asyncio.Event()

    async def buy(unit: Unit) -> str:
        token = await tenants.issue_token(unit, api.client.client_id, api.client.client_secret, ["orders:read"], 60)
        proven.set()
        await go_on.wait()
        return token.access_token

    buying = asyncio.create_task(database.write(tenant_id, buy, n=0))
    await proven.wait()
    ending = asyncio.create_task(database.write(tenant_id, lambda unit: ENDS[end](unit, api), n=0))
    while not ending.done() and (await database.ask(WAITING))[0] == 0:
        await asyncio.sleep(0.01)
    go_on.set()
    api.token = await buying
    await ending
    refused(await api.get("/things"), 401, "unauthorised")


async def test_a_secret_that_is_being_rotated_buys_nothing(api: Api, database: Database, tenant_id: UUID) -> None:
    """The new secret is not committed yet: whoever shows the old one waits for what becomes of it."""
    rotated, go_on = asyncio.Event(), asyncio.Event()

    async def rotate(unit: Unit) -> NewClient:
        new = await tenants.rotate_secret(unit, api.client.client_id)
        rotated.set()
        await go_on.wait()
        return new

    rotating = asyncio.create_task(database.write(tenant_id, rotate, n=0))
    await rotated.wait()
    buying = asyncio.create_task(api.ask_token("orders:read"))
    while not buying.done() and (await database.ask(WAITING))[0] == 0:
        await asyncio.sleep(0.01)
    go_on.set()
    refused(await buying, 401, "unauthorised")
    api.client = await rotating
    assert (await api.ask_token("orders:read")).status_code == 200


async def test_that_costs_no_statement_of_its_own(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a signed request asks the database once its client is known: its nonce, and its unit of work."""
    asked: list[str] = []
    connection = Database.connection

    @asynccontextmanager
    async def listened_to(self: Database) -> AsyncGenerator[Any]:
        async with connection(self) as one:
            with one.query_logger(lambda record: asked.append(record.query)):
                yield one

    assert (await api.get("/things")).status_code == 200
    monkeypatch.setattr(Database, "connection", listened_to)
    assert (await api.get("/things")).status_code == 200
    assert [query.split("(")[0] for query in asked[:3]] == [
        "select used, changed from set_config", "begin isolation level repeatable read read only", OPEN,
    ]  # fmt: skip
    assert (len(asked), asked[-1]) == (4, "rollback")
    assert sum("admit_requests" in query for query in asked) == 1
