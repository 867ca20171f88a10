"""The same life twice, and the same time in one call and day by day: equal logs, ids included, and equal books.

Fewer orders rest here than in `make repeat`, which lives the whole life in processes of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from openvest import catalog
from openvest.ledger.audit import prove_tenant
from tests.kit.cluster import Cluster
from tests.repeat.inside import Inside, inside
from tests.repeat.life import begin, everything_else, live, onboard
from tests.repeat.prints import Print, first_difference, take_print

pytestmark = pytest.mark.anyio
RESTING = 30


@contextmanager
def local_time(zone: str) -> Generator[None]:
    """This process in another time zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()


async def printed(world: Inside) -> Print:
    await world.rest()
    proof = await prove_tenant(world.database, world.tenant_id, catalog.INVARIANTS)
    assert proof.clean, proof.findings
    return await take_print(world.database, world.tenant_id)


async def test_the_same_life_twice_gives_the_same_log(cluster: Cluster) -> None:
    async with inside(cluster) as first:
        await live(first.steps, resting=RESTING)
        one = await printed(first)
    with local_time("Pacific/Auckland"):
        async with inside(cluster, processes=2, timezone="America/St_Johns") as second:
            await live(second.steps, resting=RESTING)
            other = await printed(second)
    assert first_difference(one.events, other.events) is None
    assert first_difference(one.balances, other.balances) is None
    assert one.log == other.log and one.books == other.books
    assert len(one.events) >= 500
    assert one.facts["resting"] >= 20 and one.facts["expired"] >= 20 and one.facts["open_settlements"] > 0, one.facts


async def test_a_month_in_one_call_is_thirty_days(cluster: Cluster) -> None:
    async def month(*advances: str) -> Print:
        async with inside(cluster) as world:
            await begin(world.steps, days_apart=3, resting=RESTING)
            for by in advances:
                await world.steps.advance(by=by)
            return await printed(world)

    one, other = await month("P30D"), await month(*["P1D"] * 30)
    assert first_difference(one.events, other.events) is None
    assert first_difference(one.balances, other.balances) is None
    assert one.facts["settled"] > 0 and one.facts["expired"] >= 10, one.facts


async def test_at_the_pace_instant_too(cluster: Cluster) -> None:
    prints: list[Print] = []
    for processes in (1, 2):
        async with inside(cluster, processes=processes, pace="instant") as world:
            await begin(world.steps, resting=RESTING)
            await everything_else(world.steps)
            await world.steps.advance(by="P10D")
            prints.append(await printed(world))
    one, other = prints
    assert first_difference(one.events, other.events) is None
    assert first_difference(one.balances, other.balances) is None


async def test_another_key_gives_another_log(cluster: Cluster) -> None:
    """Control: ids come from the keys, so a life under other keys is another one."""
    prints: list[Print] = []
    for start in (0, 1):
        async with inside(cluster) as world:
            world.steps.number = start
            await onboard(world.steps, "Ada")
            prints.append(await printed(world))
    one, other = prints
    assert len(one.events) == len(other.events) and one.log != other.log
