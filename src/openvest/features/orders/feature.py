"""The feature of orders: what people want to buy and sell."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.orders import lite, model, rules, service, store, sweeps, v1

FEATURE = Feature(
    "orders",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS, untold=v1.UNTOLD),
    lite=Face(lite.ENDPOINTS, lite.REPRESENTATIONS, lite.TOLD, names=lite.NAMES),
    events=model.EVENTS,
    sweeps=sweeps.SWEEPS,
    dead_letters=sweeps.DEAD_LETTER_KINDS,
    reactions=sweeps.REACTIONS,
    lifecycles=(rules.ORDER,),
    invariants=service.INVARIANTS,
    blockers=(service.OPEN_PURCHASES,),
    lists=(store.ORDERS,),
    tables=("orders",),
)
