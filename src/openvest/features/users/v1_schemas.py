"""Building blocks of the v1 schemas of users."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from openvest.core.schema import Body, Country, Id, Instant
from openvest.core.texts import plain_line, visible_line

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def _email(value: str) -> str:
    if _EMAIL.fullmatch(value) is None:
        raise ValueError("is an e-mail address")
    return plain_line(value)


FirstName = Annotated[str, Field(min_length=2, max_length=100), AfterValidator(visible_line)]
Email = Annotated[str, Field(max_length=100, json_schema_extra={"format": "email"}), AfterValidator(_email)]
PhoneNumber = Annotated[str, Field(pattern="^([0-9]{8,15})?$")]
Salutation = Literal[
    "", "SALUTATION_MALE", "SALUTATION_FEMALE", "SALUTATION_FEMALE_MARRIED", "SALUTATION_DIVERSE"
]  # fmt: skip
Title = Literal["", "DR", "PROF", "PROF_DR", "DIPL_ING", "MAGISTER"]
Gender = Literal["", "MALE", "FEMALE", "DIVERSE"]
SocialSecurityNumber = Annotated[
    str, Field(pattern=r"^([0-9]{2}(0[1-9]|[12][0-9]|3[01])(0[1-9]|1[0-2])[0-9]{2}[A-Z][0-9]{3})?$")
]  # fmt: skip


def _distinct(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("has no entry twice")
    return values


Nationalities = Annotated[list[Country], Field(min_length=1), AfterValidator(_distinct)]
Tags = Annotated[list[Literal["CLIENT_EMPLOYEE"]], AfterValidator(_distinct)]


class Fatca(Body):
    """The declaration under FATCA."""

    status: bool = Field(description="Whether the person is a US person under FATCA.")
    confirmed_at: Instant = Field(description="When the person declared it.")


class Consent(Body):
    """A document the person agreed to."""

    consent_document_id: Id = Field(description="The version of the document.")
    confirmed_at: Instant = Field(description="When the person agreed.")
