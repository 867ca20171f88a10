"""The feature of street: the house's own orders at venues."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.street import lite, rules, sweeps

FEATURE = Feature(
    "street",
    lite=Face(lite.ENDPOINTS, lite.REPRESENTATIONS),
    sweeps=sweeps.SWEEPS,
    lifecycles=(rules.STREET_ORDER,),
    tables=("street_orders", "venue_reports"),
)
