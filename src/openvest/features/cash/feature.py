"""The feature of cash: money of account groups."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.cash import lite, model, service, store, v1

FEATURE = Feature(
    "cash",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS),
    lite=Face(lite.ENDPOINTS, lite.REPRESENTATIONS, untold=lite.UNTOLD),
    events=model.EVENTS,
    publishers=(service.publish_cash,),
    lists=(store.TRANSACTIONS,),
    tables=("cash_transactions",),
)
