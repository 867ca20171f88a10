"""What the catalog serves, over all contracts: tests name no contract's operations, so new ones are held to them.

What a contract demands of its clients is read from its rules, so that nothing here asks one for its name; what its
lists look like is written down, so that a test notices a limit that moved.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import httpx

from openvest.catalog import CONTRACTS
from openvest.core.contracts import RULES, Contract, ContractRules
from openvest.declarations import Endpoint
from openvest.server.openapi import describe

Json = dict[str, Any]
V = TypeVar("V")

TABLES: Mapping[Contract, Sequence[Endpoint]] = {contract: table for contract, table in CONTRACTS.items() if table}
"""Operations by contract, of those that are served."""
SERVED: Sequence[Endpoint] = tuple(endpoint for table in TABLES.values() for endpoint in table)
"""Every operation of every contract."""
FIRST: Contract = next(iter(TABLES))
"""The contract whose operations are named by method and path alone."""


@dataclass(frozen=True, slots=True)
class ListShape:
    """How long a page may be, and what `meta` calls the length of the whole list. Source: CONTRACTS.md rule 5."""

    least: int
    default: int
    most: int
    total: str


_LISTS: Mapping[Contract, ListShape] = {
    "v1": ListShape(least=0, default=100, most=1000, total="total_count"),
    "lite": ListShape(least=1, default=20, most=100, total="total"),
}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list as an answer shows it."""

    rows: list[Json]
    limit: int
    total: int


def contract_of(endpoint: Endpoint) -> Contract:
    """The contract that has this operation; one that no contract has counts as the first one's."""
    found = (contract for contract, table in TABLES.items() if any(one is endpoint for one in table))
    return next(found, FIRST)


def rules_of(endpoint: Endpoint) -> ContractRules:
    return RULES[contract_of(endpoint)]


def list_shape(endpoint: Endpoint) -> ListShape:
    return _LISTS[contract_of(endpoint)]


def each_of(found: Iterable[Endpoint] | Counter[Contract]) -> str:
    """How many there are in all, and of each contract: of operations, or of what was counted by contract."""
    counts = found if isinstance(found, Counter) else Counter(contract_of(endpoint) for endpoint in found)
    return f"{counts.total()} ({', '.join(f'{counts[contract]} {contract}' for contract in TABLES)})"


def page_in(endpoint: Endpoint, answer: Json) -> Page:
    """Where rows and counts stand in an answer with a page."""
    meta = answer["meta"]
    return Page(answer["data"], meta["limit"], meta[list_shape(endpoint).total])


def takes_key(endpoint: Endpoint) -> bool:
    """Whether an idempotency key that is sent with it counts. Written from CONTRACTS.md, not read from the program."""
    writes = endpoint.method != "GET" and not endpoint.form and endpoint.direct is None
    return endpoint.key_required or (writes and rules_of(endpoint).key_optional)


def demands_key(endpoint: Endpoint) -> bool:
    return endpoint.key_required and not rules_of(endpoint).key_optional


# Names


def address(endpoint: Endpoint) -> str:
    """Method and path, which operations of two contracts may share."""
    return f"{endpoint.method} {endpoint.path}"


def label(endpoint: Endpoint) -> str:
    """The operation's own name among those of all contracts."""
    contract = contract_of(endpoint)
    return address(endpoint) if contract == FIRST else f"{contract} {address(endpoint)}"


def said_of(table: Mapping[str, V], endpoint: Endpoint) -> V | None:
    """What a table by label says of an operation or, where it says nothing, of the first contract's at its address."""
    return table.get(label(endpoint), table.get(address(endpoint)))


# Descriptions


def descriptions(contracts: Mapping[Contract, Sequence[Endpoint]] = TABLES) -> dict[Contract, Json]:
    """What each contract that has operations describes."""
    return {contract: describe(table, contract, "test") for contract, table in contracts.items() if table}


@cache
def described(contract: Contract) -> Json:
    """What a served contract describes."""
    return describe(TABLES[contract], contract, "test")


def operation_of(endpoint: Endpoint) -> Json:
    """How this operation is described."""
    operation: Json = described(contract_of(endpoint))["paths"][endpoint.path][endpoint.method.lower()]
    return operation


def components_of(endpoint: Endpoint) -> Json:
    """The schemas beside this operation."""
    schemas: Json = described(contract_of(endpoint))["components"]["schemas"]
    return schemas


def asked_in(answer: httpx.Response) -> Contract:
    """The contract whose client asked; what no client sent counts as the first one's."""
    return answer.request.extensions.get("contract", FIRST)


def is_of(endpoint: Endpoint, answer: httpx.Response) -> bool:
    """Whether this is an answer of this operation."""
    if asked_in(answer) != contract_of(endpoint) or answer.request.method != endpoint.method:
        return False
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(endpoint.path))
    return re.fullmatch(pattern, answer.request.url.path) is not None
