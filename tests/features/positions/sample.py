"""What tests know of positions and transactions of securities."""

from __future__ import annotations

from tests.kit.sample import Sample

SAMPLE = Sample(
    takes_any={
        "GET /transactions/securities query account_group_id": "a filter: an empty list",
        "GET /transactions/securities query account_id": "a filter: an empty list",
    },
)
