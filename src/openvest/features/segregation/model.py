"""What must be at the bank, and how far it was seen to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Requirement:
    """What must be at the bank in one currency, and what is there.

    `customers`: settled money of account groups. `suspense`: what arrived and is nobody's yet. `charges`: fees and
    taxes of settled trades.
    """

    currency: str
    customers: Decimal
    suspense: Decimal
    charges: Decimal
    held: Decimal

    @property
    def required(self) -> Decimal:
        return self.customers + self.suspense + self.charges

    @property
    def missing(self) -> Decimal:
        """What the house has to add; below zero: what it takes back."""
        return self.required - self.held


@dataclass(frozen=True, slots=True)
class Segregation:
    """How far a tenant's money was segregated; `done_on` is the last day on which it was. `id` is the tenant's."""

    id: UUID
    done_on: date | None
