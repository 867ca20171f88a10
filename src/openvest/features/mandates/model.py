"""Mandates, opened, and who collects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from openvest.core.sealing import SealedColumn
from openvest.declarations import Event


@dataclass(frozen=True, slots=True)
class NewMandate:
    """What a client says of a mandate. Its holder is a user or a business.

    `account_group_id` is set where the holder consented for one account group alone.
    """

    user_id: UUID | None
    business_id: UUID | None
    account_group_id: UUID | None
    iban: str = field(repr=False)
    bic: str
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class Creditor:
    """Who collects. Shape: `creditor_address` has the keys of an address of a user."""

    creditor_name: str
    creditor_id: str
    creditor_address: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredMandate(Creditor):
    """A mandate without what is sealed, whose account it is for: what events keep."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    user_id: UUID | None
    business_id: UUID | None
    account_group_id: UUID | None
    confirmed_at: datetime
    revoked_at: datetime | None

    @property
    def reference(self) -> str:
        """What names it at the banks, of at most 35 characters."""
        return self.id.hex.upper()


@dataclass(frozen=True, slots=True)
class Mandate(StoredMandate):
    """A holder's consent to be collected from. `last_used_on` is the day of the latest collection.

    `payer` is the holder's name on the day of consent.
    """

    payer: str
    iban: str = field(repr=False)
    bic: str
    last_used_on: date | None


EVENTS: Sequence[Event] = (Event("MANDATE.CREATED", "mandate"), Event("MANDATE.REVOKED", "mandate"))
ACCOUNT = SealedColumn("mandates", "sealed_account", "mandates.sealed_account {id}")
