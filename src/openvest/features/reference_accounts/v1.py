"""Reference accounts as v1 shows them."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Annotated, Any, Literal

from pydantic import Field

from openvest.core.problems import FieldError
from openvest.core.schema import Body, Id, Instant, Unused, View, exactly_one
from openvest.core.schema_payments import Bic, HolderName, Iban, MaskedIban
from openvest.core.schema_people import Name
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.core.v1 import PageQuery, page_of, page_v1
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.features.reference_accounts import service
from openvest.features.reference_accounts.model import NewReferenceAccount, ReferenceAccount
from openvest.operations import V1, Operations


class ReferenceAccountCreate(Body):
    """A bank account that its holder has confirmed."""

    user_id: Annotated[Id | None, Unused] = Field(default=None, description="The user who holds it.")
    business_id: Annotated[Id | None, Unused] = Field(
        default=None, description="The business that holds it, instead of a user."
    )
    account_owner: HolderName = Field(description="First and last name of its owner, as its bank has them.")
    name: Annotated[Name | None, Unused] = Field(default=None, description="What it is called; else as its owner.")
    iban: Iban = Field(description="Its IBAN, of any registered country; those of more than 30 characters are taken.")
    bic: Bic = Field(description="BIC of its bank.")
    confirmed_at: Instant = Field(description="When its holder confirmed it.")

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterator[FieldError]:
        yield from exactly_one(body, unfit, ("user_id", "business_id"))


class ReferenceAccountView(View):
    """A bank account that money is paid out to."""

    id: Id = Field(description="Id of the reference account.")
    created_at: Instant = Field(description="When it was registered.")
    updated_at: Instant = Field(description="When it last changed.")
    user_id: Id | None = Field(default=None, description="The user who holds it.")
    business_id: Id | None = Field(default=None, description="The business that holds it.")
    account_owner: HolderName = Field(description="Name of its owner.")
    name: Name = Field(description="What it is called.")
    iban: MaskedIban = Field(description="Its IBAN, masked.")
    bic: Bic = Field(description="BIC of its bank.")
    confirmed_at: Instant = Field(description="When its holder confirmed it.")


ReferenceAccountPage = page_of(ReferenceAccountView, "reference accounts")


class ReferenceAccountQuery(PageQuery):
    """Order of reference accounts."""

    sort: Literal["id", "created_at"] = Field(default="created_at", description="Field to order by.")


account_v1 = shown(ReferenceAccountView, ReferenceAccount)
_new_account = filled(NewReferenceAccount, ReferenceAccountCreate)


async def create_reference_account(unit: Unit, call: Call) -> Json:
    """Register a bank account of a user."""
    return account_v1(snapshot_of(await service.create_reference_account(unit, _new_account(call.body))))


async def list_reference_accounts(unit: Unit, call: Call) -> Json:
    """List the reference accounts of a user."""
    found = await service.list_reference_accounts(unit, call.query.page_request, call.path["user_id"])
    return page_v1(found, account_v1)


async def retrieve_reference_account(unit: Unit, call: Call) -> Json:
    """Get a reference account."""
    found = await service.get_reference_account(unit, call.path["reference_account_id"])
    return account_v1(snapshot_of(found))


async def delete_reference_account(unit: Unit, call: Call) -> Json:
    """Delete a reference account."""
    await service.delete_reference_account(unit, call.path["reference_account_id"])


ACCOUNTS = Operations(V1, "Reference Accounts", "reference_accounts", readers=("admin", "read"))
_ACCOUNT = "/payments/reference_accounts/{reference_account_id}"

ENDPOINTS: list[Endpoint] = [
    ACCOUNTS.lists(
        "/users/{user_id}/payments/reference_accounts", list_reference_accounts, ReferenceAccountPage,
        query=ReferenceAccountQuery,
    ),
    ACCOUNTS.creates(
        "/payments/reference_accounts", create_reference_account, ReferenceAccountView, body=ReferenceAccountCreate,
        errors=(404, 422),
    ),
    ACCOUNTS.reads(_ACCOUNT, retrieve_reference_account, ReferenceAccountView),
    ACCOUNTS.deletes(_ACCOUNT, delete_reference_account),
]  # fmt: skip
