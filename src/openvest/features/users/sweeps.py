"""The work that is due about users: data changes, which the identity port reviews."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.declarations import DeadLetterKind, Outbound, Phase, Sweep
from openvest.features.users import rules, rules_changes, service, store
from openvest.ports import Ports
from openvest.ports.identity import CheckRequest, CheckResult
from openvest.work.leases import lease


async def lease_changes(unit: Unit, limit: int) -> Sequence[store.LeasedChange]:
    return await lease(unit, store.LEASE_CHANGES, limit)


async def ask_changes(ports: Ports, rows: Sequence[store.LeasedChange]) -> Sequence[CheckResult]:
    requests = [
        CheckRequest(row.id, row.tenant_id, row.user_id, "DATA_CHANGE", "DATA_CHANGE", row.evidence or {})
        for row in rows
    ]
    return await ports.identity.check(requests)


async def decide_data_changes(unit: Unit, leased: Sequence[store.LeasedChange], results: Sequence[CheckResult]) -> None:
    """Apply or refuse data changes as the identity port said, in order of receipt, where the lease still holds.

    Writes: data_changes, users, USER.DATA_CHANGED, USER.DATA_CHANGE_FAILED.
    """
    if not leased:
        return
    said = {result.id: result for result in results}
    users = {user.id: user for user in await service.users_for_update(unit, sorted({row.user_id for row in leased}))}
    ids = [row.id for row in leased if row.id in said]
    changes = await unit.rows(store.LEASED_CHANGES_FOR_UPDATE, unit.tenant_id, ids, leased[0].lease_token)
    await unit.run(store.HOLD_CHANGES, unit.tenant_id, [row.id for row in changes if said[row.id].outcome == "PENDING"])
    for change in changes:
        result = said[change.id]
        if result.outcome == "PENDING":
            continue
        user = users[change.user_id]
        reason = rules_changes.refusal(user, result.outcome == "PASSED", result.reason)
        if reason is None:
            users[user.id] = await service.apply_change(unit, user, change.changes)
        else:
            _tell_failure(unit, change.id, change.created_at, user.id, reason)
        status = rules.DATA_CHANGE.move(change.status, "apply" if reason is None else "fail")
        await save(unit, store.SAVE_CHANGE, replace(change, updated_at=unit.now, status=status, reason=reason))


def _tell_failure(unit: Unit, change_id: UUID, created_at: datetime, user_id: UUID, reason: str) -> None:
    failed = {"user_id": str(user_id), "reason": reason}
    unit.emit("USER.DATA_CHANGE_FAILED", change_id, 1, unit.moment_after(created_at), failed)


async def fail_undecidable(unit: Unit, change_id: UUID) -> None:
    """A data change that cannot be decided has failed. Writes: data_changes, USER.DATA_CHANGE_FAILED."""
    change = await unit.row(store.RECEIVED_FOR_UPDATE, unit.tenant_id, change_id)
    if change is None:
        return
    reason = "The change could not be processed; send it again."
    _tell_failure(unit, change.id, change.created_at, change.user_id, reason)
    status = rules.DATA_CHANGE.move(change.status, "fail")
    await save(unit, store.SAVE_CHANGE, replace(change, updated_at=unit.now, status=status, reason=reason))


SWEEPS: list[Sweep | Outbound] = [
    Outbound(
        "users.review_changes", lease_changes, ask_changes, decide_data_changes, store.CHANGES_DUE, Phase.CUSTOMERS
    ),
]


DEAD_LETTER_KINDS = [
    DeadLetterKind(
        "users.review_changes",
        "data change of a user",
        "data_changes t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'RECEIVED'",
        fail_undecidable,
    ),
]
