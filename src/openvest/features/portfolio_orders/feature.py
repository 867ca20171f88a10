"""The feature of portfolio orders: money that is put into a portfolio as a whole, or taken out of it."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.portfolio_orders import lite, model, rules, store, sweeps, v1

FEATURE = Feature(
    "portfolio_orders",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS),
    lite=Face(lite.ENDPOINTS, untold=lite.UNTOLD, names=lite.NAMES),
    events=model.EVENTS,
    sweeps=sweeps.SWEEPS,
    dead_letters=sweeps.DEAD_LETTER_KINDS,
    reactions=sweeps.REACTIONS,
    lifecycles=(rules.PORTFOLIO_ORDER,),
    invariants=store.AUDIT,
    blockers=(store.UNDER_WAY,),
    lists=(store.PORTFOLIO_ORDERS,),
    tables=("portfolio_orders", "portfolio_order_children"),
)
