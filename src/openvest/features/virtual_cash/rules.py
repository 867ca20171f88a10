"""Decisions about virtual cash: the lives of increases and decreases, whose they may be, and the refusals."""

from __future__ import annotations

from openvest.core.lifecycle import Lifecycle
from openvest.core.problems import FieldError, NotFound, Unprocessable
from openvest.features.virtual_cash.model import Decrease

INCREASE = Lifecycle(
    "virtual cash increase",
    "virtual_cash_increases.status",
    born=("ISSUED",),
    ends=frozenset({"CONFIRMED", "CANCELLED"}),
    moves={("ISSUED", "confirm"): "CONFIRMED", ("ISSUED", "cancel"): "CANCELLED"},
)
DECREASE = Lifecycle(
    "virtual cash decrease",
    "virtual_cash_decreases.status",
    born=("ISSUED",),
    ends=frozenset({"CONFIRMED", "CANCELLED"}),
    moves={
        ("ISSUED", "confirm"): "CONFIRMED",
        ("ISSUED", "queue"): "QUEUED",
        ("ISSUED", "cancel"): "CANCELLED",
        ("QUEUED", "confirm"): "CONFIRMED",
        ("QUEUED", "cancel"): "CANCELLED",
    },
)
TAKES, GIVES = frozenset({"ACTIVE"}), frozenset({"ACTIVE", "CLOSING"})
"""What a group must be for an increase, and for a decrease."""


class IncreaseNotFound(NotFound):
    """No virtual cash increase of the tenant has this id."""

    def __init__(self) -> None:
        super().__init__("There is no virtual cash increase of this id.")


class DecreaseNotFound(NotFound):
    """No virtual cash decrease of the tenant has this id."""

    def __init__(self) -> None:
        super().__init__("There is no virtual cash decrease of this id.")


class GroupTakesNoVirtualCash(Unprocessable):
    """The state of the account group does not let its virtual cash change."""

    def __init__(self, status: str) -> None:
        error = FieldError("account_group_id", "is of an account group whose state permits it")
        super().__init__(f"The virtual cash of an account group that is {status} does not change so.", errors=[error])


class DecreaseIsFinal(Unprocessable):
    """A decrease that is confirmed or cancelled is not cancelled."""


def may_increase(group_status: str) -> None:
    """Raises: GroupTakesNoVirtualCash."""
    if group_status not in TAKES:
        raise GroupTakesNoVirtualCash(group_status)


def may_decrease(group_status: str) -> None:
    """Raises: GroupTakesNoVirtualCash."""
    if group_status not in GIVES:
        raise GroupTakesNoVirtualCash(group_status)


def may_cancel(decrease: Decrease) -> None:
    """Raises: DecreaseIsFinal."""
    if not DECREASE.can(decrease.status, "cancel"):
        raise DecreaseIsFinal(f"A decrease that is {decrease.status} cannot be cancelled; it must be ISSUED or QUEUED.")


def increase_when_due(group_status: str) -> str:
    """What becomes of an increase: its group may have been locked or closed since."""
    return "confirm" if group_status in TAKES else "cancel"


def decrease_when_due(decrease: Decrease, group_status: str, *, money_is_there: bool) -> str | None:
    """What becomes of a decrease that is looked at; None: it waits."""
    if group_status not in GIVES:
        return None
    if money_is_there:
        return "confirm"
    return "queue" if decrease.status == "ISSUED" else None
