"""Building blocks of the v1 schemas of users."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from openvest.core.schema import Body, Country, Currency, Id, Instant, Unused, no_blank

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def _email(value: str) -> str:
    if _EMAIL.fullmatch(value) is None:
        raise ValueError("is an e-mail address")
    return value


def _link(value: str) -> str:
    try:
        parts = urlsplit(value)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        sound = False
    if not sound:
        raise ValueError("is an address that begins with https:// or http://")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, str | bool) or value is None:
        raise ValueError("is a number")
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise ValueError("is a number") from None
    if not number.is_finite() or number < 0 or len(number.as_tuple().digits) > 15:
        raise ValueError("is a number of at most 15 digits that is not below zero")
    return number


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(no_blank)]
FirstName = Annotated[str, Field(min_length=2, max_length=100), AfterValidator(no_blank)]
City = Annotated[str, Field(min_length=1, max_length=85), AfterValidator(no_blank)]
Email = Annotated[str, Field(max_length=100, json_schema_extra={"format": "email"}), AfterValidator(_email)]
Link = Annotated[str, Field(max_length=1000, json_schema_extra={"format": "uri"}), AfterValidator(_link)]
Number = Annotated[Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number", "minimum": 0})]
PhoneNumber = Annotated[str, Field(pattern="^([0-9]{8,15})?$")]
Salutation = Literal[
    "", "SALUTATION_MALE", "SALUTATION_FEMALE", "SALUTATION_FEMALE_MARRIED", "SALUTATION_DIVERSE"
]  # fmt: skip
Title = Literal["", "DR", "PROF", "PROF_DR", "DIPL_ING", "MAGISTER"]
Gender = Literal["", "MALE", "FEMALE", "DIVERSE"]
SocialSecurityNumber = Annotated[
    str, Field(pattern=r"^(\d{2}(0[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])\d{2}[A-Z]\d{3})?$")
]  # fmt: skip
ProofOfResidence = Literal[
    "UTILITY_BILL", "TELEPHONE_BILL", "INTERNET_BILL", "BANK_STATEMENT", "REGISTRATION_CERT", "RESIDENCE_PERMIT",
    "ID_CARD",
]  # fmt: skip


def _distinct(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("has no entry twice")
    return values


Nationalities = Annotated[list[Country], Field(min_length=1), AfterValidator(_distinct)]
Tags = Annotated[list[Literal["CLIENT_EMPLOYEE"]], AfterValidator(_distinct)]


class Address(Body):
    """Where someone lives or gets post."""

    address_line1: Name = Field(description="Street and number.")
    address_line2: Annotated[Annotated[str, Field(max_length=100)] | None, Unused] = Field(
        default=None, description="What the first line does not hold."
    )
    postcode: Annotated[str, Field(pattern=r"^[a-zA-Z0-9\s\-]{1,10}$")] = Field(description="Postal code.")
    country: Country = Field(description="ISO 3166-1 alpha-2 code.")
    state: Annotated[Annotated[str, Field(max_length=50)] | None, Unused] = Field(
        default=None, description="State or region."
    )
    city: City = Field(description="Town.")


class Fatca(Body):
    """The declaration under FATCA."""

    status: bool = Field(description="Whether the person is a US person under FATCA.")
    confirmed_at: Instant = Field(description="When the person declared it.")


class Consent(Body):
    """A document the person agreed to."""

    consent_document_id: Id = Field(description="The version of the document.")
    confirmed_at: Instant = Field(description="When the person agreed.")


class Suitability(Body):
    """The outcome of the questions about knowledge and experience."""

    suitability: bool = Field(description="Whether the instruments suit the person.")


class Income(Body):
    """A range of yearly income."""

    currency: Currency = Field(description="ISO 4217 code.")
    lower_bound: Number = Field(description="The least of the range.")
    upper_bound: Number | None = Field(default=None, description="The most of the range; absent: open above.")
