"""Verbs of reference accounts: register, find, delete."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from openvest.core.banking import Party
from openvest.core.paging import Page, PageRequest
from openvest.core.shown import filled
from openvest.core.snapshots import text_of
from openvest.db.paging import page
from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.features.reference_accounts import rules, store
from openvest.features.reference_accounts.model import ACCOUNT, NewReferenceAccount, ReferenceAccount
from openvest.features.users import service as users

_sealed = filled(
    store.SealedReferenceAccount,
    NewReferenceAccount,
    beside="id created_at updated_at deleted_at sealed_account",
)
_opened = filled(ReferenceAccount, store.SealedReferenceAccount, beside="name account_owner iban bic")


async def create_reference_account(unit: Unit, new: NewReferenceAccount) -> ReferenceAccount:
    """Register a bank account of a user.

    Raises: BusinessNotFound, UserNotFound, UserOffboarded, NotYet. Writes: reference_accounts.
    """
    users.check_open(await users.holder_for_share(unit, new.user_id))
    users.check_confirmed(new.confirmed_at, unit.now)
    account_id, at = unit.ids.new("reference_account"), unit.moment_after(None)
    account = text_of(Party(new.account_owner, new.iban, new.bic)).encode()
    sealed = unit.secrets.seal(account, ACCOUNT.place(id=account_id))
    row = _sealed(new, id=account_id, created_at=at, updated_at=at, deleted_at=None, sealed_account=sealed)
    await save(unit, store.ADD_ACCOUNT, row)
    return _open(unit, row)


async def get_reference_account(unit: Unit, account_id: UUID) -> ReferenceAccount:
    """One that is in use. Raises: ReferenceAccountNotFound."""
    unknown = rules.ReferenceAccountNotFound()
    return _open(unit, await unit.known(unknown, store.ACCOUNT_IN_USE, unit.tenant_id, account_id))


async def usable_account(unit: Unit, account_id: UUID, user_id: UUID) -> ReferenceAccount:
    """The account that money of this user is paid to. Raises: ReferenceAccountNotFound, also where it is another's."""
    account = await get_reference_account(unit, account_id)
    if account.user_id != user_id:
        raise rules.ReferenceAccountNotFound
    return account


async def reference_accounts_of(unit: Unit, account_ids: Sequence[UUID]) -> dict[UUID, ReferenceAccount]:
    """Many by their ids, deleted ones too: what was ordered while they were in use is still paid to them."""
    rows = await unit.rows(store.ACCOUNTS_BY_ID, unit.tenant_id, list(account_ids))
    return {row.id: _open(unit, row) for row in rows}


async def list_reference_accounts(
    unit: Unit, request: PageRequest, user_id: UUID, *, deleted_too: bool = False
) -> Page[ReferenceAccount]:
    """A page of a user's accounts: those in use, or all there ever were. Raises: UserNotFound."""
    user = await users.get_user(unit, user_id)
    which = "ever_of_user" if deleted_too else "user_id"
    found = await page(unit, store.ACCOUNTS, request, {which: user.id})
    return found.of([_open(unit, row) for row in found.rows])


async def delete_reference_account(unit: Unit, account_id: UUID) -> None:
    """Let nothing be paid to an account any more. Raises: ReferenceAccountNotFound. Writes: reference_accounts."""
    unknown = rules.ReferenceAccountNotFound()
    row = await unit.known(unknown, store.ACCOUNT_FOR_UPDATE, unit.tenant_id, account_id)
    at = unit.moment_after(row.updated_at)
    await save(unit, store.DELETE_ACCOUNT, replace(row, updated_at=at, deleted_at=at))


def _open(unit: Unit, row: store.SealedReferenceAccount) -> ReferenceAccount:
    account = json.loads(unit.secrets.open(row.sealed_account, ACCOUNT.place(id=row.id)))
    owner: str = account["name"]
    name = row.name or rules.default_name(owner)
    return _opened(row, name=name, account_owner=owner, iban=account["iban"], bic=account["bic"])
