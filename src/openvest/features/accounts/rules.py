"""Decisions about groups and accounts: their lives, who may open what, and the refusals."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from openvest.core.lifecycle import Lifecycle
from openvest.core.problems import Conflict, FieldError, NotFound, Unprocessable
from openvest.features.accounts.model import AccountGroup, Status
from openvest.features.users.model import User

_MOVES = {
    ("PENDING_APPROVAL", "activate"): "ACTIVE",
    ("ACTIVE", "lock"): "LOCKED",
    ("LOCKED", "unlock"): "ACTIVE",
    ("PENDING_APPROVAL", "close"): "CLOSING",
    ("ACTIVE", "close"): "CLOSING",
    ("CLOSING", "finish closing"): "CLOSED",
}

GROUP = Lifecycle(
    noun="account group",
    table="account_groups.status",
    born=("PENDING_APPROVAL",),
    ends=frozenset({"CLOSED"}),
    moves=_MOVES,
)

ACCOUNT = Lifecycle(
    noun="account",
    table="accounts.status",
    born=("PENDING_APPROVAL",),
    ends=frozenset({"CLOSED"}),
    moves=_MOVES
    | {
        ("PENDING_APPROVAL", "change"): "PENDING_APPROVAL",
        ("ACTIVE", "change"): "ACTIVE",
        ("CLOSING", "change"): "CLOSING",
        ("PENDING_APPROVAL", "change type"): "PENDING_APPROVAL",
        ("ACTIVE", "change type"): "ACTIVE",
    },
)

EVENTS = {
    "activate": "ACTIVATED",
    "lock": "LOCKED",
    "unlock": "ACTIVATED",  # the contract has no event of its own for it
    "close": "CLOSING_INITIATED",
    "finish closing": "CLOSED",
    "change": "UPDATED",
    "change type": "TYPE_CHANGED",
}
"""The event of each verb. Source: reference (accounts)."""


class AccountNotFound(NotFound):
    """No account of this tenant has the id."""

    def __init__(self) -> None:
        super().__init__("There is no account of this id.")


class AccountGroupNotFound(NotFound):
    """The user has no account group of this id."""

    def __init__(self) -> None:
        super().__init__("There is no account group of this id for this user.")


class GroupTypeUnavailable(Unprocessable):
    """The type is in the contract, the feature behind it does not exist yet."""

    def __init__(self, kind: str) -> None:
        error = FieldError("type", "is not available yet")
        super().__init__(f"Account groups of type {kind} are not available yet.", errors=[error])


class GroupExists(Unprocessable):
    """A user has one account group of a type at a time; one that is closing is none any more."""

    def __init__(self) -> None:
        super().__init__("The user has an account group of type PERSONAL, and one is what a user can have.")


class NumberTaken(Unprocessable):
    """Another account group has the securities account number that was asked for."""

    def __init__(self) -> None:
        error = FieldError("securities_account_number", "is in use")
        super().__init__("The securities account number is in use.", errors=[error])


class GroupNotOpen(Unprocessable):
    """The state of the account group permits no new accounts."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"An account group that is {status} takes no new accounts.")


class AccountUsed(Conflict):
    """The account has, or had, something in it."""

    def __init__(self) -> None:
        super().__init__("An account that holds something, or has held something, keeps its type.")


def check_group_type(kind: str) -> None:
    """Raises: GroupTypeUnavailable."""
    if kind != "PERSONAL":
        raise GroupTypeUnavailable(kind)


def check_new_account(user: User, group: AccountGroup) -> None:
    """Raises: AccountGroupNotFound for somebody else's group, GroupNotOpen."""
    if group.user_id != user.id:
        raise AccountGroupNotFound
    if group.status not in ("PENDING_APPROVAL", "ACTIVE"):
        raise GroupNotOpen(group.status)


def securities_account_numbers(group_id: UUID) -> Iterator[str]:
    """Nine digits that follow from the group's id, then their neighbours, should they be taken."""
    for step in range(100):
        yield str(100_000_000 + (group_id.int + step) % 900_000_000)


def default_name(number: int) -> str:
    """What an account is called that got no name."""
    return f"Account {number}"
