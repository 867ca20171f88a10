"""Deliveries at hostile endpoints (R21 to R24)."""

from __future__ import annotations

from tests.gates.gate import Gate

GATES: tuple[Gate, ...] = ()
