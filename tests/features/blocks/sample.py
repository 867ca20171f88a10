"""What tests know of blocks."""

from __future__ import annotations

from datetime import time

from openvest.features.blocks import service as blocks
from tests.kit.orders import make_trader
from tests.kit.sample import Life, Sample


async def _one_is_sent_at_a_cut_off_of_its_own(life: Life) -> None:
    await life.write(lambda unit: blocks.name_cut_off(unit, "XETR", time(16)))
    trader = await make_trader(life.world, life.tenant_id, "100.00")
    await trader.place(cash_amount="10.00", execution_flow="BLOCK")
    await life.post("/tests/clock/advance", {"by": "P3D"})


SAMPLE = Sample(
    lived=_one_is_sent_at_a_cut_off_of_its_own,
    untold={"blocks.status": "the house's; what becomes of an order in it is told of the order"},
    no_rows={
        "blocks": "what is netted of many has no owner before it is shared out",
        "block_members": "an order is in a block from its cut-off on, which a clock of wall time does not reach",
        "block_cut_offs": "an operator's setting, that most tenants do without",
    },
    refused_changes=(
        "blocks reserve = -1",
        "blocks unserved = members + 1",
        "blocks shares = -1",
    ),
)
