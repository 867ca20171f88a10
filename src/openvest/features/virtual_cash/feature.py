"""The feature of virtual cash: money that client firms keep."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.virtual_cash import lite, model, rules, store, sweeps, v1

FEATURE = Feature(
    "virtual_cash",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS),
    lite=Face(lite.ENDPOINTS, untold=lite.UNTOLD),
    events=model.EVENTS,
    sweeps=sweeps.SWEEPS,
    dead_letters=sweeps.DEAD_LETTER_KINDS,
    lifecycles=(rules.INCREASE, rules.DECREASE),
    invariants=store.AUDIT,
    blockers=(store.INCREASES_UNDER_WAY, store.DECREASES_UNDER_WAY),
    tables=("virtual_cash_decreases", "virtual_cash_increases"),
)
