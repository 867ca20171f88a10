"""The unit of work: commit before the result, nothing left after a refusal, frozen clocks tick, events have numbers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from openvest.core.ids import deterministic_id
from openvest.core.problems import Conflict
from openvest.db.faults import AGAIN
from openvest.db.opening import UnknownTenant
from openvest.db.query import Query, Statement
from openvest.db.unit import RETRIES, Database, DatabaseDown, Unit
from openvest.events.log import LoggedEvent, events_after, last_sequence
from openvest.events.sequencer import number_events, tenants_waiting
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

THING = deterministic_id("thing")
US = timedelta(microseconds=1)


async def emit(database: Database, tenant: UUID, version: int, thing: UUID = THING) -> datetime:
    async def work(unit: Unit) -> datetime:
        unit.emit("THING.CHANGED", thing, version, unit.now, {"version": version})
        return unit.now

    return await database.write(tenant, work)


async def log(database: Database, tenant: UUID) -> list[LoggedEvent]:
    await number_events(database, tenant)
    return await database.read(tenant, lambda unit: events_after(unit, 0, 1_000))


async def test_a_refusal_leaves_nothing_behind(database: Database, tenant_id: UUID) -> None:
    async def work(unit: Unit) -> None:
        unit.emit("THING.CHANGED", THING, 1, unit.now, {})
        raise Conflict("no")

    with pytest.raises(Conflict):
        await database.write(tenant_id, work)
    assert await log(database, tenant_id) == []


async def test_an_unknown_tenant_is_a_fault(database: Database) -> None:
    with pytest.raises(UnknownTenant):
        await emit(database, deterministic_id("nobody"), 1)


async def test_events_are_numbered_without_a_gap_under_concurrent_writers(database: Database, tenant_id: UUID) -> None:
    stop = asyncio.Event()

    async def sequencer() -> None:
        while not stop.is_set():
            await number_events(database, tenant_id)
            await asyncio.sleep(0)

    running = asyncio.create_task(sequencer())
    things = [deterministic_id("thing", i) for i in range(8)]
    for version in range(1, 13):
        await asyncio.gather(*(emit(database, tenant_id, version, thing) for thing in things))
    stop.set()
    await running
    found = await log(database, tenant_id)
    assert [event.sequence for event in found] == list(range(1, 97))
    for thing in things:
        mine = [event.object_version for event in found if event.object_id == thing]
        assert mine == list(range(1, 13))
    assert await tenants_waiting(database) == []
    assert await database.read(tenant_id, last_sequence) == 96


async def test_a_frozen_clock_ticks_once_per_writing_unit(database: Database, frozen_tenant_id: UUID) -> None:
    start = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    assert await emit(database, frozen_tenant_id, 1) == start + US
    assert await database.read(frozen_tenant_id, _now) == start + US
    assert await emit(database, frozen_tenant_id, 2) == start + 2 * US


async def test_a_refused_or_abandoned_unit_does_not_tick(database: Database, frozen_tenant_id: UUID) -> None:
    async def refused(unit: Unit) -> None:
        raise Conflict("no")

    async def abandoned(unit: Unit) -> None:
        unit.abandon()

    before = await database.read(frozen_tenant_id, _now)
    with pytest.raises(Conflict):
        await database.write(frozen_tenant_id, refused)
    await database.write(frozen_tenant_id, abandoned)
    assert await database.read(frozen_tenant_id, _now) == before


class Failing:
    """Work that the server breaks off with this state as often as asked, then does its bit."""

    def __init__(self, state: str, times: int) -> None:
        self.state, self.left, self.runs = state, times, 0

    async def __call__(self, unit: Unit) -> None:
        self.runs += 1
        if self.left:
            self.left -= 1
            await unit.connection.execute(f"do $$ begin raise exception 'x' using errcode = '{self.state}'; end $$")
        unit.emit("THING.CHANGED", THING, 9, unit.now, {})


@pytest.mark.parametrize("state", ["40P01", "40001"])
@pytest.mark.parametrize("dirty", [False, True])
async def test_what_meets_another_unit_is_run_again_after_a_drain_too(
    database: Database, frozen_tenant_id: UUID, state: str, dirty: bool
) -> None:
    if dirty:
        await emit(database, frozen_tenant_id, 1)  # what it made due is done before the next write
    work = Failing(state, RETRIES)
    await database.write(frozen_tenant_id, work)
    assert work.runs == RETRIES + 1
    assert [event.object_version for event in await log(database, frozen_tenant_id)] == [1, 9][not dirty :]
    work = Failing(state, RETRIES + 1)
    with pytest.raises(AGAIN):
        await database.write(frozen_tenant_id, work)
    assert work.runs == RETRIES + 1


@pytest.mark.parametrize("arguments", [(), (1, 2), ("text",), (2**40,), (object(),)])
async def test_arguments_that_do_not_fit_are_a_fault_and_no_lost_database(
    database: Database, tenant_id: UUID, arguments: tuple[Any, ...]
) -> None:
    wrong = Query(int, "select $1::integer")
    said = "the server expects 1 argument|invalid input for query argument"
    with pytest.raises((asyncpg.InterfaceError, asyncpg.DataError), match=said):
        await database.write(tenant_id, lambda unit: unit.row(wrong, *arguments))
    with pytest.raises((asyncpg.InterfaceError, asyncpg.DataError), match=said):
        await database.ask(wrong, *arguments)
    assert await database.ask(wrong, 7) == [7]


async def test_a_connection_that_was_lost_is_no_fault(database: Database, tenant_id: UUID) -> None:
    async def loses(unit: Unit) -> None:
        unit.connection.terminate()
        await unit.connection.execute("select 1")

    with pytest.raises(DatabaseDown):
        await database.write(tenant_id, loses)


async def test_ids_of_a_frozen_tenant_come_from_their_cause(database: Database) -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    first = await make_tenant(database, "one", frozen_at=at)
    second = await make_tenant(database, "two", frozen_at=at)

    async def ids(unit: Unit) -> list[UUID]:
        unit.abandon()
        return [unit.ids.new("order"), unit.ids.new("order"), unit.ids.new("order", cause="row")]

    once = await database.write(first, ids, cause="key 1")
    again = await database.write(first, ids, cause="key 1")
    other_cause = await database.write(first, ids, cause="key 2")
    other_tenant = await database.write(second, ids, cause="key 1")
    assert once == again
    assert len({*once, *other_cause, *other_tenant}) == 9
    assert {found.version for found in once} == {5}


async def test_two_walls_keep_tenants_apart(database: Database, tenant_id: UUID) -> None:
    await emit(database, tenant_id, 1)
    other = await make_tenant(database, "Tenant B")

    async def everything(unit: Unit) -> int:
        return await unit.one(Query(int, "select count(*)::integer from events"))

    assert await database.read(tenant_id, everything) == 1
    assert await database.read(other, everything) == 0
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from events") == 0


async def test_the_application_role_cannot_rewrite_history(database: Database, tenant_id: UUID) -> None:
    await emit(database, tenant_id, 1)
    for statement in (
        "update events set type = 'X'",
        "delete from events",
        "delete from event_sets",
        "truncate events",
    ):

        async def work(unit: Unit, statement: str = statement) -> None:
            await unit.connection.execute(statement)

        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await database.write(tenant_id, work)


_TAKE = Statement(
    "insert into dead_letters (tenant_id, sweep, row_id, error, created_at)"
    " select $1, $3, unnest($2::uuid[]), 'x', wire_now()"
)
_TAKEN = Query(UUID, "select row_id from dead_letters where tenant_id = $1 and sweep like 'late%' order by row_id")


async def test_late_statements_go_with_the_events_in_one_round_trip(database: Database, tenant_id: UUID) -> None:
    ids = sorted(deterministic_id("late", n) for n in range(3))
    sent: list[str] = []

    async def work(unit: Unit) -> None:
        unit.connection.add_query_logger(lambda record: sent.append(record.query))
        unit.run_late(_TAKE, tenant_id, ids[:2], "late one")
        unit.run_late(_TAKE, tenant_id, ids[2:], "late two")
        unit.emit("THING.CHANGED", THING, 1, unit.now, {})

    await database.write(tenant_id, work)
    assert len([sql for sql in sent if "insert" in sql]) == 1
    assert await database.read(tenant_id, lambda unit: unit.rows(_TAKEN, tenant_id)) == ids
    assert len(await log(database, tenant_id)) == 1


async def test_late_statements_are_run_without_events_too(database: Database, tenant_id: UUID) -> None:
    async def work(unit: Unit) -> None:
        unit.run_late(_TAKE, tenant_id, [THING], "late")

    await database.write(tenant_id, work)
    assert await database.read(tenant_id, lambda unit: unit.rows(_TAKEN, tenant_id)) == [THING]


async def test_what_a_step_would_have_written_late_is_undone_with_it(database: Database, tenant_id: UUID) -> None:
    async def work(unit: Unit) -> None:
        with pytest.raises(Conflict):
            async with unit.savepoint():
                unit.run_late(_TAKE, tenant_id, [THING], "late")
                raise Conflict("no")
        unit.emit("THING.CHANGED", THING, 1, unit.now, {})

    await database.write(tenant_id, work)
    assert await database.read(tenant_id, lambda unit: unit.rows(_TAKEN, tenant_id)) == []


async def _now(unit: Unit) -> datetime:
    return unit.now


SUMMER = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
"""Half an hour before Berlin's clocks go on; a day later by the calendar is 23 hours later."""


async def test_a_statement_has_one_instant_and_adds_to_it_whatever_the_time_zone(
    database: Database, tenant_id: UUID
) -> None:
    async def work(unit: Unit) -> tuple[int, datetime]:
        await unit.connection.execute("set local timezone = 'Europe/Berlin'")
        instants = await unit.one(Query(int, "select count(distinct wire_now()) from generate_series(1, 5000)"))
        return instants, await unit.one(Query(datetime, "select plus_us($1, 86400000001)"), SUMMER)

    assert await database.read(tenant_id, work) == (1, SUMMER + timedelta(days=1) + US)
