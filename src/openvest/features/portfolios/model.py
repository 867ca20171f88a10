"""Allocations and configurations, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.core.records import record
from openvest.declarations import Event

Status = Literal["ACTIVE", "CLOSED"]


@record
class NewTarget:
    """An instrument as a client names it, by ISIN or id, and its weight in percent."""

    instrument: str | UUID
    weight: Decimal


@record
class NewAllocation:
    """What a client says of an allocation. `name` is None where it gives none."""

    name: str | None
    targets: Sequence[NewTarget]


@record
class Target:
    """How much of a portfolio an instrument is to be. Units: `weight` in percent, at most 5 decimals. `by_id`: it was
    named by its id, not by its ISIN, and is shown so."""

    instrument_id: UUID
    isin: str
    by_id: bool
    weight: Decimal


@record
class StoredAllocation:
    """An allocation without its targets."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    name: str


@record
class Allocation(StoredAllocation):
    """Instruments and their weights, which add up to 100."""

    targets: Sequence[Target]


@record
class Configuration:
    """Which allocation an account follows. `name` is what lite calls the portfolio."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    account_id: UUID
    allocation_id: UUID
    name: str
    status: Status


EVENTS: Sequence[Event] = (
    *(Event(f"PORTFOLIO_ALLOCATION.{name}", "portfolio allocation") for name in ("CREATED", "CHANGED")),
    *(Event(f"PORTFOLIO.{name}", "portfolio") for name in ("CREATED", "UPDATED", "DELETED")),
)
