"""Cash balances, cash transactions and the published names of what a transaction can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.core.money import ZERO, Money
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

_WITH_TWIN = """
ACCUMULATION ANNUAL_GENERAL_MEETING ATTACHMENT BALANCE_CORRECTION BANKRUPTCY BOND_DEFAULT BOND_HOLDER_MEETING
BONUS_ISSUE CALL_ON_INTERMEDIATE_SECURITIES CAPITAL_DISTRIBUTION CAPITAL_GAINS_DISTRIBUTION CAPITALISATION
CASH_DISTRIBUTION_FROM_NON_ELIGIBLE_SECURITIES_SALES CASH_DIVIDEND CHANGE CLASS_ACTION COMPANY_OPTION CONSENT CONVERSION
COURT_MEETING CREDIT_EVENT DECREASE_IN_VALUE DETACHMENT DISCLOSURE DIVIDEND_OPTION DIVIDEND_REINVESTMENT DRAWING
DUTCH_AUCTION EXCHANGE EXTRAORDINARY_OR_SPECIAL_GENERAL_MEETING FINAL_MATURITY FULL_CALL INCREASE_IN_VALUE INFORMATION
INSTALMENT_CALL INTEREST_PAYMENT INTERMEDIATE_SECURITIES_DISTRIBUTION LIQUIDATION_PAYMENT MATURITY_EXTENSION MERGER
NON_OFFICIAL_OFFER NON_US_TEFRA_D_CERTIFICATION ODD_LOT_SALE ORDER_EXECUTION ORDINARY_GENERAL_MEETING OTHER_EVENT
PARI_PASSU PARTIAL_DEFEASANCE PARTIAL_REDEMPTION_WITH_POOL_FACTOR_REDUCTION
PARTIAL_REDEMPTION_WITHOUT_POOL_FACTOR_REDUCTION PAY_IN_KIND PLACE_OF_INCORPORATION PRIORITY_ISSUE PUT_REDEMPTION
REDENOMINATION REMARKETING_AGREEMENT REPURCHASE_OFFER REVERSE_STOCK_SPLIT RIGHTS_ISSUE SCRIP_DIVIDEND
SHARES_PREMIUM_DIVIDEND SMALLEST_NEGOTIABLE_UNIT SPIN_OFF STOCK_DIVIDEND STOCK_SPLIT TAX_ON_NON_DISTRIBUTED_PROCEEDS
TAX_RECLAIM TENDER TRADING_STATUS_ACTIVE TRADING_STATUS_DELISTED TRADING_STATUS_SUSPENDED WARRANT_EXERCISE
WITHHOLDING_TAX_RELIEF_CERTIFICATION WORTHLESS
""".split()

COMMON_TYPES: tuple[str, ...] = (
    *(name for twin in _WITH_TWIN for name in (twin, f"{twin}_CANCELLATION")),
    "PEAK_FRACTION_COMPENSATION",
    "PEAK_ORDER_ADJUSTMENT",
)
"""Types that cash and securities transactions share. Source: reference (transactions)."""

CASH_TYPES: tuple[str, ...] = (
    *COMMON_TYPES,
    *"""
    CREDIT_FUNDING CREDIT_FUNDING_CHARGE_BACK DD_REFUND_REJECT_FEE DD_REFUND_REJECT_FEE_CANCELLATION
    EXTERNAL_SEPA_DIRECT_DEBIT EXTERNAL_SEPA_DIRECT_DEBIT_CHARGE_BACK FEE_COLLECTION FEE_COLLECTION_CANCELLATION
    INTERNAL_CASH_TRANSFER INTERNAL_CASH_TRANSFER_CANCELLATION ISA_TRANSFER SEPA_DIRECT_DEBIT
    SEPA_DIRECT_DEBIT_CHARGE_BACK TAX_PAYMENT TAX_PREPAYMENT_DE TAX_REFUND TOPUP TOPUP_CANCELLATION TREASURY_PAYMENT
    VIRTUAL_CASH_CORRECTION VIRTUAL_CASH_CORRECTION_CANCELLATION VIRTUAL_CASH_DECREASE VIRTUAL_CASH_INCREASE WITHDRAWAL
    WITHDRAWAL_CANCELLATION
    """.split(),
)
"""Every type of a cash transaction, the ones of later features too."""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Instrument:
    """What names an instrument in a transaction: its id, and its ISIN as it was at the booking."""

    uuid: UUID
    isin: str | None


@dataclass(frozen=True, slots=True)
class Reference:
    """An object that caused a transaction."""

    id: UUID
    type: ReferenceType


@dataclass(frozen=True, slots=True)
class Tax:
    """One tax withheld (below zero: given back), in the currency of the transaction."""

    type: TaxKind
    amount: Decimal
    taxing_jurisdiction: str


@dataclass(frozen=True, slots=True)
class Fee:
    """One fee in the currency of the transaction. A fee the client charges itself is named but not in the delta."""

    amount: Decimal
    charge_method: ChargeMethod


@dataclass(frozen=True, slots=True)
class Booked:
    """What all booked movements have: whose they are, what moved them, and when."""

    id: UUID
    account_group_id: UUID
    account_id: UUID | None
    type: str
    booking_date: datetime
    value_date: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
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
