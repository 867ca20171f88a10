"""Decisions about withdrawals: their life, who may withdraw how much, and what a bank's line does to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from openvest.core.lifecycle import Lifecycle
from openvest.core.money import ZERO, cents
from openvest.core.problems import FieldError, NotFound, Unprocessable
from openvest.features.accounts.model import AccountGroup
from openvest.features.bank.model import BankLine
from openvest.features.withdrawals.model import NewWithdrawal, Withdrawal
from openvest.ledger import posting_rules
from openvest.ledger.chart import Balance
from openvest.ledger.posting_rules import Journal

WITHDRAWAL = Lifecycle(
    "withdrawal",
    "withdrawals.status",
    born=("NEW",),
    ends=frozenset({"CONFIRMED", "CANCELLED"}),
    moves={
        ("NEW", "send"): "PROCESSING",
        ("NEW", "cancel"): "CANCELLED",
        ("PROCESSING", "confirm"): "CONFIRMED",
        ("PROCESSING", "cancel"): "CANCELLED",
    },
)
PAYOUT_CURRENCY = "EUR"
_VERBS = {"SENT": "send", "REJECTED": "cancel"}


class WithdrawalNotFound(NotFound):
    """No withdrawal of the tenant has this id."""

    def __init__(self) -> None:
        super().__init__("There is no withdrawal of this id.")


class NotTheHolder(NotFound):
    """The account group is not this user's."""

    def __init__(self) -> None:
        super().__init__("The user has no account group of this id.")


class NothingToPayTo(Unprocessable):
    """The owner of the account has no reference account."""

    def __init__(self) -> None:
        super().__init__("The owner of the account has no reference account that money can be paid out to.")


class GroupPaysNothingOut(Unprocessable):
    """Only a group that is ACTIVE, or on its way to being closed, pays out."""

    def __init__(self, status: str) -> None:
        super().__init__(f"An account group that is {status} pays nothing out; it must be ACTIVE or CLOSING.")


class CurrencyNotPaidOut(Unprocessable):
    """Payouts are SEPA credit transfers, which are in euro."""

    def __init__(self, currency: str) -> None:
        super().__init__(
            f"{currency} is not paid out; a payout is a SEPA credit transfer in {PAYOUT_CURRENCY}.",
            errors=[FieldError("currency", f"is {PAYOUT_CURRENCY}")],
        )


class NotWithdrawable(Unprocessable):
    """More than is withdrawable: what is locked, on its way out or not settled is not."""

    def __init__(self, amount: str, withdrawable: str, currency: str) -> None:
        super().__init__(f"{withdrawable} {currency} can be withdrawn, and not {amount} {currency}.")


class WithdrawalIsUnderWay(Unprocessable):
    """A withdrawal is cancelled only while it is NEW and no bank has it."""


def check_group(group: AccountGroup, new: NewWithdrawal) -> None:
    """Raises: NotTheHolder, GroupPaysNothingOut, CurrencyNotPaidOut."""
    if new.user_id not in (None, group.user_id):
        raise NotTheHolder
    if group.status not in ("ACTIVE", "CLOSING"):
        raise GroupPaysNothingOut(group.status)
    if new.currency != PAYOUT_CURRENCY:
        raise CurrencyNotPaidOut(new.currency)


def check_withdrawable(new: NewWithdrawal, balance: Balance) -> None:
    """Raises: NotWithdrawable."""
    if balance.available_for_withdrawal < new.amount:
        withdrawable = max(ZERO, balance.available_for_withdrawal)
        raise NotWithdrawable(cents(new.amount), cents(withdrawable), new.currency)


def check_cancel(withdrawal: Withdrawal) -> None:
    """Raises: WithdrawalIsUnderWay."""
    if withdrawal.status != "NEW":
        raise WithdrawalIsUnderWay(f"A withdrawal that is {withdrawal.status} cannot be cancelled; it must be NEW.")


def verbs_of(withdrawal: Withdrawal, line: BankLine) -> Sequence[str] | None:
    """What a bank's line does to a withdrawal, in order; None where it cannot be about it, as it stands.

    Files may come in any order: what comes back before we heard that it was paid was paid all the same. When that is
    told at last there is nothing left to do. To return is no move of the life: the status says what the bank did.
    """
    if line.object_id != withdrawal.id or (line.amount, line.currency) != (withdrawal.amount, withdrawal.currency):
        return None
    if line.kind == "CREDIT":
        if withdrawal.returned_at is not None:
            return None
        verbs = ["return"] if withdrawal.status == "CONFIRMED" else ["confirm", "return"]
    elif line.kind == "DEBIT":
        verbs = [] if withdrawal.status == "CONFIRMED" and withdrawal.paid_on is None else ["confirm"]
    else:
        verbs = [_VERBS[line.kind]]
    move = [verb for verb in verbs if verb != "return"]
    return verbs if all(WITHDRAWAL.can(withdrawal.status, verb) for verb in move) else None


def returned(withdrawal: Withdrawal, at: datetime) -> Withdrawal:
    """A withdrawal whose money is back: its status says what the bank did, and stays."""
    return replace(withdrawal, returned_at=at)


# What its money does


def released(withdrawal: Withdrawal, on: date) -> Journal:
    """The money that was set apart is free again."""
    return posting_rules.release_withdrawal(*_facts(withdrawal), on)


def paid(withdrawal: Withdrawal, on: date) -> Journal:
    """The money that was set apart has left."""
    return posting_rules.withdrawal(*_facts(withdrawal), on)


def given_back(withdrawal: Withdrawal, on: date) -> Journal:
    """The money that had left is back."""
    return posting_rules.withdrawal_cancellation(*_facts(withdrawal), on)


def _facts(withdrawal: Withdrawal) -> tuple[UUID, UUID, str, Decimal]:
    return withdrawal.id, withdrawal.account_group_id, withdrawal.currency, withdrawal.amount
