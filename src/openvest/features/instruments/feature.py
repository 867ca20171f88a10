"""The feature of instruments: what can be traded, where, and at what price."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.instruments import lite, model, sweeps, v1

FEATURE = Feature(
    "instruments",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS),
    lite=Face(lite.ENDPOINTS, untold=lite.UNTOLD),
    events=model.EVENTS,
    sweeps=sweeps.SWEEPS,
    dead_letters=sweeps.DEAD_LETTER_KINDS,
    tables=("instrument_cursors",),
    shared_tables=(
        "bars",
        "imported_ranges",
        "instrument_changes",
        "instrument_venues",
        "instruments",
        "quotes",
        "venues",
    ),
)
