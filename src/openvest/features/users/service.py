"""Verbs of users: create, find, activate, offboard, change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from openvest.core.clock import lies_ahead, parse_day
from openvest.db.rows import save, save_next
from openvest.db.unit import Unit
from openvest.features.users import rules, rules_changes, store
from openvest.features.users.model import SOCIAL_SECURITY_NUMBER, NewUser, User, UserFacts, Verdict


async def create_user(unit: Unit, new: NewUser) -> User:
    """Make a user, INACTIVE.

    Raises: NotYet. Writes: users, USER.CREATED.
    """
    rules.check_past(new.fields, unit.now)
    at = unit.moment_after(None)
    given = dict(new.fields)
    if given.get("postal_address") is None:
        given["postal_address"] = given["address"]
    user = User(
        id=unit.ids.new("user"),
        version=1,
        created_at=at,
        updated_at=at,
        status="INACTIVE",
        licence=new.licence,
        **given,
    )
    await save(unit, store.INSERT_USER, user)
    number = new.social_security_number
    if number is not None:
        sealed = unit.secrets.seal(number.encode(), SOCIAL_SECURITY_NUMBER.place(id=user.id))
        await save(unit, store.SAVE_NUMBERS, store.SealedNumber(user.id, sealed))
    unit.emit("USER.CREATED", user.id, 1, at, user)
    return user


async def social_security_numbers(unit: Unit, user_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The opened numbers of those users that have one. They are in no snapshot."""
    rows = await unit.rows(store.SEALED_NUMBERS, unit.tenant_id, list(user_ids))
    return {row.id: opened_number(unit, row.id, row.sealed_social_security_number) for row in rows}


def opened_number(unit: Unit, user_id: UUID, sealed: bytes) -> str:
    """The social security number of this user."""
    return unit.secrets.open(sealed, SOCIAL_SECURITY_NUMBER.place(id=user_id)).decode()


async def get_user(unit: Unit, user_id: UUID) -> User:
    """Raises: UserNotFound."""
    return await unit.known(rules.UserNotFound(), store.USER_BY_ID, unit.tenant_id, user_id)


async def user_for_share(unit: Unit, user_id: UUID) -> User:
    """The user, whose state cannot change until this unit ends. Raises: UserNotFound."""
    return await unit.known(rules.UserNotFound(), store.USER_FOR_SHARE, unit.tenant_id, user_id)


async def holder_for_share(unit: Unit, user_id: UUID | None) -> User:
    """The user who is to hold something, whose state stays as it is until this unit ends; None: a business is named.

    Raises: BusinessNotFound, UserNotFound.
    """
    if user_id is None:
        raise rules.BusinessNotFound
    return await user_for_share(unit, user_id)


async def users_for_share(unit: Unit, user_ids: Iterable[UUID]) -> None:
    """The same for many: from now on nobody else changes them, until this unit ends."""
    await unit.rows(store.USERS_FOR_SHARE, unit.tenant_id, sorted(set(user_ids)))


async def user_for_update(unit: Unit, user_id: UUID) -> User:
    """The user, locked for a change. Raises: UserNotFound."""
    return await unit.known(rules.UserNotFound(), store.USERS_FOR_UPDATE, unit.tenant_id, [user_id])


async def users_for_update(unit: Unit, user_ids: Sequence[UUID]) -> list[User]:
    """The users that exist, locked in order of their ids."""
    return await unit.rows(store.USERS_FOR_UPDATE, unit.tenant_id, list(user_ids))


def check_open(user: User) -> None:
    """Raises: UserOffboarded."""
    if user.status in ("OFFBOARDING", "OFFBOARDED"):
        raise rules.UserOffboarded


def check_confirmed(confirmed_at: datetime, now: datetime) -> None:
    """Nobody has confirmed something in the future. Raises: NotYet."""
    if lies_ahead(confirmed_at, now):
        raise rules.NotYet(["confirmed_at"])


async def user_facts(unit: Unit, user_ids: Sequence[UUID]) -> dict[UUID, UserFacts]:
    """What features above decide by, for a set of users."""
    rows = await unit.rows(store.USER_FACTS, unit.tenant_id, list(user_ids))
    return {row.user_id: row for row in rows}


async def _move(unit: Unit, user: User, verb: str, event: str, **changes: Any) -> User:
    return await save_next(unit, store.SAVE_USER, user, event, status=rules.USER.move(user.status, verb), **changes)


async def offboard_user(unit: Unit, user_id: UUID) -> None:
    """Start offboarding; nothing happens where it has started before.

    Features above end it with `finish_offboarding` when nothing of the user is open. Raises: UserNotFound.
    Writes: users, USER.OFFBOARDING_INITIATED.
    """
    user = await user_for_update(unit, user_id)
    if rules.USER.can(user.status, "offboard"):
        await _move(unit, user, "offboard", "USER.OFFBOARDING_INITIATED")


async def activate_user(unit: Unit, user: User) -> User:
    """Let a locked user begin. Raises: WrongState. Writes: users, USER.ACTIVATED."""
    return await _move(unit, user, "activate", "USER.ACTIVATED", deactivated_at=None)


async def deactivate_user(unit: Unit, user: User) -> User:
    """Stop a locked user. Raises: WrongState. Writes: users, USER.DEACTIVATED."""
    return await _move(unit, user, "deactivate", "USER.DEACTIVATED", deactivated_at=unit.now)


async def note_fit(unit: Unit, user_id: UUID, fit: Verdict | None) -> None:
    """Keep the last decided INSTRUMENT_FIT check beside the user, where every order looks. Writes: users."""
    await unit.run(store.SAVE_FIT, unit.tenant_id, user_id, fit)


async def finish_offboarding(unit: Unit, user_id: UUID) -> None:
    """End the offboarding of a user of whom nothing is open; nothing happens to a user who is not leaving.

    Raises: UserNotFound. Writes: users, USER.OFFBOARDED.
    """
    user = await user_for_update(unit, user_id)
    if rules.USER.can(user.status, "finish offboarding"):
        await _move(unit, user, "finish offboarding", "USER.OFFBOARDED")


async def request_data_change(
    unit: Unit, user_id: UUID, changes: dict[str, Any], evidence: dict[str, Any] | None
) -> UUID:
    """Take a request to change a user; it is applied later. Shape: both in snapshot form.

    Raises: UserNotFound, InvalidRequest, UserOffboarded, NotYet. Writes: data_changes.
    """
    user = await user_for_share(unit, user_id)
    rules_changes.check_data_change(user.licence, changes, evidence)
    check_open(user)
    rules.check_past({**changes, **(evidence or {})}, unit.now)
    return await _receive(unit, user_id, changes, evidence)


async def change_user(unit: Unit, user_id: UUID, changes: dict[str, Any]) -> User:
    """Change a user without documents: at once what needs no proof, the rest when the identity port vouches for it.

    Nothing is written, and nothing told, of a field that is as wanted, or will be by a change that waits.
    Shape: `changes` in snapshot form. Raises: UserNotFound, UserOffboarded.
    Writes: users, USER.DATA_CHANGED; data_changes.
    """
    user = await user_for_update(unit, user_id)
    check_open(user)
    waiting = await unit.rows(store.WAITING_CHANGES, unit.tenant_id, user_id)
    at_once, later = rules_changes.divided(user, changes, [one.changes for one in waiting])
    for one in later:
        await _receive(unit, user_id, one, None)
    return await apply_change(unit, user, at_once) if at_once else user


async def apply_change(unit: Unit, user: User, changes: dict[str, Any]) -> User:
    """Change a locked user. Shape: `changes` in snapshot form. Writes: users, USER.DATA_CHANGED."""
    fields = rules_changes.applied(user, changes)
    for name, parse in (("birth_date", parse_day), ("branch_id", UUID)):
        if fields.get(name) is not None:
            fields[name] = parse(fields[name])
    return await save_next(unit, store.SAVE_USER, user, "USER.DATA_CHANGED", **fields)


async def _receive(unit: Unit, user_id: UUID, changes: dict[str, Any], evidence: dict[str, Any] | None) -> UUID:
    change = store.DataChange(
        id=unit.ids.new("data_change"),
        created_at=unit.now,
        updated_at=unit.now,
        user_id=user_id,
        status="RECEIVED",
        changes=changes,
        evidence=evidence,
        reason=None,
    )
    await save(unit, store.INSERT_CHANGE, change)
    return change.id
