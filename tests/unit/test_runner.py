"""The runner: sets, rows that cannot be decided, what the outside says, and the rest of a frozen tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID

import asyncpg
import pytest

from openvest import catalog
from openvest.core.ids import deterministic_id
from openvest.core.snapshots import Emitted
from openvest.db import unit as units
from openvest.db.query import Query
from openvest.db.unit import Database, DatabaseDown, Unit
from openvest.declarations import Outbound, Phase, Reaction, Sweep
from openvest.main import Assembled
from openvest.work import look as looking
from openvest.work import setbacks
from openvest.work.look import look
from openvest.work.reactions import reacting
from openvest.work.runner import Stuck
from tests.kit.elsewhere import elsewhere
from tests.kit.world import MAY_BE

pytestmark = pytest.mark.anyio

NOW = Query(datetime, "select $2 as due_at")
NO_TABLE = Query(datetime, "select made_at from gifts where tenant_id = $1")

DEAD_LETTERS = Query(UUID, "select row_id from dead_letters where tenant_id = $1 order by row_id")


@dataclass(frozen=True)
class Row:
    id: UUID


@dataclass
class Desk:
    """Work kept in memory: rows that are due, those that cannot be decided, and what was done in which sets."""

    due: list[Row]
    bad: set[UUID] = field(default_factory=set[UUID])
    done: list[list[UUID]] = field(default_factory=list[list[UUID]])
    talked: int = 0

    async def open_rows(self, unit: Unit, limit: int) -> list[Row]:
        dead_letters = set(await unit.rows(DEAD_LETTERS, unit.tenant_id))
        finished = {row for chunk in self.done for row in chunk}
        return [row for row in self.due if row.id not in dead_letters | finished][:limit]

    async def work(self, unit: Unit, rows: Sequence[Row]) -> None:
        ids = [row.id for row in rows]
        if self.bad & set(ids):
            raise ValueError("cannot be decided\nDETAIL: Erika Beispiel")
        self.done.append(ids)

    async def closer_look(self, unit: Unit) -> datetime | None:
        return unit.now if await self.open_rows(unit, 1) else None

    async def call(self, ports: Any, rows: Sequence[Row]) -> str:
        self.talked += 1
        return "said"

    async def record(self, unit: Unit, rows: Sequence[Row], said: str) -> None:
        assert said == "said"
        await self.work(unit, rows)

    def sweep(self, size: int) -> Sweep:
        return Sweep(
            "desk", self.open_rows, self.work, MAY_BE, Phase.ORDERS, set_size=size, closer_look=self.closer_look
        )

    def outbound(self, size: int) -> Outbound:
        steps = self.open_rows, self.call, self.record
        return Outbound("desk", *steps, MAY_BE, Phase.ORDERS, set_size=size, closer_look=self.closer_look)


def rows(count: int) -> list[Row]:
    return [Row(deterministic_id("row", n)) for n in range(count)]


async def dead_letters(world: Assembled, tenant_id: UUID) -> list[UUID]:
    return await world.database.read(tenant_id, lambda unit: unit.rows(DEAD_LETTERS, tenant_id))


async def test_work_is_done_in_sets_of_the_size_asked_for(assembled: Assembled, tenant_id: UUID) -> None:
    desk = Desk(rows(7))
    runner = replace(assembled.runner, works=[desk.sweep(3)])
    assert await runner.run_until_quiet(tenant_id) == 7
    assert [len(chunk) for chunk in desk.done] == [3, 3, 1]


@pytest.mark.parametrize("kind", ["sweep", "outbound"])
async def test_a_row_that_cannot_be_decided_never_stops_its_set(
    assembled: Assembled, frozen_tenant_id: UUID, kind: str
) -> None:
    desk = Desk(rows(6))
    desk.bad = {desk.due[2].id}
    runner = replace(assembled.runner, works=[desk.sweep(4) if kind == "sweep" else desk.outbound(4)])
    await runner.drain(frozen_tenant_id)
    assert {row for chunk in desk.done for row in chunk} == {row.id for row in desk.due} - desk.bad
    assert await dead_letters(assembled, frozen_tenant_id) == list(desk.bad)
    text = Query(str, "select error from dead_letters where tenant_id = $1")
    kept = await assembled.database.read(frozen_tenant_id, lambda unit: unit.one(text, frozen_tenant_id))
    assert kept == "ValueError: cannot be decided"


@pytest.mark.parametrize("work", catalog.WORKS, ids=lambda work: work.name)
async def test_what_was_set_aside_is_neither_due_nor_claimed(
    assembled: Assembled, tenant_id: UUID, work: Sweep | Outbound
) -> None:
    """Of every work: what it asks first leaves out what was set aside under its name, or the clock stands for ever."""
    fetch, row = units._fetch, Unit.row  # pyright: ignore[reportPrivateUsage] - where all rows come from
    asked: list[str] = []

    async def heard(connection: Any, query: Query[Any], args: Any) -> list[Any]:
        asked.append(f"{query.sql} {args}")
        return await fetch(connection, query, args)

    async def heard_row(unit: Unit, query: Query[Any], *args: Any) -> Any:
        asked.append(f"{query.sql} {args}")
        return await row(unit, query, *args)

    claim = work.lease if isinstance(work, Outbound) else work.claim
    for step in (lambda unit: claim(unit, 1), work.closer_look):
        if step is not None:
            asked.clear()
            with patch.object(units, "_fetch", heard), patch.object(Unit, "row", heard_row):
                await assembled.database.write(tenant_id, step, n=0)
            assert any("dead_letters" in text and f"'{work.name}'" in text for text in asked), asked
    assert "dead_letters" in work.next_due.sql and f"'{work.name}'" in work.next_due.sql


async def test_one_look_at_an_idle_tenant_is_one_statement(assembled: Assembled, tenant_id: UUID) -> None:
    """Three with opening and closing the unit, however many works there are."""
    sent: list[str] = []
    opened = Database._open  # pyright: ignore[reportPrivateUsage] - behind `begin`, before anything else

    async def listens(database: Database, connection: Any, *args: Any) -> Unit:
        connection.add_query_logger(lambda record: sent.append(record.query))
        return await opened(database, connection, *args)

    with patch.object(Database, "_open", listens):
        assert (await look(assembled.database, tenant_id, catalog.WORKS)).due == {}
    begun, asked, ended = sent
    assert "open_unit" in begun and ended == "rollback"
    assert all(f"'{work.name}'" in asked for work in catalog.WORKS)


async def test_of_a_look_that_fails_the_work_to_blame_is_found(assembled: Assembled, tenant_id: UUID) -> None:
    """Its own statement fails, and with it the one that asks all: it is put off alone, the others are done."""
    broken, desk, ear = Desk(rows(1)), Desk(rows(2)), Heard()
    works = [replace(broken.sweep(4), name="broken", next_due=NO_TABLE, closer_look=None), desk.sweep(4)]
    await replace(assembled.runner, works=works, ear=ear).run_until_quiet(tenant_id)
    assert ear.put_off_ == ["broken UndefinedTableError"]
    assert (broken.done, [len(chunk) for chunk in desk.done]) == ([], [2])


async def test_what_is_due_when_it_is_asked_alone_is_due(
    assembled: Assembled, tenant_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where only the statement that asks all fails, each work answers by a now of its own."""
    works = [replace(Desk([]).sweep(1), name=name, closer_look=None, next_due=NOW) for name in ("a", "b", "c")]
    whole = looking.question
    monkeypatch.setattr(looking, "question", lambda asked: whole(asked) if len(asked) == 1 else NO_TABLE)
    seen = await look(assembled.database, tenant_id, works)
    assert [work.name for work in seen.due_now(works)] == ["a", "b", "c"]


@dataclass
class Heard:
    """An ear that remembers."""

    dead_letters: list[UUID] = field(default_factory=list[UUID])
    put_off_: list[str] = field(default_factory=list[str])

    def dead_letter(self, tenant_id: UUID, work: str, row_id: UUID, error: BaseException) -> None:
        self.dead_letters.append(row_id)

    def put_off(self, tenant_id: UUID, work: str, error: BaseException, seconds: float) -> None:
        assert 0 < seconds <= setbacks.LONGEST_SECONDS
        self.put_off_.append(f"{work} {type(error).__name__}")


PASSING = (
    asyncpg.LockNotAvailableError("lock timeout"),
    asyncpg.QueryCanceledError("statement timeout"),
    asyncpg.OutOfMemoryError("no memory"),
    asyncpg.IdleInTransactionSessionTimeoutError("was stopped"),
    asyncpg.InsufficientPrivilegeError("no grant yet"),
    asyncpg.UndefinedColumnError("another version migrates"),
    asyncpg.DeadlockDetectedError("met others every time"),
    MemoryError(),
    ConnectionError("the venue hung up"),
)
PLACES = {
    "sweep": ("claim", "work", "closer_look"),
    "outbound": ("lease", "call", "record", "closer_look"),
}
WHERE = [(kind, place) for kind, places in PLACES.items() for place in places]


def hindered(desk: Desk, kind: str, place: str, errors: list[Exception]) -> Sweep | Outbound:
    """The desk's work, of which one step raises these errors before it does what it should."""
    whole: Any = desk.sweep(4) if kind == "sweep" else desk.outbound(4)
    step = getattr(whole, place)

    async def hinders(*given: Any) -> Any:
        if errors:
            raise errors.pop()
        return await step(*given)

    return replace(whole, **{place: hinders})


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass for those who rest."""
    now = [0]
    monkeypatch.setattr(setbacks, "monotonic_ns", lambda: now[0])

    def passes(seconds: float) -> None:
        now[0] += int(seconds * 1e9)

    return passes


@pytest.mark.parametrize(("kind", "place"), WHERE)
async def test_what_the_database_or_the_outside_did_sets_nothing_aside(
    assembled: Assembled, tenant_id: UUID, kind: str, place: str, later: Callable[[float], None]
) -> None:
    """Whatever step it hits: other work goes on, and the same rows are done when they are tried again."""
    for error in PASSING:
        desk, other, ear = Desk(rows(3)), Desk(rows(2)), Heard()
        works = [hindered(desk, kind, place, [error]), replace(other.sweep(4), name="other")]
        runner = replace(assembled.runner, works=works, ear=ear)
        for _ in range(2):
            with suppress(DatabaseDown):  # what a lost connection is called depends on whether a unit was open
                await runner.run_until_quiet(tenant_id)
            later(60)
        done = [sum(len(chunk) for chunk in one.done) for one in (desk, other)]
        assert (done, await dead_letters(assembled, tenant_id), ear.dead_letters) == ([3, 2], [], []), error


async def test_work_that_was_put_off_rests_longer_each_time_and_holds_up_no_other(
    assembled: Assembled, tenant_id: UUID, later: Callable[[float], None]
) -> None:
    desk, other, ear = Desk(rows(1)), Desk(rows(9)), Heard()
    tries: list[Exception] = [asyncpg.LockNotAvailableError("held")] * 100
    works = [hindered(desk, "sweep", "work", tries), replace(other.sweep(1), name="other")]
    runner = replace(assembled.runner, works=works, ear=ear, _setbacks=setbacks.Setbacks())
    await runner.run_until_quiet(tenant_id)
    assert (len(tries), len(other.done)) == (99, 9), "tried once, while the other work was done to its end"
    for seconds, left in ((0.24, 99), (0.02, 98), (0.25, 98), (0.26, 97)):
        later(seconds)
        await runner.run_until_quiet(tenant_id)
        assert len(tries) == left
    assert setbacks.pause_after(50) == setbacks.LONGEST_SECONDS
    later(60)
    tries.clear()
    assert await runner.run_until_quiet(tenant_id) == 1
    assert not ear.dead_letters and ear.put_off_ == ["desk LockNotAvailableError"] * 3


@pytest.mark.parametrize(("kind", "place"), WHERE)
async def test_a_frozen_tenant_that_meets_it_waits_in_order_and_gives_up_in_time(
    assembled: Assembled, frozen_tenant_id: UUID, kind: str, place: str
) -> None:
    """The order of the catalog is kept, so nothing behind it is done before it."""
    desk, other = Desk(rows(1)), Desk(rows(1))
    errors: list[Exception] = [asyncpg.LockNotAvailableError("held")] * 3
    works = [hindered(desk, kind, place, errors), replace(other.sweep(4), name="other")]
    runner = replace(assembled.runner, works=works)
    await runner.drain(frozen_tenant_id)
    assert not errors and len(desk.done) == len(other.done) == 1
    desk.due, other.due = rows(2), rows(2)
    errors += [asyncpg.LockNotAvailableError("held")] * 1_000
    with pytest.raises(Stuck) as stuck:
        await replace(runner, patience_s=0.15).drain(frozen_tenant_id)
    assert isinstance(stuck.value.__cause__, asyncpg.LockNotAvailableError) and len(errors) > 990
    assert len(desk.done) == len(other.done) == 1 and not await dead_letters(assembled, frozen_tenant_id)


async def test_a_row_whose_reaction_raises_is_set_aside_alone(assembled: Assembled, tenant_id: UUID) -> None:
    """The whole unit is the row's: what belongs to its end, and what the database finds at the commit."""
    desk, ear = Desk(rows(5)), Heard()
    bad = desk.due[3].id

    async def tells(unit: Unit, found: Sequence[Row]) -> None:
        for row in found:
            unit.emit("THING.CHANGED", row.id, 1, unit.now, {"id": str(row.id)})

    async def reacts(unit: Unit, events: Sequence[Emitted]) -> None:
        if bad in {event.object_id for event in events}:
            raise LookupError("no such thing")
        desk.done.append([event.object_id for event in events])

    with patch.object(assembled.database, "before_events", [reacting([Reaction("THING.CHANGED", reacts)])]):
        await replace(assembled.runner, works=[replace(desk.sweep(5), work=tells)], ear=ear).run_until_quiet(tenant_id)
    assert await dead_letters(assembled, tenant_id) == [bad] == ear.dead_letters
    assert {row for chunk in desk.done for row in chunk} == {row.id for row in desk.due} - {bad}


async def test_a_question_that_cannot_be_put_is_set_aside_alone(assembled: Assembled, tenant_id: UUID) -> None:
    desk = Desk(rows(5))
    bad = desk.due[1].id

    async def call(ports: Any, asked: Sequence[Row]) -> str:
        if bad in {row.id for row in asked}:
            raise ValueError("a price of no number")
        return "said"

    runner = replace(assembled.runner, works=[replace(desk.outbound(5), call=call)])
    await runner.run_until_quiet(tenant_id)
    assert await dead_letters(assembled, tenant_id) == [bad]
    assert {row for chunk in desk.done for row in chunk} == {row.id for row in desk.due} - {bad}


async def test_a_drained_tenant_lets_writes_through(assembled: Assembled, frozen_tenant_id: UUID) -> None:
    desk = Desk(rows(2))
    runner = replace(assembled.runner, works=[desk.sweep(1)])

    async def drain(tenant: UUID) -> None:
        await runner.drain(tenant)

    assembled.database.drain = drain

    async def emit(unit: Unit, version: int) -> None:
        unit.emit("THING.CHANGED", deterministic_id("thing"), version, unit.now, {})

    await assembled.database.write(frozen_tenant_id, lambda unit: emit(unit, 1))
    assert desk.done == []  # the reply does not wait
    await assembled.database.write(frozen_tenant_id, lambda unit: emit(unit, 2))
    assert [len(chunk) for chunk in desk.done] == [1, 1]  # but the next write does


async def test_a_write_that_slips_in_behind_the_last_look_is_worked_on(
    assembled: Assembled, frozen_tenant_id: UUID
) -> None:
    """A drain of a clean clock holds back no write: one may commit between its last look and its mark."""
    desk, late = Desk([]), rows(1)
    await assembled.runner.drain(frozen_tenant_id)
    looked = desk.closer_look

    async def emit(unit: Unit) -> None:
        unit.emit("THING.CHANGED", deterministic_id("thing"), 1, unit.now, {})
        desk.due += late

    async def looks(unit: Unit) -> datetime | None:
        at = await looked(unit)
        if not desk.due:
            await elsewhere(assembled.database.write(frozen_tenant_id, emit))
        return at

    await replace(assembled.runner, works=[replace(desk.sweep(1), closer_look=looks)]).drain(frozen_tenant_id)
    assert desk.done == [[late[0].id]]


async def test_many_writes_to_a_frozen_tenant_do_not_eat_the_pool(assembled: Assembled, frozen_tenant_id: UUID) -> None:
    async def emit(unit: Unit, thing: int) -> None:
        unit.emit("THING.CHANGED", deterministic_id("thing", thing), 1, unit.now, {})

    def write(thing: int) -> Any:
        return assembled.database.write(frozen_tenant_id, lambda unit: emit(unit, thing))

    async with asyncio.timeout(20):
        await asyncio.gather(*(write(n) for n in range(60)))
