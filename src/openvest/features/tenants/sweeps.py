"""Nothing of this feature is due at an instant of business time; expired tokens and nonces go by wire time."""

from __future__ import annotations

from openvest.declarations import Reaction, Sweep

SWEEPS: list[Sweep] = []
REACTIONS: list[Reaction] = []
