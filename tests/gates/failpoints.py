"""Every crash point there is (R4)."""

from __future__ import annotations

from tests.gates.gate import Gate

GATES: tuple[Gate, ...] = ()
