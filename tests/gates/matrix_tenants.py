"""Tenants apart: every operation × every place of an id × a foreign id and one that nobody has (R35).

The same requests are sent four times: with both walls, with row-level security alone, with the conditions of the
statements alone, and with neither. The last shows that the requests would find something; it is no finding.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import httpx

from openvest.core.contracts import Contract
from openvest.declarations import Endpoint
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.matrix_ground import TENANT_TABLES, Floor, floor
from tests.kit.contracts import SERVED, contract_of, each_of, label, list_shape, page_in, takes_key
from tests.kit.http import Api
from tests.kit.operations import known_to, live_by_http, required_query, target
from tests.kit.sample import Life
from tests.kit.samples import SAMPLES, every
from tests.kit.walls import take_down_policies, taken_down_where
from tests.security.places import Place, body_with, places_of

TAKEN = every(lambda sample: sample.takes_any)
EMPTY: Mapping[str, str] = {
    "dead_letters": "work that failed; no operation shows any",
    "event_counters": "made by the sequencer, which does not run here",
    "list_marks": "laid by housekeeping in lists of a thousand rows; no operation shows one",
    "lot_uses": "made by a sale; no operation shows one by itself",
    **every(lambda sample: sample.no_rows),
}
"""Tables in which the owner has no row while the intruder looks, and why that hides nothing."""

LEAST_STRIPPED = 25
LEAST_FOUND = 25
UUIDS = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
INSTANTS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@dataclass
class Leg:
    """What one pass over all places found."""

    cases: Counter[Contract] = field(default_factory=Counter[Contract])
    findings: list[str] = field(default_factory=list[str])


@dataclass
class Two:
    """An owner and an intruder, each with one object of each kind, by the name of its path parameter."""

    floor: Floor
    owner: Api
    intruder: Api
    theirs: Mapping[str, str]
    """What is put at places: the owner's ids and texts."""
    mine: Mapping[str, str]
    secret: frozenset[str]
    """Every id in the owner's rows that stands in none of the intruder's, nor in what all share."""
    keys: Mapping[str, UUID]
    """An idempotency key that the owner used, by operation with a body."""
    given: set[str] = field(default_factory=set[str])
    """Ids of the owner that an operation took from the intruder, who may see them again."""

    def of_owner(self, endpoint: Endpoint, place: Place) -> str:
        """What belongs at a place of this operation, of the owner's."""
        if place.kind == "client_id":
            return str(self.owner.of(endpoint).client.client_id)
        return known_to(endpoint, self.theirs)[place.kind]

    async def send(self, endpoint: Endpoint, put: Mapping[Place, str], key: UUID | None = None) -> httpx.Response:
        """A request of the intruder for its own objects, but for what is put at some places."""
        ids = {
            **known_to(endpoint, self.mine),
            **{place.kind: value for place, value in put.items() if place.where == "path"},
        }
        query = required_query(endpoint, self.mine)
        query |= {place.name: value for place, value in put.items() if place.where == "query"}
        inner = next((place for place in put if place.where == "body"), None)
        body = body_with(endpoint, self.mine, inner, put[inner] if inner else "")
        if endpoint.form:
            changed = {place.name: value for place, value in put.items()}
            return await self.intruder.of(endpoint).ask_token("users:read", **changed)
        at = target(endpoint, ids) + (f"?{httpx.QueryParams(query)}" if query else "")
        return await self.intruder.of(endpoint).send(endpoint.method, at, body, key=key or uuid4())


def seen(answer: httpx.Response, values: Mapping[Place, str]) -> str:
    """What an answer tells, without what differs by nature: the ids that were sent and the request's own.

    Where something was done or found, the ids and instants it was given differ too.
    """
    text = answer.text.replace(answer.headers["upvest-request-id"], "")
    for value in values.values():
        text = text.replace(value, "")
    if answer.status_code < 300:
        text = INSTANTS.sub("", UUIDS.sub("", text))
    told = {name: value for name, value in answer.headers.items() if name not in ("upvest-request-id", "date")}
    if answer.status_code < 300:
        told.pop("content-length", None)
    return f"{answer.status_code} {sorted(told.items())} {text}"


async def two_tenants(stood: Floor) -> Two:
    owner_id, intruder_id = await stood.tenant("Owner", pace="instant"), await stood.tenant("Intruder", pace="instant")
    owner, intruder = await stood.client(owner_id), await stood.client(intruder_id)
    theirs = await live_by_http(stood.world, owner, owner_id)
    mine = await live_by_http(stood.world, intruder, intruder_id)
    for sample in SAMPLES.values():
        if sample.names is not None:
            theirs |= await sample.names(Life(stood.world, owner, owner_id, theirs))
    theirs["client_id"], mine["client_id"] = str(owner.client.client_id), str(intruder.client.client_id)
    keys: dict[str, UUID] = {}
    for api, ids in ((owner, theirs), (intruder, mine)):
        one = Two(stood, api, api, ids, ids, frozenset(), keys)
        for endpoint in SERVED:
            if takes_key(endpoint) and endpoint.body is not None:
                await one.send(endpoint, {}, keys.setdefault(label(endpoint), uuid4()) if api is owner else None)
    for tenant_id in (owner_id, intruder_id):
        await stood.world.runner.drain(tenant_id)
    secret = await _ids(stood, owner_id) - await _ids(stood, intruder_id)
    return Two(stood, owner, intruder, theirs, mine, frozenset(secret), keys)


async def _ids(stood: Floor, tenant_id: UUID) -> set[str]:
    """Every UUID in any row of a tenant."""
    async with stood.superuser() as connection:
        found: set[str] = set()
        for record in await connection.fetch(TENANT_TABLES):
            rows = await connection.fetch(f"select t::text from {record[0]} t where tenant_id = $1", tenant_id)
            found |= {uuid for row in rows for uuid in UUIDS.findall(row[0])}
        return found


def _unknown(place: Place, value: str, run: Run) -> str:
    """One that nobody has, of the same shape."""
    if UUIDS.search(value):
        return UUIDS.sub(lambda _: str(uuid4()), value)
    chance = run.chance(place.label)
    return "".join(chance.choice("0123456789") if sign.isdigit() else sign for sign in value)


async def walk(two: Two, run: Run, places: Mapping[str, list[Place]]) -> Leg:
    """Every place by itself, all places of an operation at once, the owner's keys, and every list."""
    leg = Leg()
    for endpoint in SERVED:
        found = places[label(endpoint)]
        ids = [place for place in found if place.where != "body" and not place.hidden]
        sets = [[place] for place in found] + ([ids] if len(ids) > 1 else [])
        for put in sets:
            await _compare(two, run, leg, endpoint, put)
        if label(endpoint) in two.keys:
            await _compare_key(two, leg, endpoint)
        if endpoint.method == "GET":
            await _look(two, leg, endpoint)
    return leg


async def _compare(two: Two, run: Run, leg: Leg, endpoint: Endpoint, put: list[Place]) -> None:
    name = " + ".join(place.label for place in put)
    foreign = {place: two.of_owner(endpoint, place) for place in put}
    unknown = {place: _unknown(place, value, run) for place, value in foreign.items()}
    answer, other = await two.send(endpoint, foreign), await two.send(endpoint, unknown)
    leg.cases[contract_of(endpoint)] += 2
    if seen(answer, foreign) != seen(other, unknown):
        leg.findings.append(f"{name}: {answer.status_code} {answer.text[:200]} instead of {other.text[:200]}")
    if answer.status_code == 500:
        leg.findings.append(f"{name}: 500")
    taken = all(place.hidden or place.among(TAKEN) for place in put)
    if answer.status_code < 300 and not taken:
        leg.findings.append(f"{name}: a foreign id is answered {answer.status_code}")
    if taken and not answer.status_code < 300 and len(put) == 1 and put[0].among(TAKEN):
        leg.findings.append(f"{name}: is said to take any id, but is answered {answer.text[:200]}")
    if answer.status_code == 400 and not taken:
        leg.findings.append(f"{name}: the request does not fit, so it says nothing: {answer.text[:300]}")
    if taken:
        two.given.update(foreign.values())
    sent = set(foreign.values())
    leg.findings += [f"{name}: shows {told} of the owner" for told in _shown(two, answer) - sent]


async def _compare_key(two: Two, leg: Leg, endpoint: Endpoint) -> None:
    """A key the owner used names nothing of the intruder's."""
    body = {**two.mine, "user_id": str(uuid4()), "account_group_id": str(uuid4()), "account_id": str(uuid4())}
    asked = replace(two, mine=body)
    answer = await asked.send(endpoint, {}, two.keys[label(endpoint)])
    other = await asked.send(endpoint, {})
    leg.cases[contract_of(endpoint)] += 2
    if seen(answer, {}) != seen(other, {}):
        leg.findings.append(f"{label(endpoint)} key of the owner: {answer.text[:200]} instead of {other.text[:200]}")


async def _look(two: Two, leg: Leg, endpoint: Endpoint) -> None:
    """What a read of the intruder's own objects shows, and whether a count counts what it does not show."""
    answer = await two.send(endpoint, {})
    leg.cases[contract_of(endpoint)] += 1
    leg.findings += [f"{label(endpoint)}: shows {told} of the owner" for told in _shown(two, answer)]
    found: Any = answer.json()
    if answer.status_code == 200 and isinstance(found, dict) and list_shape(endpoint).total in found.get("meta", {}):
        page = page_in(endpoint, found)
        if page.total != len(page.rows) and page.total <= page.limit:
            leg.findings.append(f"{label(endpoint)}: counts {page.total}, shows {len(page.rows)}")


def _shown(two: Two, answer: httpx.Response) -> set[str]:
    return (set(UUIDS.findall(answer.text)) & two.secret) - two.given


def _hidden_by_nothing(rows: Mapping[str, str]) -> list[str]:
    """Tables in which there would be nothing to see even if there were no walls."""
    empty = {table for table, told in rows.items() if told.startswith("0 ")}
    what = (
        "the owner has no row in it, so nobody could see one; let SAMPLE.objects of its feature make one, or say why in"
    )
    found = [f"{table}: {what} no_rows" for table in sorted(empty - set(EMPTY))]
    return found + [f"{table}: has rows of the owner" for table in sorted(set(EMPTY) - empty)]


def _labels(places: Mapping[str, list[Place]]) -> set[str]:
    return {place.label for found in places.values() for place in found}


async def tenants_apart(run: Run) -> Verdict:
    async with floor() as stood:
        two = await two_tenants(stood)
        findings: list[str] = []
        places: dict[str, list[Place]] = {}
        for endpoint in SERVED:
            found, undecided = places_of(endpoint, two.theirs)
            findings += undecided
            places[label(endpoint)] = found
        owner_id = two.owner.client.tenant_id
        before = await stood.rows_of(owner_id)
        findings += _hidden_by_nothing(before)
        legs: dict[str, Leg] = {"both walls": await walk(two, run, places)}
        with taken_down_where() as stripped:
            legs["policies alone"] = await walk(two, run, places)
        await take_down_policies(stood.ground.cluster, stood.ground.name)
        legs["conditions alone"] = await walk(two, run, places)
        await stood.world.runner.drain(two.intruder.client.tenant_id)
        after = await stood.rows_of(owner_id)
        findings += [f"the owner's {table} changed" for table in before if after[table] != before[table]]
        with taken_down_where():
            neither = await walk(two, run, places)
    for name, leg in legs.items():
        findings += [f"{name}: {finding}" for finding in leg.findings]
    findings += [f"{name}: is no place that takes an id" for name in TAKEN if name not in _labels(places)]
    if len(stripped) < LEAST_STRIPPED:
        findings.append(f"only {len(stripped)} statements were sent without their condition")
    if len(neither.findings) < LEAST_FOUND:
        findings.append(f"without both walls only {len(neither.findings)} differences are seen")
    cases = sum((leg.cases for leg in legs.values()), Counter[Contract]())
    differences = sum(len(leg.findings) for leg in legs.values())
    inner = sum(map(len, places.values()))
    return Verdict(
        f"{each_of(SERVED)} operations, {inner} places of ids, {each_of(cases)} cases in three legs: {differences}"
        f" differences; {len(stripped)} statements without their condition; {len(neither.findings)} differences"
        " without both walls",
        findings,
    )


GATES = (Gate("R35 tenant-isolation", "tenants do not see each other", tenants_apart, quick=True),)
