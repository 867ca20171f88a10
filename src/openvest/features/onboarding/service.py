"""Verbs of checks, and what follows for users: made identifiers, our own screening, ACTIVE or not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from openvest.db.rows import save, save_next
from openvest.db.unit import Unit
from openvest.features.onboarding import rules, rules_checks, rules_identifiers, store
from openvest.features.onboarding.model import Check, CheckType
from openvest.features.users import service as users
from openvest.features.users.model import User

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
    return await add_check(unit, user, cast(CheckType, kind), details, confirmed_at=confirmed_at)


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
    await reconsider(unit, [user])
    return decided


async def decide(unit: Unit, check: Check, verb: Verb) -> Check:
    """Book what became of a locked check. Writes: user_checks, USER_CHECK.PASSED, USER_CHECK.FAILED."""
    status = rules.CHECK.move(check.status, verb)
    return await save_next(unit, store.SAVE_CHECK, check, f"USER_CHECK.{status}", status=status)


async def make_identifier(unit: Unit, user_id: UUID, nationalities: list[str]) -> None:
    """Give a user whose decisive nationality is reported under a made identifier that identifier.

    Writes: user_identifiers.
    """
    country = rules.decisive_nationality(nationalities)
    if country not in rules.CONCAT_COUNTRIES:
        return
    known = await unit.rows(store.IDENTIFIERS, unit.tenant_id, user_id)
    concat = rules_identifiers.CONCAT
    if not any(row.issuing_country == country and row.identifier_standard == concat for row in known):
        made_id = unit.ids.new("user_identifier", user_id)
        made = store.SealedIdentifier(made_id, unit.now, unit.now, user_id, "NATIONAL_ID", country, concat, None)
        await save(unit, store.INSERT_IDENTIFIER, made)


async def reconsider(unit: Unit, owners: Sequence[User]) -> None:
    """Decide again about users whose checks, identifiers or residencies changed. The users are locked.

    Writes: users, user_checks (our own screening, when KYC has passed), USER.ACTIVATED, USER.DEACTIVATED,
    USER_CHECK.CREATED.
    """
    ids = [owner.id for owner in owners]
    checks: defaultdict[UUID, list[Check]] = defaultdict(list)
    for check in await unit.rows(store.CHECKS_OF_USERS, unit.tenant_id, ids):
        checks[check.user_id].append(check)
    countries: defaultdict[UUID, set[str]] = defaultdict(set)
    for row in await unit.rows(store.IDENTIFIERS_OF_USERS, unit.tenant_id, ids):
        countries[row.user_id].add(row.issuing_country)
    declared = set(await unit.rows(store.DECLARED_USERS, unit.tenant_id, ids))
    for user in owners:
        decided = rules_checks.last_decided(checks[user.id])
        facts = rules.ActivationFacts(user, decided, frozenset(countries[user.id]), user.id in declared)
        await users.note_fit(unit, user.id, facts.verdict("INSTRUMENT_FIT"))
        if rules.starts_compliance(facts, {check.type for check in checks[user.id]}):
            await add_check(unit, user, "COMPLIANCE", {}, cause=user.id)
        verb = rules.decide_status(facts)
        if verb == "activate":
            await users.activate_user(unit, user)
        elif verb == "deactivate":
            await users.deactivate_user(unit, user)


async def add_check(
    unit: Unit,
    user: User,
    kind: CheckType,
    details: dict[str, Any],
    *,
    confirmed_at: Any = None,
    cause: UUID | None = None,
) -> Check:
    """Store a fresh check, IN_PROGRESS. Writes: user_checks, USER_CHECK.CREATED."""
    at = unit.moment_after(None)
    check = Check(
        id=unit.ids.new("user_check", cause),
        version=1,
        created_at=at,
        updated_at=at,
        user_id=user.id,
        type=kind,
        status="IN_PROGRESS",
        check_confirmed_at=at if confirmed_at is None else confirmed_at,
        details=details,
    )
    await save(unit, store.INSERT_CHECK, check)
    unit.emit("USER_CHECK.CREATED", check.id, 1, at, check)
    return check
