"""The feature of accounts: where people hold money and securities."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.accounts import lite, model, rules, store, sweeps, v1

FEATURE = Feature(
    "accounts",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS, v1.TOLD),
    lite=Face(lite.ENDPOINTS, lite.REPRESENTATIONS, lite.TOLD, names=lite.NAMES),
    events=model.EVENTS,
    dead_letters=sweeps.DEAD_LETTER_KINDS,
    reactions=sweeps.REACTIONS,
    lifecycles=(rules.GROUP, rules.ACCOUNT),
    closing=sweeps.closing,
    lists=(store.GROUPS, store.ACCOUNTS),
    tables=("account_groups", "accounts"),
)
