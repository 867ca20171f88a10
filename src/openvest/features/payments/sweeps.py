"""Work of payments that is due: bank lines that have arrived and are not booked."""

from __future__ import annotations

from openvest.declarations import DeadLetterKind, Phase, Sweep
from openvest.features.payments import service, store

SWEEPS: list[Sweep] = [
    Sweep(service.INTAKE, service.claim_lines, service.match_lines, store.NEXT_LINE, Phase.MONEY),
]

DEAD_LETTER_KINDS = [
    DeadLetterKind(
        service.INTAKE,
        "bank line",
        "bank_lines t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'RECEIVED'",
        service.set_line_apart,
    ),
]
