"""The feature of onboarding: what must be known of people."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.onboarding import lite, model, rules, sweeps, v1

FEATURE = Feature(
    "onboarding",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS),
    lite=Face(lite.ENDPOINTS, lite.REPRESENTATIONS, names=lite.NAMES),
    events=model.EVENTS,
    sweeps=sweeps.SWEEPS,
    dead_letters=sweeps.DEAD_LETTER_KINDS,
    reactions=sweeps.REACTIONS,
    lifecycles=(rules.CHECK,),
    tables=("tax_residencies", "user_checks", "user_identifiers"),
    sealed=(model.IDENTIFIER, model.RESIDENCIES),
)
