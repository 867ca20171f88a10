"""The life of a street order."""

from __future__ import annotations

from openvest.core.lifecycle import Lifecycle

STREET_ORDER = Lifecycle(
    noun="street order",
    table="street_orders.status",
    born=("WORKING",),
    ends=frozenset({"FILLED", "CANCELLED"}),
    moves={("WORKING", "complete"): "FILLED", ("WORKING", "end"): "CANCELLED"},
)
