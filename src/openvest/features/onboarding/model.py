"""Domain types of onboarding: what is proved of a user and what must be known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from openvest.core.sealing import SealedColumn
from openvest.declarations import Event

CheckType = Literal["KYC", "POR", "INSTRUMENT_FIT", "COMPLIANCE", "USER_SELF_ASSESSMENT", "US_WITHHOLDING_TAX_STATUS"]
CheckStatus = Literal["IN_PROGRESS", "PASSED", "FAILED"]
IdentifierType = Literal["NATIONAL_ID", "PASSPORT"]
ResidencyStatus = Literal["PENDING", "ACTIVE"]


@dataclass(frozen=True, slots=True)
class Check:
    """Evidence about a user. Shape: `details` has the fields the contract asks for under the type."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    user_id: UUID
    type: CheckType
    status: CheckStatus
    check_confirmed_at: datetime
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewIdentifier:
    """What a client says of a reporting identifier. Without a standard it is found from the number; without a country
    it is that of the nationality that is reported."""

    type: IdentifierType
    issuing_country: str | None
    identifier: str
    identifier_standard: str | None


@dataclass(frozen=True, slots=True)
class StoredIdentifier:
    """A reporting identifier without its number, which is sealed."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    user_id: UUID
    type: IdentifierType
    issuing_country: str
    identifier_standard: str


@dataclass(frozen=True, slots=True)
class Identifier(StoredIdentifier):
    """A reporting identifier, opened. Empty where it is made from the user's own data."""

    identifier: str


@dataclass(frozen=True, slots=True)
class Residency:
    """One country of tax residence: its number, or why there is none."""

    country: str
    tax_identifier_number: str | None
    missing_tin_reason: str | None


@dataclass(frozen=True, slots=True)
class DeclaredResidency(Residency):
    """A residency as it was declared. Its id is made of user and country, so it is the same when that country is
    declared anew, and `created_at` is when it was first of those declared without a break."""

    id: UUID
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TaxResidencies:
    """The declared set, opened."""

    created_at: datetime
    updated_at: datetime
    status: ResidencyStatus
    residencies: tuple[DeclaredResidency, ...]


EVENTS: Sequence[Event] = tuple(Event(f"USER_CHECK.{name}", "user check") for name in ("CREATED", "PASSED", "FAILED"))

IDENTIFIER = SealedColumn("user_identifiers", "sealed_identifier", "user_identifiers.sealed_identifier:{id}")
RESIDENCIES = SealedColumn("tax_residencies", "sealed_residencies", "tax_residencies.sealed_residencies:{user_id}")
