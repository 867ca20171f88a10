"""Identifiers and tax residencies as lite shows them.

Lite names no country of an identifier: it is that of the nationality that is reported. And it has no word for why there
is no tax number: one that is not said is missing for other reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Annotated, Any

from pydantic import Field

from openvest.core.lite import fields_called, list_of
from openvest.core.problems import FieldError
from openvest.core.schema import Body, Country, Id, Instant, Unused, View
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call
from openvest.features.onboarding import rules_identifiers, service_identifiers
from openvest.features.onboarding.model import (
    DeclaredResidency,
    Identifier,
    IdentifierType,
    NewIdentifier,
    Residency,
)

Value = Annotated[str, Field(max_length=30)]
TaxNumber = Annotated[str, Field(min_length=7, max_length=50)]


class UserIdentifierCreate(Body):
    """A number under which trades of the user are reported."""

    type: IdentifierType = Field(description="Kind of document, of the nationality that is reported.")
    value: Value = Field(description="The number; empty where it is made from name and birth date.")


class UserIdentifierChange(Body):
    """A corrected number."""

    value: Value | None = Field(default=None, description="The number.")


class UserIdentifierView(View):
    """An identifier of a user."""

    id: Id = Field(description="Id of the identifier.")
    type: IdentifierType = Field(description="Kind of document.")
    value: Value = Field(description="The number; empty where it is made from name and birth date.")
    created_at: Instant = Field(description="When it was stored first.")


class TaxResidencyCreate(Body):
    """One country of tax residence; replaces what was declared of that country before."""

    country: Country = Field(description="ISO 3166-1 alpha-2 code.")
    tax_identification_number: Annotated[TaxNumber | None, Unused] = Field(
        default=None, description="The tax number there, where there is one."
    )

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterator[FieldError]:
        for message in rules_identifiers.number_errors(body.country, body.tax_identification_number):
            yield FieldError("tax_identification_number", message)


class TaxResidencyView(View):
    """One country of tax residence."""

    id: Id = Field(description="Id of the record, one for each country of the user.")
    country: Country = Field(description="ISO 3166-1 alpha-2 code.")
    tax_identification_number: TaxNumber | None = Field(default=None, description="The tax number there.")
    created_at: Instant = Field(description="When the country was declared first.")


UserIdentifierList = list_of(UserIdentifierView, "identifiers of the user, oldest first")
TaxResidencyList = list_of(TaxResidencyView, "tax residencies of the user, as declared")

identifier_lite = shown(UserIdentifierView, Identifier, value="identifier")
residency_lite = shown(TaxResidencyView, DeclaredResidency, tax_identification_number="tax_identifier_number")
_new_identifier = filled(
    NewIdentifier, UserIdentifierCreate, beside="issuing_country identifier_standard", identifier="value"
)


async def list_user_identifiers(unit: Unit, call: Call) -> Json:
    """List the identifiers of a user."""
    found = await service_identifiers.list_identifiers(unit, call.path["user_id"])
    return {"data": [identifier_lite(snapshot_of(identifier)) for identifier in found]}


async def create_user_identifier(unit: Unit, call: Call) -> Json:
    """Store an identifier of a user."""
    new = _new_identifier(call.body, issuing_country=None, identifier_standard=None)
    with fields_called(identifier="value"):
        return identifier_lite(snapshot_of(await service_identifiers.add_identifier(unit, call.path["user_id"], new)))


async def retrieve_user_identifier(unit: Unit, call: Call) -> Json:
    """Get an identifier of a user."""
    return identifier_lite(snapshot_of(await service_identifiers.get_identifier(unit, **call.path)))


async def update_user_identifier(unit: Unit, call: Call) -> Json:
    """Correct an identifier of a user."""
    value: str | None = call.body.value
    if value is None:
        return await retrieve_user_identifier(unit, call)
    with fields_called(identifier="value"):
        changed = await service_identifiers.change_identifier(unit, **call.path, identifier=value)
    return identifier_lite(snapshot_of(changed))


async def list_tax_residencies(unit: Unit, call: Call) -> Json:
    """List the tax residencies of a user."""
    found = await service_identifiers.list_tax_residencies(unit, call.path["user_id"])
    return {"data": [residency_lite(snapshot_of(residency)) for residency in found]}


async def create_tax_residency(unit: Unit, call: Call) -> Json:
    """Declare a tax residency of a user."""
    body: TaxResidencyCreate = call.body
    number = body.tax_identification_number
    said = Residency(body.country, number, "OTHER_REASONS" if number is None else None)
    return residency_lite(snapshot_of(await service_identifiers.add_tax_residency(unit, call.path["user_id"], said)))
