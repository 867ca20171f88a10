"""Withdrawals, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.declarations import Event
from openvest.features.bank.model import CancellationReason

WithdrawalStatus = Literal["NEW", "PROCESSING", "CONFIRMED", "CANCELLED"]


@dataclass(frozen=True, slots=True)
class NewWithdrawal:
    """What a client says of a withdrawal. `user_id`, where it is given, is the group's. `account_id` is the account it
    was asked for, where the contract asks for one: its group's money is paid out."""

    reference_account_id: UUID
    account_group_id: UUID
    account_id: UUID | None
    user_id: UUID | None
    amount: Decimal
    currency: str
    remittance_information: str
    purpose_code: str | None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A payout to a reference account. `returned_at`: since when its money is back. `paid_on`: the day on which the
    bank says that it paid, None where only the return was told yet."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    reference_account_id: UUID
    account_group_id: UUID
    account_id: UUID | None
    user_id: UUID
    amount: Decimal
    currency: str
    remittance_information: str
    purpose_code: str | None
    status: WithdrawalStatus
    cancellation_reason: CancellationReason | None
    returned_at: datetime | None
    paid_on: date | None


EVENTS: Sequence[Event] = tuple(
    Event(f"WITHDRAWAL.{name}", "withdrawal") for name in ("NEW", "PROCESSING", "CONFIRMED", "CANCELLED")
)
