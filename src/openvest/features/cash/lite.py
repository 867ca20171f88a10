"""Cash balances as lite shows them: those of an account are its group's, so all accounts of a group show the same."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from pydantic import Field

from openvest.core.lite import EventObjectView, event_object, list_of
from openvest.core.records import record
from openvest.core.schema import Currency, Id, SignedCash, UnsignedCash, View
from openvest.core.shown import filled, shown
from openvest.core.snapshots import Json, snapshot_of
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, Representation
from openvest.features.accounts import service as accounts
from openvest.features.cash import service
from openvest.features.cash.model import CashBalance
from openvest.operations import LITE, Operations


class CashBalanceView(View):
    """What the group of an account has of one currency."""

    account_id: Id = Field(description="The account that was asked for; every account of its group shows the same.")
    currency: Currency = Field(description="Currency of the three amounts.")
    available: SignedCash = Field(description="Free for new orders, unsettled proceeds included.")
    pending: UnsignedCash = Field(description="Proceeds that are booked but not settled yet.")
    total: SignedCash = Field(description="Everything there is, locked and unsettled money included.")


CashBalanceList = list_of(CashBalanceView, "cash balances")


@record
class AccountBalance(CashBalance):
    """The balance of an account's group."""

    account_id: UUID


_of_account = filled(AccountBalance, CashBalance, beside="account_id")
cash_balance_lite = shown(
    CashBalanceView, AccountBalance, available="available_for_trading", pending="pending_settlement", total="balance"
)


async def list_cash_balances(unit: Unit, call: Call) -> Json:
    """List the cash balances of an account, one per currency."""
    account = await accounts.get_account(unit, call.path["account_id"])
    found = await service.list_balances(unit, account.account_group_id)
    balances = [_of_account(balance, account_id=account.id) for balance in found]
    return {"data": [cash_balance_lite(snapshot_of(balance)) for balance in balances]}


BALANCES = Operations(LITE, "Cash Balances", "positions", readers=("read",))

ENDPOINTS: list[Endpoint] = [
    BALANCES.lists("/accounts/{account_id}/cash_balances", list_cash_balances, CashBalanceList)
]

# A balance is the group's and no one account's, so the id of an event's object is that of the account group.
REPRESENTATIONS: Mapping[str, Representation] = {
    "cash balance": Representation(event_object("CASH_BALANCE", "account_group_id"), EventObjectView)
}
UNTOLD: Mapping[str, str] = {
    "CASH_TRANSACTION.EXECUTED": "lite has no category for transactions; the balance and what moved it are told"
}
