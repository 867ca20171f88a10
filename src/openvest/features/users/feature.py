"""The feature of users: people."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.users import lite, model, rules, store, sweeps, v1

FEATURE = Feature(
    "users",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS),
    lite=Face(lite.ENDPOINTS, lite.REPRESENTATIONS, lite.TOLD, lite.UNTOLD, lite.NAMES),
    events=model.EVENTS,
    sweeps=sweeps.SWEEPS,
    dead_letters=sweeps.DEAD_LETTER_KINDS,
    lifecycles=(rules.USER, rules.DATA_CHANGE),
    lists=(store.USERS,),
    tables=("data_changes", "users"),
    sealed=(model.SOCIAL_SECURITY_NUMBER,),
)
