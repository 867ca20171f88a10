"""Building blocks of request and answer schemas, shared by both contracts.

A request body is a `Body`: unknown fields are refused and named, null and the empty string of an unused optional field
count as absent, decimals are JSON strings, and what is wrong with single fields and with their combination is said at
once.
An answer is a `View`: it only describes what mappers make, and tests hold every served answer against it. The class of
a view ends in `View` and is published without it (`published_name`): what is sent and what is read of one resource are
`TopupCreate` and `TopupView` here, `TopupCreate` and `Topup` in the description.

Source: CONTRACTS.md rule 5; reference (authentication).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Literal, Self, cast
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    WrapValidator,
    create_model,
    model_validator,
)
from pydantic_core import InitErrorDetails

from openvest.core.clock import parse_day, parse_instant
from openvest.core.countries import known_country
from openvest.core.ids import parse_id
from openvest.core.money import cents
from openvest.core.problems import FieldError

UUID_PATTERN = "^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-5][0-9a-fA-F]{3}-?[089abAB][0-9a-fA-F]{3}-?[0-9a-fA-F]{12}$"
ISIN_PATTERN = "^[A-Z]{2}[A-Z0-9]{9}[0-9]$"


@dataclass(frozen=True, slots=True)
class ValidationContext:
    """What a body is judged by beside itself: the licence of its sender, and where webhooks may go although they are
    not public. The context of a validation; without one (answers, callers in this process) nothing of it is judged.
    """

    licence: Literal["TOL", "BYOL"]
    webhook_allow_list: frozenset[str] = frozenset()


class Body(BaseModel):
    """A request body. Strict: no coercion between JSON types, unknown fields refused."""

    # Its validator is built when the first body comes: most processes take few of all there are.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, str_strip_whitespace=False, defer_build=True)

    @classmethod
    def field_errors_together(cls, body: Any, unfit: Set[str]) -> Iterable[FieldError]:
        """What is wrong with fields that each fit: combinations, one of several, what another field makes required.

        Shape: `body` has every field of the class; those in `unfit` were sent or required but do not fit by themselves,
        are None, and what is said about them here is dropped. Field names are relative to this object, `(root)` is the
        object itself.
        """
        return ()

    @classmethod
    def field_errors_in(cls, context: ValidationContext, body: Any, unfit: Set[str]) -> Iterable[FieldError]:
        """As `field_errors_together`, for rules that need to know the context."""
        return ()

    @model_validator(mode="wrap")
    @classmethod
    def _as_a_whole(cls, value: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if not isinstance(value, dict):
            return handler(value)
        sent = cast("dict[str, Any]", value)
        if None in sent.values() or "" in sent.values():
            sent = {name: given for name, given in sent.items() if not _is_unused(cls, name, given)}
        try:
            made = handler(sent)
        except ValidationError as error:
            raise _with_combinations(cls, sent, error, info.context) from None
        said = _combinations(cls, made, frozenset(), info.context)
        if said:
            raise ValidationError.from_exception_data(cls.__name__, [_line(field_error) for field_error in said])
        return made


def exactly_one(body: Any, unfit: Set[str], names: Sequence[str]) -> Iterator[FieldError]:
    """What is said where not exactly one of these optional fields is given."""
    given = [name for name in names if name in unfit or getattr(body, name) is not None]
    if not given:
        yield FieldError("(root)", f"has exactly one of {', '.join(names[:-1])} and {names[-1]}")
    for name in given[1:]:
        yield FieldError(name, f"cannot be given beside {given[0]}")


def each_once(name: str) -> WrapValidator:
    """Of a list of objects: no two say the same under this name."""

    def judged(value: Any, handler: Any) -> Any:
        lines: list[InitErrorDetails] = []
        try:
            made = handler(value)
        except ValidationError as error:
            made, lines = None, _lines(error)
        items = cast("list[Any]", value) if isinstance(value, list) else []
        said = [cast("dict[str, Any]", item).get(name) if isinstance(item, dict) else None for item in items]
        for position, one in enumerate(said):
            if isinstance(one, str) and one in said[:position]:
                told = ValueError("cannot be given twice")
                lines.append({"type": "value_error", "loc": (position, name), "input": None, "ctx": {"error": told}})
        if lines:
            raise ValidationError.from_exception_data("list", lines)
        return made

    return WrapValidator(judged)


def _combinations(cls: type[Body], body: Any, unfit: Set[str], context: ValidationContext | None) -> list[FieldError]:
    said = list(cls.field_errors_together(body, unfit))
    if context is not None:
        said += cls.field_errors_in(context, body, unfit)
    return said


def _with_combinations(
    cls: type[Body], sent: dict[str, Any], error: ValidationError, context: ValidationContext | None
) -> ValidationError:
    """The same refusal, with what the fields that do fit say together."""
    found = error.errors(include_url=False)
    # A field that is not ours is no field that does not fit; one within a field of ours makes that unfit.
    places = [one["loc"] for one in found if one["type"] != "extra_forbidden" or len(one["loc"]) > 1]
    unfit = {str(place[0]) for place in places if place}
    together = _combinations(cls, _lenient(cls).model_validate(sent, context=context), unfit, context)
    said = [field_error for field_error in together if field_error.field.partition(".")[0] not in unfit]
    return ValidationError.from_exception_data(error.title, [*_lines(error), *map(_line, said)])


def _lines(error: ValidationError) -> list[InitErrorDetails]:
    """The field errors of a refusal, to be refused again beside others."""
    found = error.errors(include_url=False)
    return [cast("InitErrorDetails", {k: v for k, v in detail.items() if k != "msg"}) for detail in found]


def _line(field_error: FieldError) -> InitErrorDetails:
    """A field error as the schema library carries it; `server.field_errors` reads the field back from before the
    colon."""
    text = field_error.message if field_error.field == "(root)" else f"{field_error.field}: {field_error.message}"
    return {"type": "value_error", "loc": (), "input": None, "ctx": {"error": ValueError(text)}}


def _or_none(value: Any, handler: Any) -> Any:
    try:
        return handler(value)
    except ValidationError:
        return None


@lru_cache(maxsize=1024)
def _lenient(cls: type[Body]) -> type[BaseModel]:
    """The class with None for every field that is missing or does not fit."""
    fields: Any = {
        name: (Annotated[field.rebuild_annotation(), WrapValidator(_or_none)], None if field.is_required() else field)
        for name, field in cls.model_fields.items()
    }
    return create_model(f"Lenient{cls.__name__}", __config__=ConfigDict(extra="ignore", strict=True), **fields)


def _is_unused(cls: type[Body], name: str, given: Any) -> bool:
    return (given is None or given == "") and name in _silent(cls, given)


@lru_cache(maxsize=1024)
def _silent(cls: type[Body], empty: str | None) -> frozenset[str]:
    """Optional fields for which null, or the empty string, is no value of its own."""

    def holds_it(name: str) -> bool:
        wanted: Any = {name: (cls.model_fields[name].rebuild_annotation(), ...)}
        alone = create_model(f"{name} of {cls.__name__}", __config__=ConfigDict(strict=True), **wanted)
        try:
            return getattr(alone.model_validate({name: empty}), name) == empty
        except ValidationError:
            return False

    return frozenset(n for n, field in cls.model_fields.items() if not field.is_required() and not holds_it(n))


class View(BaseModel):
    """The description of an answer; never built at run time, so it costs nothing there."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


@dataclass(frozen=True, slots=True)
class Shown:
    """In the type of a view's field: how the value of a snapshot is written (`core/shown.py`)."""

    write: Callable[[Any], Any]


def published_name(name: str) -> str:
    """What a class of this name is called in the served description."""
    return name.removesuffix("View")


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("is a string")
    return value


def decimal_of(pattern_digits: int, places: int, *, exact: bool = False, signed: bool = False) -> tuple[Any, Any]:
    """What reads a decimal of at most so many digits before and after the point, and how it is described."""

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


_PAY, _PAY_SCHEMA = decimal_of(9, 2, exact=True, signed=False)
_SIGNED_PAY, _SIGNED_PAY_SCHEMA = decimal_of(9, 2, exact=True, signed=True)
_UNSIGNED, _UNSIGNED_SCHEMA = decimal_of(63, 27, exact=False, signed=False)
_SIGNED, _SIGNED_SCHEMA = decimal_of(63, 27, exact=False, signed=True)
_SIGNED_UNITS, _SIGNED_UNITS_SCHEMA = decimal_of(63, 10, exact=False, signed=True)

IN_CENTS = Shown(lambda amount: cents(Decimal(amount)))
PaymentAmount = Annotated[Decimal, _PAY, _PAY_SCHEMA, IN_CENTS]
"""Money as the contract takes it for payments and orders: 0 or exactly 2 decimals."""
SignedPaymentAmount = Annotated[Decimal, _SIGNED_PAY, _SIGNED_PAY_SCHEMA, IN_CENTS]
UnsignedDecimal = Annotated[Decimal, _UNSIGNED, _UNSIGNED_SCHEMA]
SignedDecimal = Annotated[Decimal, _SIGNED, _SIGNED_SCHEMA]
SignedUnits = Annotated[Decimal, _SIGNED_UNITS, _SIGNED_UNITS_SCHEMA]
"""As many decimals as quantities have."""
UnsignedCash = Annotated[UnsignedDecimal, IN_CENTS]
SignedCash = Annotated[SignedDecimal, IN_CENTS]


def _uuid(value: Any) -> Any:
    if isinstance(value, UUID):
        return value
    try:
        return parse_id(_text(value))
    except ValueError:
        raise ValueError("is a UUID") from None


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
Country = Annotated[str, Field(pattern="^[A-Z]{2}$"), AfterValidator(known_country)]
Currency = Literal["EUR", "GBP", "USD"]


def _absent(value: Any) -> Any:
    return None if value == "" else value


Unused = BeforeValidator(_absent)
"""`Annotated[X | None, Unused]`: the empty string counts as absent, as published clients send it."""


class DryRunQuery(Body):
    """Whether a request is meant."""

    dry_run: Annotated[bool, Field(strict=False)] = Field(
        default=False, description="An addition: say what would come of it, and leave nothing of it behind."
    )
