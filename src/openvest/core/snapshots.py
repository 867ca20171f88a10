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


def _sequence(value: Any) -> Json:
    return [snapshot_value(item) for item in cast(Sequence[Any], value)]


def _mapping(value: Any) -> Json:
    return {str(k): snapshot_value(v) for k, v in cast(Mapping[Any, Any], value).items()}


_AS_IS = frozenset({str, int, bool, type(None)})
_BY_TYPE: dict[type[Any], Callable[[Any], Json]] = {
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


def _fields_of(kind: type[Any]) -> Callable[[Any], Json]:
    """How a dataclass becomes JSON: its fields by name, in order."""
    names = tuple(f.name for f in dataclasses.fields(kind))

    def convert(thing: Any) -> Json:
        found: dict[str, Any] = {}
        for name in names:
            value = getattr(thing, name)
            found[name] = value if type(value) in _AS_IS else snapshot_value(value)
        return found

    return convert


def _learn(kind: type[Any]) -> Callable[[Any], Json]:
    """Find out once how values of a type become JSON: dataclasses, and subclasses such as the driver's uuid."""
    if dataclasses.is_dataclass(kind):
        convert = _fields_of(kind)
    else:
        for base in (str, UUID, datetime, dict, Mapping):
            if issubclass(kind, base):
                convert = _mapping if base is Mapping else _BY_TYPE[base]
                break
        else:
            raise TypeError(f"{kind} has no place in a snapshot")
    _BY_TYPE[kind] = convert
    return convert


def snapshot_value(value: Any) -> Json:
    """One value as JSON. Raises: TypeError for a kind that has no text form (float among them)."""
    kind = cast(type[Any], type(value))
    return (_BY_TYPE.get(kind) or _learn(kind))(value)


def snapshot_of(thing: Any) -> dict[str, Any]:
    """A frozen dataclass as a snapshot."""
    return snapshot_value(thing)


_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def dumps(value: Json) -> str:
    """The one text form of JSON here: compact, in the order given, UTF-8."""
    return _ENCODER.encode(value)
