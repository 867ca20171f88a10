"""A database without room for what a request must store refuses with 503, answers what needs no room, and recovers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from openvest.db.query import Query
from openvest.db.unit import Database
from openvest.features.tenants.v1 import ENDPOINTS
from tests.contract.test_dispatch import refused
from tests.contract.things import THINGS, made, thing
from tests.kit.cluster import OWNER, Cluster
from tests.kit.http import Api, make_api, make_test_app

pytestmark = pytest.mark.anyio

NAME = Query(str, "select current_database()::text")
STATES = ("53100", "53200", "58030", "XX001", "57014", "25006")
"""No room on the disk, none in memory, a fault of the disk, a damaged page, time that ran out, a server that only
reads."""

Full = Callable[[str, str], AbstractAsyncContextManager[None]]
Send = Callable[[Api], Awaitable[httpx.Response]]


@pytest.fixture
async def full(cluster: Cluster, database: Database) -> AsyncGenerator[Full]:
    """Let every row that is written into a table meet a state of the database, for the length of a block."""
    owner: Any = await asyncpg.connect(cluster.dsn((await database.ask(NAME))[0], OWNER))

    @asynccontextmanager
    async def filled(table: str, state: str) -> AsyncGenerator[None]:
        await owner.execute(
            "create or replace function no_room() returns trigger language plpgsql as"
            f" $$ begin raise exception 'no room' using errcode = '{state}'; end $$"
        )
        await owner.execute(f"create trigger a_full before insert on {table} for each row execute function no_room()")
        try:
            yield
        finally:
            await owner.execute(f"drop trigger a_full on {table}")

    yield filled
    await owner.close()


async def api_of(database: Database, tenant_id: UUID, **options: Any) -> Api:
    api = await make_api(make_test_app(database, [*ENDPOINTS, *THINGS]), database, tenant_id, **options)
    await api.fetch_token()
    return api


def _told(answer: httpx.Response) -> None:
    refused(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("state", STATES)
async def test_a_write_is_refused_and_reads_go_on(database: Database, tenant_id: UUID, full: Full, state: str) -> None:
    api = await api_of(database, tenant_id)
    for table in ("event_sets", "idempotency"):
        async with full(table, state):
            for path in ("/things", "/batched_things"):
                _told(await api.post(path, thing("lost")))
            assert (await api.get("/things")).status_code == 200
            assert (await api.http.get("/health/ready")).status_code == 200
    assert await made(database, tenant_id) == 0
    for path in ("/things", "/batched_things"):
        assert (await api.post(path, thing("kept"))).status_code == 200
    assert await made(database, tenant_id) == 2


async def _read(api: Api) -> httpx.Response:
    return await api.get("/things")


async def _token(api: Api) -> httpx.Response:
    return await api.ask_token("orders:read")


@pytest.mark.parametrize(("table", "send"), [("nonces", _read), ("rate_leases", _read), ("access_tokens", _token)])
async def test_what_must_be_noted_of_a_request_is_refused_without_room(
    database: Database, tenant_id: UUID, full: Full, table: str, send: Send
) -> None:
    api = await api_of(database, tenant_id)
    # Its lease is taken with its first request, which buys the token.
    limited = await make_api(make_test_app(database, [*ENDPOINTS, *THINGS]), database, tenant_id, rate_limit=100)
    async with full(table, "53100"):
        if table == "rate_leases":
            _told(await limited.ask_token("orders:read"))
            assert (await send(api)).status_code == 200
        else:
            _told(await send(api))
    assert (await send(api)).status_code == 200
    assert (await limited.ask_token("orders:read")).status_code == 200


async def test_a_fault_of_ours_is_still_a_fault(database: Database, tenant_id: UUID, full: Full) -> None:
    """A statement that does not fit the schema waits for an operator; nobody is told to try it again."""
    api = await api_of(database, tenant_id)
    for state in ("42703", "42501", "22003", "P0001"):
        async with full("event_sets", state):
            refused(await api.post("/things", thing("lost")), 500, "internal")
