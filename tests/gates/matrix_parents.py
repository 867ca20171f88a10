"""Objects of one tenant apart: what belongs to one parent is not reached by way of another (`parents`).

A tenant has two customers with one object of each kind. Every operation that takes two ids or more is asked for the
first one's objects, but for one id, which is the second one's: it is refused, or finds nothing. Asked for the first
one's objects alone it is answered otherwise, which shows that the request would find something.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from openvest.core.contracts import Contract
from openvest.declarations import Endpoint
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.matrix_ground import floor
from tests.gates.matrix_tenants import seen
from tests.kit.contracts import SERVED, contract_of, each_of
from tests.kit.http import Api
from tests.kit.operations import body_of, live_by_http, target
from tests.kit.sample import filled
from tests.kit.samples import each
from tests.security.places import Json, Place, places_of

_OF_TENANT = each(lambda sample: sample.of_tenant)
LEAST = 20
"""How many places there are at least: fewer would mean that they are not found."""


@dataclass(frozen=True, slots=True)
class Family:
    """A client, and the ids of two customers by the name of their path parameter."""

    api: Api
    first: Mapping[str, str]
    second: Mapping[str, str]

    async def ask(self, endpoint: Endpoint, places: Sequence[Place], other: Place | None) -> httpx.Response:
        """For objects of the first customer, but for what stands at one place."""

        def value(place: Place) -> str:
            return (self.second if place == other else self.first)[place.kind]

        ids = {**self.first, **{place.kind: value(place) for place in places if place.where == "path"}}
        query = {place.name: value(place) for place in places if place.where == "query"}
        body: Json | None = None
        if endpoint.body is not None and not endpoint.form:
            within = {**self.first, **{place.kind: value(place) for place in places if place.where == "body"}}
            body = filled(body_of(endpoint), within)
        at = target(endpoint, ids) + (f"?{httpx.QueryParams(query)}" if query else "")
        return await self.api.of(endpoint).send(endpoint.method, at, body, key=uuid4())


def several(endpoint: Endpoint, ids: Mapping[str, str]) -> list[Place]:
    """The places of an operation that takes more than one id of what a customer has, as its usual body has them."""
    body = body_of(endpoint)
    found = [
        place
        for place in places_of(endpoint, ids)[0]
        if place.kind in ids
        and place.kind not in _OF_TENANT
        and not place.hidden
        and (place.where != "body" or _said(body, place) == f"{{{place.kind}}}")
    ]
    return found if len(found) > 1 else []


def _said(body: Any, place: Place) -> Any:
    """What the usual body has at a place, None where it has nothing."""
    for part in place.name.split("."):
        if isinstance(body, dict):
            body = body.get(part)
        elif isinstance(body, list):
            body = body[int(part)]
        else:
            return None
    return body


def _found(answer: httpx.Response) -> bool:
    """Whether an answer says yes, and not by an empty list."""
    if answer.status_code >= 300:
        return False
    told = answer.json() if answer.content else None
    return not (isinstance(told, dict) and told.get("data") == [])


async def parents_apart(run: Run) -> Verdict:
    """Every operation with several ids × every one of them from another customer of the same tenant."""
    async with floor() as stood:
        tenant_id = await stood.tenant("Family", pace="instant")
        api = await stood.client(tenant_id)
        family = Family(
            api, await live_by_http(stood.world, api, tenant_id), await live_by_http(stood.world, api, tenant_id)
        )
        findings: list[str] = []
        operations, cases = list[Endpoint](), Counter[Contract]()
        # What is asked for the first customer alone may change or remove things, so it comes after the others.
        for endpoint in sorted(SERVED, key=lambda one: one.method != "GET"):
            places = several(endpoint, family.first)
            crossed = [(place, await family.ask(endpoint, places, place)) for place in places]
            if not places:
                continue
            operations.append(endpoint)
            cases[contract_of(endpoint)] += len(places)
            own = await family.ask(endpoint, places, None)
            for place, answer in crossed:
                if _found(answer) or answer.status_code >= 500:
                    told = f"{answer.status_code} {answer.text[:200]}"
                    findings.append(f"{place.label}: what another customer has is answered {told}")
                elif seen(answer, {}) == seen(own, {}):
                    findings.append(f"{place.label}: says nothing, the right id is answered so too: {own.text[:200]}")
    if cases.total() < LEAST:
        findings.append(f"only {cases.total()} places were tried")
    tried = f"{each_of(operations)} operations, {each_of(cases)} places with another customer's id"
    return Verdict(f"{tried}: {len(findings)} findings", findings)


GATES = (Gate("parents", "what belongs to one customer is not reached by way of another", parents_apart, quick=True),)
