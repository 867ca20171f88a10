"""The feature of webhooks: who is told of events."""

from __future__ import annotations

from openvest.declarations import Face, Feature
from openvest.features.webhooks import lite, sweeps, v1

FEATURE = Feature(
    "webhooks",
    v1=Face(v1.ENDPOINTS),
    lite=Face(lite.ENDPOINTS),
    dead_letters=sweeps.DEAD_LETTER_KINDS,
    tables=("webhook_packages", "webhooks"),
)
