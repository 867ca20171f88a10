"""What a sandbox serves beside the features: its clock and its scenarios."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.simulation import lite, v1

FEATURE = Feature(
    "simulation",
    v1=Face(v1.ENDPOINTS),
    lite=Face(lite.ENDPOINTS),
    tables=("scenario_uses", "scenarios"),
)
