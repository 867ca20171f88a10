"""How many requests of one client, and of one tenant, a process holds at once; nobody else takes the places."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from openvest.core.clock import monotonic_ns
from openvest.db.faults import TooBusy
from openvest.db.unit import Database, Unit
from openvest.declarations import Call, Endpoint
from openvest.features.tenants.v1 import ENDPOINTS
from openvest.server.lanes import Lanes
from openvest.server.limits import RateLimits
from openvest.server.settings import ServerSettings
from openvest.worker.deliveries import AT_ONCE, FAILING_AT_ONCE, SLOW_AT_ONCE, Way, room_beside
from tests.contract.test_dispatch import refused
from tests.contract.things import SCOPES
from tests.kit.http import make_api, make_test_app

pytestmark = pytest.mark.anyio


@dataclass
class Gate:
    """An endpoint whose answers wait until it is opened."""

    inside: int = 0
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, unit: Unit, call: Call) -> Any:
        self.inside += 1
        self.entered.set()
        await self.open.wait()
        return None

    def endpoint(self) -> Endpoint:
        return Endpoint("GET", "/gate", "gate", "Wait", "Things", SCOPES, None, self)


async def test_a_client_has_so_many_requests_under_way_and_no_more(database: Database, tenant_id: UUID) -> None:
    gate = Gate()
    app = make_test_app(database, [*ENDPOINTS, gate.endpoint()], settings=ServerSettings(in_flight=1))
    api, other = [await make_api(app, database, tenant_id) for _ in range(2)]
    await api.fetch_token()
    await other.fetch_token()
    first = asyncio.create_task(api.get("/gate"))
    await gate.entered.wait()
    late = await api.get("/gate")
    document = refused(late, 429, "too_many_requests")
    assert "1 requests under way at once" in document["detail"]
    assert int(late.headers["retry-after"]) >= 1
    gate.open.set()
    assert (await other.get("/gate")).status_code == 200
    assert (await first).status_code == 200
    assert (await api.get("/gate")).status_code == 200


async def test_who_only_names_a_client_takes_none_of_its_places(database: Database, tenant_id: UUID) -> None:
    gate = Gate()
    app = make_test_app(database, [*ENDPOINTS, gate.endpoint()], settings=ServerSettings(in_flight=1))
    victim, thief = [await make_api(app, database, tenant_id) for _ in range(2)]
    await victim.fetch_token()
    named = {"upvest-client-id": str(victim.client.client_id), "authorization": f"Bearer {victim.token}"}
    forged = {**await thief.signed("GET", "/gate", None), "upvest-client-id": str(victim.client.client_id)}
    gate.open.set()
    answers = [victim.http.get("/gate", headers=headers) for headers in (named, forged) for _ in range(4)]
    told = await asyncio.gather(victim.get("/gate"), *answers)
    assert [answer.status_code for answer in told] == [200] + [401] * 8
    assert gate.inside == 1


async def test_a_tenant_waits_behind_itself_alone() -> None:
    lanes, busy, quiet = Lanes(1), uuid4(), uuid4()
    order: list[str] = []

    async def work(tenant_id: UUID, name: str) -> None:
        async with lanes.of(tenant_id):
            order.append(name)
            await asyncio.sleep(0)
            order.append(name)

    await asyncio.gather(*(work(busy, f"busy {n}") for n in range(3)), work(quiet, "quiet"))
    assert order.index("quiet") < order.index("busy 1")
    assert [name for name in order if name != "quiet"] == [f"busy {n // 2}" for n in range(6)]
    assert lanes == Lanes(1), "nothing is kept of tenants that have left"


async def test_a_place_that_does_not_come_free_is_not_waited_for_without_end() -> None:
    lanes, tenant_id = Lanes(1, seconds=0.01), uuid4()
    async with lanes.of(tenant_id):
        for _ in range(2):
            with pytest.raises(TooBusy):
                async with lanes.of(tenant_id):
                    raise AssertionError("there is one place")
    async with lanes.of(tenant_id):
        pass
    assert lanes == Lanes(1, seconds=0.01)


@dataclass
class NoConnection:
    """A database that lets everybody wait, and then has none for them."""

    asked: int = 0

    async def ask(self, *_: Any) -> list[int]:
        self.asked += 1
        await asyncio.sleep(0.01)
        raise TooBusy("no connection came free")


async def test_those_who_waited_with_a_failed_lease_do_not_ask_one_after_the_other() -> None:
    database = NoConnection()
    limits, client_id = RateLimits(database), uuid4()  # pyright: ignore[reportArgumentType] - asks and nothing else
    told = await asyncio.gather(*(limits.take(client_id, 10) for _ in range(20)), return_exceptions=True)
    assert {type(one) for one in told} == {TooBusy}
    assert database.asked == 1
    with pytest.raises(TooBusy):
        await limits.take(client_id, 10)
    assert database.asked == 2, "who comes later asks"


async def test_what_is_slow_or_failing_leaves_room_for_what_is_new() -> None:
    now, long_ago = monotonic_ns(), monotonic_ns() - 10**9
    young, slow, failing = Way(False, now), Way(False, long_ago), Way(True, long_ago)
    for ways, fresh, again in (
        ([], AT_ONCE, FAILING_AT_ONCE),
        ([young] * AT_ONCE, 0, FAILING_AT_ONCE),
        ([slow] * AT_ONCE, AT_ONCE, FAILING_AT_ONCE),
        ([failing] * FAILING_AT_ONCE, AT_ONCE, 0),
        ([slow] * SLOW_AT_ONCE, 0, FAILING_AT_ONCE),
    ):
        room, _ = room_beside(ways)
        assert (room.fresh, room.failing) == (fresh, again)
    _, soon = room_beside([young] * AT_ONCE)
    assert soon is not None and soon.total_seconds() < 1
