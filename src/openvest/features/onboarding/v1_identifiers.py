"""Identifiers and tax residencies as v1 shows them."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Annotated, Any, Literal

from pydantic import Field

from openvest.core.problems import FieldError
from openvest.core.schema import Body, Country, Id, Instant, Unused, View, each_once
from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.features.onboarding import rules_identifiers, service_identifiers
from openvest.features.onboarding.model import Residency, TaxResidencies

READ, ADMIN = ("users:read", "users:admin"), ("users:admin",)
TAX_READ, TAX_ADMIN = ("taxes:read", "taxes:admin"), ("taxes:admin",)

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


def residencies_v1(declared: TaxResidencies) -> Json:
    shown = snapshot_of(declared)
    rows = [{k: v for k, v in row.items() if v is not None} for row in shown["residencies"]]
    times = {name: shown[name] for name in ("created_at", "updated_at")}
    return {**times, "tax_residencies": rows, "status": declared.status}


async def list_user_identifiers(unit: Unit, call: Call) -> Json:
    found = await service_identifiers.list_identifiers(unit, call.path["user_id"])
    return {"data": [snapshot_of(identifier) for identifier in found]}


async def create_identifier(unit: Unit, call: Call) -> Json:
    body: IdentifierCreate = call.body
    user_id, country = call.path["user_id"], body.issuing_country
    return snapshot_of(
        await service_identifiers.add_identifier(
            unit, user_id, body.type, country, body.identifier, body.identifier_standard
        )
    )


async def retrieve_identifier(unit: Unit, call: Call) -> Json:
    user_id, identifier_id = call.path["user_id"], call.path["identifier_id"]
    return snapshot_of(await service_identifiers.get_identifier(unit, user_id, identifier_id))


async def update_identifier(unit: Unit, call: Call) -> Json:
    user_id, identifier_id = call.path["user_id"], call.path["identifier_id"]
    return snapshot_of(await service_identifiers.change_identifier(unit, user_id, identifier_id, call.body.identifier))


async def retrieve_tax_residencies(unit: Unit, call: Call) -> Json:
    return residencies_v1(await service_identifiers.get_tax_residencies(unit, call.path["user_id"]))


async def set_tax_residencies(unit: Unit, call: Call) -> Json:
    body: TaxResidenciesCreate = call.body
    wanted = tuple(
        Residency(row.country, row.tax_identifier_number, row.missing_tin_reason) for row in body.tax_residencies
    )
    return residencies_v1(await service_identifiers.set_tax_residencies(unit, call.path["user_id"], wanted))


_IDENTIFIERS, _RESIDENCIES = "/users/{user_id}/identifiers", "/users/{user_id}/tax_residencies"

ENDPOINTS: list[Endpoint] = [
    Endpoint(
        "GET", _IDENTIFIERS, "list_user_identifiers", "List the identifiers of a user", "Users", READ,
        IdentifierListView, list_user_identifiers, errors=(404,),
    ),
    Endpoint(
        "POST", _IDENTIFIERS, "create_identifier", "Store an identifier of a user", "Users", ADMIN, IdentifierView,
        create_identifier, body=IdentifierCreate, errors=(400, 404, 422),
    ),
    Endpoint(
        "GET", _IDENTIFIERS + "/{identifier_id}", "retrieve_identifier", "Get an identifier of a user", "Users", READ,
        IdentifierView, retrieve_identifier, errors=(404,),
    ),
    Endpoint(
        "PATCH", _IDENTIFIERS + "/{identifier_id}", "update_identifier", "Correct an identifier of a user", "Users",
        ADMIN, IdentifierView, update_identifier, body=IdentifierChange, errors=(400, 404, 422),
    ),
    Endpoint(
        "GET", _RESIDENCIES, "retrieve_tax_residencies", "Get the tax residencies of a user", "Taxes", TAX_READ,
        TaxResidenciesView, retrieve_tax_residencies, errors=(404,),
    ),
    Endpoint(
        "POST", _RESIDENCIES, "set_tax_residencies", "Declare the tax residencies of a user", "Taxes", TAX_ADMIN,
        TaxResidenciesView, set_tax_residencies, body=TaxResidenciesCreate, key_required=True, errors=(400, 404, 422),
    ),
]  # fmt: skip
