"""The feature of mandates: what lets money be collected from a holder's bank account."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.mandates import lite, model, v1

FEATURE = Feature(
    "mandates",
    v1=Face(v1.ENDPOINTS, untold=v1.UNTOLD),
    lite=Face(lite.ENDPOINTS, lite.REPRESENTATIONS),
    events=model.EVENTS,
    tables=("creditors", "mandates"),
    sealed=(model.ACCOUNT,),
)
