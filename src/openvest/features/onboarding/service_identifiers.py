"""Verbs of identifiers and tax residencies, which stand in the database only sealed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from openvest.core.clock import parse_instant
from openvest.core.ids import deterministic_id
from openvest.core.shown import filled
from openvest.core.snapshots import text_of
from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.features.onboarding import rules, rules_identifiers, service, store
from openvest.features.onboarding.model import (
    IDENTIFIER,
    RESIDENCIES,
    DeclaredResidency,
    Identifier,
    NewIdentifier,
    Residency,
    TaxResidencies,
)
from openvest.features.users import service as users
from openvest.features.users.model import User

_identifier = filled(Identifier, store.SealedIdentifier, beside="identifier")


async def add_identifier(unit: Unit, user_id: UUID, new: NewIdentifier) -> Identifier:
    """Store the identifier of a kind, country and standard, in place of an earlier one.

    Raises: UserNotFound, InvalidIdentifier, UserOffboarded. Writes: user_identifiers, and as `reconsider`.
    """
    user = await users.user_for_update(unit, user_id)
    country, number = new.issuing_country or rules.decisive_nationality(user.nationalities), new.identifier
    name = rules_identifiers.find_standard(new.type, country, number, new.identifier_standard)
    users.check_open(user)
    for row in await unit.rows(store.IDENTIFIERS, unit.tenant_id, user_id):
        if (row.type, row.issuing_country, row.identifier_standard) == (new.type, country, name):
            return await _change(unit, user, row, number, name)
    new_id = unit.ids.new("user_identifier")
    sealed = _seal(unit, new_id, number)
    row = store.SealedIdentifier(new_id, unit.now, unit.now, user_id, new.type, country, name, sealed)
    await save(unit, store.INSERT_IDENTIFIER, row)
    await service.reconsider(unit, [user])
    return _identifier(row, identifier=number)


async def change_identifier(unit: Unit, user_id: UUID, identifier_id: UUID, identifier: str) -> Identifier:
    """Correct an identifier. Raises: UserNotFound, IdentifierNotFound, InvalidIdentifier, UserOffboarded.

    Writes: user_identifiers, and as `reconsider`.
    """
    user = await users.user_for_update(unit, user_id)
    unknown = rules.IdentifierNotFound()
    row = await unit.known(unknown, store.IDENTIFIER_FOR_UPDATE, unit.tenant_id, user_id, identifier_id)
    name = rules_identifiers.find_standard(row.type, row.issuing_country, identifier, row.identifier_standard)
    users.check_open(user)
    return await _change(unit, user, row, identifier, name)


async def _change(unit: Unit, user: User, row: store.SealedIdentifier, identifier: str, standard: str) -> Identifier:
    at, sealed = unit.moment_after(row.updated_at), _seal(unit, row.id, identifier)
    changed = replace(row, updated_at=at, identifier_standard=standard, sealed_identifier=sealed)
    await save(unit, store.SAVE_IDENTIFIER, changed)
    await service.reconsider(unit, [user])
    return _identifier(changed, identifier=identifier)


async def list_identifiers(unit: Unit, user_id: UUID) -> list[Identifier]:
    """Raises: UserNotFound."""
    await users.get_user(unit, user_id)
    return [_opened(unit, row) for row in await unit.rows(store.IDENTIFIERS, unit.tenant_id, user_id)]


async def get_identifier(unit: Unit, user_id: UUID, identifier_id: UUID) -> Identifier:
    """Raises: UserNotFound, IdentifierNotFound."""
    for identifier in await list_identifiers(unit, user_id):
        if identifier.id == identifier_id:
            return identifier
    raise rules.IdentifierNotFound


def _seal(unit: Unit, identifier_id: UUID, identifier: str) -> bytes | None:
    return unit.secrets.seal(identifier.encode(), IDENTIFIER.place(id=identifier_id)) if identifier else None


def _opened(unit: Unit, row: store.SealedIdentifier) -> Identifier:
    sealed = row.sealed_identifier
    number = "" if sealed is None else unit.secrets.open(sealed, IDENTIFIER.place(id=row.id)).decode()
    return _identifier(row, identifier=number)


async def set_tax_residencies(unit: Unit, user_id: UUID, residencies: tuple[Residency, ...]) -> TaxResidencies:
    """Replace the declared set of a user.

    Raises: InvalidRequest, UserNotFound, UserOffboarded. Writes: tax_residencies, and as `reconsider`.
    """
    rules_identifiers.check_residencies(residencies)
    user = await users.user_for_update(unit, user_id)
    users.check_open(user)
    known = await tax_residencies_of(unit, [user_id])
    return await _declare(unit, user, known.get(user_id), residencies)


async def add_tax_residency(unit: Unit, user_id: UUID, residency: Residency) -> DeclaredResidency:
    """Declare one more country of a user, or the same one anew.

    Raises: InvalidRequest, UserNotFound, UserOffboarded. Writes: tax_residencies, and as `reconsider`.
    """
    rules_identifiers.check_residencies((residency,))
    user = await users.user_for_update(unit, user_id)
    users.check_open(user)
    known = (await tax_residencies_of(unit, [user_id])).get(user_id)
    wanted: dict[str, Residency] = {one.country: one for one in known.residencies} if known else {}
    wanted[residency.country] = residency
    declared = await _declare(unit, user, known, tuple(wanted.values()))
    return next(one for one in declared.residencies if one.country == residency.country)


async def _declare(
    unit: Unit, user: User, known: TaxResidencies | None, wanted: tuple[Residency, ...]
) -> TaxResidencies:
    """Store the declared set of a locked user in place of the known one."""
    at = unit.moment_after(known.updated_at if known else None)
    since = {one.country: one.created_at for one in known.residencies} if known else {}
    residencies = tuple(_residency(one, user.id, since.get(one.country, at)) for one in wanted)
    status = rules_identifiers.residency_status(residencies)
    sealed = unit.secrets.seal(text_of(residencies).encode(), RESIDENCIES.place(user_id=user.id))
    countries = [residency.country for residency in residencies]
    await unit.run(store.SAVE_RESIDENCIES, unit.tenant_id, user.id, at, status, countries, sealed)
    await service.reconsider(unit, [user])
    return TaxResidencies(known.created_at if known else at, at, status, residencies)


def _residency(said: Residency, user_id: UUID, created_at: datetime) -> DeclaredResidency:
    made_id = deterministic_id("tax_residency", user_id, said.country)
    return DeclaredResidency(
        said.country, said.tax_identifier_number, said.missing_tin_reason, id=made_id, created_at=created_at
    )


async def list_tax_residencies(unit: Unit, user_id: UUID) -> Sequence[DeclaredResidency]:
    """The declared set of a user, empty before the first. Raises: UserNotFound."""
    await users.get_user(unit, user_id)
    found = await tax_residencies_of(unit, [user_id])
    return found[user_id].residencies if user_id in found else ()


async def get_tax_residencies(unit: Unit, user_id: UUID) -> TaxResidencies:
    """Raises: UserNotFound, NoTaxResidencies."""
    await users.get_user(unit, user_id)
    found = await tax_residencies_of(unit, [user_id])
    if user_id not in found:
        raise rules.NoTaxResidencies
    return found[user_id]


async def tax_residencies_of(unit: Unit, user_ids: Sequence[UUID]) -> dict[UUID, TaxResidencies]:
    """The declared sets of those users that have one."""
    return {
        row.user_id: _opened_set(unit, row)
        for row in await unit.rows(store.RESIDENCIES, unit.tenant_id, list(user_ids))
    }


def _opened_set(unit: Unit, row: store.SealedResidencies) -> TaxResidencies:
    text = unit.secrets.open(row.sealed, RESIDENCIES.place(user_id=row.user_id))
    residencies: list[DeclaredResidency] = []
    for item in json.loads(text):
        said = Residency(item["country"], item["tax_identifier_number"], item["missing_tin_reason"])
        # A set that was declared before residencies had an instant of their own has one for all.
        since = parse_instant(item["created_at"]) if "created_at" in item else row.created_at
        residencies.append(_residency(said, row.user_id, since))
    return TaxResidencies(row.created_at, row.updated_at, row.status, tuple(residencies))
