"""Cash balances and cash transactions as v1 shows them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from openvest.core.money import ZERO, cents
from openvest.core.schema import (
    Currency,
    Day,
    Id,
    Instant,
    SignedDecimal,
    SignedPaymentAmount,
    UnsignedDecimal,
    Unused,
    View,
)
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.core.v1 import InstrumentReferenceView, MoneyView, PageQuery, page_of, page_v1
from openvest.db.unit import Unit
from openvest.declarations import Call, Endpoint, PathValue, Representation
from openvest.features.accounts import service as accounts
from openvest.features.cash import service
from openvest.features.cash.model import CASH_TYPES, DEFAULT_CURRENCY, ChargeMethod, ReferenceType, TaxKind

CURRENCIES = ("EUR", "GBP", "USD")


class CashBalanceView(View):
    """What an account group has of one currency."""

    account_group_id: Id = Field(description="The account group that owns the money.")
    currency: Currency = Field(description="Currency of all five amounts.")
    balance: SignedDecimal = Field(description="Everything the group has, locked and unsettled money included.")
    locked_for_trading: UnsignedDecimal = Field(description="Reserved by open orders.")
    pending_settlement: UnsignedDecimal = Field(description="Proceeds that are booked but not settled yet.")
    available_for_withdrawal: SignedDecimal = Field(description="Settled and free; below zero if proceeds were spent.")
    available_for_trading: SignedDecimal = Field(description="Free for new orders, unsettled proceeds included.")


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


def _cents(amount: str) -> str:
    return cents(Decimal(amount))


def cash_balance_v1(balance: Snapshot) -> Json:
    """A cash balance from its snapshot."""
    return {
        "account_group_id": balance["account_group_id"],
        "currency": balance["currency"],
        "balance": _cents(balance["balance"]),
        "locked_for_trading": _cents(balance["locked_for_trading"]),
        "pending_settlement": _cents(balance["pending_settlement"]),
        "available_for_withdrawal": _cents(balance["available_for_withdrawal"]),
        "available_for_trading": _cents(balance["available_for_trading"]),
    }


def cash_transaction_v1(transaction: Snapshot) -> Json:
    """A cash transaction from its snapshot."""
    currency: str = transaction["delta"]["currency"]
    total = cents(sum((Decimal(tax["amount"]) for tax in transaction["taxes"]), ZERO))
    body = {
        "id": transaction["id"],
        "created_at": transaction["created_at"],
        "updated_at": transaction["created_at"],
        "account_group_id": transaction["account_group_id"],
        "type": transaction["type"],
        "delta": {"amount": _cents(transaction["delta"]["amount"]), "currency": currency},
        "taxes": [{"amount": total, "currency": currency, "type": "TOTAL"}] if transaction["taxes"] else [],
        "taxes_details": {
            "total_amount": {"amount": total, "currency": currency},
            "tax_breakdown": [
                {
                    "amount": _cents(tax["amount"]),
                    "currency": currency,
                    "type": tax["type"],
                    "taxing_jurisdiction": tax["taxing_jurisdiction"],
                }
                for tax in transaction["taxes"]
            ],
        },
        "fees": [
            {
                "amount": _cents(fee["amount"]),
                "currency": currency,
                "type": "TOTAL",
                "charge_method": fee["charge_method"],
            }
            for fee in transaction["fees"]
        ],
        "references": [{"id": ref["id"], "type": ref["type"]} for ref in transaction["references"]],
        "booking_date": transaction["booking_date"],
        "value_date": transaction["value_date"],
    }
    if transaction["account_id"] is not None:
        body["account_id"] = transaction["account_id"]
    if transaction["instrument"] is not None:
        body["instrument"] = {k: v for k, v in transaction["instrument"].items() if v is not None}
    return body


async def retrieve_cash_balance(unit: Unit, call: Call) -> Json:
    group = await accounts.get_account_group(unit, call.path["account_group_id"])
    return cash_balance_v1(snapshot_of(await service.get_balance(unit, group.id, DEFAULT_CURRENCY)))


async def list_cash_balances(unit: Unit, call: Call) -> Json:
    group = await accounts.get_account_group(unit, call.path["account_group_id"])
    found = [cash_balance_v1(snapshot_of(balance)) for balance in await service.list_balances(unit, group.id)]
    return {"meta": {"offset": 0, "limit": 100, "count": len(found), "total_count": len(found)}, "data": found}


async def retrieve_currency_cash_balance(unit: Unit, call: Call) -> Json:
    group = await accounts.get_account_group(unit, call.path["account_group_id"])
    return cash_balance_v1(snapshot_of(await service.get_balance(unit, group.id, call.path["currency"])))


async def list_cash_transactions(unit: Unit, call: Call) -> Json:
    query: CashTransactionQuery = call.query
    found = await service.list_transactions(
        unit,
        query.page_request,
        account_group_id=query.account_group_id,
        start_date=query.start_date,
        end_date=query.end_date,
    )
    return page_v1(found, [cash_transaction_v1(snapshot_of(row)) for row in found.rows])


def _currency(text: str) -> str:
    if text not in CURRENCIES:
        raise ValueError(text)
    return text


_CURRENCY = PathValue(_currency, f"The currency: {', '.join(CURRENCIES)}.", (f"^({'|'.join(CURRENCIES)})$",))

ENDPOINTS: list[Endpoint] = [
    Endpoint(
        "GET",
        "/account_groups/{account_group_id}/payments/cash_balance",
        "retrieve_cash_balance",
        "Get the EUR balance of an account group; the list of balances replaces this",
        "Cash Balances",
        ("positions:read",),
        CashBalanceView,
        retrieve_cash_balance,
        errors=(404,),
    ),
    Endpoint(
        "GET",
        "/account_groups/{account_group_id}/payments/cash_balances",
        "list_cash_balances",
        "List the cash balances of an account group, one per currency",
        "Cash Balances",
        ("positions:read",),
        CashBalancePage,
        list_cash_balances,
        errors=(400, 404),
    ),
    Endpoint(
        "GET",
        "/account_groups/{account_group_id}/payments/cash_balances/{currency}",
        "retrieve_currency_cash_balance",
        "Get the balance of an account group in one currency",
        "Cash Balances",
        ("positions:read",),
        CashBalanceView,
        retrieve_currency_cash_balance,
        errors=(404,),
        path_types={"currency": _CURRENCY},
    ),
    Endpoint(
        "GET",
        "/transactions/cash",
        "list_cash_transactions",
        "List cash transactions",
        "Transactions",
        ("transactions:read",),
        CashTransactionPage,
        list_cash_transactions,
        query=CashTransactionQuery,
        errors=(400, 404, 405),
    ),
]

REPRESENTATIONS: Mapping[str, Representation] = {
    "cash balance": Representation(cash_balance_v1, CashBalanceView),
    "cash transaction": Representation(cash_transaction_v1, CashTransactionView),
}
