"""The feature of valuations: what accounts are worth."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.valuations import lite, model, service, sweeps, v1

FEATURE = Feature(
    "valuations",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS),
    lite=Face(lite.ENDPOINTS, untold=lite.UNTOLD),
    events=model.EVENTS,
    sweeps=sweeps.SWEEPS,
    dead_letters=sweeps.DEAD_LETTER_KINDS,
    publishers=(service.publish_first_holdings,),
    tables=("account_returns", "valuations", "valued_accounts"),
)
