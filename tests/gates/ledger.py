"""The ledger against a model of itself (R15, R18, R20)."""

from __future__ import annotations

from tests.gates.gate import Gate

GATES: tuple[Gate, ...] = ()
