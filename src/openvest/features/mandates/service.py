"""Verbs of mandates: register, find, revoke; and who collects."""

from __future__ import annotations

import json
from datetime import date
from uuid import UUID

from openvest.core.banking import Party
from openvest.core.paging import Page, PageRequest
from openvest.core.shown import filled
from openvest.core.snapshots import text_of
from openvest.db.paging import page
from openvest.db.rows import next_version, save
from openvest.db.unit import Unit
from openvest.features.mandates import rules, store
from openvest.features.mandates.model import ACCOUNT, Creditor, Mandate, NewMandate, StoredMandate
from openvest.features.tenants import service as tenants
from openvest.features.users import service as users

_OURS = "id version created_at updated_at revoked_at last_used_on sealed_account"
_CREDITOR = "creditor_name creditor_id creditor_address"
_sealed = filled(store.SealedMandate, NewMandate, beside=f"{_OURS} {_CREDITOR}")
_opened = filled(Mandate, store.SealedMandate, beside="payer iban bic")
_told = filled(StoredMandate, store.SealedMandate)


async def create_mandate(unit: Unit, new: NewMandate) -> Mandate:
    """Register what a user consented to.

    Raises: BusinessNotFound, UserNotFound, UserNotActive, NotYet, NoCreditor. Writes: mandates, MANDATE.CREATED.
    """
    user = await users.holder_for_share(unit, new.user_id)
    rules.check_active(user.status)
    users.check_confirmed(new.confirmed_at, unit.now)
    creditor = await get_creditor(unit)
    mandate_id, at = unit.ids.new("mandate"), unit.moment_after(None)
    account = text_of(Party(rules.payer_of(user), new.iban, new.bic)).encode()
    row = _sealed(
        new,
        id=mandate_id,
        version=1,
        created_at=at,
        updated_at=at,
        revoked_at=None,
        creditor_name=creditor.creditor_name,
        creditor_id=creditor.creditor_id,
        creditor_address=creditor.creditor_address,
        sealed_account=unit.secrets.seal(account, ACCOUNT.place(id=mandate_id)),
        last_used_on=None,
    )
    await save(unit, store.ADD_MANDATE, row)
    unit.emit("MANDATE.CREATED", row.id, row.version, at, _told(row))
    return _open(unit, row)


async def get_mandate(unit: Unit, mandate_id: UUID, *, revoked_too: bool = False) -> Mandate:
    """Raises: MandateNotFound."""
    row = await unit.known(rules.MandateNotFound(), store.MANDATE_BY_ID, unit.tenant_id, mandate_id)
    if row.revoked_at is not None and not revoked_too:
        raise rules.MandateNotFound
    return _open(unit, row)


async def list_mandates(unit: Unit, request: PageRequest, user_id: UUID | None = None) -> Page[Mandate]:
    """A page of a user's mandates, or of all there ever were. Raises: UserNotFound."""
    if user_id is not None:
        await users.get_user(unit, user_id)
    found = await page(unit, store.MANDATES, request, {"user_id": user_id})
    return found.of([_open(unit, row) for row in found.rows])


async def revoke_mandate(unit: Unit, mandate_id: UUID) -> None:
    """Let nothing be collected under a mandate any more. Raises: MandateNotFound. Writes: mandates, MANDATE.REVOKED."""
    row = await unit.known(rules.MandateNotFound(), store.MANDATE_FOR_UPDATE, unit.tenant_id, mandate_id)
    revoked = next_version(unit, row, revoked_at=unit.moment_after(row.updated_at))
    await save(unit, store.REVOKE_MANDATE, revoked)
    unit.emit("MANDATE.REVOKED", revoked.id, revoked.version, revoked.updated_at, _told(revoked))


async def usable_mandate(unit: Unit, mandate_id: UUID, user_id: UUID) -> Mandate:
    """The mandate under which this user is collected from, locked.

    Raises: MandateNotFound, also where it is another's; MandateLapsed.
    """
    row = await unit.known(rules.MandateNotFound(), store.MANDATE_FOR_UPDATE, unit.tenant_id, mandate_id)
    if row.user_id != user_id:
        raise rules.MandateNotFound
    mandate = _open(unit, row)
    if not rules.is_in_force(mandate, unit.now.date()):
        raise rules.MandateLapsed
    return mandate


async def note_use(unit: Unit, mandate_id: UUID, on: date) -> None:
    """Something is collected under a locked mandate, which therefore lapses later. Writes: mandates."""
    await unit.run(store.USE_MANDATE, unit.tenant_id, mandate_id, on)


async def get_creditor(unit: Unit) -> Creditor:
    """Who collects for the tenant. Raises: NoCreditor, in production alone."""
    creditor = await unit.row(store.CREDITOR, unit.tenant_id)
    if creditor is not None:
        return creditor
    if (await tenants.get_tenant(unit)).mode == "production":
        raise rules.NoCreditor
    return rules.SANDBOX_CREDITOR


async def name_creditor(unit: Unit, creditor: Creditor) -> None:
    """Say who collects for the tenant; mandates that were given keep whom they name.

    Raises: InvalidRequest. Writes: creditors.
    """
    rules.check_creditor(creditor)
    address = text_of(creditor.creditor_address)
    await unit.run(store.SAVE_CREDITOR, unit.tenant_id, creditor.creditor_name, creditor.creditor_id, address, unit.now)


def _open(unit: Unit, row: store.SealedMandate) -> Mandate:
    account = json.loads(unit.secrets.open(row.sealed_account, ACCOUNT.place(id=row.id)))
    return _opened(row, payer=account["name"], iban=account["iban"], bic=account["bic"])
