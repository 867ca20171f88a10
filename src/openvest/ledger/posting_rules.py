"""Recipes: every movement of value this system knows, as a pure function from facts to a journal.

A posting rule names `available` where a customer is credited or debited; whether a credit repays a debt, or a forced
debit makes one, is decided by `apply` on the locked balance. Every journal sums to zero per asset, its memo legs by
themselves.

Units: money in the currency's major unit, quantities in units of the instrument.
Source: POSTINGS.md; the section of each journal stands at its posting rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.core.ids import deterministic_id
from openvest.core.money import ZERO
from openvest.core.records import record
from openvest.ledger.chart import Leg, units_of

Kind = Literal[
    "TOPUP",
    "TOPUP_SETTLED",
    "TOPUP_CANCELLATION",
    "PAYMENT_UNMATCHED",
    "PAYMENT_RETURNED",
    "CREDIT_FUNDING",
    "CREDIT_FUNDING_CHARGE_BACK",
    "SEPA_DIRECT_DEBIT",
    "SEPA_DIRECT_DEBIT_CHARGE_BACK",
    "DD_REFUND_REJECT_FEE",
    "DEBT_WAIVED",
    "WITHDRAWAL_LOCK",
    "WITHDRAWAL_UNLOCK",
    "WITHDRAWAL",
    "WITHDRAWAL_CANCELLATION",
    "CASH_BALANCE_TRANSFER_LOCK",
    "CASH_BALANCE_TRANSFER_UNLOCK",
    "CASH_BALANCE_TRANSFER",
    "VIRTUAL_CASH_INCREASE",
    "VIRTUAL_CASH_DECREASE_LOCK",
    "VIRTUAL_CASH_DECREASE_UNLOCK",
    "VIRTUAL_CASH_DECREASE",
    "ORDER_LOCK",
    "ORDER_UNLOCK",
    "ORDER_EXECUTION",
    "ORDER_EXECUTION_CANCELLATION",
    "STREET_EXECUTION",
    "STREET_EXECUTION_CANCELLATION",
    "SETTLEMENT",
    "SETTLEMENT_CANCELLATION",
    "SEGREGATION",
    "DUST_CLEANUP",
]

FORCED: frozenset[Kind] = frozenset(
    {
        "CREDIT_FUNDING_CHARGE_BACK",
        "SEPA_DIRECT_DEBIT_CHARGE_BACK",
        "DD_REFUND_REJECT_FEE",
        "ORDER_EXECUTION_CANCELLATION",
    }
)
"""Debits of a customer that do not ask whether there is enough: what is missing becomes `due`. (POSTINGS.md rule 2)"""

PAYOUTS: frozenset[Kind] = frozenset(
    {"WITHDRAWAL_LOCK", "TOPUP_CANCELLATION", "CASH_BALANCE_TRANSFER_LOCK", "VIRTUAL_CASH_DECREASE_LOCK"}
)
"""Debits that may not take unsettled proceeds: what is withdrawable must suffice. (POSTINGS.md rule 3)"""


@record
class Journal:
    """A movement of value, before it is booked. `(kind, object_id)` is booked at most once.

    `lock_id` is the object (the order) whose lock the legs in `locked` take or consume; `reverses` names the original
    of a reversal by kind and object.
    """

    kind: Kind
    object_id: UUID
    booking_on: date
    value_on: date
    legs: tuple[Leg, ...]
    lock_id: UUID | None = None
    reverses: tuple[Kind, UUID] | None = None


def journal_of(
    kind: Kind,
    object_id: UUID,
    on: date,
    legs: Iterable[Leg],
    *,
    value_on: date | None = None,
    lock_id: UUID | None = None,
    reverses: Kind | None = None,
) -> Journal:
    """A journal without its empty legs; `reverses` is the kind the same object was booked under."""
    return Journal(
        kind,
        object_id,
        on,
        on if value_on is None else value_on,
        tuple(leg for leg in legs if leg.amount),
        lock_id,
        None if reverses is None else (reverses, object_id),
    )


def house(asset: str, bucket: str, amount: Decimal, detail: str = "") -> Leg:
    """A leg of the house."""
    return Leg(None, asset, bucket, amount, detail)


# Money in and out (section 2)


def topup(topup_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """A confirmed top-up: a claim on the client firm, tradable at once. (2.1)"""
    legs = (Leg(group_id, currency, "available", amount), house(currency, "client_funding", -amount))
    return journal_of("TOPUP", topup_id, on, legs)


def topup_settled(topup_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """The client firm's wire for a top-up has arrived. (2.1)"""
    legs = (house(currency, "client_funding", amount), house(currency, "bank", -amount))
    return journal_of("TOPUP_SETTLED", topup_id, on, legs)


def topup_cancellation(topup_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """A top-up the client firm takes back; refused where it is not withdrawable any more. (2.1)"""
    legs = (Leg(group_id, currency, "available", -amount), house(currency, "client_funding", amount))
    return journal_of("TOPUP_CANCELLATION", topup_id, on, legs, reverses="TOPUP")


def payment_unmatched(line_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """Money received whose owner is not known; it stands in suspense, never on a customer. (2.5)"""
    legs = (house(currency, "bank", -amount), house(currency, "suspense", amount))
    return journal_of("PAYMENT_UNMATCHED", line_id, on, legs)


def payment_returned(return_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """Money in suspense that the bank has paid back to who sent it. (2.5)"""
    legs = (house(currency, "suspense", -amount), house(currency, "bank", amount))
    return journal_of("PAYMENT_RETURNED", return_id, on, legs)


def credit_funding(
    funding_id: UUID,
    group_id: UUID,
    currency: str,
    amount: Decimal,
    on: date,
    *,
    source: Literal["bank", "suspense"] = "bank",
) -> Journal:
    """A customer's transfer: matched at receipt (`bank`) or later (`suspense`). (2.5)"""
    legs = (house(currency, source, -amount), Leg(group_id, currency, "available", amount))
    return journal_of("CREDIT_FUNDING", funding_id, on, legs)


def credit_funding_charge_back(
    funding_id: UUID,
    group_id: UUID,
    currency: str,
    amount: Decimal,
    on: date,
    *,
    source: Literal["bank", "suspense"] = "bank",
) -> Journal:
    """A recalled transfer; what is spent becomes due. Out of `suspense` where the recall was told before it. (2.5)"""
    legs = (Leg(group_id, currency, "available", -amount), house(currency, source, amount))
    return journal_of("CREDIT_FUNDING_CHARGE_BACK", funding_id, on, legs, reverses="CREDIT_FUNDING")


def sepa_direct_debit(debit_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """A collected direct debit on its inter-bank settlement date. (2.6)"""
    legs = (house(currency, "bank", -amount), Leg(group_id, currency, "available", amount))
    return journal_of("SEPA_DIRECT_DEBIT", debit_id, on, legs)


def direct_debit_charge_back(debit_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """A direct debit given back by the payer's bank; what is spent becomes due. (2.6)"""
    legs = (Leg(group_id, currency, "available", -amount), house(currency, "bank", amount))
    return journal_of("SEPA_DIRECT_DEBIT_CHARGE_BACK", debit_id, on, legs, reverses="SEPA_DIRECT_DEBIT")


def direct_debit_fee(debit_id: UUID, group_id: UUID, currency: str, fee: Decimal, on: date) -> Journal:
    """What the bank charges for a refused or refunded direct debit, taken from the customer. (2.6)"""
    legs = (Leg(group_id, currency, "available", -fee), house(currency, "bank", fee))
    return journal_of("DD_REFUND_REJECT_FEE", debit_id, on, legs)


def debt_waived(act_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """A debt the house gives up. The amount is at most what is due, which the caller has under its lock. (2.6)"""
    legs = (house(currency, "losses", -amount), Leg(group_id, currency, "available", amount))
    return journal_of("DEBT_WAIVED", act_id, on, legs)


def reserve_withdrawal(withdrawal_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """Money set apart for a withdrawal; refused where it is not withdrawable. (2.4)"""
    legs = (Leg(group_id, currency, "available", -amount), Leg(group_id, currency, "withdrawing", amount))
    return journal_of("WITHDRAWAL_LOCK", withdrawal_id, on, legs)


def release_withdrawal(withdrawal_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """A withdrawal that will not be paid. (2.4)"""
    legs = (Leg(group_id, currency, "withdrawing", -amount), Leg(group_id, currency, "available", amount))
    return journal_of("WITHDRAWAL_UNLOCK", withdrawal_id, on, legs)


def withdrawal(
    withdrawal_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date, *, tax: Decimal = ZERO
) -> Journal:
    """A withdrawal paid out; a tax withheld with it stays with us for the tax office. (2.4)"""
    legs = (
        Leg(group_id, currency, "withdrawing", -amount),
        house(currency, "tax_income", tax),
        house(currency, "bank", amount - tax),
    )
    return journal_of("WITHDRAWAL", withdrawal_id, on, legs)


def withdrawal_cancellation(withdrawal_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """Money the receiving bank has sent back: a new fact, which undoes no journal. (2.4)"""
    legs = (house(currency, "bank", -amount), Leg(group_id, currency, "available", amount))
    return journal_of("WITHDRAWAL_CANCELLATION", withdrawal_id, on, legs)


def reserve_transfer(transfer_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """Money set apart for another group of its holder; refused where it is not withdrawable. (2.7)"""
    legs = (Leg(group_id, currency, "available", -amount), Leg(group_id, currency, "withdrawing", amount))
    return journal_of("CASH_BALANCE_TRANSFER_LOCK", transfer_id, on, legs)


def release_transfer(transfer_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """A transfer that does not come about. (2.7)"""
    legs = (Leg(group_id, currency, "withdrawing", -amount), Leg(group_id, currency, "available", amount))
    return journal_of("CASH_BALANCE_TRANSFER_UNLOCK", transfer_id, on, legs)


def cash_balance_transfer(
    transfer_id: UUID, source_id: UUID, target_id: UUID, currency: str, amount: Decimal, on: date
) -> Journal:
    """Money that was set apart, in the other group; the house has no part in it. (2.7)"""
    legs = (Leg(source_id, currency, "withdrawing", -amount), Leg(target_id, currency, "available", amount))
    return journal_of("CASH_BALANCE_TRANSFER", transfer_id, on, legs)


def virtual_cash_increase(increase_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """Money the client firm holds for a group, tradable with us: a claim on the firm. (2.7)"""
    legs = (Leg(group_id, currency, "available", amount), house(currency, "client_funding", -amount))
    return journal_of("VIRTUAL_CASH_INCREASE", increase_id, on, legs)


def reserve_decrease(decrease_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """Money set apart for a decrease; refused where it is not withdrawable. (2.7)"""
    legs = (Leg(group_id, currency, "available", -amount), Leg(group_id, currency, "withdrawing", amount))
    return journal_of("VIRTUAL_CASH_DECREASE_LOCK", decrease_id, on, legs)


def release_decrease(decrease_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """A decrease that does not come about. (2.7)"""
    legs = (Leg(group_id, currency, "withdrawing", -amount), Leg(group_id, currency, "available", amount))
    return journal_of("VIRTUAL_CASH_DECREASE_UNLOCK", decrease_id, on, legs)


def virtual_cash_decrease(decrease_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """Money that was set apart, with the client firm again. (2.7)"""
    legs = (Leg(group_id, currency, "withdrawing", -amount), house(currency, "client_funding", amount))
    return journal_of("VIRTUAL_CASH_DECREASE", decrease_id, on, legs)


def segregation(day: date, currency: str, amount: Decimal) -> Journal:
    """The daily true-up: what the house adds to the customers' money at the bank (below zero: takes back). (9)"""
    legs = (house(currency, "bank", -amount), house(currency, "own_bank", amount))
    return journal_of("SEGREGATION", deterministic_id("segregation", currency, day.isoformat()), day, legs)


def dust_cleanup(act_id: UUID, account_id: UUID, instrument_id: UUID, quantity: Decimal, on: date) -> Journal:
    """Units worth less than a cent leave an account that closes; the house has them with its fractions. (7.4)"""
    asset = units_of(instrument_id)
    legs = (Leg(account_id, asset, "available", -quantity), house(asset, "fractions", quantity))
    return journal_of("DUST_CLEANUP", act_id, on, legs)


# Locks of orders (sections 2.2, 2.3 and 3); their executions stand in `trades`


def reserve_cash(order_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """The lock of a buy, its fee included. (2.2, 3.1, 3.2)"""
    legs = (Leg(group_id, currency, "available", -amount), Leg(group_id, currency, "locked", amount))
    return journal_of("ORDER_LOCK", order_id, on, legs, lock_id=order_id)


def reserve_units(order_id: UUID, account_id: UUID, instrument_id: UUID, quantity: Decimal, on: date) -> Journal:
    """The lock of a sale. (2.3, 3.3)"""
    asset = units_of(instrument_id)
    legs = (Leg(account_id, asset, "available", -quantity), Leg(account_id, asset, "locked", quantity))
    return journal_of("ORDER_LOCK", order_id, on, legs, lock_id=order_id)


def release_cash(order_id: UUID, group_id: UUID, currency: str, amount: Decimal, on: date) -> Journal:
    """What a finished buy has left of its lock. (3.1)"""
    legs = (Leg(group_id, currency, "locked", -amount), Leg(group_id, currency, "available", amount))
    return journal_of("ORDER_UNLOCK", order_id, on, legs, lock_id=order_id)


def release_units(order_id: UUID, account_id: UUID, instrument_id: UUID, quantity: Decimal, on: date) -> Journal:
    """What a finished sale has left of its lock. (3.3)"""
    asset = units_of(instrument_id)
    legs = (Leg(account_id, asset, "locked", -quantity), Leg(account_id, asset, "available", quantity))
    return journal_of("ORDER_UNLOCK", order_id, on, legs, lock_id=order_id)
