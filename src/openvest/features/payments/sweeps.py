"""Work of payments that is due: bank lines that have arrived and are not booked."""

from __future__ import annotations

from openvest.declarations import Aside, Reaction, Sweep
from openvest.features.payments import service

SWEEPS: list[Sweep] = [
    Sweep(service.INTAKE, service.claim_lines, service.match_lines, service.next_line),
]
REACTIONS: list[Reaction] = []

ASIDES = [
    Aside(
        service.INTAKE,
        "bank line",
        "bank_lines t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'RECEIVED'",
        service.set_line_apart,
    ),
]
