"""Decisions about cash balance transfers: their life, between which groups they go, and the refusals."""

from __future__ import annotations

from datetime import datetime, timedelta

from openvest.core.lifecycle import Lifecycle
from openvest.core.problems import FieldError, NotFound, Unprocessable
from openvest.features.accounts.model import AccountGroup
from openvest.features.cash_transfers.model import Transfer

TRANSFER = Lifecycle(
    "cash balance transfer",
    "cash_balance_transfers.status",
    born=("ISSUED",),
    ends=frozenset({"CONFIRMED", "CANCELLED"}),
    moves={("ISSUED", "confirm"): "CONFIRMED", ("ISSUED", "cancel"): "CANCELLED"},
)
GIVES, TAKES = frozenset({"ACTIVE", "CLOSING"}), frozenset({"ACTIVE"})
"""What a group must be for money to leave it, and to come into it."""
GRACE = timedelta(minutes=1)
"""How long a transfer can be taken back. Why: no bank's cut-off says until when."""


class TransferNotFound(NotFound):
    """No cash balance transfer of the tenant has this id."""

    def __init__(self) -> None:
        super().__init__("There is no cash balance transfer of this id.")


class GroupOfAnotherUser(NotFound):
    """The target is an account group of somebody else."""

    def __init__(self) -> None:
        super().__init__("The user of the source has no account group of the target's id.")


class GroupTakesNoPart(Unprocessable):
    """The state of an account group does not let money out of it, or into it."""

    def __init__(self, field: str, status: str) -> None:
        error = FieldError(field, "is of an account group whose state permits it")
        super().__init__(f"An account group that is {status} takes no part in this transfer.", errors=[error])


class GroupsOfOtherTypes(Unprocessable):
    """Cash stays among account groups of one type."""

    def __init__(self) -> None:
        error = FieldError("target_account_group_id", "is of an account group of the same type")
        super().__init__("Cash is transferred between account groups of one type only.", errors=[error])


class TransferIsFinal(Unprocessable):
    """A transfer that is confirmed or cancelled is not cancelled."""


class NotWithdrawable(Unprocessable):
    """Only cash that is settled and free is transferred."""


def due_at(created_at: datetime) -> datetime:
    """From when on a transfer is booked."""
    return created_at + GRACE


def check_groups(source: AccountGroup, target: AccountGroup) -> None:
    """Raises: GroupOfAnotherUser, GroupsOfOtherTypes, GroupTakesNoPart."""
    if source.user_id != target.user_id:
        raise GroupOfAnotherUser
    if source.type != target.type:
        raise GroupsOfOtherTypes
    for field, group, fit in (
        ("source_account_group_id", source, GIVES),
        ("target_account_group_id", target, TAKES),
    ):
        if group.status not in fit:
            raise GroupTakesNoPart(field, group.status)


def may_cancel(transfer: Transfer) -> None:
    """Raises: TransferIsFinal."""
    if not TRANSFER.can(transfer.status, "cancel"):
        raise TransferIsFinal(f"A transfer that is {transfer.status} cannot be cancelled; it must be ISSUED.")


def verb_when_due(source: AccountGroup, target: AccountGroup) -> str:
    """What becomes of a transfer whose time has come: a group may have been locked or closed since."""
    return "confirm" if source.status in GIVES and target.status in TAKES else "cancel"
