"""The pages about what the contracts serve: endpoints, errors, events, scopes, and the words of lite."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import openvest
from openvest.catalog import CONTRACTS, EVENTS, FEATURES, TOLD
from openvest.core.contracts import RULES, ContractRules
from openvest.core.naming import Names
from openvest.core.problems import TYPE_BASE, Problem
from openvest.declarations import Contract, Endpoint, Event, Feature, Representation
from openvest.events.telling import Tellings
from openvest.features.tenants.model import SCOPES
from openvest.server.openapi import components_of
from openvest.server.standard_errors import statuses
from tools.markdown import anchor, code, first_line, page, table

Schema = Mapping[str, Any]

WHAT_TO_DO: Mapping[str, str] = {
    "invalid_request": "Correct every field that `errors` names and send the request anew; as it stands it never"
    " works. A 400 without a document and without a request id is the answer to bytes that are no HTTP/1.1 request.",
    "missing_idempotency_key": "Send the header `idempotency-key` with a UUID, the same one when you repeat the"
    " request.",
    "unauthorised": "Check, in this order: the token's age, the client and its secret, the key that signs, what the"
    " signature covers, the machine's clock. A sandbox says in `detail` which of them it was; production never does.",
    "forbidden": "Ask for a token with a scope this operation takes (see [scopes.md](scopes.md)), or give the client"
    " that scope.",
    "tenant_closed": "Send writes to the installation the tenant was moved to; reads are answered here as before.",
    "not_found": "Check the path and the id. An object of somebody else answers exactly as one that never was.",
    "method_not_allowed": "Use a method that the header `Allow` names.",
    "not_acceptable": "Accept `application/json`.",
    "request_timeout": "Send the whole body without a pause; repeat the request with its key.",
    "conflict": "Read the object and decide anew. If a request with the same key is running, repeat it a little later.",
    "content_too_large": "Send a body of at most one mebibyte.",
    "unsupported_media_type": "Send the body as `application/json`; the token request alone is a form.",
    "unprocessable_entity": "The request is well formed, but stored facts speak against it: `detail` says which. Change"
    " the facts or the request, and use a new idempotency key for a changed request.",
    "too_many_requests": "Wait as many seconds as `Retry-After` says.",
    "headers_too_large": "Send fewer or shorter headers: at most 150 fields, and 32 KiB with the address.",
    "internal": "This is a mistake of ours. Report the request id; repeat the request with its key.",
    "unavailable": "Wait as many seconds as `Retry-After` says and repeat the request with its key: what was done is"
    " not done twice.",
    "outside_calendar": "Choose a day within the calendars that are shipped.",
    "unknown_venue": "Use a venue that `detail` names.",
    "unknown_payment_calendar": "Use a currency that `detail` names.",
}
"""What a caller does about each type of problem."""


# Endpoints


def by_tag(endpoints: Sequence[Endpoint]) -> dict[str, list[Endpoint]]:
    """Operations by tag, tags and operations in alphabetical order of tag and path."""
    found: dict[str, list[Endpoint]] = {}
    for endpoint in sorted(endpoints, key=lambda one: (one.tag, one.path, one.method)):
        found.setdefault(endpoint.tag, []).append(endpoint)
    return found


def successes(endpoint: Endpoint) -> list[int]:
    return sorted({endpoint.status, *(status for status in endpoint.errors if status < 400)})


Contracts = Mapping[Contract, Sequence[Endpoint]]


def endpoints_page(contracts: Contracts = CONTRACTS) -> str:
    """Every operation of every contract with its scopes, codes and whether it takes an idempotency key."""
    headings = ("request", "operation", "what it does", "scope (one of)", "key", "success", "refusals")
    parts: list[str] = [
        "Fields stand in the served descriptions and on `/docs`. *key*: the header `idempotency-key` is required."
        " Operations marked *sandbox* do not exist for a production tenant; those marked *addition* are ours, which the"
        " reference of the contract does not have. The refusals are explained in [errors.md](errors.md), the scopes in"
        " [scopes.md](scopes.md)."
    ]
    for contract, endpoints in contracts.items():
        if not endpoints:
            continue
        parts += [f"## {contract}", f"{len(endpoints)} operations, described in `/openapi/{contract}.json`."]
        for tag, operations in by_tag(endpoints).items():
            parts.append(f"### {tag}")
            parts.append(table(headings, (_operation(one, RULES[contract]) for one in operations)))
    return page("Endpoints", *parts)


def _operation(endpoint: Endpoint, rules: ContractRules) -> Sequence[str]:
    key = "yes" if endpoint.demands_key(rules) else "optional" if endpoint.takes_key(rules) else ""
    return (
        f"`{endpoint.method} {endpoint.path}`"
        + (" *sandbox*" if endpoint.sandbox_only else "")
        + (" *addition*" if endpoint.addition else ""),
        f"`{endpoint.operation_id}`",
        endpoint.summary,
        code(*endpoint.scopes),
        key,
        " ".join(str(status) for status in successes(endpoint)),
        " ".join(str(status) for status in statuses(endpoint, rules)),
    )


# Errors


def problems() -> list[type[Problem]]:
    """Every problem the program can answer with, whichever module it stands in."""
    for module in pkgutil.walk_packages(openvest.__path__, f"{openvest.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found = {one for one in _below(Problem) if one.__module__.startswith(f"{openvest.__name__}.")}
    return sorted(found, key=lambda one: (one.status, one.name, one.__module__, one.__name__))


def _below(kind: type[Problem]) -> Iterator[type[Problem]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def errors_page() -> str:
    """Every type of problem, one heading each, with the cases that have it."""
    types: dict[str, list[type[Problem]]] = {}
    for problem in problems():
        types.setdefault(problem.name, []).append(problem)
    parts = [
        "A refusal is a document of media type `application/problem+json`. Its `type` is the address"
        f" `{TYPE_BASE}<name>`, of which only the name matters; it is stable, `title` and `status` follow from it."
        " `detail` is one sentence about this very case, `errors` lists every field error of a body or a query by "
        "field, and"
        " `request_id` finds the request in our log.",
        table(
            ("name", "status", "title"),
            ((f"[`{name}`](#{anchor(name)})", str(kinds[0].status), kinds[0].title) for name, kinds in types.items()),
        ),
    ]
    for name, kinds in types.items():
        parts += [f"## {name}", f"Status {kinds[0].status}, title “{kinds[0].title}”.", WHAT_TO_DO[name]]
        cases = [(_feature(one), f"`{one.__name__}`", first_line(one.__doc__)) for one in kinds if _is_case(one)]
        if cases:
            parts.append(table(("where", "case", "what it means"), cases))
    return page("Errors", *parts)


def _is_case(problem: type[Problem]) -> bool:
    """Whether it is one case of a type, not the type as such."""
    return problem.__module__ != Problem.__module__


def _feature(problem: type[Problem]) -> str:
    parts = problem.__module__.split(".")
    return parts[2] if parts[1] == "features" else parts[1]


# Events


Told = Mapping[Contract, Tellings]


def events_page(events: Sequence[Event] = EVENTS, told: Told = TOLD) -> str:
    """Every event type, what each contract calls it, and the fields of the object it carries there."""
    nouns: dict[str, list[Event]] = {}
    for event in _sorted(events):
        nouns.setdefault(event.noun, []).append(event)
    names = ((contract, RULES[contract].event_name_key) for contract in told)
    parts = [
        f"{len(events)} types. An event is written in the transaction of the change it tells of, carries the whole"
        " object as it then stood and never changes. A delivery holds"
        ' `{"payload": [{id, created_at, type, object, webhook_id}]}`; the name of the event stands in '
        + " and in ".join(f"`{key}` in {contract}" for contract, key in names)
        + ". A subscription names the categories it wants, which are the words before the dot in its own contract.",
        table(
            ("type", "object", *(f"in {contract}" for contract in told)),
            (
                (f"`{e.type}`", f"[{e.noun}](#{anchor(e.noun)})", *(_names(tellings, e) for tellings in told.values()))
                for e in _sorted(events)
            ),
        ),
    ]
    for noun, ours in sorted(nouns.items()):
        parts += [f"## {noun}", "Told by " + code(*(one.type for one in ours)) + "."]
        for contract, tellings in told.items():
            if forms := dict.fromkeys(tellings[one.type].shown for one in ours if one.type in tellings):
                parts.append(f"### {noun} in {contract}")
                parts += [part for shown in forms for part in _fields_of(shown)]
    return page("Events", *parts)


def _names(told: Tellings, event: Event) -> str:
    """What a contract calls an event, in a cell."""
    return code(*told[event.type].names) if event.type in told else "not told"


def _sorted(events: Sequence[Event]) -> list[Event]:
    return sorted(events, key=lambda one: one.type)


def _fields_of(shown: Representation) -> Iterator[str]:
    """The fields of an object, and below them those of the objects inside it."""
    names, schemas = components_of([shown.schema])
    schema = schemas.pop(names[shown.schema])
    yield _fields(schema) if "properties" in schema else f"One of {kind_of(schema)}."
    for name, inner in sorted(schemas.items()):
        if "properties" in inner:
            yield f"{name}: {inner['description']}" if "description" in inner else f"{name}:"
            yield _fields(inner)


def _fields(schema: Schema) -> str:
    required = schema.get("required", ())
    rows = (
        (f"`{name}`", kind_of(field), "" if name in required else "may be absent", field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    )
    return table(("field", "kind", "", "what it says"), rows)


def kind_of(schema: Schema) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(kind_of(choice) for choice in schema[key])
    if "enum" in schema or "const" in schema:
        return code(*(str(value) for value in schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type", "anything"))


# Scopes


def scopes_page(contracts: Contracts = CONTRACTS) -> str:
    """Every scope and the operations that take it."""
    endpoints = [endpoint for table in contracts.values() for endpoint in table]
    rows = (
        (f"`{scope}`", meaning, code(*sorted({e.operation_id for e in endpoints if scope in e.scopes})))
        for scope, meaning in SCOPES.items()
    )
    return page(
        "Scopes",
        "A client is made with scopes, a token asks for some of them, and an operation takes any one of those it lists."
        " An `admin` scope includes its `read` scope. A scope without operations is in the contract already; what it"
        " permits is served by a later version.",
        table(("scope", "what it permits", "operations"), rows),
    )


# Lite's words


def lite_page(features: Sequence[Feature] = FEATURES) -> str:
    """Feature by feature, what lite calls what the domain knows, and what it leaves out."""
    parts = [
        "The contract lite has words of its own over the same domain. A word that is *decided* is shown instead of"
        " another where a fact says so, one that comes *later* with the feature that is named; what is *untold* is"
        " shown to nobody who speaks lite. An event that is not here has the name of the domain."
    ]
    for feature in features:
        face = feature.lite
        events = [
            (f"`{one.type}`", _names(TOLD["lite"], one) + _why(face.untold.get(one.type)))
            for one in feature.events
            if one.type in face.told or one.type in face.untold
        ]
        if face.names or events:
            parts += [f"## {feature.name}", *(_words(names) for names in face.names)]
            parts += [table(("event", "in lite"), events)] if events else []
    return page("Words of lite", *parts)


def _words(names: Names[Any, Any]) -> str:
    rows = [
        *((code(*names.behind(word)), f"`{word}`") for word in dict.fromkeys(names.words.values())),
        *((f"`{value}`", f"untold: {why}") for value, why in names.untold.items()),
        *(("–", f"`{word}`, decided: {fact}") for word, fact in names.decided.items()),
        *(("–", f"`{word}`, later: {feature}") for word, feature in names.later.items()),
    ]
    return table(("in the domain", "in lite"), rows)


def _why(reason: str | None) -> str:
    return f": {reason}" if reason else ""
