"""Where an operation takes an id: read out of the served description, by type, not out of a list kept by hand.

What the description types as `uuid` is an id. Every other free text is either one of the feature's `references`, an id
that no schema reveals, or one of its `texts`; a name in neither is a finding, so that a new field is decided about.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from openvest.declarations import Endpoint
from tests.kit.contracts import address, components_of, label, operation_of
from tests.kit.operations import CONSTANT, body_of
from tests.kit.sample import filled
from tests.kit.samples import lacks, owner_of, sample_of

Json = dict[str, Any]
Where = Literal["path", "query", "body"]


@dataclass(frozen=True, slots=True)
class Place:
    """One place of one operation that takes an id. Shape: `name` is dotted for a body, list positions are 0."""

    operation: str
    address: str
    where: Where
    name: str
    kind: str
    """Which of the owner's ids or texts belongs there."""
    hidden: bool = False
    """It is an id that no schema reveals."""

    @property
    def label(self) -> str:
        return f"{self.operation} {self.where} {self.name}"

    def among(self, labels: Collection[str]) -> bool:
        """Whether this place, or that of the first contract's operation at the same address, is one of these."""
        return self.label in labels or f"{self.address} {self.where} {self.name}" in labels


def _resolved(schema: Json, components: Json) -> Json:
    while "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    return schema


def _leaves(schema: Json, components: Json, path: str) -> Iterator[tuple[str, Json]]:
    """Every plain value of a schema with its dotted path."""
    schema = _resolved(schema, components)
    for word in ("anyOf", "oneOf", "allOf"):
        for choice in schema.get(word, []):
            yield from _leaves(choice, components, path)
    for name, inner in schema.get("properties", {}).items():
        yield from _leaves(inner, components, f"{path}.{name}" if path else name)
    if isinstance(schema.get("items"), dict):
        yield from _leaves(schema["items"], components, f"{path}.0")
    if isinstance(schema.get("type"), str) and schema["type"] not in ("object", "array", "null"):
        yield path, schema


def _texts(endpoint: Endpoint) -> Iterator[tuple[Where, str, Json]]:
    """Every value an operation takes that is a text without a list of what it may be."""
    components, operation = components_of(endpoint), operation_of(endpoint)
    found: list[tuple[Where, str, Json]] = []
    for parameter in operation["parameters"]:
        if "$ref" not in parameter:
            leaves = _leaves(parameter["schema"], components, parameter["name"])
            found += [(parameter["in"], name, leaf) for name, leaf in leaves]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        found += [("body", name, leaf) for name, leaf in _leaves(content["schema"], components, "")]
    for where, name, leaf in found:
        if leaf["type"] == "string" and "enum" not in leaf and "const" not in leaf:
            yield where, name, leaf


def places_of(endpoint: Endpoint, ids: Mapping[str, str]) -> tuple[list[Place], list[str]]:
    """The places of one operation, and what is not decided about it."""
    found: dict[tuple[Where, str], Place] = {}
    undecided: list[str] = []
    sample, feature = sample_of(endpoint), owner_of(endpoint)
    for where, name, leaf in _texts(endpoint):
        last = next(part for part in reversed(name.split(".")) if not part.isdigit())
        told = f"{label(endpoint)} {where} {name}"
        if last in CONSTANT and (where == "path" or leaf.get("format") == "uuid"):
            continue
        if leaf.get("format") == "uuid":
            kind = sample.whose.get(told) or (last if last in ids else sample.whose.get(last))
            if kind is None:
                what = f"has nothing for {last}, an id that {told} takes: say which object's id is put there"
                undecided.append(lacks(feature, "whose", what))
            else:
                found[where, name] = Place(label(endpoint), address(endpoint), where, name, kind)
        elif last in sample.references:
            kind = sample.references[last]
            found[where, name] = Place(label(endpoint), address(endpoint), where, name, kind, hidden=True)
        elif last not in sample.texts and "format" not in leaf:
            what = f"lacks {last}, which {told} takes; if it is an id that no schema reveals, say so in references"
            undecided.append(lacks(feature, "texts", what))
    return list(found.values()), undecided


def body_with(endpoint: Endpoint, ids: Mapping[str, str], place: Place | None, value: str) -> Json | None:
    """The body of an operation with the caller's own ids and, at the place, this value."""
    usual = body_of(endpoint)
    if usual is None:
        return None
    body: Json = filled(usual, ids)
    if place is None or place.where != "body":
        return body
    variants = sample_of(endpoint).variants
    for name, given in variants.get(place.label, variants.get(f"{place.address} body {place.name}", {})).items():
        if given is None:
            body.pop(name, None)
        else:
            body[name] = copy.deepcopy(given)
    _put(body, place.name.split("."), value)
    return body


def _put(node: Any, path: Sequence[str], value: str) -> None:
    for part, following in pairwise(path):
        key: Any = int(part) if part.isdigit() else part
        if isinstance(node, dict) and node.get(key) is None:
            node[key] = [{}] if following.isdigit() else {}
        node = node[key]
    node[path[-1]] = value
