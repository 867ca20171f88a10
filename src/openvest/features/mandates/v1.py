"""Mandates as v1 shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Annotated, Any, Literal

from pydantic import Field

from openvest.core.problems import FieldError
from openvest.core.schema import Body, Country, Id, Instant, Unused, View, exactly_one
from openvest.core.schema_payments import Bic, Iban, MaskedIban
from openvest.core.schema_people import City, Name, Postcode, SecondLine, State
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.core.v1 import PageQuery, page_of, page_v1
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.features.mandates import service
from openvest.features.mandates.model import EVENTS, Mandate, NewMandate
from openvest.operations import V1, Operations


class MandateCreate(Body):
    """A holder's consent to be collected from."""

    user_id: Annotated[Id | None, Unused] = Field(default=None, description="The user who consents.")
    business_id: Annotated[Id | None, Unused] = Field(
        default=None, description="The business that consents, instead of a user."
    )
    iban: Iban = Field(description="IBAN of the account, of any registered country; more than 30 characters are taken.")
    bic: Bic = Field(description="BIC of its bank.")
    confirmed_at: Instant = Field(description="When the holder consented.")

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterator[FieldError]:
        yield from exactly_one(body, unfit, ("user_id", "business_id"))


class CreditorAddressView(View):
    """Where the creditor is."""

    address_line1: Name = Field(description="Street and number.")
    address_line2: SecondLine | None = Field(default=None, description="What the first line does not hold.")
    postcode: Postcode = Field(description="Postal code.")
    country: Country = Field(description="ISO 3166-1 alpha-2 code.")
    state: State | None = Field(default=None, description="State or region.")
    city: City = Field(description="Town.")


class MandateView(View):
    """A holder's consent to be collected from."""

    id: Id = Field(description="Id of the mandate.")
    created_at: Instant = Field(description="When it was registered.")
    user_id: Id | None = Field(default=None, description="The user who gave it.")
    business_id: Id | None = Field(default=None, description="The business that gave it.")
    iban: MaskedIban = Field(description="IBAN of the account that is collected from, masked.")
    bic: Bic = Field(description="BIC of its bank.")
    creditor_name: Name = Field(description="Who collects.")
    creditor_id: Annotated[str, Field(max_length=20)] = Field(description="SEPA identifier of who collects.")
    creditor_address: CreditorAddressView = Field(description="Where the creditor is.")
    type: Literal["RECURRENT"] = Field(description="It serves as often as it is used.")
    confirmed_at: Instant = Field(description="When the holder consented.")


MandatePage = page_of(MandateView, "mandates")


class MandateQuery(PageQuery):
    """Order of mandates."""

    sort: Literal["id", "created_at"] = Field(default="created_at", description="Field to order by.")


mandate_v1 = shown(MandateView, Mandate, type=lambda _: "RECURRENT")
_new_mandate = filled(NewMandate, MandateCreate, beside="account_group_id")


async def create_mandate(unit: Unit, call: Call) -> Json:
    """Register the mandate of a user."""
    new = _new_mandate(call.body, account_group_id=None)
    return mandate_v1(snapshot_of(await service.create_mandate(unit, new)))


async def list_mandates(unit: Unit, call: Call) -> Json:
    """List the mandates of a user."""
    return page_v1(await service.list_mandates(unit, call.query.page_request, call.path["user_id"]), mandate_v1)


async def retrieve_mandate(unit: Unit, call: Call) -> Json:
    """Get a mandate."""
    return mandate_v1(snapshot_of(await service.get_mandate(unit, call.path["mandate_id"])))


async def delete_mandate(unit: Unit, call: Call) -> Json:
    """Revoke a mandate."""
    await service.revoke_mandate(unit, call.path["mandate_id"])


MANDATES = Operations(V1, "Mandates", "mandates", readers=("admin", "read"))

ENDPOINTS: list[Endpoint] = [
    MANDATES.lists("/users/{user_id}/payments/mandates", list_mandates, MandatePage, query=MandateQuery),
    MANDATES.creates("/payments/mandates", create_mandate, MandateView, body=MandateCreate, errors=(404, 422)),
    MANDATES.reads("/payments/mandates/{mandate_id}", retrieve_mandate, MandateView),
    MANDATES.deletes("/payments/mandates/{mandate_id}", delete_mandate),
]

UNTOLD: Mapping[str, str] = {event.type: "v1 has no category of mandates" for event in EVENTS}
