"""The work that is due in onboarding: checks, which the identity port answers; and what changes of users entail."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from openvest.core.snapshots import Emitted
from openvest.db.unit import Unit
from openvest.declarations import DeadLetterKind, Outbound, Phase, Reaction, Sweep
from openvest.features.onboarding import rules_checks, service, service_identifiers, store
from openvest.features.users import service as users
from openvest.ports import Ports
from openvest.ports.identity import CheckRequest, CheckResult
from openvest.work.leases import lease


async def lease_checks(unit: Unit, limit: int) -> Sequence[store.LeasedCheck]:
    return await lease(unit, store.LEASE_CHECKS, limit)


async def ask_checks(ports: Ports, rows: Sequence[store.LeasedCheck]) -> Sequence[CheckResult]:
    requests = [CheckRequest(row.id, row.tenant_id, row.user_id, "CHECK", row.type, row.details) for row in rows]
    return await ports.identity.check(requests)


async def decide_checks(unit: Unit, leased: Sequence[store.LeasedCheck], results: Sequence[CheckResult]) -> None:
    """Book what the identity port said of checks whose lease still holds. Results without a lease are dropped.

    Writes: user_checks, USER_CHECK.PASSED, USER_CHECK.FAILED, and as `reconsider`.
    """
    if not leased:
        return
    said = {result.id: result for result in results}
    owners = await users.users_for_update(unit, sorted({row.user_id for row in leased}))
    ids = [row.id for row in leased if row.id in said]
    checks = await unit.rows(store.LEASED_CHECKS_FOR_UPDATE, unit.tenant_id, ids, leased[0].lease_token)
    residencies = await service_identifiers.tax_residencies_of(unit, [owner.id for owner in owners])
    await unit.run(
        store.HOLD_CHECKS, unit.tenant_id, [check.id for check in checks if said[check.id].outcome == "PENDING"]
    )
    for check in checks:
        outcome = said[check.id].outcome
        if outcome != "PENDING":
            own = rules_checks.own_verdict(check, residencies.get(check.user_id))
            await service.decide(unit, check, "pass" if outcome == own == "PASSED" else "fail")
    await service.reconsider(unit, owners)


async def fail_undecidable(unit: Unit, check_id: UUID) -> None:
    """A check that cannot be decided has failed; the client may make another. Writes: as `reconsider`."""
    user_id = await unit.row(store.USER_OF_CHECK, unit.tenant_id, check_id)
    if user_id is not None:
        await service.fail_check(unit, user_id, check_id)


async def make_identifiers(unit: Unit, events: Sequence[Emitted]) -> None:
    """Users are new: those whose identifier is made get it."""
    for event in events:
        await service.make_identifier(unit, event.object_id, event.snapshot["nationalities"])


async def follow_changes(unit: Unit, events: Sequence[Emitted]) -> None:
    """Users changed, perhaps in their nationalities: what identifies and completes them is decided again."""
    await make_identifiers(unit, events)
    ids = sorted({event.object_id for event in events})
    await service.reconsider(unit, await users.users_for_update(unit, ids))


SWEEPS: list[Sweep | Outbound] = [
    Outbound("onboarding.check", lease_checks, ask_checks, decide_checks, store.CHECKS_DUE, Phase.CHECKS)
]

REACTIONS: list[Reaction] = [Reaction("USER.CREATED", make_identifiers), Reaction("USER.DATA_CHANGED", follow_changes)]

DEAD_LETTER_KINDS = [
    DeadLetterKind(
        "onboarding.check",
        "check of a user",
        "user_checks t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'IN_PROGRESS'",
        fail_undecidable,
    )
]
