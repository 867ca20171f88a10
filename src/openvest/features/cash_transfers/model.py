"""Cash balance transfers, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.declarations import Event

Status = Literal["ISSUED", "CONFIRMED", "CANCELLED"]
CancellationReason = Literal["CANCELLED_BY_CLIENT", "CANCELLED_BY_UPVEST"]


@dataclass(frozen=True, slots=True)
class NewTransfer:
    """What a client says of a transfer."""

    source_account_group_id: UUID
    target_account_group_id: UUID
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Transfer(NewTransfer):
    """Money on its way between two groups of one user, who has it in the other one from `due_at` on."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    user_id: UUID
    due_at: datetime
    status: Status
    cancellation_reason: CancellationReason | None


EVENTS: Sequence[Event] = tuple(
    Event(f"CASH_BALANCE_TRANSFER.{name}", "cash balance transfer") for name in ("ISSUED", "CONFIRMED", "CANCELLED")
)
