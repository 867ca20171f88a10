"""The feature of blocks: many orders, one street order."""

from __future__ import annotations

from openvest.declarations import Feature
from openvest.features.blocks import rules, service

FEATURE = Feature(
    "blocks",
    lifecycles=(rules.BLOCK,),
    invariants=service.INVARIANTS,
    tables=("blocks", "block_members", "block_cut_offs"),
)
