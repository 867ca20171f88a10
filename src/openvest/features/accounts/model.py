"""Domain types of account groups and accounts, and what features above may know of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from openvest.core.records import record
from openvest.declarations import Event
from openvest.features.users.model import UserStatus, Verdict

Status = Literal["PENDING_APPROVAL", "ACTIVE", "CLOSING", "CLOSED", "LOCKED"]
GroupType = Literal["PERSONAL"]
AccountType = Literal["TRADING", "PORTFOLIO"]


@record
class AccountGroup:
    """The owner of cash. `user_id` is the one owner a PERSONAL group has."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    user_id: UUID
    type: GroupType
    status: Status
    securities_account_number: str


@record
class Account:
    """The holder of securities. `account_number` counts within the group."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    account_group_id: UUID
    user_id: UUID
    type: AccountType
    account_number: int
    name: str
    status: Status


@record
class AccountFacts:
    """What an order is decided by. `instrument_fit` is the last decided INSTRUMENT_FIT check, None before the first."""

    account_id: UUID
    account_type: AccountType
    account_status: Status
    group_id: UUID
    group_status: Status
    securities_account_number: str
    user_id: UUID
    user_status: UserStatus
    instrument_fit: Verdict | None

    @property
    def fit_failed(self) -> bool:
        """Orders of this user carry the acknowledgement."""
        return self.instrument_fit == "FAILED"

    @property
    def approved(self) -> bool:
        """User, group and account have all been approved; until then an order waits."""
        return self.user_status == "ACTIVE" and "PENDING_APPROVAL" not in (self.group_status, self.account_status)


_GROUP_EVENTS = "CREATED ACTIVATED CLOSING_INITIATED CLOSED LOCKED"
EVENTS: Sequence[Event] = (
    *(Event(f"ACCOUNT_GROUP.{name}", "account group") for name in _GROUP_EVENTS.split()),
    *(Event(f"ACCOUNT.{name}", "account") for name in f"{_GROUP_EVENTS} UPDATED TYPE_CHANGED".split()),
)
