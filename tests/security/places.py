"""Where an operation takes an id: read out of the served description, by type, not out of a list kept by hand.

What the description types as `uuid` is an id. Every other free text is either one of `HIDDEN`, an id that no schema
reveals, or one of `TEXT`; a name in neither is a finding, so that a new field is decided about.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from openvest.declarations import Endpoint
from tests.kit.contracts import address, components_of, label, operation_of
from tests.kit.operations import CONSTANT, body_of, filled

Json = dict[str, Any]
Where = Literal["path", "query", "body"]

KINDS: Mapping[str, str] = {
    "business_id": "user_id",
    "branch_id": "user_id",
    "consent_document_id": "user_id",
    "decision_maker_id": "user_id",
    "id": "webhook_id",
    "role_id": "user_id",
    "transaction_fee_model_id": "user_id",
    "virtual_bank_account_id": "account_id",
}
"""Whose id is put where the name says nothing of an object there is: by the last part of the place's name."""

HIDDEN: Mapping[str, str] = {
    "client_reference": "client_reference",
    "identifier": "identifier",
    "remittance_information": "settlement_text",
    "securities_account_number": "securities_account_number",
}
"""Texts that name an object of a tenant, by the last part of their name, and which value of the owner is put there."""

TEXT = frozenset(
    """
    address_line1 address_line2 amount bic birth_city birth_country birth_name cash_amount city client_secret
    counterparty_name country currency delay end_date first_name iban identifier_standard instrument_id interval
    issuing_country last_name limit_price name nationality nationalities next_open phone_number postcode provider
    purpose_code quantity scope social_security_number start_date state stop_price tax_identifier_number title
    """.split()
)
"""Texts that name nothing of a tenant: what persons are called, amounts, codes, IBANs (which are only kept)."""

VARIANTS: Mapping[tuple[str, str], Json | None] = {
    ("POST /orders", "business_id"): {"user_id": None},
    ("POST /orders", "fee_configuration.0.transaction_fee_model_id"): {
        "fee_configuration": [{"type": "TRANSACTION_FEE_BUY"}]
    },
    ("POST /tests/scenarios", "on.account_id"): {"on": {}},
    ("POST /tests/scenarios", "on.user_id"): {"on": {}},
    ("POST /users/{user_id}/checks", "role_id"): {
        "type": "GUARDIAN",
        "document_type": "BIRTH_CERTIFICATE",
        "data_download_link": "https://documents.example.org/proof.zip",
        "instrument_suitability": None,
    },
    ("POST /users/{user_id}/data_change_requests", "branch_id"): {},
}
"""What else a body is to have so that an id fits at this place; null takes a field away."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place of one operation that takes an id. Shape: `name` is dotted for a body, list positions are 0."""

    operation: str
    address: str
    where: Where
    name: str
    kind: str
    """Which of the owner's ids or texts belongs there."""

    @property
    def label(self) -> str:
        return f"{self.operation} {self.where} {self.name}"

    def among(self, labels: Collection[str]) -> bool:
        """Whether this place, or that of the first contract's operation at the same address, is one of these."""
        return self.label in labels or f"{self.address} {self.where} {self.name}" in labels

    @property
    def hidden(self) -> bool:
        return self.name.rpartition(".")[2] in HIDDEN


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
    for where, name, leaf in _texts(endpoint):
        last = next(part for part in reversed(name.split(".")) if not part.isdigit())
        told = f"{label(endpoint)} {where} {name}"
        if where == "path" and last in CONSTANT:
            continue
        if leaf.get("format") == "uuid":
            kind = last if last in ids else KINDS.get(last)
            if kind is None:
                undecided.append(f"{told}: nobody's id is known for this place")
            else:
                found[where, name] = Place(label(endpoint), address(endpoint), where, name, kind)
        elif last in HIDDEN:
            found[where, name] = Place(label(endpoint), address(endpoint), where, name, HIDDEN[last])
        elif last not in TEXT and "format" not in leaf:
            undecided.append(f"{told}: is it an id that no schema reveals, or a text?")
    if endpoint.body is not None and body_of(endpoint) is None:
        undecided.append(f"{label(endpoint)}: there is no body that fits, so nothing of it was looked at")
    return list(found.values()), undecided


def required_query(endpoint: Endpoint, ids: Mapping[str, str]) -> dict[str, str]:
    """Query parameters that must be there, with the caller's own ids."""
    needed = [p["name"] for p in operation_of(endpoint)["parameters"] if p.get("in") == "query" and p["required"]]
    return {name: ids[name] for name in needed}


def body_with(endpoint: Endpoint, ids: Mapping[str, str], place: Place | None, value: str) -> Json | None:
    """The body of an operation with the caller's own ids and, at the place, this value."""
    if endpoint.body is None or body_of(endpoint) is None:
        return None
    body: Json = copy.deepcopy(filled(body_of(endpoint), ids))
    if place is None or place.where != "body":
        return body
    for name, given in (VARIANTS.get((address(endpoint), place.name)) or {}).items():
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
