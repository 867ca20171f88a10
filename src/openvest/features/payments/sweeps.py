"""Work of payments that is due: bank lines that have arrived and are not booked."""

from __future__ import annotations

from openvest.core.declarations import Reaction, Sweep
from openvest.features.payments import service

SWEEPS: list[Sweep] = [
    Sweep(service.INTAKE, service.claim_lines, service.match_lines, service.next_line),
]
REACTIONS: list[Reaction] = []
