"""Virtual bank accounts and credit fundings as v1 shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from openvest.core.snapshots import Json
from openvest.core.v1 import PageQuery, page_of, page_v1
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.fundings import service
from openvest.features.fundings.service_calls import (
    CreditFundingView,
    FundingDetailsView,
    VirtualBankAccountCreate,
    VirtualBankAccountView,
    account_shown,
    create_virtual_bank_account,
    details_shown,
    funding_shown,
    retrieve_credit_funding,
    retrieve_virtual_bank_account,
)
from openvest.operations import V1, Operations

CreditFundingPage = page_of(CreditFundingView, "credit fundings")
FundingDetailsPage = page_of(FundingDetailsView, "funding details")
VirtualBankAccountPage = page_of(VirtualBankAccountView, "virtual bank accounts")


class CreditFundingQuery(PageQuery):
    """Order of credit fundings."""

    sort: Literal["created_at"] = Field(default="created_at", description="Field to order by.")


class VirtualBankAccountQuery(PageQuery):
    """Order of virtual bank accounts."""

    sort: Literal["id", "created_at"] = Field(default="created_at", description="Field to order by.")


async def list_credit_funding_details(unit: Unit, call: Call) -> Json:
    """List where money can be transferred to for an account group."""
    found = await service.list_virtual_accounts(unit, call.query.page_request, call.path["account_group_id"])
    return page_v1(found, details_shown)


async def list_credit_fundings(unit: Unit, call: Call) -> Json:
    """List the credit fundings of an account group."""
    found = await service.list_fundings(unit, call.query.page_request, call.path["account_group_id"])
    return page_v1(found, funding_shown)


async def list_virtual_bank_accounts(unit: Unit, call: Call) -> Json:
    """List the virtual bank accounts of an account group."""
    found = await service.list_virtual_accounts(unit, call.query.page_request, call.path["account_group_id"])
    return page_v1(found, account_shown)


FUNDINGS = Operations(V1, "Credit Fundings", "payments", readers=("admin", "read"))
ACCOUNTS = Operations(V1, "Virtual Bank Accounts", "payments", readers=("admin", "read"))
_READ = ("credit_fundings:read", "payments:admin", "payments:read")
_OF_A_GROUP = "/account_groups/{account_group_id}/payments"

ENDPOINTS: list[Endpoint] = [
    FUNDINGS.lists(
        f"{_OF_A_GROUP}/credit_funding_details", list_credit_funding_details, FundingDetailsPage, query=PageQuery
    ),
    FUNDINGS.lists(
        f"{_OF_A_GROUP}/credit_fundings", list_credit_fundings, CreditFundingPage, query=CreditFundingQuery,
        scopes=_READ,
    ),
    FUNDINGS.reads(
        "/payments/credit_fundings/{credit_funding_id}", retrieve_credit_funding, CreditFundingView, scopes=_READ
    ),
    ACCOUNTS.lists(
        f"{_OF_A_GROUP}/virtual_bank_accounts", list_virtual_bank_accounts, VirtualBankAccountPage,
        query=VirtualBankAccountQuery,
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

REPRESENTATIONS: Mapping[str, Representation] = {
    "credit funding": Representation(funding_shown, CreditFundingView),
    "virtual bank account": Representation(account_shown, VirtualBankAccountView),
}
