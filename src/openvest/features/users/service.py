"""Verbs of users: create, find, offboard, activate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from openvest.core.snapshots import snapshot_of
from openvest.db.unit import Unit
from openvest.features.users import rules, store
from openvest.features.users.model import Check, CheckType, NewUser, User, UserFacts
from openvest.features.users.rules_checks import last_decided
from openvest.features.users.rules_identifiers import CONCAT

OPTIONAL: dict[str, Any] = {
    "email": None,
    "salutation": "",
    "title": "",
    "birth_city": None,
    "birth_country": None,
    "birth_name": None,
    "phone_number": None,
    "fatca": None,
    "terms_and_conditions": None,
    "data_privacy_and_sharing_agreement": None,
    "branch_id": None,
    "gender": None,
    "tags": [],
}
"""What a user has where the client says nothing."""

ACTIVATION_EVENTS = {"activate": "USER.ACTIVATED", "deactivate": "USER.DEACTIVATED"}


async def create_user(unit: Unit, new: NewUser) -> User:
    """Make a user, INACTIVE.

    Raises: InvalidRequest. Writes: users, user_identifiers, USER.CREATED.
    """
    rules.check_new_user(new)
    at = unit.moment_after(None)
    given = {**OPTIONAL, **new.fields}
    if given.get("postal_address") is None:
        given["postal_address"] = given["address"]
    user = User(
        id=unit.ids.new("user"),
        version=1,
        created_at=at,
        updated_at=at,
        status="INACTIVE",
        licence=new.licence,
        decease_date=None,
        **given,
    )
    number = new.social_security_number
    sealed = None if number is None else unit.secrets.seal(number.encode(), _number_place(user.id))
    await unit.run(store.INSERT_USER, unit.tenant_id, *store.values(user), sealed)
    unit.emit("USER.CREATED", user.id, 1, at, snapshot_of(user))
    await ensure_made_identifier(unit, user)
    return user


async def ensure_made_identifier(unit: Unit, user: User) -> None:
    """Give a user whose decisive nationality is reported under a made identifier that identifier.

    Writes: user_identifiers.
    """
    country = rules.decisive_nationality(user.nationalities)
    if country not in rules.CONCAT_COUNTRIES:
        return
    known = await unit.rows(store.IDENTIFIERS, unit.tenant_id, user.id)
    if not any(row.issuing_country == country and row.identifier_standard == CONCAT for row in known):
        made = (unit.ids.new("user_identifier"), unit.now, unit.now, user.id, "NATIONAL_ID", country, CONCAT)
        await unit.run(store.INSERT_IDENTIFIER, unit.tenant_id, *made, None)


def _number_place(user_id: UUID) -> str:
    return f"users.sealed_social_security_number:{user_id}"


async def social_security_numbers(unit: Unit, user_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The opened numbers of those users that have one. They are in no snapshot."""
    rows = await unit.rows(store.SEALED_NUMBERS, unit.tenant_id, list(user_ids))
    return {row.id: unit.secrets.open(row.sealed, _number_place(row.id)).decode() for row in rows}


async def get_user(unit: Unit, user_id: UUID) -> User:
    """Raises: UserNotFound."""
    return _found(await unit.row(store.USER_BY_ID, unit.tenant_id, user_id))


async def hold_user(unit: Unit, user_id: UUID) -> User:
    """The user, whose state cannot change until this unit ends. Raises: UserNotFound."""
    return _found(await unit.row(store.HOLD_USER, unit.tenant_id, user_id))


async def lock_user(unit: Unit, user_id: UUID) -> User:
    """The user, locked for a change. Raises: UserNotFound."""
    rows = await lock_users(unit, [user_id])
    return _found(rows[0] if rows else None)


async def lock_users(unit: Unit, user_ids: Sequence[UUID]) -> list[User]:
    """The users that exist, locked in order of their ids."""
    return await unit.rows(store.LOCK_USERS, unit.tenant_id, list(user_ids))


def _found(user: User | None) -> User:
    if user is None:
        raise rules.UserNotFound
    return user


def check_open(user: User) -> None:
    """Raises: UserOffboarded."""
    if user.status in ("OFFBOARDING", "OFFBOARDED"):
        raise rules.UserOffboarded


async def user_facts(unit: Unit, user_ids: Sequence[UUID]) -> dict[UUID, UserFacts]:
    """What features above decide by, for a set of users."""
    rows = await unit.rows(store.USER_FACTS, unit.tenant_id, list(user_ids))
    return {row.user_id: row for row in rows}


async def save_user(unit: Unit, user: User, event: str, **changes: Any) -> User:
    """Store a change of a locked user and tell of it. Writes: users, the event."""
    at = unit.moment_after(user.updated_at)
    changed = replace(user, version=user.version + 1, updated_at=at, **changes)
    await unit.run(store.SAVE_USER, unit.tenant_id, *store.values(changed))
    unit.emit(event, changed.id, changed.version, at, snapshot_of(changed))
    return changed


async def offboard_user(unit: Unit, user_id: UUID) -> None:
    """Start offboarding; nothing happens where it has started before.

    Features above end it with `finish_offboarding` when nothing of the user is open. Raises: UserNotFound.
    Writes: users, USER.OFFBOARDING_INITIATED.
    """
    user = await lock_user(unit, user_id)
    if rules.USER.can(user.status, "offboard"):
        status = rules.USER.move(user.status, "offboard")
        await save_user(unit, user, "USER.OFFBOARDING_INITIATED", status=status)


async def finish_offboarding(unit: Unit, user_id: UUID) -> None:
    """End the offboarding of a user of whom nothing is open; nothing happens to a user who is not leaving.

    Raises: UserNotFound. Writes: users, USER.OFFBOARDED.
    """
    user = await lock_user(unit, user_id)
    if rules.USER.can(user.status, "finish offboarding"):
        await save_user(unit, user, "USER.OFFBOARDED", status=rules.USER.move(user.status, "finish offboarding"))


async def reconsider(unit: Unit, users: Sequence[User]) -> None:
    """Decide again about users whose checks, identifiers or residencies changed. The users are locked.

    Writes: users, user_checks (our own screening, when KYC has passed), USER.ACTIVATED, USER.DEACTIVATED,
    USER_CHECK.CREATED.
    """
    ids = [user.id for user in users]
    checks: defaultdict[UUID, list[Check]] = defaultdict(list)
    for check in await unit.rows(store.CHECKS_OF_USERS, unit.tenant_id, ids):
        checks[check.user_id].append(check)
    countries: defaultdict[UUID, set[str]] = defaultdict(set)
    for row in await unit.rows(store.IDENTIFIER_COUNTRIES, unit.tenant_id, ids):
        countries[row.user_id].add(row.country)
    declared = set(await unit.rows(store.DECLARED_USERS, unit.tenant_id, ids))
    for user in users:
        decided = last_decided(checks[user.id])
        facts = rules.ActivationFacts(user, decided, frozenset(countries[user.id]), user.id in declared)
        await unit.run(store.SAVE_FIT, unit.tenant_id, user.id, facts.verdict("INSTRUMENT_FIT"))
        if rules.starts_compliance(facts, {check.type for check in checks[user.id]}):
            await add_check(unit, user, "COMPLIANCE", {}, cause=user.id)
        verb = rules.decide_status(facts)
        if verb is not None:
            await save_user(unit, user, ACTIVATION_EVENTS[verb], status=rules.USER.move(user.status, verb))


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
    await unit.run(store.INSERT_CHECK, unit.tenant_id, *store.values(check))
    unit.emit("USER_CHECK.CREATED", check.id, 1, at, snapshot_of(check))
    return check
