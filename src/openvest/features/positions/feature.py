"""The feature of positions: securities of accounts."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.positions import lite, model, service, store, v1

FEATURE = Feature(
    "positions",
    v1=Face(v1.ENDPOINTS, v1.REPRESENTATIONS),
    lite=Face(lite.ENDPOINTS, lite.REPRESENTATIONS, untold=lite.UNTOLD, names=lite.NAMES),
    events=model.EVENTS,
    publishers=(service.publish_positions,),
    lists=(store.TRANSACTIONS,),
    tables=("securities_transactions",),
)
