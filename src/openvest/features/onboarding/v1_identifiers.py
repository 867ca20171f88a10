"""Identifiers and tax residencies as v1 shows them."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Annotated, Any, Literal

from pydantic import Field

from openvest.core.problems import FieldError
from openvest.core.schema import Body, Country, Id, Instant, Unused, View, each_once
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call
from openvest.features.onboarding import rules_identifiers, service_identifiers
from openvest.features.onboarding.model import Identifier, NewIdentifier, Residency, TaxResidencies

Standard = Annotated[str, Field(min_length=2, max_length=10)]
Text = Annotated[str, Field(max_length=30)]


class IdentifierCreate(Body):
    """A number under which trades of the user are reported."""

    type: Literal["NATIONAL_ID", "PASSPORT"] = Field(description="Kind of document.")
    issuing_country: Country = Field(description="The country that issued it.")
    identifier: Text = Field(description="The number; empty where it is made from name and birth date.")
    identifier_standard: Annotated[Standard | None, Unused] = Field(
        default=None, description="The standard the number follows; found from the number where absent."
    )

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterator[FieldError]:
        if unfit:
            return
        try:
            rules_identifiers.find_standard(body.type, body.issuing_country, body.identifier, body.identifier_standard)
        except rules_identifiers.InvalidIdentifier as refusal:
            yield from refusal.errors


class IdentifierChange(Body):
    """A corrected number."""

    identifier: Text = Field(description="The number.")


class IdentifierView(View):
    """An identifier of a user."""

    id: Id = Field(description="Id of the identifier.")
    created_at: Instant = Field(description="When it was stored first.")
    updated_at: Instant = Field(description="When it last changed.")
    user_id: Id = Field(description="The user it belongs to.")
    type: Literal["NATIONAL_ID", "PASSPORT"] = Field(description="Kind of document.")
    issuing_country: Country = Field(description="The country that issued it.")
    identifier_standard: Standard = Field(description="The standard the number follows.")
    identifier: Text = Field(description="The number; empty where it is made from name and birth date.")


class IdentifierListView(View):
    """The identifiers of a user."""

    data: list[IdentifierView] = Field(description="The identifiers, oldest first.")


class TaxResidency(Body):
    """One country of tax residence."""

    country: Country = Field(description="ISO 3166-1 alpha-2 code.")
    tax_identifier_number: Annotated[Annotated[str, Field(min_length=7, max_length=50)] | None, Unused] = Field(
        default=None, description="The tax number there; either this or the reason."
    )
    missing_tin_reason: Annotated[
        Literal["TIN_NOT_YET_ASSIGNED", "COUNTRY_HAS_NO_TIN", "OTHER_REASONS"] | None, Unused
    ] = Field(default=None, description="Why there is no number.")

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterator[FieldError]:
        names = ("tax_identifier_number", "missing_tin_reason")
        given = [name for name in names if name in unfit or getattr(body, name) is not None]
        if not given:
            yield FieldError("tax_identifier_number", "is required, unless missing_tin_reason is given instead")
        if len(given) == 2:
            yield FieldError("missing_tin_reason", "cannot be given beside tax_identifier_number")
        for message in rules_identifiers.number_errors(body.country, body.tax_identifier_number):
            yield FieldError("tax_identifier_number", message)


class TaxResidenciesCreate(Body):
    """All countries of tax residence; replaces what was declared before."""

    tax_residencies: Annotated[list[TaxResidency], Field(min_length=1), each_once("country")] = Field(
        description="The countries."
    )


class TaxResidenciesView(View):
    """The declared tax residencies."""

    created_at: Instant = Field(description="When they were declared first.")
    updated_at: Instant = Field(description="When they were declared last.")
    tax_residencies: list[TaxResidency] = Field(description="The countries, as declared.")
    status: Literal["PENDING", "ACTIVE"] = Field(description="PENDING while a number is still to be assigned.")


residency_v1 = shown(TaxResidency, Residency)


def _residencies(declared: Snapshot) -> Json:
    return [residency_v1(residency) for residency in declared["residencies"]]


identifier_v1 = shown(IdentifierView, Identifier)
residencies_v1 = shown(TaxResidenciesView, TaxResidencies, tax_residencies=_residencies)
_new_identifier = filled(NewIdentifier, IdentifierCreate)
_residency = filled(Residency, TaxResidency)


async def list_user_identifiers(unit: Unit, call: Call) -> Json:
    """List the identifiers of a user."""
    found = await service_identifiers.list_identifiers(unit, call.path["user_id"])
    return {"data": [identifier_v1(snapshot_of(identifier)) for identifier in found]}


async def create_identifier(unit: Unit, call: Call) -> Json:
    """Store an identifier of a user."""
    new = _new_identifier(call.body)
    return identifier_v1(snapshot_of(await service_identifiers.add_identifier(unit, call.path["user_id"], new)))


async def retrieve_identifier(unit: Unit, call: Call) -> Json:
    """Get an identifier of a user."""
    return identifier_v1(snapshot_of(await service_identifiers.get_identifier(unit, **call.path)))


async def update_identifier(unit: Unit, call: Call) -> Json:
    """Correct an identifier of a user."""
    number: str = call.body.identifier
    changed = await service_identifiers.change_identifier(unit, **call.path, identifier=number)
    return identifier_v1(snapshot_of(changed))


async def retrieve_tax_residencies(unit: Unit, call: Call) -> Json:
    """Get the tax residencies of a user."""
    return residencies_v1(snapshot_of(await service_identifiers.get_tax_residencies(unit, call.path["user_id"])))


async def set_tax_residencies(unit: Unit, call: Call) -> Json:
    """Declare the tax residencies of a user."""
    wanted = tuple(map(_residency, call.body.tax_residencies))
    declared = await service_identifiers.set_tax_residencies(unit, call.path["user_id"], wanted)
    return residencies_v1(snapshot_of(declared))
