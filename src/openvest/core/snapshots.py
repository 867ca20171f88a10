"""Domain objects as JSON: the form in which events keep them and both contracts map them.

A snapshot of a frozen dataclass is a dict of its fields in order; Decimal becomes plain digits, UUID and enum text,
an instant RFC 3339 with `Z`, a day YYYY-MM-DD. What a contract shows is made from a snapshot by its mapper, so a GET
and an event can never differ.

Why orjson: it writes frozen dataclasses, UUIDs and instants natively; a Decimal it does not know and hands to us, so
money stays text. (docs/adr/0009; a whole order life makes ten snapshots.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from openvest.core.clock import instant
from openvest.core.money import plain
from openvest.core.records import record

Json = Any
Snapshot = Mapping[str, Any]


@record
class Emitted:
    """An event as a unit of work wrote it, before it has a number."""

    type: str
    object_id: UUID
    snapshot: Snapshot


_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_SUBCLASS


class _Writers(dict[type[Any], Callable[[Any], Any]]):
    """How values of a kind are written, looked for once: a life hands over a hundred of them."""

    def __missing__(self, kind: type[Any]) -> Callable[[Any], Any]:
        self[kind] = writer = _writer(kind)
        return writer


_WRITERS = _Writers()


def _other(value: Any) -> Any:
    """What orjson hands over: decimals, and subclasses such as enums and the driver's uuid."""
    return _WRITERS[type(value)](value)


def _writer(kind: type[Any]) -> Callable[[Any], Any]:
    if issubclass(kind, Decimal):
        return plain
    if issubclass(kind, (UUID, str)):
        return str
    if issubclass(kind, datetime):
        return instant
    if issubclass(kind, Mapping):
        return _named
    raise TypeError(f"{kind} has no place in a snapshot")


def _named(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): item for name, item in value.items()}


def written(thing: Any) -> bytes:
    """JSON, in which values of the domain are as snapshots have them. Raises: TypeError for a kind without a form."""
    return orjson.dumps(thing, default=_other, option=_OPTIONS)


def text_of(thing: Any) -> str:
    """A domain object as the text of its snapshot. Raises: TypeError for a kind that has no text form."""
    return written(thing).decode()


def parsed(text: str) -> Json:
    """What `text_of` made a text of, as a snapshot."""
    return orjson.loads(text)


def snapshot_value(value: Any) -> Json:
    """One value as JSON. Raises: TypeError for a kind that has no text form."""
    if value is None or type(value) is str or type(value) is bool:
        return value
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, UUID):
        return str(value)
    return orjson.loads(written(value))


def snapshot_of(thing: Any) -> dict[str, Any]:
    """A frozen dataclass as a snapshot."""
    return snapshot_value(thing)


def dumps(value: Json) -> str:
    """The one text form of JSON here: compact, in the order given, UTF-8."""
    return orjson.dumps(value).decode()


def canonical(value: Json) -> bytes:
    """JSON in the one form in which equal values are equal bytes: fields in the order of their names."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
