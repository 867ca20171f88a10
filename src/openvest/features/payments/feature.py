"""The feature of payments: money that arrives."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.payments import lite, model, rules, sweeps, v1

FEATURE = Feature(
    "payments",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS),
    lite=Face(lite.ENDPOINTS, lite.REPRESENTATIONS, untold=lite.UNTOLD),
    events=model.EVENTS,
    lifecycles=(rules.TOPUP,),
    takers=sweeps.TAKERS,
    tables=("topups",),
)
