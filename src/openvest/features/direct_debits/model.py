"""Direct debits, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.declarations import Event
from openvest.features.bank.model import CancellationReason

DirectDebitStatus = Literal["NEW", "PROCESSING", "CONFIRMED", "CHARGED_BACK", "CANCELLED"]


@dataclass(frozen=True, slots=True)
class NewDirectDebit:
    """What a client says of a direct debit. `user_id` is that of the group's owner, where it is said."""

    user_id: UUID | None
    account_group_id: UUID
    mandate_id: UUID
    cash_amount: Decimal
    currency: str
    remittance_information: str | None
    purpose_code: str | None


@dataclass(frozen=True, slots=True)
class DirectDebit(NewDirectDebit):
    """A collection. `settled_on` is the day of which the bank has told its settlement."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    status: DirectDebitStatus
    cancellation_reason: CancellationReason | None
    settled_on: date | None


EVENTS: Sequence[Event] = tuple(
    Event(f"DIRECT_DEBIT.{name}", "direct debit")
    for name in ("NEW", "PROCESSING", "CONFIRMED", "CHARGED_BACK", "CANCELLED")
)
