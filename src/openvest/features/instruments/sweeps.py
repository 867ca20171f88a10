"""Nothing of instruments is due at an instant, and they hear of nothing: they belong to no tenant."""

from __future__ import annotations

from openvest.core.declarations import Reaction, Sweep

SWEEPS: list[Sweep] = []
REACTIONS: list[Reaction] = []
