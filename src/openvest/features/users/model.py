"""Domain types of users: what is stored, what events keep, what features above may know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from openvest.declarations import Event

UserStatus = Literal["INACTIVE", "ACTIVE", "OFFBOARDING", "OFFBOARDED"]
Licence = Literal["TOL", "BYOL"]
Verdict = Literal["PASSED", "FAILED"]
ChangeStatus = Literal["RECEIVED", "APPLIED", "FAILED"]


@dataclass(frozen=True, slots=True)
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
    email: str | None
    salutation: str
    title: str
    birth_date: date
    birth_city: str | None
    birth_country: str | None
    birth_name: str | None
    decease_date: date | None
    nationalities: list[str]
    phone_number: str | None
    address: dict[str, Any]
    postal_address: dict[str, Any]
    fatca: dict[str, Any] | None
    terms_and_conditions: dict[str, Any] | None
    data_privacy_and_sharing_agreement: dict[str, Any] | None
    branch_id: UUID | None
    gender: str | None
    tags: list[str]


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
