"""Cash balances and cash transactions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.core.money import ZERO, Money
from openvest.core.records import record
from openvest.core.shown import filled
from openvest.declarations import Event
from openvest.ledger.chart import Balance

DEFAULT_CURRENCY = "EUR"
"""Every account group has a balance in it, be it zero; other currencies appear with their first booking."""

TaxKind = Literal[
    "CAPITAL_GAINS", "CHURCH_TAX", "SOLIDARITY_SURCHARGE", "FINANCIAL_TRANSACTION_TAX", "STAMP_DUTY",
    "INTERNATIONAL_WITHHOLDING_TAX",
]  # fmt: skip
ChargeMethod = Literal["CHARGED_BY_CLIENT", "COLLECTED_BY_UPVEST"]
ReferenceType = Literal[
    "ACCOUNT_GROUP", "CASH_BALANCE_TRANSFER", "CORPORATE_ACTION", "CORPORATE_ACTION_TRANSACTION_ID", "CREDIT_FUNDING",
    "DIRECT_DEBIT", "EXTERNAL_DIRECT_DEBIT", "FEE_COLLECTION", "ISA_TRANSFER", "ORDER", "ORDER_EXECUTION",
    "TAX_TRANSACTION", "TOPUP", "TRANSACTION_FEE_EXECUTION", "VIRTUAL_CASH_DECREASE", "VIRTUAL_CASH_INCREASE",
    "WITHDRAWAL",
]  # fmt: skip


@record
class CashBalance:
    """What a group has of one currency."""

    account_group_id: UUID
    currency: str
    balance: Decimal
    locked_for_trading: Decimal
    pending_settlement: Decimal
    available_for_withdrawal: Decimal
    available_for_trading: Decimal


cash_balance_of = filled(CashBalance, Balance, account_group_id="owner_id", currency="asset")
"""The published figures of a group's balance row."""


def empty_balance(account_group_id: UUID, currency: str) -> CashBalance:
    """The balance of a group to which nothing was booked yet."""
    return CashBalance(account_group_id, currency, ZERO, ZERO, ZERO, ZERO, ZERO)


@record
class Instrument:
    """What names an instrument in a transaction: its id, and its ISIN as it was at the booking."""

    uuid: UUID
    isin: str | None


@record
class Reference:
    """An object that caused a transaction."""

    id: UUID
    type: ReferenceType


@record
class Tax:
    """One tax withheld (below zero: given back), in the currency of the transaction."""

    type: TaxKind
    amount: Decimal
    taxing_jurisdiction: str


@record
class Fee:
    """One fee in the currency of the transaction. A fee the client charges itself is named but not in the delta."""

    amount: Decimal
    charge_method: ChargeMethod


@record
class Booked:
    """What all booked movements have: whose they are, what moved them, and when."""

    id: UUID
    account_group_id: UUID
    account_id: UUID | None
    type: str
    booking_date: datetime
    value_date: datetime
    created_at: datetime


@record
class CashTransaction(Booked):
    """A booked movement of a group's money; it never changes.

    `delta` is what the balance changed by, after taxes and fees. `account_id` and `instrument` are set where the
    movement belongs to one account or comes from one instrument.
    """

    delta: Money
    references: tuple[Reference, ...]
    instrument: Instrument | None = None
    taxes: tuple[Tax, ...] = ()
    fees: tuple[Fee, ...] = ()


EVENTS: Sequence[Event] = (
    Event("CASH_BALANCE.UPDATED", "cash balance"),
    Event("CASH_TRANSACTION.EXECUTED", "cash transaction"),
)
