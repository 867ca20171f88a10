"""Signatures tampered with (R30, R31)."""

from __future__ import annotations

from tests.gates.gate import Gate

GATES: tuple[Gate, ...] = ()
