"""The one list of planted bugs."""

from __future__ import annotations

from collections.abc import Sequence

from tests.controls import (
    crash,
    egress,
    events,
    failpoints,
    keys,
    ledger,
    matrices,
    money,
    replies,
    signatures,
    walls,
)
from tests.controls.planting import Planted

_MODULES = (crash, failpoints, replies, money, ledger, keys, events, signatures, matrices, egress, walls)

PLANTED: Sequence[Planted] = tuple(planted for module in _MODULES for planted in module.PLANTED)
