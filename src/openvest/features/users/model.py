"""Domain types of users: what is stored, what events keep, what features above may know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from openvest.core.records import record
from openvest.core.sealing import SealedColumn
from openvest.declarations import Event

UserStatus = Literal["INACTIVE", "ACTIVE", "OFFBOARDING", "OFFBOARDED"]
Licence = Literal["TOL", "BYOL"]
Verdict = Literal["PASSED", "FAILED"]
ChangeStatus = Literal["RECEIVED", "APPLIED", "FAILED"]


@record
class User:
    """A person. Shape: addresses have the keys address_line1, address_line2, postcode, city, state, country; consents
    consent_document_id and confirmed_at; fatca status and confirmed_at; absent keys are absent.
    """

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    status: UserStatus
    licence: Licence
    first_name: str
    last_name: str
    birth_date: date
    nationalities: list[str]
    address: dict[str, Any]
    postal_address: dict[str, Any]
    email: str | None = None
    salutation: str = ""
    title: str = ""
    birth_city: str | None = None
    birth_country: str | None = None
    birth_name: str | None = None
    decease_date: date | None = None
    phone_number: str | None = None
    fatca: dict[str, Any] | None = None
    terms_and_conditions: dict[str, Any] | None = None
    data_privacy_and_sharing_agreement: dict[str, Any] | None = None
    branch_id: UUID | None = None
    gender: str | None = None
    tags: list[str] = field(default_factory=list[str])
    deactivated_at: datetime | None = None
    """Since when a user who was ACTIVE is INACTIVE again."""


@dataclass(frozen=True, slots=True)
class NewUser:
    """What a client says of a new user. `fields` are those of `User` it sets, by name."""

    licence: Licence
    fields: Mapping[str, Any]
    social_security_number: str | None = None


@dataclass(frozen=True, slots=True)
class UserFacts:
    """What features above decide by. `fit` is the last decided INSTRUMENT_FIT check, None before the first."""

    user_id: UUID
    status: UserStatus
    fit: Verdict | None


EVENTS: Sequence[Event] = (
    *(
        Event(f"USER.{name}", "user")
        for name in ("CREATED", "ACTIVATED", "DEACTIVATED", "DATA_CHANGED", "OFFBOARDING_INITIATED", "OFFBOARDED")
    ),
    Event("USER.DATA_CHANGE_FAILED", "user data change"),
)

SOCIAL_SECURITY_NUMBER = SealedColumn(
    "users", "sealed_social_security_number", "users.sealed_social_security_number:{id}"
)
