"""The group commit: shared units of work, and that sharing one changes nothing for anybody."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from types import FrameType
from typing import Any
from uuid import UUID, uuid4

import pytest

from openvest.db.query import Query
from openvest.db.unit import Database, DatabaseDown, Unit
from openvest.declarations import Call, Endpoint
from openvest.features.tenants.v1 import ENDPOINTS
from openvest.main import Assembled
from openvest.server.flush import Flush
from openvest.server.settings import ServerSettings
from tests.contract.test_dispatch import refused
from tests.contract.things import THINGS, made, make_things, names, thing
from tests.kit.http import Api, make_api, make_test_app
from tests.kit.world import make_tenant
from tests.repeat.life import FROZEN_AT

pytestmark = pytest.mark.anyio

BATCHED = next(endpoint for endpoint in THINGS if endpoint.batch is not None and endpoint.is_write)
FLUSHING = (Flush._together, Flush._plan, Flush._work, Database._write_once, Unit.close)
SETS = Query(int, "select count(*) from event_sets where tenant_id = $1")


async def send_all(api: Api, bodies: Sequence[dict[str, Any]]) -> list[Any]:
    await api.fetch_token()
    return list(await asyncio.gather(*(api.post("/batched_things", body) for body in bodies)))


def spied(sizes: list[int]) -> Endpoint:
    async def spy(unit: Unit, calls: Sequence[Call]) -> Sequence[Any]:
        sizes.append(len(calls))
        assert [call.item for call in calls] == list(range(len(calls)))
        await asyncio.sleep(0.02)
        return await make_things(unit, calls)

    return replace(BATCHED, batch=spy)


async def api_of(database: Database, tenant_id: UUID, endpoint: Endpoint) -> Api:
    """A client that may have more under way than others may."""
    app = make_test_app(database, [*ENDPOINTS, endpoint], settings=ServerSettings(in_flight=1_000))
    return await make_api(app, database, tenant_id)


async def test_what_queues_up_shares_a_unit_of_work(database: Database, tenant_id: UUID) -> None:
    sizes: list[int] = []
    api = await api_of(database, tenant_id, spied(sizes))
    answers = await send_all(api, [thing(f"n{n}") for n in range(60)])
    assert {answer.status_code for answer in answers} == {200}
    assert [answer.json()["name"] for answer in answers] == [f"n{n}" for n in range(60)]
    assert sum(sizes) == 60
    assert max(sizes) > 1
    assert await database.read(tenant_id, lambda unit: unit.one(SETS, tenant_id)) == len(sizes) < 60


async def test_a_flush_holds_at_most_200(database: Database, tenant_id: UUID) -> None:
    sizes: list[int] = []
    api = await api_of(database, tenant_id, spied(sizes))
    await api.fetch_token()
    await asyncio.gather(*(api.post("/batched_things", thing(f"n{n}")) for n in range(450)))
    assert max(sizes) <= 200
    assert await made(database, tenant_id) == 450


async def test_different_requests_under_one_key_in_one_flush_are_told_apart(
    database: Database, tenant_id: UUID
) -> None:
    """Both queue behind a flush that is held, so that one works for the key and the other follows it."""
    sizes, held = list[int](), asyncio.Event()

    async def holds(unit: Unit, calls: Sequence[Call]) -> Sequence[Any]:
        sizes.append(len(calls))
        await held.wait()
        return await make_things(unit, calls)

    api, key = await api_of(database, tenant_id, replace(BATCHED, batch=holds)), uuid4()
    await api.fetch_token()
    ahead = asyncio.create_task(api.post("/batched_things", thing("ahead")))
    while not sizes:
        await asyncio.sleep(0.01)
    both = [asyncio.create_task(api.send("POST", "/batched_things", thing(name), key=key)) for name in "ab"]
    await asyncio.sleep(0.3)
    held.set()
    answers = await asyncio.gather(ahead, *both)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 422]
    assert sizes == [1, 1]


async def test_each_gets_its_own_verdict(api: Api, database: Database, tenant_id: UUID) -> None:
    bodies = [thing(f"n{n}", kind="BAD" if n % 3 == 0 else "GOOD") for n in range(30)]
    answers = await send_all(api, bodies)
    assert [answer.status_code for answer in answers] == [422 if n % 3 == 0 else 200 for n in range(30)]
    assert sorted(await names(database, tenant_id)) == sorted(f"n{n}" for n in range(30) if n % 3)


async def test_what_spoils_a_set_fails_alone(api: Api, database: Database, tenant_id: UUID) -> None:
    bodies = [thing(f"n{n}", kind={5: "POISON", 9: "BROKEN"}.get(n, "GOOD")) for n in range(20)]
    answers = await send_all(api, bodies)
    assert [answer.status_code for answer in answers] == [500 if n == 9 else 200 for n in range(20)]
    refused(answers[9], 500, "internal")
    assert await made(database, tenant_id) == 19


async def test_a_client_that_hangs_up_cancels_nothing(database: Database, tenant_id: UUID) -> None:
    api = await api_of(database, tenant_id, spied([]))
    await api.fetch_token()
    tasks = [asyncio.create_task(api.post("/batched_things", thing(f"n{n}"))) for n in range(10)]
    while not any(task.done() for task in tasks):
        await asyncio.sleep(0.005)
    for task in tasks[::2]:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert {one.status_code for one in ended if not isinstance(one, BaseException)} == {200}
    await asyncio.sleep(0.3)
    kept = {f"n{n}" for n in range(1, 10, 2)}
    assert kept <= set(await names(database, tenant_id))


async def test_an_unknown_outcome_is_503_for_all_and_the_retry_finds_the_truth(
    database: Database, tenant_id: UUID
) -> None:
    """The connection is lost right after the commit: the work is done, and nobody could be told."""
    api = await api_of(database, tenant_id, BATCHED)
    await api.fetch_token()
    keys = [uuid4() for _ in range(5)]
    real, lost = Database.write, 0

    async def write(self: Database, tenant: UUID, work: Any, **options: Any) -> Any:
        nonlocal lost
        result = await real(self, tenant, work, **options)
        if options.get("n"):
            lost += 1
            raise DatabaseDown("connection lost in commit")
        return result

    Database.write = write  # the one way to lose a connection between a commit and its answer
    try:
        answers = await asyncio.gather(*(api.post("/batched_things", thing(), key) for key in keys))
    finally:
        Database.write = real
    assert lost > 0
    for answer in answers:
        refused(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "1"
    assert await made(database, tenant_id) == 5
    again = await asyncio.gather(*(api.post("/batched_things", thing(), key) for key in keys))
    assert {answer.status_code for answer in again} == {200}
    assert await made(database, tenant_id) == 5


async def test_items_of_a_flush_are_dated_apart_on_a_frozen_clock(database: Database, frozen_tenant_id: UUID) -> None:
    api = await api_of(database, frozen_tenant_id, spied([]))
    await send_all(api, [thing(f"n{n}") for n in range(12)])
    moments = Query(int, "select count(distinct created_at) from events where tenant_id = $1")
    assert await database.read(frozen_tenant_id, lambda unit: unit.one(moments, frozen_tenant_id)) == 12


async def test_tenants_do_not_share_a_flush(database: Database, tenant_id: UUID) -> None:
    app = make_test_app(database, [*ENDPOINTS, BATCHED])
    first = await make_api(app, database, tenant_id)
    other_id = await make_tenant(database, "Tenant B")
    second = await make_api(app, database, other_id)
    for api in (first, second):
        await api.fetch_token()
    sent = [api.post("/batched_things", thing(f"{n}")) for n in range(10) for api in (first, second)]
    assert {answer.status_code for answer in await asyncio.gather(*sent)} == {200}
    assert await made(database, tenant_id) == await made(database, other_id) == 10


async def test_a_frozen_tenant_whose_turn_does_not_come_holds_up_nobody(assembled: Assembled) -> None:
    """There are few runners of flushes: none of them waits for a tenant to come to rest."""
    assembled.runner.turn_seconds = 0.5
    database = assembled.database
    frozen = await make_tenant(database, "Frozen", frozen_at=FROZEN_AT)
    app = make_test_app(database, [*ENDPOINTS, BATCHED], settings=ServerSettings(flush_runners=1))
    stuck = await make_api(app, database, frozen)
    free = await make_api(app, database, await make_tenant(database, "Live"))
    assert (await stuck.post("/batched_things", thing("first"))).status_code == 200
    async with database.pool.acquire() as other:
        await other.execute("select pg_advisory_lock(hashtextextended('drain:' || $1::uuid::text, 0))", frozen)
        waiting = [asyncio.create_task(stuck.post("/batched_things", thing(f"n{n}"))) for n in range(3)]
        await asyncio.sleep(0.1)
        assert (await free.post("/batched_things", thing("free"))).status_code == 200
        assert not any(task.done() for task in waiting)
        for answer in await asyncio.gather(*waiting):
            refused(answer, 503, "unavailable")
            assert answer.headers["retry-after"] == "1"
        await other.execute("select pg_advisory_unlock_all()")
    assert (await stuck.post("/batched_things", thing("second"))).status_code == 200


async def test_a_lone_request_a_frozen_tenant_and_a_full_flush_run_the_same_code(
    database: Database, tenant_id: UUID, frozen_tenant_id: UUID
) -> None:
    alone = await flushed_lines(database, tenant_id, 1)
    assert alone == await flushed_lines(database, frozen_tenant_id, 1) == await flushed_lines(database, tenant_id, 200)
    assert {name for name, _ in alone} == {one.__name__ for one in FLUSHING}


async def flushed_lines(database: Database, tenant_id: UUID, count: int) -> set[tuple[str, int]]:
    """The lines of a flush that run for so many requests at once."""
    sizes: list[int] = []
    api = await api_of(database, tenant_id, spied(sizes))
    await api.fetch_token()
    codes, lines = {one.__code__: one.__name__ for one in FLUSHING}, set[tuple[str, int]]()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code not in codes:
            return None
        if event == "line":
            lines.add((codes[frame.f_code], frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        answers = await asyncio.gather(*(api.post("/batched_things", thing(f"n{n}")) for n in range(count)))
    finally:
        sys.settrace(before)
    assert {answer.status_code for answer in answers} == {200}
    assert sum(sizes) == count and max(sizes) > count // 2
    return lines
