"""Withdrawals as v1 shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from openvest.core.schema import Body, Currency, Id, Instant, PaymentAmount, Unused, View
from openvest.core.schema_payments import Amount, PurposeCode
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.core.v1 import PageQuery, page_of, page_v1
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.withdrawals import service
from openvest.features.withdrawals.model import NewWithdrawal, Withdrawal
from openvest.operations import V1, Operations

Text = Annotated[str, Field(max_length=140, pattern=r"^[0-9A-Za-z+?/\-:()\.,';_ ]*$")]


class WithdrawalCreate(Body):
    """Money to be paid out."""

    reference_account_id: Id = Field(description="The reference account it is paid to.")
    account_group_id: Id = Field(description="The account group it is paid from.")
    user_id: Annotated[Id | None, Unused] = Field(
        default=None, description="The owner of the account group, which says so by itself."
    )
    amount: Amount = Field(description="How much to pay out; it must be available for withdrawal.")
    currency: Currency = Field(default="EUR", description="Currency of the amount; payouts are in EUR.")
    remittance_information: Annotated[Text | None, Unused] = Field(default=None, description="Text of the transfer.")
    purpose_code: Annotated[PurposeCode | None, Unused] = Field(
        default=None, description="ISO 20022 purpose of the transfer."
    )


class WithdrawalTaxView(View):
    """A tax that is withheld with a withdrawal."""

    type: Literal["TOTAL"] = Field(description="All taxes together.")
    amount: PaymentAmount = Field(description="How much is withheld.")
    currency: Currency = Field(description="Currency of the amount.")


class WithdrawalView(View):
    """A payout to a reference account."""

    id: Id = Field(description="Id of the withdrawal.")
    created_at: Instant = Field(description="When it was ordered.")
    updated_at: Instant = Field(description="When it last changed.")
    reference_account_id: Id = Field(description="The reference account it is paid to.")
    account_group_id: Id = Field(description="The account group it is paid from.")
    user_id: Id | None = Field(default=None, description="The owner of the account group.")
    amount: PaymentAmount = Field(description="How much is paid out.")
    currency: Currency = Field(description="Currency of the amount.")
    remittance_information: Text = Field(description="Text of the transfer.")
    purpose_code: PurposeCode | None = Field(default=None, description="ISO 20022 purpose of the transfer.")
    taxes: list[WithdrawalTaxView] | None = Field(
        default=None, description="What is withheld for the tax office; left out where nothing is."
    )
    status: Literal["NEW", "PROCESSING", "CONFIRMED", "CANCELLED"] | None = Field(
        default=None, description="How far it is."
    )
    cancellation_reason: Literal["CANCELLED_BY_BANK", "CANCELLED_BY_UPVEST", "CANCELLED_BY_CLIENT", "OTHER"] | None = (
        Field(default=None, description="Who ended it, where it is CANCELLED.")
    )


WithdrawalPage = page_of(WithdrawalView, "withdrawals")


class WithdrawalQuery(PageQuery):
    """Order of withdrawals."""

    sort: Literal["id", "created_at"] = Field(default="created_at", description="Field to order by.")


withdrawal_v1 = shown(WithdrawalView, Withdrawal, taxes=lambda _: None)
_new_withdrawal = filled(
    NewWithdrawal,
    WithdrawalCreate,
    account_id=lambda _: None,
    remittance_information=lambda body: body.remittance_information or "",
)


async def create_cash_withdrawal(unit: Unit, call: Call) -> Json:
    """Have money paid out to a reference account."""
    return withdrawal_v1(snapshot_of(await service.create_withdrawal(unit, _new_withdrawal(call.body))))


async def list_cash_withdrawals(unit: Unit, call: Call) -> Json:
    """List the withdrawals of an account group."""
    found = await service.list_withdrawals(unit, call.query.page_request, call.path["account_group_id"])
    return page_v1(found, withdrawal_v1)


async def retrieve_cash_withdrawal(unit: Unit, call: Call) -> Json:
    """Get a withdrawal."""
    return withdrawal_v1(snapshot_of(await service.get_withdrawal(unit, call.path["withdrawal_id"])))


async def cancel_cash_withdrawal(unit: Unit, call: Call) -> Json:
    """Cancel a withdrawal that no bank has yet."""
    await service.cancel_withdrawal(unit, call.path["withdrawal_id"])


WITHDRAWALS = Operations(V1, "Payments", "payments", readers=("admin", "read"))
_ONE = "/payments/withdrawals/{withdrawal_id}"

ENDPOINTS: list[Endpoint] = [
    WITHDRAWALS.lists(
        "/account_groups/{account_group_id}/payments/withdrawals", list_cash_withdrawals, WithdrawalPage,
        query=WithdrawalQuery,
    ),
    WITHDRAWALS.creates(
        "/payments/withdrawals", create_cash_withdrawal, WithdrawalView, body=WithdrawalCreate, errors=(404, 422)
    ),
    WITHDRAWALS.reads(_ONE, retrieve_cash_withdrawal, WithdrawalView),
    WITHDRAWALS.deletes(_ONE, cancel_cash_withdrawal, errors=(422,)),
]  # fmt: skip

REPRESENTATIONS: Mapping[str, Representation] = {"withdrawal": Representation(withdrawal_v1, WithdrawalView)}
