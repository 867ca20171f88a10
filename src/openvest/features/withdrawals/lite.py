"""Withdrawals as lite shows them: asked for an account and paid from its group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from openvest.core.lite import EventObjectView, PageQuery, event_object, page_lite, page_of, words_called
from openvest.core.naming import Names
from openvest.core.schema import Body, Currency, Id, Instant, PaymentAmount, Unused, View
from openvest.core.schema_payments import Amount
from openvest.core.shown import shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.accounts import service as accounts
from openvest.features.accounts.model_lite import STATUS
from openvest.features.withdrawals import service
from openvest.features.withdrawals.model import NewWithdrawal, Withdrawal, WithdrawalStatus
from openvest.operations import LITE, Operations

State = Literal["NEW", "PROCESSING", "COMPLETED", "FAILED"]
STATES: Names[WithdrawalStatus, State] = Names(
    WithdrawalStatus,
    State,
    {"NEW": "NEW", "PROCESSING": "PROCESSING", "CONFIRMED": "COMPLETED", "CANCELLED": "FAILED"},
)
NAMES = (STATES,)


class WithdrawalCreate(Body):
    """Money of an account's group that is to be paid out."""

    account_id: Id = Field(description="The account to withdraw from; the money is its group's.")
    cash_amount: Amount = Field(description="How much to pay out; it must be available for withdrawal.")
    currency: Currency = Field(description="Currency of the amount; payouts are in EUR.")
    reference_account_id: Annotated[Id | None, Unused] = Field(
        default=None, description="The reference account it is paid to; else the owner's newest."
    )


class WithdrawalView(View):
    """A payout to a reference account."""

    id: Id = Field(description="Id of the withdrawal.")
    account_id: Id | None = Field(
        default=None, description="The account it was asked for; left out where it was asked for a group."
    )
    cash_amount: PaymentAmount = Field(description="How much is paid out.")
    currency: Currency = Field(description="Currency of the amount.")
    status: State = Field(description="How far it is.")
    created_at: Instant = Field(description="When it was ordered.")


WithdrawalPage = page_of(WithdrawalView, "withdrawals")
withdrawal_lite = shown(WithdrawalView, Withdrawal, cash_amount="amount", status=lambda one: STATES[one["status"]])


async def create_withdrawal(unit: Unit, call: Call) -> Json:
    """Have money paid out to a reference account."""
    said: WithdrawalCreate = call.body
    account = await accounts.get_account(unit, said.account_id)
    group_id, paid_to = account.account_group_id, said.reference_account_id
    new = NewWithdrawal(
        reference_account_id=paid_to or await service.newest_reference_account(unit, group_id),
        account_group_id=group_id,
        account_id=account.id,
        user_id=None,
        amount=said.cash_amount,
        currency=said.currency,
        remittance_information="",
        purpose_code=None,
    )
    with words_called(STATUS):
        return withdrawal_lite(snapshot_of(await service.create_withdrawal(unit, new)))


async def list_withdrawals(unit: Unit, call: Call) -> Json:
    """List withdrawals."""
    return page_lite(await service.list_withdrawals(unit, call.query.page_request), withdrawal_lite)


WITHDRAWALS = Operations(LITE, "Withdrawals", "payments", readers=("admin", "read"))

ENDPOINTS: list[Endpoint] = [
    WITHDRAWALS.lists("/withdrawals", list_withdrawals, WithdrawalPage, query=PageQuery),
    WITHDRAWALS.creates("/withdrawals", create_withdrawal, WithdrawalView, body=WithdrawalCreate, errors=(404, 422)),
]

REPRESENTATIONS: Mapping[str, Representation] = {
    "withdrawal": Representation(event_object("WITHDRAWAL"), EventObjectView)
}
TOLD = {"WITHDRAWAL.CONFIRMED": "WITHDRAWAL.COMPLETED", "WITHDRAWAL.CANCELLED": "WITHDRAWAL.FAILED"}
UNTOLD: Mapping[str, str] = {
    f"WITHDRAWAL.{name}": "lite tells how a withdrawal ended" for name in ("NEW", "PROCESSING")
}
