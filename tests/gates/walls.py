"""An adversary with the application role, and secrets at rest (R46, R47, R48)."""

from __future__ import annotations

from tests.gates.gate import Gate

GATES: tuple[Gate, ...] = ()
