"""The feature of cash balance transfers: cash that goes from one account group to another."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.cash_transfers import lite, model, rules, store, sweeps, v1

FEATURE = Feature(
    "cash_transfers",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS),
    lite=Face(lite.ENDPOINTS, untold=lite.UNTOLD),
    events=model.EVENTS,
    sweeps=sweeps.SWEEPS,
    dead_letters=sweeps.DEAD_LETTER_KINDS,
    lifecycles=(rules.TRANSFER,),
    invariants=store.AUDIT,
    blockers=(store.UNDER_WAY,),
    tables=("cash_balance_transfers",),
)
