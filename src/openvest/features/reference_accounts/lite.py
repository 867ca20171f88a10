"""Reference accounts as lite shows them: those of an account are its owner's, the deleted ones among them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from openvest.core.lite import WHOLE, list_lite, list_of
from openvest.core.schema import Body, Id, View
from openvest.core.schema_payments import Bic, HolderName, Iban, MaskedIban
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.features.accounts import service as accounts
from openvest.features.reference_accounts import service
from openvest.features.reference_accounts.model import NewReferenceAccount, ReferenceAccount
from openvest.operations import LITE, Operations


class ReferenceAccountCreate(Body):
    """A bank account that the owner of the account has confirmed."""

    iban: Iban = Field(description="Its IBAN, of any registered country; those of more than 30 characters are taken.")
    bic: Bic = Field(description="BIC of its bank.")
    account_holder: HolderName = Field(description="First and last name of its holder, as its bank has them.")


class ReferenceAccountView(View):
    """A bank account that money is paid out to."""

    id: Id = Field(description="Id of the reference account.")
    iban: MaskedIban = Field(description="Its IBAN, masked.")
    bic: Bic = Field(description="BIC of its bank.")
    account_holder: HolderName = Field(description="Name of its holder.")
    status: Literal["ACTIVE", "INACTIVE"] = Field(description="INACTIVE once it is deleted.")


ReferenceAccountList = list_of(ReferenceAccountView, "reference accounts of the owner, oldest first")


def _status(account: Snapshot) -> str:
    return "ACTIVE" if account["deleted_at"] is None else "INACTIVE"


account_lite = shown(ReferenceAccountView, ReferenceAccount, account_holder="account_owner", status=_status)
_new_account = filled(
    NewReferenceAccount,
    ReferenceAccountCreate,
    beside="user_id business_id name confirmed_at",
    account_owner="account_holder",
)


async def create_reference_account(unit: Unit, call: Call) -> Json:
    """Register a bank account of an account's owner, who confirms it now."""
    account = await accounts.get_account(unit, call.path["account_id"])
    said = _new_account(call.body, user_id=account.user_id, business_id=None, name=None, confirmed_at=unit.now)
    return account_lite(snapshot_of(await service.create_reference_account(unit, said)))


async def list_reference_accounts(unit: Unit, call: Call) -> Json:
    """List the reference accounts of an account."""
    account = await accounts.get_account(unit, call.path["account_id"])
    found = await service.list_reference_accounts(unit, WHOLE, account.user_id, deleted_too=True)
    return list_lite(found, account_lite)


async def delete_reference_account(unit: Unit, call: Call) -> Json:
    """Delete a reference account of an account's owner, to which nothing is paid any more."""
    account = await accounts.get_account(unit, call.path["account_id"])
    owned = await service.usable_account(unit, call.path["reference_account_id"], account.user_id)
    await service.delete_reference_account(unit, owned.id)


ACCOUNTS = Operations(LITE, "Reference Accounts", "reference_accounts", readers=("admin", "read"))
_ACCOUNTS = "/accounts/{account_id}/reference_accounts"

ENDPOINTS: list[Endpoint] = [
    ACCOUNTS.lists(_ACCOUNTS, list_reference_accounts, ReferenceAccountList),
    ACCOUNTS.creates(
        _ACCOUNTS, create_reference_account, ReferenceAccountView, body=ReferenceAccountCreate, errors=(422,),
        addition=True,
    ),
    ACCOUNTS.deletes(f"{_ACCOUNTS}/{{reference_account_id}}", delete_reference_account, addition=True),
]  # fmt: skip
