"""What tests know of blocks."""

from __future__ import annotations

from tests.kit.sample import Sample

SAMPLE = Sample(
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
