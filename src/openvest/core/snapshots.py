"""Domain objects as JSON: the form in which events keep them and both contracts map them.

A snapshot of a frozen dataclass is a dict of its fields in order; Decimal becomes plain digits, UUID and enum text,
an instant RFC 3339 with `Z`, a day YYYY-MM-DD. What a contract shows is made from a snapshot by its mapper, so a GET
and an event can never differ.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from openvest.core.clock import instant
from openvest.core.money import plain

Json = Any
Snapshot = Mapping[str, Any]

_FIELDS: dict[type, tuple[str, ...]] = {}


def _fields(kind: type) -> tuple[str, ...]:
    names = _FIELDS.get(kind)
    if names is None:
        names = _FIELDS[kind] = tuple(f.name for f in dataclasses.fields(kind))
    return names


def _sequence(value: Any) -> Json:
    return [snapshot_value(item) for item in cast(Sequence[Any], value)]


def _mapping(value: Any) -> Json:
    return {str(k): snapshot_value(v) for k, v in cast(Mapping[Any, Any], value).items()}


_BY_TYPE: dict[type, Callable[[Any], Json]] = {
    str: lambda v: v,
    int: lambda v: v,
    bool: lambda v: v,
    type(None): lambda _: None,
    Decimal: plain,
    datetime: instant,
    date: date.isoformat,
    UUID: str,
    list: _sequence,
    tuple: _sequence,
    dict: _mapping,
}


def snapshot_value(value: Any) -> Json:
    """One value as JSON. Raises: TypeError for a kind that has no text form (float among them)."""
    kind = type(value)
    convert = _BY_TYPE.get(kind)
    if convert is not None:
        return convert(value)
    if dataclasses.is_dataclass(kind):
        return {name: snapshot_value(getattr(value, name)) for name in _fields(kind)}
    for base in (str, UUID, datetime, Mapping):  # subclasses: enums, the driver's uuid
        if isinstance(value, base):
            return _BY_TYPE[dict if base is Mapping else base](value)
    raise TypeError(f"{kind} has no place in a snapshot")


def snapshot_of(thing: Any) -> dict[str, Any]:
    """A frozen dataclass as a snapshot."""
    return {name: snapshot_value(getattr(thing, name)) for name in _fields(type(thing))}


def dumps(value: Json) -> str:
    """The one text form of JSON here: compact, in the order given, UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
