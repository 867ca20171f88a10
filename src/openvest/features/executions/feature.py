"""The feature of executions: what was traded, until it is settled."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.executions import lite, model, rules, service, sweeps, v1

FEATURE = Feature(
    "executions",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS),
    lite=Face((), lite.REPRESENTATIONS, lite.TOLD, names=lite.NAMES),
    events=model.EVENTS,
    sweeps=sweeps.SWEEPS,
    dead_letters=sweeps.DEAD_LETTER_KINDS,
    lifecycles=(rules.EXECUTION,),
    invariants=service.INVARIANTS,
    tables=("block_trades", "executions", "fraction_reserves"),
)
