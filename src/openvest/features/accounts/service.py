"""Verbs of account groups and accounts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from openvest.db.rows import save, save_next
from openvest.db.unit import Unit
from openvest.features.accounts import rules, store
from openvest.features.accounts.model import (
    Account,
    AccountFacts,
    AccountGroup,
    AccountOwner,
    AccountType,
    GroupType,
)
from openvest.features.users import service as users

_OWNERS = 200_000


async def create_account_group(
    unit: Unit, user_id: UUID, kind: str, securities_account_number: str | None = None
) -> AccountGroup:
    """Open a group for a user; it is ACTIVE at once where the user is.

    Raises: UserNotFound, GroupTypeUnavailable, UserOffboarded, GroupExists, NumberTaken. Writes: account_groups,
    ACCOUNT_GROUP.CREATED, ACCOUNT_GROUP.ACTIVATED.
    """
    user = await users.user_for_update(unit, user_id)
    rules.check_group_type(kind)
    users.check_open(user)
    if await unit.one(store.OPEN_PERSONAL, unit.tenant_id, user_id):
        raise rules.GroupExists
    at = unit.moment_after(None)
    group_id = unit.ids.new("account_group")
    given = securities_account_number
    numbers = rules.securities_account_numbers(group_id) if given is None else iter([given])
    for number in numbers:
        group = AccountGroup(
            id=group_id,
            version=1,
            created_at=at,
            updated_at=at,
            user_id=user_id,
            type=cast(GroupType, kind),
            status="PENDING_APPROVAL",
            securities_account_number=number,
        )
        if await save(unit, store.INSERT_GROUP, group):
            unit.emit("ACCOUNT_GROUP.CREATED", group.id, 1, at, group)
            return await move_group(unit, group, "activate") if user.status == "ACTIVE" else group
    raise rules.NumberTaken


async def create_account(
    unit: Unit, user_id: UUID, group_id: UUID, kind: AccountType, name: str | None = None
) -> Account:
    """Open an account in a user's group; it is ACTIVE at once where user and group are.

    Raises: UserNotFound, AccountGroupNotFound, UserOffboarded, GroupNotOpen. Writes: accounts, ACCOUNT.CREATED,
    ACCOUNT.ACTIVATED.
    """
    user = await users.user_for_share(unit, user_id)
    group = await _group_for_update(unit, group_id)
    rules.check_new_account(user, group)
    users.check_open(user)
    at = unit.moment_after(None)
    number = await unit.one(store.NEXT_ACCOUNT_NUMBER, unit.tenant_id, group_id)
    account = Account(
        id=unit.ids.new("account"),
        version=1,
        created_at=at,
        updated_at=at,
        account_group_id=group_id,
        user_id=user_id,
        type=kind,
        account_number=number,
        name=rules.default_name(number) if name is None else name,
        status="PENDING_APPROVAL",
    )
    await save(unit, store.INSERT_ACCOUNT, account)
    unit.emit("ACCOUNT.CREATED", account.id, 1, at, account)
    if user.status == "ACTIVE" and group.status == "ACTIVE":
        return await move_account(unit, account, "activate")
    return account


async def get_account_group(unit: Unit, group_id: UUID) -> AccountGroup:
    """Raises: AccountGroupNotFound."""
    return await unit.known(rules.AccountGroupNotFound(), store.GROUP_BY_ID, unit.tenant_id, group_id)


async def account_group_for_share(unit: Unit, group_id: UUID) -> AccountGroup:
    """A group whose status stays as it is until this unit ends. Raises: AccountGroupNotFound."""
    return await unit.known(rules.AccountGroupNotFound(), store.GROUPS_FOR_SHARE, unit.tenant_id, [group_id])


async def account_groups_for_share(unit: Unit, group_ids: Iterable[UUID]) -> dict[UUID, AccountGroup]:
    """The same for many. Raises: AccountGroupNotFound."""
    wanted = set(group_ids)
    rows = await unit.rows(store.GROUPS_FOR_SHARE, unit.tenant_id, list(wanted))
    if len(rows) < len(wanted):
        raise rules.AccountGroupNotFound
    return {row.id: row for row in rows}


async def account_group_ids(unit: Unit, securities_account_numbers: Sequence[str]) -> dict[str, UUID]:
    """The groups that have these numbers; those that none has are left out."""
    found = await unit.rows(store.GROUPS_BY_NUMBER, unit.tenant_id, securities_account_numbers)
    return {group.securities_account_number: group.id for group in found}


async def get_account(unit: Unit, account_id: UUID) -> Account:
    """Raises: AccountNotFound."""
    return await unit.known(rules.AccountNotFound(), store.ACCOUNT_BY_ID, unit.tenant_id, account_id)


async def first_trading_accounts(unit: Unit, most: int) -> list[Account]:
    """The oldest accounts that can trade."""
    return await unit.rows(store.FIRST_TRADING_ACCOUNTS, unit.tenant_id, most)


async def find_accounts(unit: Unit, account_ids: Sequence[UUID]) -> list[Account | rules.AccountNotFound]:
    """Many accounts with one statement, in the order asked for; in the place of an unknown one its refusal."""
    known = {row.id: row for row in await unit.rows(store.ACCOUNTS_BY_ID, unit.tenant_id, list(set(account_ids)))}
    return [known.get(account_id) or rules.AccountNotFound() for account_id in account_ids]


async def owners(unit: Unit, account_ids: Collection[UUID]) -> dict[UUID, AccountOwner]:
    """Whose these accounts are; unknown ids are left out. Why remembered: an account never changes hands, nor goes."""
    known: dict[tuple[UUID, UUID], AccountOwner] = unit.database.remembered.setdefault("account owners", {})
    if missing := [one for one in account_ids if (unit.tenant_id, one) not in known]:
        if len(known) > _OWNERS:
            known.clear()
        for row in await unit.rows(store.OWNERS, unit.tenant_id, missing):
            known[unit.tenant_id, row.account_id] = row
    found = ((one, known.get((unit.tenant_id, one))) for one in account_ids)
    return {one: owner for one, owner in found if owner is not None}


async def account_facts_for_share(unit: Unit, owner_of: Mapping[UUID, UUID]) -> dict[UUID, AccountFacts]:
    """The same, which stay so until this unit ends: nobody else changes the accounts, their groups and their owners.

    Shape: `owner_of` gives the user of each account. Why the users first: whoever changes a user goes on from there to
    groups and accounts.
    """
    await users.users_for_share(unit, owner_of.values())
    rows = await unit.rows(store.FACTS_FOR_SHARE, unit.tenant_id, list(owner_of))
    return {row.account_id: row for row in rows}


async def activate_pending(unit: Unit, user_ids: Sequence[UUID]) -> None:
    """Activate what waits for these users, who are ACTIVE. Writes: account_groups, accounts, …ACTIVATED."""
    for group in await unit.rows(store.PENDING_GROUPS_FOR_UPDATE, unit.tenant_id, list(user_ids)):
        await move_group(unit, group, "activate")
    for account in await unit.rows(store.PENDING_ACCOUNTS_FOR_UPDATE, unit.tenant_id, list(user_ids)):
        await move_account(unit, account, "activate")


async def rename_account(unit: Unit, account_id: UUID, name: str | None) -> Account:
    """Give an account another name; None and the same name change nothing.

    Raises: AccountNotFound, WrongState. Writes: accounts, ACCOUNT.UPDATED.
    """
    account = await _account_for_update(unit, account_id)
    rules.ACCOUNT.move(account.status, "change")
    if name is None or name == account.name:
        return account
    return await move_account(unit, account, "change", name=name)


async def change_type(unit: Unit, account_id: UUID, kind: AccountType) -> Account:
    """Give an account another type, while it was never used; the same changes nothing.

    Raises: AccountNotFound, WrongState, AccountUsed; and where something was ordered for it, which features above look
    for when they hear of it. Writes: accounts, ACCOUNT.TYPE_CHANGED.
    """
    account = await _account_for_update(unit, account_id)
    rules.ACCOUNT.move(account.status, "change type")
    if kind == account.type:
        return account
    if await unit.one(store.EVER_HELD, unit.tenant_id, account_id):
        raise rules.AccountUsed
    return await move_account(unit, account, "change type", type=kind)


async def close_account(unit: Unit, account_id: UUID) -> Account:
    """Start closing an account. Raises: AccountNotFound, WrongState. Writes: accounts, ACCOUNT.CLOSING_INITIATED."""
    return await move_account(unit, await _account_for_update(unit, account_id), "close")


async def close_account_group(
    unit: Unit, group_id: UUID, *, reason: str | None = None, notification_only: bool = False
) -> AccountGroup:
    """Start closing a group, or only note that it will be closed. Its accounts are closed one by one.

    Raises: AccountGroupNotFound, WrongState. Writes: account_groups, ACCOUNT_GROUP.CLOSING_INITIATED.
    """
    group = await _group_for_update(unit, group_id)
    rules.GROUP.move(group.status, "close")
    await unit.run(store.ANNOUNCE_CLOSURE, unit.tenant_id, group_id, reason, unit.now)
    return group if notification_only else await move_group(unit, group, "close")


async def lock_account(unit: Unit, account_id: UUID) -> Account:
    """Stop everything on an account. Raises: AccountNotFound, WrongState. Writes: accounts, ACCOUNT.LOCKED."""
    return await move_account(unit, await _account_for_update(unit, account_id), "lock")


async def unlock_account(unit: Unit, account_id: UUID) -> Account:
    """Lift a lock. Raises: AccountNotFound, WrongState. Writes: accounts, ACCOUNT.ACTIVATED."""
    return await move_account(unit, await _account_for_update(unit, account_id), "unlock")


async def lock_account_group(unit: Unit, group_id: UUID) -> AccountGroup:
    """Stop everything on a group. Raises: AccountGroupNotFound, WrongState. Writes: account_groups, …LOCKED."""
    return await move_group(unit, await _group_for_update(unit, group_id), "lock")


async def unlock_account_group(unit: Unit, group_id: UUID) -> AccountGroup:
    """Lift a lock, and activate accounts that had to wait for it.

    Raises: AccountGroupNotFound, WrongState. Writes: account_groups, accounts, …ACTIVATED.
    """
    owner_id = (await get_account_group(unit, group_id)).user_id
    owner = await users.user_for_share(unit, owner_id)
    group = await move_group(unit, await _group_for_update(unit, group_id), "unlock")
    if owner.status == "ACTIVE":
        await activate_pending(unit, [owner_id])
    return group


async def finish_offboardings(unit: Unit, user_ids: Sequence[UUID]) -> None:
    """End the offboarding of those users who have no open group. Writes: users, USER.OFFBOARDED."""
    held = set(await unit.rows(store.USERS_WITH_OPEN_GROUPS, unit.tenant_id, list(user_ids)))
    for user_id in user_ids:
        if user_id not in held:
            await users.finish_offboarding(unit, user_id)


async def _group_for_update(unit: Unit, group_id: UUID) -> AccountGroup:
    return await unit.known(rules.AccountGroupNotFound(), store.GROUP_FOR_UPDATE, unit.tenant_id, group_id)


async def _account_for_update(unit: Unit, account_id: UUID) -> Account:
    return await unit.known(rules.AccountNotFound(), store.ACCOUNT_FOR_UPDATE, unit.tenant_id, account_id)


async def move_group(unit: Unit, group: AccountGroup, verb: str) -> AccountGroup:
    """Move a locked group. Raises: WrongState. Writes: account_groups, ACCOUNT_GROUP.…"""
    status = rules.GROUP.move(group.status, verb)
    return await save_next(unit, store.SAVE_GROUP, group, f"ACCOUNT_GROUP.{rules.EVENTS[verb]}", status=status)


async def move_account(unit: Unit, account: Account, verb: str, **changes: Any) -> Account:
    """Move a locked account. Raises: WrongState. Writes: accounts, ACCOUNT.…"""
    status = rules.ACCOUNT.move(account.status, verb)
    return await save_next(unit, store.SAVE_ACCOUNT, account, f"ACCOUNT.{rules.EVENTS[verb]}", status=status, **changes)
