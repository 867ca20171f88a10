"""A process that ends between or within sets of a block leaves nothing half done: whoever goes on comes to the same.

`make blocks` does this with real processes and 100,000 orders.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from openvest.core import failpoints
from openvest.main import Assembled
from tests.kit.blocks import CUT_OFF, Hall, make_hall

pytestmark = pytest.mark.anyio
POINTS = (
    "sweep.after_claim@orders.check:2",
    "sweep.before_events@orders.close_blocks",
    "outbound.after_call@street.ask_venue",
    "sweep.before_events@orders.book",
    "sweep.before_events@orders.allot",
    "sweep.after_claim@orders.allot:2",
    "unit.before_commit",
    "unit.after_commit",
)


class Ended(BaseException):
    """The process is gone."""


def _end() -> None:
    raise Ended


async def _lived(world: Assembled, hall: Hall, points: tuple[str, ...]) -> list[tuple[Decimal, Decimal, Decimal]]:
    """What each got, where the work was broken off at these points, one after the other."""
    placed = await hall.place_all(["100.00", "250.00", "75.00", "33.33", "4.44"])
    world.runner.works = [replace(work, set_size=2) for work in world.runner.works]
    await world.clockwork.set_target(hall.tenant_id, lambda _: CUT_OFF)
    for point in points:
        failpoints.arm(point, _end)
        with pytest.raises(Ended):
            await world.clockwork.advance(hall.tenant_id, wait_s=None)
    await world.clockwork.advance(hall.tenant_id, wait_s=None)
    await hall.proved()
    found = [one.executions[0] for one in await hall.read(placed)]
    return [(one.quantity, one.cash_amount, one.price) for one in found]


async def test_a_block_broken_off_at_each_point_comes_to_the_same(assembled: Assembled) -> None:
    whole = await _lived(assembled, await make_hall(assembled, 5), ())
    broken = await _lived(assembled, await make_hall(assembled, 5, name="Broken"), POINTS)
    assert broken == whole
