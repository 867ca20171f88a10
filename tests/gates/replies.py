"""Replies that never arrive, and processes that come back too late (R5, R6)."""

from __future__ import annotations

from tests.gates.gate import Gate

GATES: tuple[Gate, ...] = ()
