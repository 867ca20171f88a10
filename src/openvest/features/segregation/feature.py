"""The feature of segregation: client money and the house's money are apart, every business day."""

from __future__ import annotations

from openvest.declarations import Feature
from openvest.features.segregation import store, sweeps

FEATURE = Feature(
    "segregation",
    sweeps=sweeps.SWEEPS,
    dead_letters=sweeps.DEAD_LETTER_KINDS,
    invariants=store.INVARIANTS,
    tables=("segregations",),
)
