"""Cash balances and cash transactions as v1 shows them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from openvest.core.money import ZERO, cents
from openvest.core.schema import Currency, Day, Id, Instant, SignedCash, SignedPaymentAmount, UnsignedCash, Unused, View
from openvest.core.shown import shown
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.core.v1 import InstrumentReferenceView, MoneyView, PageQuery, page_of, page_v1
from openvest.core.vocabulary import CASH_TYPES
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, PathValue, Representation
from openvest.features.accounts import service as accounts
from openvest.features.cash import service
from openvest.features.cash.model import (
    DEFAULT_CURRENCY,
    CashBalance,
    CashTransaction,
    ChargeMethod,
    ReferenceType,
    TaxKind,
)
from openvest.operations import V1, Operations

CURRENCIES = ("EUR", "GBP", "USD")


class CashBalanceView(View):
    """What an account group has of one currency."""

    account_group_id: Id = Field(description="The account group that owns the money.")
    currency: Currency = Field(description="Currency of all five amounts.")
    balance: SignedCash = Field(description="Everything the group has, locked and unsettled money included.")
    locked_for_trading: UnsignedCash = Field(description="Reserved by open orders.")
    pending_settlement: UnsignedCash = Field(description="Proceeds that are booked but not settled yet.")
    available_for_withdrawal: SignedCash = Field(description="Settled and free; below zero if proceeds were spent.")
    available_for_trading: SignedCash = Field(description="Free for new orders, unsettled proceeds included.")


CashBalancePage = page_of(CashBalanceView, "cash balances")


class CashDeltaView(View):
    """A change of a cash balance."""

    amount: SignedPaymentAmount = Field(description="Above zero where money came in; after taxes and fees.")
    currency: Currency = Field(description="Currency of the amount.")


class TaxTotalView(MoneyView):
    """All taxes of a transaction in one sum."""

    type: Literal["TOTAL"] = Field(description="The sum of all taxes.")


class TaxPartView(MoneyView):
    """One tax of a transaction."""

    type: TaxKind = Field(description="Which tax it is.")
    taxing_jurisdiction: str = Field(description="The country that levies it.")


class TaxesDetailsView(View):
    """The taxes of a transaction, one by one."""

    total_amount: MoneyView = Field(description="Sum of the parts.")
    tax_breakdown: list[TaxPartView] = Field(description="The parts; empty where nothing was withheld.")


class FeeTotalView(MoneyView):
    """Fees of a transaction."""

    type: Literal["TOTAL"] = Field(description="The sum of the fees charged in this way.")
    charge_method: ChargeMethod = Field(description="Who collects the fee from the customer.")


class CashTransactionCauseView(View):
    """An object that caused a transaction."""

    id: Id = Field(description="Id of the object.")
    type: ReferenceType = Field(description="What kind of object it is.")


class CashTransactionView(View):
    """A booked movement of an account group's money."""

    id: Id = Field(description="Id of the transaction.")
    created_at: Instant = Field(description="When the transaction was written.")
    updated_at: Instant = Field(description="The same: a transaction never changes.")
    account_group_id: Id = Field(description="The account group whose money moved.")
    account_id: Id | None = Field(default=None, description="The account the movement belongs to, if it is one's.")
    instrument: InstrumentReferenceView | None = Field(default=None, description="The instrument, if one is involved.")
    type: Annotated[str, Field(json_schema_extra={"enum": list(CASH_TYPES)})] = Field(description="What moved it.")
    delta: CashDeltaView = Field(description="Change of the balance.")
    taxes: list[TaxTotalView] = Field(description="Sum of the taxes withheld; empty where there are none.")
    taxes_details: TaxesDetailsView = Field(description="The same taxes one by one.")
    fees: list[FeeTotalView] = Field(default=[], description="Fees of the movement.")
    references: list[CashTransactionCauseView] = Field(description="What caused it, the closest cause first.")
    booking_date: Instant = Field(description="When the movement was booked.")
    value_date: Instant = Field(description="When it takes effect at the bank.")


CashTransactionPage = page_of(CashTransactionView, "cash transactions")


class CashTransactionQuery(PageQuery):
    """Filters and order of cash transactions."""

    account_group_id: Annotated[Id | None, Unused] = Field(default=None, description="Only this group's transactions.")
    start_date: Annotated[Day | None, Unused] = Field(default=None, description="First booking day, in UTC.")
    end_date: Annotated[Day | None, Unused] = Field(default=None, description="Last booking day, in UTC.")
    sort: Literal["booking_date"] = Field(default="booking_date", description="Field to order by.")


def _money(transaction: Snapshot, amount: Decimal) -> dict[str, Json]:
    return {"amount": cents(amount), "currency": transaction["delta"]["currency"]}


def _tax_total(transaction: Snapshot) -> dict[str, Json]:
    return _money(transaction, sum((Decimal(tax["amount"]) for tax in transaction["taxes"]), ZERO))


def _taxes(transaction: Snapshot) -> Json:
    return [_tax_total(transaction) | {"type": "TOTAL"}] if transaction["taxes"] else []


def _taxes_details(transaction: Snapshot) -> Json:
    parts = [tax | _money(transaction, Decimal(tax["amount"])) for tax in transaction["taxes"]]
    return {"total_amount": _tax_total(transaction), "tax_breakdown": parts}


def _fees(transaction: Snapshot) -> Json:
    return [fee | _money(transaction, Decimal(fee["amount"])) | {"type": "TOTAL"} for fee in transaction["fees"]]


cash_balance_v1 = shown(CashBalanceView, CashBalance)
cash_transaction_v1 = shown(
    CashTransactionView,
    CashTransaction,
    updated_at="created_at",
    taxes=_taxes,
    taxes_details=_taxes_details,
    fees=_fees,
)


async def retrieve_cash_balance(unit: Unit, call: Call) -> Json:
    """Get the EUR balance of an account group; the list of balances replaces this."""
    group = await accounts.get_account_group(unit, call.path["account_group_id"])
    return cash_balance_v1(snapshot_of(await service.get_balance(unit, group.id, DEFAULT_CURRENCY)))


async def list_cash_balances(unit: Unit, call: Call) -> Json:
    """List the cash balances of an account group, one per currency."""
    group = await accounts.get_account_group(unit, call.path["account_group_id"])
    found = [cash_balance_v1(snapshot_of(balance)) for balance in await service.list_balances(unit, group.id)]
    return {"meta": {"offset": 0, "limit": 100, "count": len(found), "total_count": len(found)}, "data": found}


async def retrieve_currency_cash_balance(unit: Unit, call: Call) -> Json:
    """Get the balance of an account group in one currency."""
    group = await accounts.get_account_group(unit, call.path["account_group_id"])
    return cash_balance_v1(snapshot_of(await service.get_balance(unit, group.id, call.path["currency"])))


async def list_cash_transactions(unit: Unit, call: Call) -> Json:
    """List cash transactions."""
    query: CashTransactionQuery = call.query
    return page_v1(await service.list_transactions(unit, query.page_request, **query.filters), cash_transaction_v1)


def _currency(text: str) -> str:
    if text not in CURRENCIES:
        raise ValueError(text)
    return text


_CURRENCY = PathValue(_currency, f"The currency: {', '.join(CURRENCIES)}.", (f"^({'|'.join(CURRENCIES)})$",))

BALANCES = Operations(V1, "Cash Balances", "positions", readers=("read",))
TRANSACTIONS = Operations(V1, "Transactions", "transactions", readers=("read",))
_OF_A_GROUP = "/account_groups/{account_group_id}/payments"

ENDPOINTS: list[Endpoint] = [
    BALANCES.reads(f"{_OF_A_GROUP}/cash_balance", retrieve_cash_balance, CashBalanceView),
    BALANCES.lists(f"{_OF_A_GROUP}/cash_balances", list_cash_balances, CashBalancePage, errors=(400,)),
    BALANCES.reads(
        f"{_OF_A_GROUP}/cash_balances/{{currency}}", retrieve_currency_cash_balance, CashBalanceView,
        path_types={"currency": _CURRENCY},
    ),
    TRANSACTIONS.lists(
        "/transactions/cash", list_cash_transactions, CashTransactionPage, query=CashTransactionQuery,
        errors=(404, 405),
    ),
]  # fmt: skip

REPRESENTATIONS: Mapping[str, Representation] = {
    "cash balance": Representation(cash_balance_v1, CashBalanceView),
    "cash transaction": Representation(cash_transaction_v1, CashTransactionView),
}
