"""An adversary with the application role, and secrets at rest (R46, R47, R48)."""

from __future__ import annotations

from tests.gates.gate import Gate
from tests.gates.walls_adversary import R46
from tests.gates.walls_canaries import R48
from tests.gates.walls_catalogue import R47

GATES: tuple[Gate, ...] = (R46, R47, R48)
