"""The sandbox's clock and scenarios over HTTP, and the clockwork under them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from openvest.core.clock import instant, parse_instant
from openvest.core.ids import deterministic_id
from openvest.db.unit import Database, Unit
from openvest.declarations import Phase, Sweep
from openvest.features.tenants import v1 as tenants_v1
from openvest.main import Assembled
from openvest.server.openapi import describe
from openvest.server.settings import ServerSettings
from openvest.simulation import calls, v1
from openvest.work.clockwork import Clockwork
from openvest.work.runner import Runner
from tests.kit.elsewhere import elsewhere
from tests.kit.http import Api, make_api, make_test_app
from tests.kit.openapi import check_answer
from tests.kit.world import MAY_BE, make_tenant

pytestmark = pytest.mark.anyio

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
"""Where the frozen tenant stands: a Monday morning in session."""
DAY = timedelta(days=1)
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Due:
    """A row of work."""

    id: UUID
    at: datetime


@dataclass
class Work:
    """Work that falls due at given instants; `did` says when each was done. `dies_at`: the process does, before."""

    due: list[Due]
    did: list[tuple[datetime, datetime]] = field(default_factory=list[tuple[datetime, datetime]])
    dies_at: datetime | None = None

    async def closer_look(self, unit: Unit) -> datetime | None:
        return min((row.at for row in self.due), default=None)

    async def claim(self, unit: Unit, limit: int) -> Sequence[Due]:
        return [row for row in self.due if row.at <= unit.now][:limit]

    async def work(self, unit: Unit, rows: Sequence[Due]) -> None:
        if self.dies_at is not None and unit.now >= self.dies_at:
            raise asyncio.CancelledError
        for row in rows:
            self.did.append((row.at, unit.now))
            self.due.remove(row)

    def clockwork(self, database: Database) -> Clockwork:
        """A process of its own over this work."""
        sweep = Sweep("test.work", self.claim, self.work, MAY_BE, Phase.ORDERS, closer_look=self.closer_look)
        runner = Runner(database, [sweep], None)

        async def drain(tenant_id: UUID) -> None:
            await runner.drain(tenant_id)

        database.drain = drain
        return Clockwork(runner)


def every_day(days: int) -> Work:
    return Work([Due(deterministic_id("due", str(n)), START + n * DAY) for n in range(1, days + 1)])


TABLE = [*tenants_v1.ENDPOINTS, *v1.ENDPOINTS]
DESCRIPTION = describe(TABLE, "v1", "1")


async def client(assembled: Assembled, tenant: UUID, mode: Any = "sandbox", scopes: Any = "all") -> Api:
    """A client of the tenant; every answer it gets is held against the description."""
    settings = ServerSettings(mode=mode)
    app = make_test_app(assembled.database, TABLE, settings=settings, services=assembled)
    api = await make_api(app, assembled.database, tenant, scopes=scopes)
    if mode == "sandbox":
        api.http.event_hooks["response"].append(_check)
    return api


async def _check(answer: httpx.Response) -> None:
    await answer.aread()
    check_answer(DESCRIPTION, answer)


@pytest.fixture
async def frozen(assembled: Assembled, frozen_tenant_id: UUID) -> Api:
    """A client of the frozen tenant."""
    return await client(assembled, frozen_tenant_id)


async def advance(api: Api, status: int = 200, **where: str) -> Json:
    answer = await api.send("POST", "/tests/clock/advance", where)
    assert answer.status_code == status, answer.text
    return answer.json()


async def write(database: Database, tenant: UUID) -> datetime:
    """A business write: it ticks a frozen clock."""

    async def work(unit: Unit) -> datetime:
        return unit.now

    return await database.write(tenant, work)


# Moving


async def test_a_frozen_clock_goes_by_to_and_to_the_next_open(frozen: Api) -> None:
    assert (await frozen.get("/tests/clock")).json() == {
        "now": instant(START),
        "mode": "frozen",
        "target": None,
        "done": True,
    }
    moved = await advance(frozen, by="P30D")
    assert moved == {
        "now": "2026-04-01T09:30:00Z",
        "mode": "frozen",
        "target": "2026-04-01T09:30:00Z",
        "done": True,
        "handled": 0,
        "steps": 1,
    }
    assert (await advance(frozen, to="2026-04-02T15:00:00+02:00"))["now"] == "2026-04-02T13:00:00Z"
    # Thursday afternoon before Easter: Good Friday and Easter Monday are no trading days, and the clocks have changed.
    assert (await advance(frozen, next_open="XETR"))["now"] == "2026-04-07T07:00:00Z"
    assert (await advance(frozen, next_open="XETR"))["now"] == "2026-04-08T07:00:00Z"


@pytest.mark.parametrize(
    ("by", "now"),
    [
        ("P1M", "2026-04-02T09:30:00Z"),
        ("P1Y", "2027-03-02T09:30:00Z"),
        ("P2W", "2026-03-16T09:30:00Z"),
        ("P1DT2H3M4.5S", "2026-03-03T11:33:04.500000Z"),
        ("PT90S", "2026-03-02T09:31:30Z"),
        ("PT0S", "2026-03-02T09:30:00Z"),
    ],
)
async def test_durations_count_by_the_calendar(frozen: Api, by: str, now: str) -> None:
    assert (await advance(frozen, by=by))["now"] == now


async def test_a_duration_counts_from_the_last_target_and_not_from_the_ticked_instant(
    frozen: Api, database: Database, frozen_tenant_id: UUID
) -> None:
    for _ in range(3):
        await write(database, frozen_tenant_id)
    assert (await advance(frozen, by="P1D"))["now"] == instant(START + DAY)


@pytest.mark.parametrize(
    "where",
    [{"to": "2026-03-02T09:29:59Z"}, {"by": "-P1D"}, {"to": "2041-01-01T00:00:00Z"}, {"by": "P20Y"}, {"by": "P9999Y"}],
)
async def test_back_and_beyond_the_calendars_leads_no_way(frozen: Api, where: dict[str, str]) -> None:
    refused = await advance(frozen, 422, **where)
    assert refused["status"] == 422
    assert (await frozen.get("/tests/clock")).json()["now"] == instant(START)


async def test_an_unknown_venue_opens_never(frozen: Api) -> None:
    await advance(frozen, 422, next_open="XXXX")


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ({}, "(root)"),
        ({"by": "P1D", "next_open": "XETR"}, "next_open"),
        ({"by": "1 day"}, "by"),
        ({"by": "P"}, "by"),
        ({"by": "P1DT"}, "by"),
        ({"by": 5}, "by"),
        ({"to": "2026-03-03"}, "to"),
        ({"next_open": "xetr"}, "next_open"),
        ({"into": "the future"}, "into"),
    ],
)
async def test_what_the_schema_can_judge_is_refused_by_field(frozen: Api, where: Json, named: str) -> None:
    refused = await advance(frozen, 400, **where)
    assert named in [error["field"] for error in refused["errors"]]


async def test_a_live_clock_jumps_runs_on_stops_and_runs_again(assembled: Assembled, tenant_id: UUID) -> None:
    api = await client(assembled, tenant_id)
    before = parse_instant((await api.get("/tests/clock")).json()["now"])
    moved = await advance(api, by="PT1H")
    now = parse_instant(moved["now"])
    assert timedelta(hours=1) <= now - before < timedelta(hours=1, minutes=5)
    assert moved["mode"] == "live"
    assert parse_instant((await api.get("/tests/clock")).json()["now"]) > now
    stopped = (await api.send("POST", "/tests/clock/freeze")).json()
    assert stopped["mode"] == "frozen"
    assert (await api.get("/tests/clock")).json()["now"] == stopped["now"]
    running = (await api.send("POST", "/tests/clock/thaw")).json()
    assert running["mode"] == "live"
    assert timedelta(0) <= parse_instant(running["now"]) - parse_instant(stopped["now"]) < timedelta(minutes=5)


# What happens on the way


async def test_one_jump_is_as_good_as_many(database: Database) -> None:
    stories: list[list[tuple[datetime, datetime]]] = []
    for name, jumps in (("one", [30 * DAY]), ("many", [DAY] * 30), ("uneven", [10 * DAY, timedelta(hours=5)])):
        tenant = await make_tenant(database, name, frozen_at=START)
        work = every_day(10)
        clockwork = work.clockwork(database)
        for jump in jumps:

            def ahead(row: Any, jump: timedelta = jump) -> datetime:
                return row.base + jump

            await clockwork.set_target(tenant, ahead)
            state = await clockwork.advance(tenant)
            assert state.done
        assert state.now == START + sum(jumps, timedelta(0))
        stories.append(work.did)
    assert stories[0] == stories[1] == stories[2]
    assert [at for at, _ in stories[0]] == [START + n * DAY for n in range(1, 11)]
    assert all(timedelta(0) <= done - at < timedelta(milliseconds=1) for at, done in stories[0])


async def test_an_advance_that_takes_long_is_answered_before_it_ends(
    frozen: Api, assembled: Assembled, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "WAIT_S", 0)
    work = every_day(3)
    assembled.clockwork = work.clockwork(assembled.database)
    target = instant(START + 5 * DAY)
    assert await advance(frozen, 202, to=target) == {"now": instant(START + DAY), "target": target, "done": False}
    shown = (await frozen.get("/tests/clock")).json()
    assert (shown["target"], shown["done"]) == (target, False)
    refused = await advance(frozen, 422, to=instant(START + 4 * DAY))
    assert "under way" in refused["detail"]
    state = await assembled.clockwork.advance(frozen.client.tenant_id)
    assert (state.now, state.done, state.handled, state.steps) == (START + 5 * DAY, True, 3, 3)


async def test_a_process_that_dies_on_the_way_is_followed_by_one_that_arrives(
    database: Database, frozen_tenant_id: UUID
) -> None:
    work = every_day(5)
    work.dies_at = START + 3 * DAY
    first = work.clockwork(database)
    await first.set_target(frozen_tenant_id, lambda row: row.base + 10 * DAY)
    with pytest.raises(asyncio.CancelledError):
        await first.advance(frozen_tenant_id)
    shown = await first.show(frozen_tenant_id)
    assert (shown.done, shown.target, len(work.did)) == (False, START + 10 * DAY, 2)
    assert START + 3 * DAY <= shown.now < START + 3 * DAY + timedelta(milliseconds=1)
    work.dies_at = None
    state = await work.clockwork(database).advance(frozen_tenant_id)
    assert (state.now, state.done, state.handled) == (START + 10 * DAY, True, 3)
    assert [at for at, _ in work.did] == [START + n * DAY for n in range(1, 6)]


async def test_a_clock_keeps_its_mode_while_an_advance_is_under_way(
    frozen: Api, assembled: Assembled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "WAIT_S", 0)
    assembled.clockwork = every_day(3).clockwork(assembled.database)
    target = instant(START + 5 * DAY)
    await advance(frozen, 202, to=target)
    before = (await frozen.get("/tests/clock")).json()
    for verb in ("freeze", "thaw"):
        refused = await frozen.send("POST", f"/tests/clock/{verb}")
        assert refused.status_code == 409, refused.text
        assert refused.json()["detail"] == f"An advance to {target} is under way; freeze or thaw once it has arrived."
    assert (await frozen.get("/tests/clock")).json() == before
    state = await assembled.clockwork.advance(frozen.client.tenant_id)
    assert (state.now, state.done) == (START + 5 * DAY, True)
    assert (await frozen.send("POST", "/tests/clock/thaw")).json()["mode"] == "live"


@pytest.mark.parametrize("mode", ["frozen", "live"])
async def test_a_later_target_set_while_the_clock_moves_is_reached(
    assembled: Assembled, tenant_id: UUID, frozen_tenant_id: UUID, mode: str
) -> None:
    """The first advance has read where it leads and is at its last step when the second one is asked for."""
    tenant = tenant_id if mode == "live" else frozen_tenant_id
    api = await client(assembled, tenant)
    start = parse_instant((await api.get("/tests/clock")).json()["now"])
    near, far = start + DAY, start + 2 * DAY
    work = Work([Due(deterministic_id("due"), start + timedelta(hours=1))])
    asked: list[datetime] = []

    async def closer_look(unit: Unit) -> datetime | None:
        if not work.due and not asked:
            asked.append(far)
            await elsewhere(clockwork.set_target(tenant, lambda row: far))
        return await Work.closer_look(work, unit)

    work.closer_look = closer_look  # pyright: ignore[reportAttributeAccessIssue] - the first to look asks for more
    clockwork = assembled.clockwork = work.clockwork(assembled.database)
    first = await advance(api, to=instant(near))
    assert (first["done"], first["target"]) == (True, instant(near))
    shown = (await api.get("/tests/clock")).json()
    assert asked and (shown["target"], shown["done"]) == (instant(far), False)
    state = await clockwork.advance(tenant)
    assert state.done and state.now - far < timedelta(minutes=5)
    assert far <= state.now


# Who may


async def test_in_production_there_is_no_such_path(assembled: Assembled, frozen_tenant_id: UUID) -> None:
    api = await client(assembled, frozen_tenant_id, mode="production")
    for endpoint in v1.ENDPOINTS:
        path = endpoint.path.replace("{scenario_id}", str(deterministic_id("scenario")))
        answer = await api.send(endpoint.method, path, {} if endpoint.method == "POST" else None)
        assert answer.status_code == 404, endpoint.path
    assert all(endpoint.sandbox_only and endpoint.scopes == ("tests:admin",) for endpoint in v1.ENDPOINTS)


async def test_without_the_scope_nobody_moves_time(assembled: Assembled, frozen_tenant_id: UUID) -> None:
    api = await client(assembled, frozen_tenant_id, scopes="users:admin users:read")
    assert (await api.get("/tests/clock")).status_code == 403
    assert (await advance(api, 403, by="P1D"))["status"] == 403


# Scenarios


async def test_scenarios_are_laid_listed_and_removed(frozen: Api) -> None:
    account = str(deterministic_id("account"))
    answer = await frozen.send(
        "POST", "/tests/scenarios", {"name": "order_rejected", "on": {"account_id": account}, "times": 2}
    )
    assert answer.status_code == 201, answer.text
    laid = answer.json()
    assert (laid["name"], laid["times"], laid["used"], laid["removed_at"]) == ("order_rejected", 2, 0, None)
    assert laid["on"] == {"account_id": account, "user_id": None, "client_reference": None}
    second = await frozen.send("POST", "/tests/scenarios", {"name": "check_fails", "on": {"user_id": account}})
    assert second.json()["times"] == 1
    assert second.json()["id"] != laid["id"]
    page = (await frozen.get("/tests/scenarios")).json()
    assert page["data"] == [laid, second.json()]
    assert page["meta"]["total_count"] == 2
    assert (await frozen.send("DELETE", f"/tests/scenarios/{laid['id']}")).status_code == 204
    assert (await frozen.send("DELETE", f"/tests/scenarios/{laid['id']}")).status_code == 404
    assert (await frozen.get("/tests/scenarios?order=DESC")).json()["data"][1]["removed_at"] is not None


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"name": "order_vanishes", "on": {"user_id": str(deterministic_id("u"))}}, "name"),
        ({"name": "order_rejected"}, "on"),
        ({"name": "order_rejected", "on": {}}, "on"),
        (
            {"name": "order_rejected", "on": {"user_id": str(deterministic_id("u")), "client_reference": "a"}},
            "on.client_reference",
        ),
        ({"name": "order_rejected", "on": {"user_id": "me"}}, "on.user_id"),
        ({"name": "order_rejected", "on": {"client_reference": "a"}, "times": 0}, "times"),
        ({"name": "order_rejected", "on": {"client_reference": "a"}, "times": "2"}, "times"),
        ({"name": "check_fails", "on": {"account_id": str(deterministic_id("a"))}}, "on.user_id"),
    ],
)
async def test_a_scenario_that_cannot_be_is_refused_by_field(frozen: Api, body: Json, named: str) -> None:
    answer = await frozen.send("POST", "/tests/scenarios", body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [named]
