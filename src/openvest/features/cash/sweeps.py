"""Nothing of cash is due at an instant: balances follow the ledger, transactions are written with their cause."""

from __future__ import annotations

from openvest.declarations import Reaction, Sweep

SWEEPS: list[Sweep] = []
REACTIONS: list[Reaction] = []
