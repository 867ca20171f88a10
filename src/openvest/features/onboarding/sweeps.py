"""The work that is due in onboarding: checks, which the identity port answers; and what changes of users entail."""

from __future__ import annotations

from collections.abc import Sequence

from openvest.core.ids import random_id
from openvest.core.snapshots import Emitted
from openvest.db.unit import Unit
from openvest.declarations import DeadLetterKind, Outbound, Phase, Reaction, Sweep
from openvest.features.onboarding import service, service_activation, store
from openvest.features.users import service as users
from openvest.ports import Ports
from openvest.ports.identity import CheckRequest, CheckResult

# A lease token is drawn at random even on a frozen clock: it guards, it is never shown or stored for good.


async def lease_checks(unit: Unit, limit: int) -> Sequence[store.LeasedCheck]:
    rows = await unit.rows(store.LEASE_CHECKS, unit.tenant_id, random_id(unit.now), limit, unit.frozen)
    return sorted(rows, key=lambda row: (row.created_at, row.id))


async def ask_checks(ports: Ports, rows: Sequence[store.LeasedCheck]) -> Sequence[CheckResult]:
    requests = [CheckRequest(row.id, row.tenant_id, row.user_id, "CHECK", row.type, row.details) for row in rows]
    return await ports.identity.check(requests)


async def make_identifiers(unit: Unit, events: Sequence[Emitted]) -> None:
    """Users are new: those whose identifier is made get it."""
    for event in events:
        await service_activation.make_identifier(unit, event.object_id, event.snapshot["nationalities"])


async def follow_changes(unit: Unit, events: Sequence[Emitted]) -> None:
    """Users changed, perhaps in their nationalities: what identifies and completes them is decided again."""
    await make_identifiers(unit, events)
    ids = sorted({event.object_id for event in events})
    await service_activation.reconsider(unit, await users.users_for_update(unit, ids))


SWEEPS: list[Sweep | Outbound] = [
    Outbound("onboarding.check", lease_checks, ask_checks, service.decide_checks, store.CHECKS_DUE, Phase.CHECKS),
]

REACTIONS: list[Reaction] = [
    Reaction("USER.CREATED", make_identifiers),
    Reaction("USER.DATA_CHANGED", follow_changes),
]

DEAD_LETTER_KINDS = [
    DeadLetterKind(
        "onboarding.check",
        "check of a user",
        "user_checks t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'IN_PROGRESS'",
        service.fail_undecidable,
    ),
]
