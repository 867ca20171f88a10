"""What onboarding decides about users: made identifiers, our own screening, ACTIVE or not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.features.onboarding import rules, store
from openvest.features.onboarding.model import Check, CheckType
from openvest.features.onboarding.rules_checks import last_decided
from openvest.features.onboarding.rules_identifiers import CONCAT
from openvest.features.users import service as users
from openvest.features.users.model import User


async def make_identifier(unit: Unit, user_id: UUID, nationalities: list[str]) -> None:
    """Give a user whose decisive nationality is reported under a made identifier that identifier.

    Writes: user_identifiers.
    """
    country = rules.decisive_nationality(nationalities)
    if country not in rules.CONCAT_COUNTRIES:
        return
    known = await unit.rows(store.IDENTIFIERS, unit.tenant_id, user_id)
    if not any(row.issuing_country == country and row.identifier_standard == CONCAT for row in known):
        identifier_id = unit.ids.new("user_identifier", user_id)
        made = store.SealedIdentifier(
            identifier_id, unit.now, unit.now, user_id, "NATIONAL_ID", country, CONCAT, sealed_identifier=None
        )
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
    for row in await unit.rows(store.IDENTIFIER_COUNTRIES, unit.tenant_id, ids):
        countries[row.user_id].add(row.country)
    declared = set(await unit.rows(store.DECLARED_USERS, unit.tenant_id, ids))
    for user in owners:
        decided = last_decided(checks[user.id])
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
