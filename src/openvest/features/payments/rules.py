"""Rules of payments: who may be topped up, what a wire's text names, and what it settles."""

from __future__ import annotations

import re

from openvest.core.lifecycle import Lifecycle
from openvest.core.problems import NotFound, Unprocessable
from openvest.features.bank.model import BankLine
from openvest.features.payments.model import Topup

TOPUP = Lifecycle(
    "top-up",
    "topups.status",
    born=("CONFIRMED",),
    ends=frozenset({"SETTLED", "CANCELLED"}),
    moves={("CONFIRMED", "settle"): "SETTLED", ("CONFIRMED", "cancel"): "CANCELLED"},
)

_REFERENCE = re.compile(r"\btopup\s+([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b", re.IGNORECASE)


class UnknownTopup(NotFound):
    """No top-up of the tenant has this id."""

    def __init__(self) -> None:
        super().__init__("There is no top-up of this id.")


class GroupNotActive(Unprocessable):
    """Money is not credited to an account group that is not active."""


class TopupIsFinal(Unprocessable):
    """A top-up that is settled or cancelled is not cancelled."""


class TopupIsSpent(Unprocessable):
    """What a top-up brought is not withdrawable any more, so it cannot be taken back."""


def may_top_up(group_status: str) -> None:
    """Raises: GroupNotActive."""
    if group_status != "ACTIVE":
        raise GroupNotActive(f"An account group that is {group_status} cannot be topped up; it must be ACTIVE.")


def may_cancel(topup: Topup) -> None:
    """Raises: TopupIsFinal."""
    if not TOPUP.can(topup.status, "cancel"):
        raise TopupIsFinal(f"A top-up that is {topup.status} cannot be cancelled; it must be CONFIRMED.")


def named_reference(remittance_information: str) -> str | None:
    """The settlement reference a transfer's text names, as it was given out; None where it names none."""
    found = _REFERENCE.search(remittance_information)
    return found.group(1).lower() if found else None


def settles(line: BankLine, topup: Topup) -> bool:
    """Whether this transfer is the wire of this top-up: still awaited, same currency, the very amount."""
    return TOPUP.can(topup.status, "settle") and line.currency == topup.currency and line.amount == topup.cash_amount
