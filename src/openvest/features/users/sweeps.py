"""The work that is due about users: data changes, which the identity port reviews."""

from __future__ import annotations

from collections.abc import Sequence

from openvest.core.ids import random_id
from openvest.db.unit import Unit
from openvest.declarations import DeadLetterKind, Outbound, Phase, Sweep
from openvest.features.users import service, store
from openvest.ports import Ports
from openvest.ports.identity import CheckRequest, CheckResult

# A lease token is drawn at random even on a frozen clock: it guards, it is never shown or stored for good.


async def lease_changes(unit: Unit, limit: int) -> Sequence[store.LeasedChange]:
    rows = await unit.rows(store.LEASE_CHANGES, unit.tenant_id, random_id(unit.now), limit, unit.frozen)
    return sorted(rows, key=lambda row: (row.created_at, row.id))


async def ask_changes(ports: Ports, rows: Sequence[store.LeasedChange]) -> Sequence[CheckResult]:
    requests = [
        CheckRequest(row.id, row.tenant_id, row.user_id, "DATA_CHANGE", "DATA_CHANGE", row.evidence or {})
        for row in rows
    ]
    return await ports.identity.check(requests)


SWEEPS: list[Sweep | Outbound] = [
    Outbound(
        "users.review_changes",
        lease_changes,
        ask_changes,
        service.decide_data_changes,
        store.CHANGES_DUE,
        Phase.CUSTOMERS,
    ),
]


DEAD_LETTER_KINDS = [
    DeadLetterKind(
        "users.review_changes",
        "data change of a user",
        "data_changes t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'RECEIVED'",
        service.fail_undecidable,
    ),
]
