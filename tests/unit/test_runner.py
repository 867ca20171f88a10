"""The runner: sets, rows that cannot be decided, what the outside says, and the rest of a frozen tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest

from openvest import catalog
from openvest.core.declarations import Outward, Sweep
from openvest.core.ids import caused_id
from openvest.db import unit as units
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.main import Assembled
from tests.kit.elsewhere import elsewhere

pytestmark = pytest.mark.anyio

ASIDE = Query(UUID, "select row_id from set_aside where tenant_id = $1 order by row_id")


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
        aside = set(await unit.rows(ASIDE, unit.tenant_id))
        finished = {row for chunk in self.done for row in chunk}
        return [row for row in self.due if row.id not in aside | finished][:limit]

    async def work(self, unit: Unit, rows: Sequence[Row]) -> None:
        ids = [row.id for row in rows]
        if self.bad & set(ids):
            raise ValueError("cannot be decided\nDETAIL: Erika Beispiel")
        self.done.append(ids)

    async def next_due(self, unit: Unit) -> datetime | None:
        return unit.now if await self.open_rows(unit, 1) else None

    async def talk(self, ports: Any, rows: Sequence[Row]) -> str:
        self.talked += 1
        return "said"

    async def record(self, unit: Unit, rows: Sequence[Row], said: str) -> None:
        assert said == "said"
        await self.work(unit, rows)

    def sweep(self, size: int) -> Sweep:
        return Sweep("desk", self.open_rows, self.work, self.next_due, set_size=size)

    def outward(self, size: int) -> Outward:
        return Outward("desk", self.open_rows, self.talk, self.record, self.next_due, set_size=size)


def rows(count: int) -> list[Row]:
    return [Row(caused_id("row", n)) for n in range(count)]


async def aside(world: Assembled, tenant_id: UUID) -> list[UUID]:
    return await world.database.read(tenant_id, lambda unit: unit.rows(ASIDE, tenant_id))


async def test_work_is_done_in_sets_of_the_size_asked_for(assembled: Assembled, tenant_id: UUID) -> None:
    desk = Desk(rows(7))
    runner = replace(assembled.runner, works=[desk.sweep(3)])
    assert await runner.run_until_quiet(tenant_id) == 7
    assert [len(chunk) for chunk in desk.done] == [3, 3, 1]


@pytest.mark.parametrize("kind", ["sweep", "outward"])
async def test_a_row_that_cannot_be_decided_never_stops_its_set(
    assembled: Assembled, frozen_tenant_id: UUID, kind: str
) -> None:
    desk = Desk(rows(6))
    desk.bad = {desk.due[2].id}
    runner = replace(assembled.runner, works=[desk.sweep(4) if kind == "sweep" else desk.outward(4)])
    await runner.drain(frozen_tenant_id)
    assert {row for chunk in desk.done for row in chunk} == {row.id for row in desk.due} - desk.bad
    assert await aside(assembled, frozen_tenant_id) == list(desk.bad)
    text = Query(str, "select error from set_aside where tenant_id = $1")
    kept = await assembled.database.read(frozen_tenant_id, lambda unit: unit.one(text, frozen_tenant_id))
    assert kept == "ValueError: cannot be decided"


@pytest.mark.parametrize("work", catalog.WORKS, ids=lambda work: work.name)
async def test_what_was_set_aside_is_neither_due_nor_claimed(
    assembled: Assembled, tenant_id: UUID, work: Sweep | Outward
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

    claim = work.lease if isinstance(work, Outward) else work.claim
    for look in (work.next_due, lambda unit: claim(unit, 1)):
        asked.clear()
        with patch.object(units, "_fetch", heard), patch.object(Unit, "row", heard_row):
            await assembled.database.write(tenant_id, look, n=0)
        assert any("set_aside" in text and f"'{work.name}'" in text for text in asked), asked


async def test_what_talking_raises_leaves_the_rows_to_their_lease(assembled: Assembled, tenant_id: UUID) -> None:
    desk = Desk(rows(2))

    async def broken(ports: Any, asked: Sequence[Row]) -> str:
        raise ConnectionError("the venue hung up")

    runner = replace(assembled.runner, works=[replace(desk.outward(4), talk=broken)])
    with pytest.raises(ConnectionError):
        await runner.run_until_quiet(tenant_id)
    assert desk.done == [] and await aside(assembled, tenant_id) == []


async def test_a_drained_tenant_lets_writes_through(assembled: Assembled, frozen_tenant_id: UUID) -> None:
    desk = Desk(rows(2))
    runner = replace(assembled.runner, works=[desk.sweep(1)])

    async def drain(tenant: UUID) -> None:
        await runner.drain(tenant)

    assembled.database.drain = drain

    async def emit(unit: Unit, version: int) -> None:
        unit.emit("THING.CHANGED", caused_id("thing"), version, unit.now, {})

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
    looked = desk.next_due

    async def emit(unit: Unit) -> None:
        unit.emit("THING.CHANGED", caused_id("thing"), 1, unit.now, {})
        desk.due += late

    async def looks(unit: Unit) -> datetime | None:
        at = await looked(unit)
        if not desk.due:
            await elsewhere(assembled.database.write(frozen_tenant_id, emit))
        return at

    await replace(assembled.runner, works=[replace(desk.sweep(1), next_due=looks)]).drain(frozen_tenant_id)
    assert desk.done == [[late[0].id]]


async def test_many_writes_to_a_frozen_tenant_do_not_eat_the_pool(assembled: Assembled, frozen_tenant_id: UUID) -> None:
    async def emit(unit: Unit, thing: int) -> None:
        unit.emit("THING.CHANGED", caused_id("thing", thing), 1, unit.now, {})

    def write(thing: int) -> Any:
        return assembled.database.write(frozen_tenant_id, lambda unit: emit(unit, thing))

    async with asyncio.timeout(20):
        await asyncio.gather(*(write(n) for n in range(60)))
