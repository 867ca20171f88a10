"""The feature of portfolios: what the money of an account is to be spread over."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.portfolios import lite, model, rules, store, sweeps, v1

FEATURE = Feature(
    "portfolios",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS),
    lite=Face(lite.ENDPOINTS, lite.REPRESENTATIONS, lite.TOLD, lite.UNTOLD),
    events=model.EVENTS,
    reactions=sweeps.REACTIONS,
    lifecycles=(rules.CONFIGURATION,),
    invariants=store.AUDIT,
    lists=(store.ALLOCATIONS, store.PORTFOLIOS),
    tables=("portfolio_allocations", "portfolio_configurations", "portfolio_targets"),
)
