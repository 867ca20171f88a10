"""The feature of direct debits: money that is collected under a mandate."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.direct_debits import lite, model, rules, store, sweeps, v1

FEATURE = Feature(
    "direct_debits",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS, untold=v1.UNTOLD, names=(v1.STATUS,)),
    lite=Face(lite.ENDPOINTS, lite.REPRESENTATIONS, lite.TOLD, names=lite.NAMES),
    events=model.EVENTS,
    reactions=sweeps.REACTIONS,
    lifecycles=(rules.DIRECT_DEBIT,),
    blockers=(store.UNDER_WAY,),
    takers=sweeps.TAKERS,
    tables=("direct_debits",),
)
