"""The feature of fundings: money that customers transfer to us."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.fundings import lite, model, rules, sweeps, v1

FEATURE = Feature(
    "fundings",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS),
    lite=Face(lite.ENDPOINTS, untold=lite.UNTOLD),
    events=model.EVENTS,
    lifecycles=(rules.FUNDING,),
    takers=sweeps.TAKERS,
    tables=("bank_codes", "credit_fundings", "virtual_bank_accounts"),
)
