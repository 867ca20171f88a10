"""Idempotency keys, on the ordinary path and on the group commit alike: one effect, the same bytes, or a clear no."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pytest

from openvest.db.query import Query, Statement
from openvest.db.unit import Database, Unit
from openvest.features.tenants.v1 import ENDPOINTS
from openvest.server.app import App
from openvest.server.settings import ServerSettings
from tests.contract.test_dispatch import refused
from tests.contract.things import THINGS, made, names, thing
from tests.kit.cluster import Cluster
from tests.kit.http import Api, http_of, make_api, make_test_app
from tests.kit.world import make_tenant, opened

pytestmark = pytest.mark.anyio

PATHS = ["/things", "/batched_things"]
AGE = Statement("update idempotency set created_at = created_at - $2 * interval '1 hour' where tenant_id = $1")
LOCK = "select pg_advisory_lock($1)"


@pytest.mark.parametrize("path", PATHS)
async def test_equal_requests_at_once_have_one_effect(api: Api, database: Database, tenant_id: UUID, path: str) -> None:
    second = http_of(make_test_app(database, THINGS))
    key, body = uuid4(), b'{"name":"one"}'
    headers = [await api.signed("POST", path, body, key) for _ in range(20)]
    clients = [api.http, second] * 10
    sent = [client.post(path, content=body, headers=h) for client, h in zip(clients, headers, strict=True)]
    answers = await asyncio.gather(*sent)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["upvest-request-id"] for answer in answers}) == 20
    assert await made(database, tenant_id) == 1


@pytest.mark.parametrize("path", PATHS)
async def test_a_replay_is_byte_for_byte(api: Api, database: Database, tenant_id: UUID, path: str) -> None:
    key = uuid4()
    first = await api.send("POST", path, b'{"name": "one", "amount": "1.00"}', key=key)
    again = await api.send("POST", path, b'{"amount":"1.00","name":"one"}', key=str(key).replace("-", "").upper())
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content
    assert first.headers["content-type"] == again.headers["content-type"]
    assert await made(database, tenant_id) == 1


@pytest.mark.parametrize("path", PATHS)
async def test_another_request_under_the_key_is_told_where_it_differs(
    api: Api, database: Database, tenant_id: UUID, path: str
) -> None:
    key = uuid4()
    assert (await api.send("POST", path, thing("one", amount="1.00"), key=key)).status_code == 200
    document = refused(await api.send("POST", path, thing("two", note="x"), key=key), 422, "unprocessable_entity")
    assert "amount, name, note" in document["detail"]
    other = next(one for one in PATHS if one != path)
    document = refused(await api.send("POST", other, thing("one"), key=key), 422, "unprocessable_entity")
    assert f"its path ({path})" in document["detail"]
    assert await made(database, tenant_id) == 1


@pytest.mark.parametrize("path", PATHS)
async def test_different_bodies_under_one_key_at_once(api: Api, database: Database, tenant_id: UUID, path: str) -> None:
    key = uuid4()
    answers = await asyncio.gather(*(api.send("POST", path, thing(f"n{n}"), key=key) for n in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 5
    assert await made(database, tenant_id) == 1


@pytest.mark.parametrize("path", PATHS)
async def test_a_refusal_leaves_nothing_under_its_key(api: Api, database: Database, tenant_id: UUID, path: str) -> None:
    key = uuid4()
    refused(await api.send("POST", path, thing(kind="BAD"), key=key), 422, "unprocessable_entity")
    refused(await api.send("POST", path, {"name": 1}, key=key), 400, "invalid_request")
    assert (await api.send("POST", path, thing("good"), key=key)).status_code == 200
    assert await names(database, tenant_id) == ["good"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_request_still_running_is_waited_for_and_then_refused(
    database: Database, tenant_id: UUID, path: str
) -> None:
    app = make_test_app(database, [*ENDPOINTS, *THINGS], settings=ServerSettings(key_wait_seconds=0.3))
    api, key = await make_api(app, database, tenant_id), uuid4()
    async with database.pool.acquire() as holder:
        await holder.execute(LOCK, _lock_of(tenant_id, api.client.client_id, key))
        try:
            refused(await api.send("POST", path, thing(), key=key), 409, "conflict")
            waiting = asyncio.create_task(api.send("POST", path, thing(), key=key))
            await asyncio.sleep(0.1)
            assert not waiting.done()
        finally:
            await holder.execute("select pg_advisory_unlock_all()")
        assert (await waiting).status_code == 200
    assert await made(database, tenant_id) == 1


def _lock_of(tenant_id: UUID, client_id: UUID, key: UUID) -> int:
    name = tenant_id.bytes + client_id.bytes + key.bytes
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big", signed=True)


@pytest.mark.parametrize("path", PATHS)
async def test_a_key_ends_after_seven_days(api: Api, database: Database, tenant_id: UUID, path: str) -> None:
    key = uuid4()

    async def age(hours: int) -> None:
        async def work(unit: Unit) -> int:
            return await unit.run(AGE, tenant_id, hours)

        assert await database.write(tenant_id, work, n=0) == 1

    first = await api.send("POST", path, thing("one"), key=key)
    await age(7 * 24 - 1)
    assert (await api.send("POST", path, thing("one"), key=key)).content == first.content
    await age(1)
    assert (await api.send("POST", path, thing("two"), key=key)).status_code == 200
    assert sorted(await names(database, tenant_id)) == ["one", "two"]
    assert (await api.send("POST", path, thing("one"), key=key)).status_code == 422


async def test_keys_belong_to_one_client(app: App, api: Api, database: Database, tenant_id: UUID) -> None:
    other, key = await make_api(app, database, tenant_id), uuid4()
    for client in (api, other):
        assert (await client.send("POST", "/things", thing(), key=key)).status_code == 200
    assert await made(database, tenant_id) == 2


@pytest.mark.parametrize(
    "key",
    ["", "1234", "0d6c6c1e-5c3d-7b1f-9d8e-0f7a6a2b1c3d", "0d6c6c1e-5c3d-4b1f-1d8e-0f7a6a2b1c3d", "x" * 36],
)
async def test_malformed_keys_are_refused_where_keys_are_listed(api: Api, key: str) -> None:
    answer = await api.send("POST", "/things", thing(), headers={"idempotency-key": key})
    refused(answer, 400, "invalid_request" if key else "missing_idempotency_key")
    ignored = await api.send("POST", "/unkeyed_things", thing(), headers={"idempotency-key": key})
    assert ignored.status_code == 201


async def test_an_unsigned_key_is_accepted_unless_the_client_is_strict(
    app: App, api: Api, database: Database, tenant_id: UUID
) -> None:
    strict = await make_api(app, database, tenant_id, strict_idempotency=True)
    for client, status in ((api, 200), (strict, 401)):
        headers = await client.signed("POST", "/things", b'{"name":"a"}')
        headers["idempotency-key"] = str(uuid4())
        answer = await client.http.post("/things", content=b'{"name":"a"}', headers=headers)
        assert answer.status_code == status
        assert (await client.post("/things", thing())).status_code == 200


@pytest.mark.parametrize("path", PATHS)
async def test_ids_come_from_the_key_on_a_frozen_clock(
    app: App, database: Database, frozen_tenant_id: UUID, cluster: Cluster, path: str
) -> None:
    """Keyed requests, in one flush or apart, make the same objects as in another database, in whatever order."""
    keys = [UUID(int=(0x4 << 76) | (0x8 << 60) | n) for n in range(3)]
    seen: list[dict[str, str]] = []
    api = await make_api(app, database, frozen_tenant_id, name="bank")
    await api.fetch_token()
    made_by = [api.send("POST", path, thing(f"n{n}"), key=key) for n, key in enumerate(keys)]
    seen.append({made["name"]: made["id"] for made in [answer.json() for answer in await asyncio.gather(*made_by)]})
    other_name = await cluster.create()
    async with opened(cluster, other_name) as assembled:
        other = assembled.database
        tenant = await make_tenant(other, "Tenant F", frozen_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
        again = await make_api(make_test_app(other, [*ENDPOINTS, *THINGS]), other, tenant, name="bank")
        seen.append({})
        for n, key in reversed([*enumerate(keys)]):
            made_again = (await again.send("POST", path, thing(f"n{n}"), key=key)).json()
            seen[1][made_again["name"]] = made_again["id"]
    await cluster.drop(other_name)
    assert len(seen[0]) == 3
    assert seen[0] == seen[1]


async def test_a_replay_neither_ticks_nor_counts(app: App, database: Database, frozen_tenant_id: UUID) -> None:
    clock = Query(int, "select ticks + writes from clocks where tenant_id = $1")

    async def state() -> int:
        return await database.read(frozen_tenant_id, lambda unit: unit.one(clock, frozen_tenant_id))

    api, key = await make_api(app, database, frozen_tenant_id), uuid4()
    for path in PATHS:
        key = uuid4()
        await api.send("POST", path, thing(), key=key)
        before = await state()
        assert (await api.send("POST", path, thing(), key=key)).status_code == 200
        refused(await api.send("POST", path, thing(kind="BAD"), key=uuid4()), 422, "unprocessable_entity")
        refused(await api.send("POST", path, thing("other"), key=key), 422, "unprocessable_entity")
        await api.get("/things")
        await api.fetch_token()
        assert await state() == before


@pytest.mark.parametrize("path", PATHS)
async def test_many_keys_each_sent_often_at_once(api: Api, database: Database, tenant_id: UUID, path: str) -> None:
    second = http_of(make_test_app(database, THINGS))
    await api.fetch_token()
    sent: list[asyncio.Task[httpx.Response]] = []
    for number in range(20):
        key, body = uuid4(), f'{{"name":"n{number}"}}'.encode()
        for client in [api.http, second] * 5:
            headers = await api.signed("POST", path, body, key)
            sent.append(asyncio.create_task(client.post(path, content=body, headers=headers)))
    answers = await asyncio.gather(*sent)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 20
    assert await made(database, tenant_id) == 20


async def test_whoever_waits_works_when_the_first_hangs_up(api: Api, database: Database, tenant_id: UUID) -> None:
    await api.fetch_token()
    key, body = uuid4(), thing("one", kind="SLOW")
    first = asyncio.create_task(api.post("/things", body, key))
    await asyncio.sleep(0.1)
    others = [asyncio.create_task(api.post("/things", body, key)) for _ in range(3)]
    await asyncio.sleep(0.05)
    first.cancel()
    answers = await asyncio.gather(*others)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert await made(database, tenant_id) == 1
