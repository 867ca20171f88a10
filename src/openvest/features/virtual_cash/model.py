"""Increases and decreases of virtual cash, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.declarations import Event

IncreaseStatus = Literal["ISSUED", "CONFIRMED", "CANCELLED"]
DecreaseStatus = Literal["ISSUED", "QUEUED", "CONFIRMED", "CANCELLED"]


@dataclass(frozen=True, slots=True)
class NewVirtualCash:
    """What a client firm says of either."""

    account_group_id: UUID
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Increase(NewVirtualCash):
    """Money that the client firm adds to what a group can trade with."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    status: IncreaseStatus


@dataclass(frozen=True, slots=True)
class Decrease(NewVirtualCash):
    """Money that the client firm takes back. `set_apart`: it stands in the books as on its way out."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    status: DecreaseStatus
    set_apart: bool


EVENTS: Sequence[Event] = (
    *(Event(f"VIRTUAL_CASH_INCREASE.{name}", "virtual cash increase") for name in ("ISSUED", "CONFIRMED", "CANCELLED")),
    *(
        Event(f"VIRTUAL_CASH_DECREASE.{name}", "virtual cash decrease")
        for name in ("ISSUED", "QUEUED", "CONFIRMED", "CANCELLED")
    ),
)
