"""Requests for every operation that is served, a tenant that has one object of each kind, and asking.

What is asked of each operation stands in the `SAMPLE` of its feature (`tests/features`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import httpx

from openvest.db.unit import Database
from openvest.declarations import Endpoint
from openvest.main import Assembled
from tests.kit.contracts import SERVED, contract_of, label, operation_of, said_of, takes_key
from tests.kit.http import Api
from tests.kit.sample import Asked, Life, filled
from tests.kit.samples import SAMPLES, body_in, every, lacks, owner_of, sample_of

KEYED: Sequence[Endpoint] = tuple(endpoint for endpoint in SERVED if takes_key(endpoint))
CONSTANT: Mapping[str, str] = every(lambda sample: sample.constants)
"""Path parameters that name nothing of a tenant."""
_WHOSE: Mapping[str, str] = every(lambda sample: sample.whose)


def path_names(endpoint: Endpoint) -> list[str]:
    """What the objects in the path of an operation are called among ids."""
    return [object_at(endpoint, name) for name in re.findall(r"\{(\w+)\}", endpoint.path)]


def object_at(endpoint: Endpoint, name: str) -> str:
    """What is put at a path parameter: of its own name, but where the feature's `whose` says another."""
    return _WHOSE.get(f"{label(endpoint)} path {name}", name)


class _Anybody(dict[str, str]):
    """Ids by name; one of nobody stands for each that is not given."""

    def __missing__(self, name: str) -> str:
        return str(uuid4())


def body_of(endpoint: Endpoint) -> Any:
    """The body that fits an operation, ids in braces; None where it takes none. That of a token is made by a client."""
    if endpoint.body is None or endpoint.form:
        return None
    body = body_in(sample_of(endpoint), endpoint)
    assert body is not None, lacks(owner_of(endpoint), "bodies", f"has no body for {label(endpoint)}: give one")
    return body


def known_to(endpoint: Endpoint, ids: Mapping[str, str]) -> dict[str, str]:
    """The ids as an operation knows them: `lite webhook_id` is what lite calls `webhook_id`, and no other contract."""
    contract = contract_of(endpoint)
    own = {name.partition(" ")[2]: value for name, value in ids.items() if name.startswith(f"{contract} ")}
    return {name: value for name, value in ids.items() if " " not in name} | own


def target(endpoint: Endpoint, ids: Mapping[str, str]) -> str:
    contract = contract_of(endpoint)

    def value(hit: re.Match[str]) -> str:
        name = object_at(endpoint, hit[1])
        own = f"{contract} {name}"
        if own in ids:
            return ids[own]
        return CONSTANT[name] if name in CONSTANT and name not in ids else ids[name]

    return re.sub(r"\{(\w+)\}", value, endpoint.path)


def asked_of(endpoint: Endpoint, ids: Mapping[str, str]) -> Asked:
    """The request of a JSON operation about these objects; ids of nobody stand for those not given."""
    known, body = _Anybody(ids), body_of(endpoint)
    content = None if body is None else filled(body, known)
    return Asked(endpoint.method, target(endpoint, known), content, contract_of(endpoint))


def _of_tenants(endpoint: Endpoint) -> bool:
    body = json.dumps(body_in(sample_of(endpoint), endpoint))
    return bool(set(path_names(endpoint)) - set(CONSTANT)) or re.search(r'"\{\w+\}"', body) is not None


OPERATIONS = [endpoint for endpoint in SERVED if _of_tenants(endpoint)]
"""Those that name an object of a tenant in their path or, as their body stands in the sample, in it."""


def removing(table: Sequence[Endpoint] = SERVED) -> list[Endpoint]:
    """The operations among these that remove an object, from the inside to the outside."""
    return [endpoint for endpoint in reversed(table) if endpoint.method == "DELETE"]


def required_query(endpoint: Endpoint, ids: Mapping[str, str]) -> dict[str, str]:
    """Query parameters that must be there: with the caller's own ids, or the first of what they may be."""
    if endpoint not in SERVED:
        return {}  # of a test alone, and described nowhere
    needed = [p for p in operation_of(endpoint)["parameters"] if p.get("in") == "query" and p["required"]]
    return {p["name"]: p["schema"]["enum"][0] if "enum" in p["schema"] else ids[p["name"]] for p in needed}


async def ask(api: Api, endpoint: Endpoint, ids: Mapping[str, str]) -> httpx.Response:
    """Ask as the tenant's client that the operation is for."""
    body = body_of(endpoint)
    content = None if body is None else json.dumps(filled(body, ids)).encode()
    query = urlencode(required_query(endpoint, ids))
    return await api.of(endpoint).send(
        endpoint.method, f"{target(endpoint, ids)}?{query}".rstrip("?"), content, key=uuid4()
    )


async def live_by_http(world: Assembled, owner: Api, tenant_id: UUID) -> dict[str, str]:
    """A customer with one object of each kind; every operation that reads is asked once. Returns the ids."""
    life = await begun(world, owner, tenant_id)
    await life.rest()
    for endpoint in SERVED:
        if endpoint.method == "GET":
            await ask(owner, endpoint, life.ids)
    return life.ids


async def begun(world: Assembled, owner: Api, tenant_id: UUID) -> Life:
    """A life with one object of each kind. Raises: AssertionError where a path names one that nobody made."""
    life = Life(world, owner, tenant_id, {})
    for sample in SAMPLES.values():
        if sample.objects is not None:
            life.ids.update(await sample.objects(life))
    for endpoint in SERVED:
        for name in {*path_names(endpoint)} - {*life.ids} - {*CONSTANT}:
            what = f"makes nothing called {name}, which {label(endpoint)} takes: make one and return its id"
            raise AssertionError(lacks(owner_of(endpoint), "objects", what))
    return life


async def different_ones(database: Database, tenant_id: UUID, endpoint: Endpoint, count: int) -> Sequence[Asked]:
    """So many requests of an operation that takes a key, each of which has an effect of its own."""
    make = said_of(sample_of(endpoint).makers, endpoint)
    what = f"has nothing for {label(endpoint)}: say how many different ones are asked"
    assert make is not None, lacks(owner_of(endpoint), "makers", what)
    return await make(database, tenant_id, lambda ids: asked_of(endpoint, ids), count)
