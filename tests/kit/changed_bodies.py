"""Bodies that differ from a given one and still fit its schema: found by trying, so that any schema will do.

Nothing here knows a field by name. A value is taken from the field's own schema, from the rest of the body or from a
pool of texts; what the model takes is kept.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from openvest.core.schema import UUID_PATTERN, ValidationContext

POOL = (
    "other", "FR", "AT", "USD", "GBP", "2.00", "7", "2031-02-03", "1980-02-03", "2026-02-02T09:00:00Z",
    "DE0005933931", "other@example.org", "4917000000", "9b2f3a0e-6f0c-4a55-8f0e-0d3b4f1a7c11", "987654321",
    "NL91ABNA0417164300", "DE02120300000000202051", "INGBNL2A", "65170839J003", "https://other.example.org/hook",
    True, False, 3,
)  # fmt: skip
_FORMATS = {"uuid": UUID_PATTERN, "date": "^.{10}$", "date-time": "T"}
_MOST_EACH, _MOST_OBJECTS = 4, 200
CONTEXT = ValidationContext("TOL")
"""Under whose licence bodies are to fit."""
GONE: Any = object()
"""Stands for a field that is left out."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A body and the names of its top-level fields that differ."""

    field: str
    body: Mapping[str, Any]
    names: frozenset[str]


def changed_bodies(model: type[BaseModel], body: Mapping[str, Any]) -> tuple[list[Changed], list[str]]:
    """For every field of the model a body with another value there, for every field sent that may be left out one
    without it; and the names of fields for which no other value was found."""
    model = _kind(model, body)
    found: list[Changed] = []
    bundles: list[Mapping[str, Any]] = []
    missed = [name for name in model.model_fields if not _is_constant(model, body, name)]
    while True:
        still: list[str] = []
        for name in missed:
            values = [value for value in _values(model, body, name) if value != body.get(name, GONE)]
            one = _fitting(model, body, name, values, bundles)
            if one is None:
                still.append(name)
            else:
                found.append(one)
                bundles.append(_differences(body, one.body))
        # What fits only beside another field's new value may have been found that value by now.
        if not still or still == missed:
            break
        missed = still
    for name in body:
        without = _fitting(model, body, name, [GONE], bundles)
        found += [] if without is None else [without]
    return found, still


def both(model: type[BaseModel], body: Mapping[str, Any], ones: Sequence[Changed]) -> Changed | None:
    """All these changes in one body, if it fits."""
    changes = {name: value for one in ones for name, value in _differences(body, one.body).items()}
    return _made(_kind(model, body), body, "+".join(one.field for one in ones), changes)


def _kind(model: type[BaseModel], body: Mapping[str, Any]) -> type[BaseModel]:
    """The model itself or, where it takes one of several kinds, the one that this body is of."""
    root = model.model_fields.get("root")
    return model if root is None else next(kind for kind in get_args(root.annotation) if _fits(kind, body))


def _differences(body: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: other.get(name, GONE) for name in {*body, *other} if other.get(name, GONE) != body.get(name, GONE)}


def _is_constant(model: type[BaseModel], body: Mapping[str, Any], name: str) -> bool:
    """Whether the field is sent with the one value there is."""
    return name in body and model.model_fields[name].is_required() and _listed(_schema(model, name)) == [body[name]]


def _fitting(
    model: type[BaseModel],
    body: Mapping[str, Any],
    name: str,
    values: Sequence[Any],
    bundles: Sequence[Mapping[str, Any]],
) -> Changed | None:
    """The first value that fits, with as few changes to other fields as it takes."""
    companions = [*_companions(model, body, name), *bundles]
    for number in range(3):
        for others in itertools.combinations(companions, number):
            beside = {field: value for changes in others for field, value in changes.items()}
            for value in values:
                one = _made(model, body, name, {**beside, name: value})
                if one is not None:
                    return one
        # Values that no company could make fit are not tried in all of it.
        values = [value for value in values if value is GONE or _fits_alone(model, name, value)]
    return None


def _made(model: type[BaseModel], body: Mapping[str, Any], field: str, changes: Mapping[str, Any]) -> Changed | None:
    made = {name: value for name, value in {**body, **changes}.items() if value is not GONE}
    names = frozenset(name for name in {*made, *body} if made.get(name, GONE) != body.get(name, GONE))
    if not names or not _fits(model, made):
        return None
    return Changed(field, made, names)


def _fits(model: type[BaseModel], body: Any) -> bool:
    try:
        model.model_validate(body, context=CONTEXT)
    except ValidationError:
        return False
    return True


def _companions(model: type[BaseModel], body: Mapping[str, Any], but: str) -> list[Mapping[str, Any]]:
    """Changes to other fields that may make room for one: left out, or another of the values that are listed."""
    found: list[Mapping[str, Any]] = []
    for name, field in model.model_fields.items():
        if name == but:
            continue
        if name in body and not field.is_required():
            found.append({name: GONE})
        found += [{name: value} for value in _listed(_schema(model, name)) if value != body.get(name)]
    return found


def _fits_alone(model: type[BaseModel], name: str, value: Any) -> bool:
    try:
        _adapter(model, name).validate_python(value)
    except ValidationError:
        return False
    return True


@cache
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    return TypeAdapter(model.model_fields[name].rebuild_annotation())


def _values(model: type[BaseModel], body: Mapping[str, Any], name: str) -> list[Any]:
    schema = _schema(model, name)
    inside = list(_inside(body[name])) if name in body else []
    siblings = [value for other, value in body.items() if other != name and isinstance(value, dict | list)]
    return [*_listed(schema), *inside, *siblings, *_samples(schema, schema), *POOL]


@cache
def _schema(model: type[BaseModel], name: str) -> dict[str, Any]:
    return _adapter(model, name).json_schema()


def _listed(schema: Any) -> list[Any]:
    """Values that the schema of a single value lists."""
    kinds = [schema, *schema.get("anyOf", ())]
    return [value for kind in kinds for value in (*kind.get("enum", ()), *([kind["const"]] if "const" in kind else []))]


def _inside(value: Any) -> Iterator[Any]:
    """The same value with one thing inside it changed."""
    if isinstance(value, dict):
        known = cast("dict[str, Any]", value)
        for name, inner in known.items():
            yield from ({**known, name: other} for other in (*_inside(inner), *POOL) if other != inner)
    elif isinstance(value, list):
        items = cast("list[Any]", value)
        for place, inner in enumerate(items):
            yield from ([*items[:place], other, *items[place + 1 :]] for other in (*_inside(inner), *POOL))
        yield from ([*items, other] for other in POOL)
    elif isinstance(value, str) and value:
        yield value + "x"
        yield ("2" if value[0] != "2" else "3") + value[1:]


def _samples(schema: Any, root: Any) -> list[Any]:
    """Some values of the shape that a schema describes."""
    if "$ref" in schema:
        return _samples(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return [sample for kind in schema["anyOf"] for sample in _samples(kind, root)]
    listed = _listed(schema)
    if listed:
        return listed
    if schema.get("type") == "array":
        return [[sample] for sample in _samples(schema["items"], root)]
    if schema.get("type") == "object":
        known = schema.get("properties", {})
        required = schema.get("required", ())
        sets = [required, *([*required, name] for name in known if name not in required), list(known)]
        return [sample for names in sets for sample in _objects({name: known[name] for name in names}, root)]
    return [value for value in POOL if _matches(schema, value)]


def _objects(properties: Mapping[str, Any], root: Any) -> list[Any]:
    parts = [_samples(schema, root)[:_MOST_EACH] for schema in properties.values()]
    made = itertools.islice(itertools.product(*parts), _MOST_OBJECTS)
    return [dict(zip(properties, values, strict=True)) for values in made]


def _matches(schema: Any, value: Any) -> bool:
    kind = {"string": str, "boolean": bool, "integer": int, "number": int}.get(schema.get("type", ""))
    if kind is None or type(value) is not kind:
        return False
    if kind is not str:
        return True
    pattern = schema.get("pattern", _FORMATS.get(schema.get("format", ""), ""))
    return re.search(pattern, value) is not None


def canonical(body: Mapping[str, Any]) -> bytes:
    """The same JSON in other bytes: fields in the reverse order, blanks, escapes."""
    turned = dict(reversed(list(body.items())))
    return json.dumps(turned, indent=1, ensure_ascii=True).encode()
