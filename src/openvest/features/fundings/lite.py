"""Virtual bank accounts and credit fundings as lite shows them, which its reference does not have."""

from __future__ import annotations

from collections.abc import Mapping

from openvest.core.lite import PageQuery, page_lite, page_of, words_called
from openvest.core.snapshots import Json
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint
from openvest.features.accounts.model_lite import STATUS
from openvest.features.fundings import service, service_calls
from openvest.features.fundings.model import EVENTS
from openvest.features.fundings.service_calls import (
    CreditFundingView,
    FundingDetailsView,
    VirtualBankAccountCreate,
    VirtualBankAccountView,
    account_shown,
    details_shown,
    funding_shown,
    retrieve_credit_funding,
    retrieve_virtual_bank_account,
)
from openvest.operations import LITE, Operations

CreditFundingPage = page_of(CreditFundingView, "credit fundings")
FundingDetailsPage = page_of(FundingDetailsView, "funding details")
VirtualBankAccountPage = page_of(VirtualBankAccountView, "virtual bank accounts")


async def list_credit_funding_details(unit: Unit, call: Call) -> Json:
    """List where money can be transferred to for an account group."""
    found = await service.list_virtual_accounts(unit, call.query.page_request, call.path["account_group_id"])
    return page_lite(found, details_shown)


async def list_credit_fundings(unit: Unit, call: Call) -> Json:
    """List the credit fundings of an account group."""
    found = await service.list_fundings(unit, call.query.page_request, call.path["account_group_id"])
    return page_lite(found, funding_shown)


async def list_virtual_bank_accounts(unit: Unit, call: Call) -> Json:
    """List the virtual bank accounts of an account group."""
    found = await service.list_virtual_accounts(unit, call.query.page_request, call.path["account_group_id"])
    return page_lite(found, account_shown)


async def create_virtual_bank_account(unit: Unit, call: Call) -> Json:
    """Open a virtual bank account for an account group."""
    with words_called(STATUS):
        return await service_calls.create_virtual_bank_account(unit, call)


FUNDINGS = Operations(LITE, "Credit Fundings", "payments", readers=("admin", "read"), addition=True)
ACCOUNTS = Operations(LITE, "Virtual Bank Accounts", "payments", readers=("admin", "read"), addition=True)
_READ = ("credit_fundings:read", "payments:admin", "payments:read")
_OF_A_GROUP = "/account_groups/{account_group_id}/payments"

ENDPOINTS: list[Endpoint] = [
    FUNDINGS.lists(
        f"{_OF_A_GROUP}/credit_funding_details", list_credit_funding_details, FundingDetailsPage, query=PageQuery
    ),
    FUNDINGS.lists(
        f"{_OF_A_GROUP}/credit_fundings", list_credit_fundings, CreditFundingPage, query=PageQuery, scopes=_READ
    ),
    FUNDINGS.reads(
        "/payments/credit_fundings/{credit_funding_id}", retrieve_credit_funding, CreditFundingView, scopes=_READ
    ),
    ACCOUNTS.lists(
        f"{_OF_A_GROUP}/virtual_bank_accounts", list_virtual_bank_accounts, VirtualBankAccountPage, query=PageQuery
    ),
    ACCOUNTS.creates(
        "/payments/virtual_bank_accounts", create_virtual_bank_account, VirtualBankAccountView,
        body=VirtualBankAccountCreate, errors=(404, 409, 422),
    ),
    ACCOUNTS.reads(
        "/payments/virtual_bank_accounts/{virtual_bank_account_id}", retrieve_virtual_bank_account,
        VirtualBankAccountView,
    ),
]  # fmt: skip

UNTOLD: Mapping[str, str] = {
    event.type: "lite has no category for transfers that arrive; the balance they change is told" for event in EVENTS
}
