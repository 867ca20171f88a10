"""Lists of one tenant: who waits behind another is answered with it, and is at the mercy of nobody else's fault."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from openvest.core.problems import NotFound
from openvest.db.faults import DatabaseDown, TooBusy
from openvest.db.unit import Database
from openvest.declarations import Call, Caller, Endpoint
from openvest.server.lanes import Lanes
from openvest.server.lists import Lists

pytestmark = pytest.mark.anyio

SIZE = 4


class BrokenStatement(Exception):
    """After it the transaction takes nothing more."""


@dataclass
class Units:
    """A database that counts what is read in each unit; `open` lets them go on."""

    read_in: list[list[str]] = field(default_factory=list[list[str]])
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, tenant_id: UUID, work: Callable[[Any], Awaitable[None]], *, one_snapshot: bool) -> None:
        assert one_snapshot
        self.read_in.append([])
        await self.open.wait()
        await work(self.read_in[-1])


async def _verb(unit: list[str], call: Call) -> str:
    what = call.path["what"]
    unit.append(what)
    await asyncio.sleep(0)
    if what == "missing":
        raise NotFound("There is none.")
    if what == "broken":
        raise BrokenStatement
    if what == "down":
        raise DatabaseDown("it went away")
    return what


LIST = Endpoint("GET", "/things", "list_things", "X", "X", (), None, cast(Any, _verb))


async def asked(units: Units, *wanted: str, seconds: float = 10) -> list[str]:
    """What each hears, all of one tenant, the first of them first in its place."""
    lists = Lists(cast(Database, units), Lanes(1, seconds), SIZE)
    caller = cast(Caller, type("One", (), {"tenant_id": uuid4()}))

    async def one(what: str) -> str:
        try:
            answer = await lists.run(LIST, Call(caller, {"what": what}, None, None, None, ""))
        except Exception as error:
            return type(error).__name__
        assert answer.body is not None
        return answer.body.decode().strip('"')

    tasks = [asyncio.create_task(one(what)) for what in wanted]
    await asyncio.sleep(2 * seconds if seconds < 1 else 0)
    units.open.set()
    heard = await asyncio.gather(*tasks)
    assert lists == Lists(lists.database, Lanes(1, seconds), SIZE), "nothing is kept of tenants that have left"
    return heard


async def test_those_who_wait_share_a_unit_and_each_hears_its_own() -> None:
    units, wanted = Units(), [f"thing {n}" for n in range(7)]
    assert await asked(units, *wanted) == wanted
    assert units.read_in == [wanted[:1], wanted[1:5], wanted[5:]]


@pytest.mark.parametrize(
    ("what", "heard", "others", "units"),
    [
        ("missing", "NotFound", "fine", [["a"], ["b", "missing", "c"]]),
        ("broken", "BrokenStatement", "fine", [["a"], ["b", "broken"], ["broken"], ["broken"], ["c"]]),
        ("down", "DatabaseDown", "told, too", [["a"], ["b", "down"]]),
    ],
)
async def test_a_fault_is_that_of_its_own_list(what: str, heard: str, others: str, units: list[list[str]]) -> None:
    seen = Units()
    assert await asked(seen, "a", "b", what, "c") == ["a", "b", heard, "c" if others == "fine" else heard]
    assert [unit for unit in seen.read_in if unit] == units


async def test_a_place_that_does_not_come_free_is_told() -> None:
    assert await asked(Units(), "a", "b", seconds=0.01) == ["a", TooBusy.__name__]
