"""Virtual bank accounts and credit fundings as both contracts take and show them: lite has no words of its own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from openvest.core.schema import Body, Id, Instant, PaymentAmount, View
from openvest.core.schema_payments import BIC_PATTERN, IBAN_PATTERN, HolderName, PaymentCurrency, PurposeCode
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call
from openvest.features.fundings import service
from openvest.features.fundings.model import Funding, FundingStatus, NewVirtualAccount, VirtualAccount


class VirtualBankAccountCreate(Body):
    """A new virtual bank account."""

    account_group_id: Id = Field(description="The account group it is for.")
    name: HolderName = Field(description="Its name, for your own use.")


class AccountOwnerView(View):
    """Who has an account."""

    name: str = Field(description="First and last name.")


class SwiftCoordinatesView(View):
    """What names a bank account in payments."""

    iban: str = Field(pattern=IBAN_PATTERN, description="Its IBAN.")
    bic: str = Field(pattern=BIC_PATTERN, description="The BIC of its bank.")


class BankCoordinatesView(View):
    """How an account is named."""

    swift: SwiftCoordinatesView = Field(description="In payments.")


class VirtualBankAccountView(View):
    """A bank account of ours that belongs to one account group."""

    id: Id = Field(description="Id of the virtual account.")
    created_at: Instant = Field(description="When it was opened.")
    account_group_id: Id = Field(description="The account group it is for.")
    name: str = Field(description="Its name.")
    owner: AccountOwnerView = Field(description="Who owns the account group.")
    identification: BankCoordinatesView = Field(description="Where to transfer money to.")


class FundingDetailsView(View):
    """Where money is transferred to for an account group; no reference is needed."""

    virtual_bank_account_id: Id = Field(description="Id of the virtual account.")
    name: str = Field(description="Its name.")
    currency: Literal["EUR"] = Field(description="What it takes.")
    owner: AccountOwnerView = Field(description="Who owns the account group.")
    identification: BankCoordinatesView = Field(description="Where to transfer money to.")


class PayerNameView(View):
    """Who paid."""

    name: str = Field(description="As the bank told.")


class PayerIbanView(View):
    """What names the payer's account."""

    iban: str = Field(description="Its IBAN, masked.")


class PayerAccountView(View):
    """Where the money came from."""

    identification: PayerIbanView = Field(description="The payer's account.")


class PayerView(View):
    """Who transferred money."""

    identification: PayerNameView = Field(description="Who paid.")
    account: PayerAccountView = Field(description="Where the money came from.")


class CreditFundingView(View):
    """A transfer that arrived for an account group."""

    id: Id = Field(description="Id of the credit funding.")
    created_at: Instant = Field(description="When it was credited.")
    account_group_id: Id = Field(description="The account group that was credited.")
    cash_amount: PaymentAmount = Field(description="How much.")
    currency: PaymentCurrency = Field(description="Currency of the amount.")
    remittance_information: str = Field(description="The text of the transfer.")
    counterparty: PayerView = Field(description="Who transferred it.")
    status: FundingStatus = Field(description="CANCELLED once it was recalled.")
    virtual_bank_account_id: Id | None = Field(default=None, description="The virtual account it was sent to.")
    purpose_code: PurposeCode | None = Field(default=None, description="ISO 20022 purpose of the transfer.")


def _owner(account: Snapshot) -> Json:
    return {"name": account["owner_name"]}


def _identification(account: Snapshot) -> Json:
    return {"swift": {"iban": account["iban"], "bic": account["bic"]}}


def _counterparty(funding: Snapshot) -> Json:
    return {
        "identification": {"name": funding["counterparty_name"]},
        "account": {"identification": {"iban": funding["counterparty_iban"]}},
    }


account_shown = shown(VirtualBankAccountView, VirtualAccount, owner=_owner, identification=_identification)
details_shown = shown(
    FundingDetailsView,
    VirtualAccount,
    virtual_bank_account_id="id",
    owner=_owner,
    identification=_identification,
)
funding_shown = shown(CreditFundingView, Funding, counterparty=_counterparty)
_new_account = filled(NewVirtualAccount, VirtualBankAccountCreate)


async def create_virtual_bank_account(unit: Unit, call: Call) -> Json:
    """Open a virtual bank account for an account group."""
    return account_shown(snapshot_of(await service.create_virtual_account(unit, _new_account(call.body))))


async def retrieve_virtual_bank_account(unit: Unit, call: Call) -> Json:
    """Get a virtual bank account."""
    return account_shown(snapshot_of(await service.get_virtual_account(unit, call.path["virtual_bank_account_id"])))


async def retrieve_credit_funding(unit: Unit, call: Call) -> Json:
    """Get a credit funding."""
    return funding_shown(snapshot_of(await service.get_funding(unit, call.path["credit_funding_id"])))
