"""Nothing of positions is due at an instant: they follow the ledger, transactions are written with their cause."""

from __future__ import annotations

from openvest.declarations import Reaction, Sweep

SWEEPS: list[Sweep] = []
REACTIONS: list[Reaction] = []
