"""What tests know of street orders."""

from __future__ import annotations

from tests.kit.sample import Sample, an_order

SAMPLE = Sample(
    occasions={"street.ask_venue": an_order},
    untold={"street_orders.status": "the house's order at a venue; what it means is told of the customer's order"},
    refused_changes=("street_orders done = -1", "street_orders quantity = 1, cash_amount = 1"),
)
