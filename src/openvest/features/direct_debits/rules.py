"""Decisions about direct debits: their life, what may be collected, what a bank's word means for one; the refusals."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from openvest.core.lifecycle import Lifecycle
from openvest.core.problems import FieldError, NotFound, Unprocessable
from openvest.features.bank.model import BankLine
from openvest.features.direct_debits.model import DirectDebit, NewDirectDebit

DIRECT_DEBIT = Lifecycle(
    "direct debit",
    "direct_debits.status",
    born=("NEW",),
    ends=frozenset({"CHARGED_BACK", "CANCELLED"}),
    moves={
        ("NEW", "process"): "PROCESSING",
        ("NEW", "cancel"): "CANCELLED",
        ("PROCESSING", "cancel"): "CANCELLED",
        ("PROCESSING", "confirm"): "CONFIRMED",
        ("CONFIRMED", "charge back"): "CHARGED_BACK",
    },
)
CURRENCY = "EUR"
"""The scheme's one currency. Source: SEPA Core Direct Debit Rulebook 2.4."""


class DirectDebitNotFound(NotFound):
    """No direct debit of the tenant has the id."""

    def __init__(self) -> None:
        super().__init__("There is no direct debit of this id.")


class GroupOfAnother(NotFound):
    """The user who is named does not own the account group."""

    def __init__(self) -> None:
        super().__init__("There is no account group of this id for this user.")


class GroupNotActive(Unprocessable):
    """Money is not collected for an account group that is not active."""

    def __init__(self, status: str) -> None:
        super().__init__(f"Nothing is collected for an account group that is {status}; it must be ACTIVE.")


class CurrencyNotCollected(Unprocessable):
    """SEPA direct debits are in EUR alone."""

    def __init__(self) -> None:
        super().__init__(
            f"Direct debits are collected in {CURRENCY} alone.", errors=[FieldError("currency", f"is {CURRENCY}")]
        )


class MandateOfOtherGroup(Unprocessable):
    """The mandate was given for another account group."""

    def __init__(self) -> None:
        super().__init__("The mandate was given for another account group of its user.")


def check_collectable(new: NewDirectDebit, owner_id: UUID, group_status: str) -> None:
    """Raises: GroupOfAnother, GroupNotActive, CurrencyNotCollected."""
    if new.user_id not in (None, owner_id):
        raise GroupOfAnother
    if group_status != "ACTIVE":
        raise GroupNotActive(group_status)
    if new.currency != CURRENCY:
        raise CurrencyNotCollected


def check_mandate(group_id: UUID, given_for: UUID | None) -> None:
    """Raises: MandateOfOtherGroup."""
    if given_for not in (None, group_id):
        raise MandateOfOtherGroup


def verbs_of(debit: DirectDebit, line: BankLine) -> Sequence[str] | None:
    """What a bank line that answers this debit does to it, in order; None where the two do not fit.

    A file may come late: what was taken back before we heard of its settlement was settled all the same. When that is
    told at last there is nothing left to do.
    """
    if line.kind == "SENT":
        verbs = ["process"]
    elif line.kind == "REJECTED":
        verbs = ["cancel"]
    elif line.currency != debit.currency or not _pays(debit, line):
        return None
    elif line.kind == "CREDIT":
        verbs = [] if debit.status == "CHARGED_BACK" and debit.settled_on is None else ["confirm"]
    else:
        verbs = ["confirm", "charge back"] if debit.status == "PROCESSING" else ["charge back"]
    return verbs if _fits(debit.status, verbs) else None


def _pays(debit: DirectDebit, line: BankLine) -> bool:
    """A settlement is the very amount; what is taken back may be more, by the bank's fee."""
    return line.amount == debit.cash_amount or (line.kind == "DEBIT" and line.amount > debit.cash_amount)


def _fits(status: str, verbs: Sequence[str]) -> bool:
    for verb in verbs:
        if not DIRECT_DEBIT.can(status, verb):
            return False
        status = DIRECT_DEBIT.move(status, verb)
    return True


def fee_of(debit: DirectDebit, line: BankLine) -> Decimal:
    """What the bank charges for taking a debit back."""
    return line.amount - debit.cash_amount
