"""The feature of withdrawals: money that leaves."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.withdrawals import lite, model, rules, store, sweeps, v1

FEATURE = Feature(
    "withdrawals",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS),
    lite=Face(lite.ENDPOINTS, lite.REPRESENTATIONS, lite.TOLD, untold=lite.UNTOLD, names=lite.NAMES),
    events=model.EVENTS,
    takers=sweeps.TAKERS,
    lifecycles=(rules.WITHDRAWAL,),
    invariants=store.INVARIANTS,
    blockers=(store.UNDER_WAY,),
    tables=("withdrawals",),
)
