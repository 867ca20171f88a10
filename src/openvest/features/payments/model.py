"""Top-ups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.declarations import Event

TopupStatus = Literal["CONFIRMED", "SETTLED", "CANCELLED"]


@dataclass(frozen=True, slots=True)
class NewTopup:
    """What a client firm says of a top-up."""

    account_group_id: UUID
    cash_amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Topup(NewTopup):
    """Money a client firm vouches for. `settlement_reference` is what the text of its wire must name."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    status: TopupStatus
    settlement_reference: str


EVENTS: Sequence[Event] = tuple(Event(f"TOPUP.{name}", "top-up") for name in ("CONFIRMED", "SETTLED", "CANCELLED"))
