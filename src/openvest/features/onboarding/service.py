"""Verbs of checks."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from openvest.db.rows import save_next
from openvest.db.unit import Unit
from openvest.features.onboarding import rules, rules_checks, service_activation, store
from openvest.features.onboarding.model import Check, CheckType
from openvest.features.users import service as users

Verb = Literal["pass", "fail"]


async def create_check(unit: Unit, user_id: UUID, kind: str, confirmed_at: datetime, details: dict[str, Any]) -> Check:
    """Take evidence about a user; it is decided later. Shape: `details` fits the type and is in snapshot form.

    Raises: UserNotFound, UserOffboarded, CheckKindUnavailable, EvidenceRefused.
    Writes: user_checks, USER_CHECK.CREATED.
    """
    user = await users.user_for_share(unit, user_id)
    users.check_open(user)
    if kind == "GUARDIAN":
        raise rules.CheckKindUnavailable(kind)
    rules_checks.check_evidence(kind, confirmed_at, details, user, unit.now)
    return await service_activation.add_check(unit, user, cast(CheckType, kind), details, confirmed_at=confirmed_at)


async def get_check(unit: Unit, user_id: UUID, check_id: UUID) -> Check:
    """Raises: UserNotFound, CheckNotFound."""
    await users.get_user(unit, user_id)
    return await unit.known(rules.CheckNotFound(), store.CHECK_BY_ID, unit.tenant_id, user_id, check_id)


async def list_checks(unit: Unit, user_id: UUID, *, history: bool, kind: str | None) -> list[Check]:
    """All checks of a user, or the newest of each type, in order of creation. Raises: UserNotFound."""
    await users.get_user(unit, user_id)
    checks = await unit.rows(store.CHECKS_OF_USERS, unit.tenant_id, [user_id])
    shown = checks if history else rules_checks.newest(checks)
    return [check for check in shown if kind is None or check.type == kind]


async def pass_check(unit: Unit, user_id: UUID, check_id: UUID) -> Check:
    """Decide a check by hand. Raises: UserNotFound, CheckNotFound, WrongState. Writes: as `reconsider`."""
    return await _decide_by_hand(unit, user_id, check_id, "pass")


async def fail_check(unit: Unit, user_id: UUID, check_id: UUID) -> Check:
    """Decide a check by hand. Raises: UserNotFound, CheckNotFound, WrongState. Writes: as `reconsider`."""
    return await _decide_by_hand(unit, user_id, check_id, "fail")


async def _decide_by_hand(unit: Unit, user_id: UUID, check_id: UUID, verb: Verb) -> Check:
    user = await users.user_for_update(unit, user_id)
    check = await unit.known(rules.CheckNotFound(), store.CHECK_FOR_UPDATE, unit.tenant_id, user_id, check_id)
    decided = await decide(unit, check, verb)
    await service_activation.reconsider(unit, [user])
    return decided


async def decide(unit: Unit, check: Check, verb: Verb) -> Check:
    """Book what became of a locked check. Writes: user_checks, USER_CHECK.PASSED, USER_CHECK.FAILED."""
    status = rules.CHECK.move(check.status, verb)
    return await save_next(unit, store.SAVE_CHECK, check, f"USER_CHECK.{status}", status=status)
