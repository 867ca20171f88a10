"""Schemas about people that several features take and show: names, addresses, links to evidence."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from openvest.core.schema import Body, Country, Unused
from openvest.core.texts import plain_line, visible_line


def _link(value: str) -> str:
    try:
        parts = urlsplit(value)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        sound = False
    if not sound:
        raise ValueError("is an address that begins with https:// or http://")
    return value


_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def _email(value: str) -> str:
    if _EMAIL.fullmatch(value) is None:
        raise ValueError("is an e-mail address")
    return plain_line(value)


FirstName = Annotated[str, Field(min_length=2, max_length=100), AfterValidator(visible_line)]
Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(visible_line)]
Email = Annotated[str, Field(max_length=100, json_schema_extra={"format": "email"}), AfterValidator(_email)]
SecondLine = Annotated[str, Field(max_length=100), AfterValidator(plain_line)]
State = Annotated[str, Field(max_length=50), AfterValidator(plain_line)]
City = Annotated[str, Field(min_length=1, max_length=85), AfterValidator(visible_line)]
Postcode = Annotated[str, Field(pattern=r"^[a-zA-Z0-9 \t\n\v\f\r\-]{1,10}$"), AfterValidator(visible_line)]
Link = Annotated[str, Field(max_length=1000, json_schema_extra={"format": "uri"}), AfterValidator(_link)]
ProofOfResidence = Literal[
    "UTILITY_BILL", "TELEPHONE_BILL", "INTERNET_BILL", "BANK_STATEMENT", "REGISTRATION_CERT", "RESIDENCE_PERMIT",
    "ID_CARD",
]  # fmt: skip


class Address(Body):
    """Where someone lives or gets post."""

    address_line1: Name = Field(description="Street and number.")
    address_line2: Annotated[SecondLine | None, Unused] = Field(
        default=None, description="What the first line does not hold."
    )
    postcode: Postcode = Field(description="Postal code.")
    country: Country = Field(description="ISO 3166-1 alpha-2 code.")
    state: Annotated[State | None, Unused] = Field(default=None, description="State or region.")
    city: City = Field(description="Town.")
