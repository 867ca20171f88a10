"""What is declared fits by itself, before anything is served (`declared`).

Each rule reads the declarations and gives a sentence for every one that lets in what it must not: scopes of the wrong
kind, creations without a key, bodies that take anything, lists without pages, states without a way out, and
declarations that the catalog forgot.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import openvest
from openvest import catalog
from openvest.catalog import LIFECYCLES
from openvest.core.lifecycle import Lifecycle
from openvest.core.paging import PageParameters
from openvest.declarations import (
    AuditQuery,
    ClosingBlocker,
    DeadLetterKind,
    Endpoint,
    Event,
    Outbound,
    Reaction,
    Representation,
    Sweep,
)
from openvest.features.tenants.model import SCOPES
from tests.architecture.test_lifecycles import without_way_out
from tests.gates.gate import Gate, Run, Verdict
from tests.kit.contracts import (
    SERVED,
    address,
    components_of,
    each_of,
    label,
    operation_of,
    rules_of,
    said_of,
    takes_key,
)
from tests.kit.samples import every, lacks, owner_of

Json = dict[str, Any]

UNKEYED = every(lambda sample: sample.unkeyed)
WHOLE = every(lambda sample: sample.whole)


def scopes_of_the_wrong_kind(endpoints: Sequence[Endpoint]) -> Iterator[str]:
    """A read is permitted by the `:read` of its area where there is one; a write never is, and a GET is a read."""
    for endpoint in endpoints:
        for scope in endpoint.scopes:
            reading = f"{scope.partition(':')[0]}:read"
            if endpoint.method == "GET" and reading in SCOPES and reading not in endpoint.scopes:
                yield f"{label(endpoint)}: reads, and {reading} does not permit it"
            if endpoint.method != "GET" and scope.endswith(":read"):
                yield f"{label(endpoint)}: changes something, and {scope} permits it"
        if endpoint.is_write == (endpoint.method == "GET"):
            yield f"{label(endpoint)}: is a {endpoint.method} and {'writes' if endpoint.is_write else 'writes nothing'}"


def keys_not_demanded(endpoints: Sequence[Endpoint]) -> Iterator[str]:
    """A POST takes a key or is known not to; where none is looked at, or the contract leaves it to the client, none is
    demanded."""
    for endpoint in endpoints:
        name, takes = label(endpoint), takes_key(endpoint)
        if endpoint.method == "POST" and not takes and said_of(UNKEYED, endpoint) is None:
            what = f"does not say why {name} demands no key: say it, or let it demand one"
            yield lacks(owner_of(endpoint), "unkeyed", what)
        if takes and name in UNKEYED:
            yield f"{name}: takes a key and is known not to"
        if endpoint.key_required and (endpoint.direct is not None or not endpoint.is_write):
            yield f"{name}: demands a key that nobody looks at"
        if endpoint.key_required and rules_of(endpoint).key_optional:
            yield f"{name}: demands a key, which its contract leaves to the client"
    yield from (f"{name}: is no operation" for name in UNKEYED if name not in {label(one) for one in endpoints})


def open_requests(endpoints: Sequence[Endpoint]) -> Iterator[str]:
    """Objects at any depth of a body, or queries, that take fields nobody declared."""

    def inner(name: str, schema: Json, components: Json, seen: set[str]) -> Iterator[str]:
        while "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name in seen:
                return
            seen.add(name)
            schema = components[name]
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
            yield name
        for field_name, field in schema.get("properties", {}).items():
            yield from inner(f"{name}.{field_name}", field, components, seen)
        for choice in (one for word in ("anyOf", "oneOf", "allOf") for one in schema.get(word, [])):
            yield from inner(name, choice, components, seen)
        if isinstance(schema.get("items"), dict):
            yield from inner(name, schema["items"], components, seen)

    for endpoint in endpoints:
        for content in operation_of(endpoint).get("requestBody", {}).get("content", {}).values():
            for name in inner("the body", content["schema"], components_of(endpoint), set()):
                yield f"{label(endpoint)}: {name} takes any field"
        if endpoint.query is not None and endpoint.query.model_config.get("extra") != "forbid":
            yield f"{label(endpoint)}: the query takes any field"


def lists_without_pages(endpoints: Sequence[Endpoint]) -> Iterator[str]:
    """Lists of objects at the top of an answer, where the operation has no pages and nobody knows that it is short."""

    def resolved(schema: Json, components: Json) -> Json:
        while "$ref" in schema:
            schema = components[schema["$ref"].rpartition("/")[2]]
        return schema

    def is_list(schema: Json, components: Json) -> bool:
        schema = resolved(schema, components)
        if any(is_list(choice, components) for word in ("anyOf", "oneOf") for choice in schema.get(word, [])):
            return True
        items = resolved(schema.get("items", {}), components)
        choices = (items, *items.get("anyOf", []), *items.get("oneOf", []))
        return any("properties" in resolved(one, components) for one in choices)

    found: dict[str, str] = {}
    for endpoint in endpoints:
        if endpoint.method != "GET" or (endpoint.query is not None and issubclass(endpoint.query, PageParameters)):
            continue
        components = components_of(endpoint)
        for content in operation_of(endpoint)["responses"][str(endpoint.status)].get("content", {}).values():
            schema = resolved(content["schema"], components)
            names = [name for name, one in schema.get("properties", {}).items() if is_list(one, components)]
            for name in [*names, *(["(root)"] if is_list(schema, components) else [])]:
                found[f"{label(endpoint)} {name}"] = f"{address(endpoint)} {name}"
    yield from (f"{name}: is a list without pages" for name, at in sorted(found.items()) if not {name, at} & set(WHOLE))
    yield from (f"{name}: is no list without pages" for name in sorted({*WHOLE} - {*found} - {*found.values()}))


_ASSEMBLED: Sequence[tuple[str, tuple[type, ...], Sequence[Any]]] = (
    ("face", (Endpoint,), SERVED),
    ("events", (Event,), catalog.EVENTS),
    ("face", (Representation,), [one.shown for told in catalog.TOLD.values() for one in told.values()]),
    ("sweeps", (Sweep, Outbound), catalog.WORKS),
    ("dead_letters", (DeadLetterKind,), catalog.DEAD_LETTER_KINDS),
    ("reactions", (Reaction,), catalog.REACTIONS),
    ("lifecycles", (Lifecycle,), catalog.LIFECYCLES),
    ("blockers", (ClosingBlocker,), catalog.CLOSING_BLOCKERS),
    ("invariants", (AuditQuery,), catalog.INVARIANTS),
)
"""What is declared, the part of a feature that names it, and all that the catalog has of it."""


def not_assembled(modules: Iterable[ModuleType]) -> Iterator[str]:
    """Declarations in these modules, in a list or by themselves, that no feature has. A publisher is known by its
    name."""
    for module in modules:
        for name, value in vars(module).items():
            items: Iterable[Any] = value if isinstance(value, list | tuple) else (value,)
            if isinstance(value, Mapping):
                items = value.values()
            for part, kinds, assembled in _ASSEMBLED:
                for item in items:
                    if isinstance(item, kinds) and not any(item is one for one in assembled):
                        yield f"{module.__name__}.{name}: no feature has it; name it in the {part} of its FEATURE"
            if name.startswith("publish_") and callable(value) and value not in catalog.PUBLISHERS:
                yield f"{module.__name__}.{name}: no feature has it; name it in the publishers of its FEATURE"


def untold_events() -> Iterator[str]:
    """Events that a contract does not tell, and does not say why."""
    for feature in catalog.FEATURES:
        for contract, face in feature.faces.items():
            for event in feature.events:
                if event.type not in catalog.TOLD[contract] and event.type not in face.untold:
                    yield (
                        f"{event.type}: {contract} does not show a {event.noun}; give REPRESENTATIONS in"
                        f" features/{feature.name}/{contract}.py its mapper and its schema, or say in UNTOLD why not"
                    )


def program() -> Iterator[ModuleType]:
    """Every module of the program."""
    for info in pkgutil.walk_packages(openvest.__path__, "openvest."):
        if not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


async def declared_whole(run: Run) -> Verdict:
    """Every rule over the whole catalog."""
    endpoints = SERVED
    lives = LIFECYCLES
    findings = [
        *scopes_of_the_wrong_kind(endpoints),
        *keys_not_demanded(endpoints),
        *open_requests(endpoints),
        *lists_without_pages(endpoints),
        *without_way_out(lives),
        *sorted(set(not_assembled(program()))),
        *untold_events(),
    ]
    return Verdict(
        f"{each_of(endpoints)} operations, {len(lives)} lives, {len(catalog.EVENTS)} events, {len(catalog.WORKS)} kinds"
        f" of work: {len(findings)} findings; {len(UNKEYED)} POSTs without a key and {len(WHOLE)} short lists are"
        " known",
        findings,
    )


GATES = (Gate("declared", "what is declared lets in nothing by itself", declared_whole, quick=True),)
