"""Building blocks of request and answer schemas, shared by both contracts.

A request body is a `Body`: unknown fields are refused and named, the empty string of an unused optional field counts
as absent, decimals are JSON strings. An answer is a `Answer`: it only describes what mappers make, and tests hold every
served answer against it.

Source: CONTRACTS.md rule 5; reference/v1/auth_tokens.md, value formats.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from openvest.core.clock import parse_day, parse_instant

UUID_PATTERN = "^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-5][0-9a-fA-F]{3}-?[089abAB][0-9a-fA-F]{3}-?[0-9a-fA-F]{12}$"
ISIN_PATTERN = "^[A-Z]{2}[A-Z0-9]{9}[0-9]$"


class Body(BaseModel):
    """A request body. Strict: no coercion between JSON types, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, str_strip_whitespace=False)


class Answer(BaseModel):
    """The description of an answer; never built at run time, so it costs nothing there."""

    model_config = ConfigDict(extra="forbid")


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("is a string")
    return value


def _decimal(pattern_digits: int, places: int, *, exact: bool, signed: bool) -> tuple[Any, Any]:
    def parse(value: Any) -> Any:
        if isinstance(value, Decimal):
            return value
        if not isinstance(value, str):
            raise ValueError("is a decimal number in a JSON string, not a JSON number")
        digits = value[1:] if signed and value.startswith("-") else value
        whole, dot, fraction = digits.partition(".")
        sound = whole.isascii() and (whole.isdigit() or (whole == "" and not exact and fraction != ""))
        if not sound or len(whole) > pattern_digits:
            raise ValueError(f"is a decimal number of at most {pattern_digits} digits before the point")
        if dot and (not (fraction.isascii() and fraction.isdigit()) or not 1 <= len(fraction) <= places):
            raise ValueError(f"has at most {places} decimals")
        if dot and exact and len(fraction) != places:
            raise ValueError(f"has no decimals or exactly {places}")
        return Decimal(value)

    sign = "-?" if signed else ""
    places_text = f"{{{places}}}" if exact else f"{{1,{places}}}"
    first = 1 if exact else 0
    pattern = f"^{sign}[0-9]{{{first},{pattern_digits}}}(\\.[0-9]{places_text})?$"
    return BeforeValidator(parse), WithJsonSchema({"type": "string", "pattern": pattern})


_PAY, _PAY_SCHEMA = _decimal(9, 2, exact=True, signed=False)
_SIGNED_PAY, _SIGNED_PAY_SCHEMA = _decimal(9, 2, exact=True, signed=True)
_UNSIGNED, _UNSIGNED_SCHEMA = _decimal(63, 27, exact=False, signed=False)
_SIGNED, _SIGNED_SCHEMA = _decimal(63, 27, exact=False, signed=True)

PaymentAmount = Annotated[Decimal, _PAY, _PAY_SCHEMA]
"""Money as the contract takes it for payments and orders: 0 or exactly 2 decimals."""
SignedPaymentAmount = Annotated[Decimal, _SIGNED_PAY, _SIGNED_PAY_SCHEMA]
UnsignedDecimal = Annotated[Decimal, _UNSIGNED, _UNSIGNED_SCHEMA]
SignedDecimal = Annotated[Decimal, _SIGNED, _SIGNED_SCHEMA]


def _uuid(value: Any) -> Any:
    if isinstance(value, UUID):
        return value
    if isinstance(value, str) and len(value) in (32, 36):
        try:
            return UUID(value)
        except ValueError:
            pass
    raise ValueError("is a UUID")


def _instant(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    try:
        return parse_instant(_text(value))
    except ValueError:
        raise ValueError("is an instant with its zone, for example 2026-01-02T09:00:00Z") from None


def _day(value: Any) -> Any:
    if isinstance(value, date):
        return value
    try:
        return parse_day(_text(value))
    except ValueError:
        raise ValueError("is a day, for example 2026-01-02") from None


Id = Annotated[UUID, BeforeValidator(_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]
Instant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}),
]
Isin = Annotated[str, Field(pattern=ISIN_PATTERN)]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]
Currency = Literal["EUR", "GBP", "USD"]


def _absent(value: Any) -> Any:
    return None if value == "" else value


Unused = BeforeValidator(_absent)
"""`Annotated[X | None, Unused]`: the empty string counts as absent, as published clients send it."""


def no_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("is not blank")
    return value


def text(max_length: int, min_length: int = 1) -> Any:
    """A string of bounded length that is not only blanks."""
    return Annotated[str, Field(min_length=min_length, max_length=max_length), AfterValidator(no_blank)]


class Meta(Answer):
    """How much of a list this page is."""

    offset: int = Field(description="Items skipped before the first of this page.")
    limit: int = Field(description="Most items this page could hold.")
    count: int = Field(description="Items in this page.")
    total_count: int = Field(description="Items of the whole list.")
    sort: str | None = Field(default=None, description="Field the list is ordered by.")
    order: Literal["ASC", "DESC"] | None = Field(default=None, description="Direction of the order.")
