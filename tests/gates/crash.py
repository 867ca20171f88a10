"""Processes killed and connections cut under load (R1, R2, R3, R7)."""

from __future__ import annotations

from tests.gates.gate import Gate

GATES: tuple[Gate, ...] = ()
