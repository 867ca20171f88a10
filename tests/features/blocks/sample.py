"""What tests know of blocks."""

from __future__ import annotations

from datetime import time

from openvest.features.blocks import service
from tests.kit.sample import Life, Sample


async def _a_cut_off(life: Life) -> None:
    """At the default's own time, so that nothing goes another way for it."""
    await life.write(lambda unit: service.name_cut_off(unit, None, time(16)))


SAMPLE = Sample(
    untold={"blocks.status": "the house's; what becomes of an order in it is told of the order"},
    no_rows={
        "blocks": "what is netted of many has no owner before it is shared out",
        "block_members": "an order is in a block from its cut-off on, which a clock of wall time does not reach",
    },
    lived=_a_cut_off,
    refused_changes=(
        "blocks reserve = -1",
        "blocks unserved = members + 1",
        "blocks shares = -1",
    ),
)
