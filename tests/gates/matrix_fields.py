"""Fields: what a body may not set, what an answer may not show, and what stands in no answer and no log line (R36)."""

from __future__ import annotations

import base64
import copy
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import jsonschema

from openvest.core.contracts import Contract
from openvest.declarations import Endpoint
from openvest.server.parsing import MAX_MISFITS
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.matrix_ground import TENANT_TABLES, Floor, check_described, floor
from tests.kit.contracts import (
    FIRST,
    SERVED,
    TABLES,
    asked_in,
    components_of,
    contract_of,
    described,
    each_of,
    is_of,
    label,
    operation_of,
    said_of,
)
from tests.kit.http import Api
from tests.kit.operations import ask, body_of, live_by_http, removing, required_query, target
from tests.kit.sample import filled
from tests.kit.samples import each, every, lacks, owner_of
from tests.kit.world import SECRETS
from tests.security.tenant_life import live

Json = dict[str, Any]

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MADE_BY_US = ("id", "created_at", "updated_at")
"""Fields of ours that a body may carry, since clients send back what they were shown; they change nothing."""
SECRET_NAME = re.compile("secret|password|private|sealed|hash|token|pem", re.IGNORECASE)
SHOWN_ONCE = frozenset(each(lambda sample: sample.shown_once))
MAPS = frozenset(each(lambda sample: sample.open_maps))
NOT_ASKED = every(lambda sample: sample.not_asked)
OTHERS = each(lambda sample: sample.others)
PERSONAL = [*each(lambda sample: sample.personal), *OTHERS]


@dataclass
class Seen:
    """Every answer of a life, held to the description as it comes."""

    findings: list[str] = field(default_factory=list[str])
    texts: dict[str, str] = field(default_factory=dict[str, str])
    """Answers by the operation's address, those of tokens left out: they are what a token is shown in."""
    lived: set[str] = field(default_factory=set[str])
    answers: Counter[Contract] = field(default_factory=Counter[Contract])

    async def __call__(self, answer: httpx.Response) -> None:
        await answer.aread()
        self.answers[asked_in(answer)] += 1
        name = f"{answer.request.method} {answer.request.url.path}"
        try:
            check_described(answer)
        except (AssertionError, jsonschema.ValidationError) as error:
            self.findings.append(f"{name} {answer.status_code}: {str(error)[:300]}")
        if answer.request.url.path != "/auth/token":
            self.texts[name] = self.texts.get(name, "") + answer.text
        if answer.status_code < 300:
            self.lived |= {label(one) for one in SERVED if is_of(one, answer)}


# Bodies


def _objects(body: Any, at: str = "") -> Iterator[tuple[str, Json]]:
    """Every object of a body, with its dotted path."""
    if isinstance(body, dict):
        yield at, body
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in inner:
        yield from _objects(value, f"{at}.{name}".lstrip("."))


def _properties(schema: Json, components: Json, path: Sequence[str]) -> set[str]:
    """The fields an object may have at a place of a schema, in any of its forms."""
    while "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    found = set[str]()
    for word in ("anyOf", "oneOf", "allOf"):
        for choice in schema.get(word, []):
            found |= _properties(choice, components, path)
    if not path:
        return found | set(schema.get("properties", {}))
    inner = schema.get("items") if path[0].isdigit() else schema.get("properties", {}).get(path[0])
    return found | (_properties(inner, components, path[1:]) if inner else set())


def answer_fields(contract: Contract) -> set[str]:
    """Every field of every answer of a contract."""
    components = described(contract)["components"]["schemas"]
    bodies = {one.body.__name__ for one in TABLES[contract] if one.body is not None}
    return {name for model, s in components.items() if model not in bodies for name in s.get("properties", {})}


async def mass_assignment(api: Api, ids: Mapping[str, str], findings: list[str]) -> Counter[Contract]:
    """Each field of each answer, in each object of each body that is not to have it: refused by name. Returns cases."""
    fields, cases = {contract: answer_fields(contract) for contract in TABLES}, Counter[Contract]()
    for endpoint in SERVED:
        if endpoint.body is None or endpoint.form:
            continue
        base, components = filled(body_of(endpoint), ids), components_of(endpoint)
        schema = operation_of(endpoint)["requestBody"]["content"]["application/json"]["schema"]
        for at, _ in _objects(base):
            path = at.split(".") if at else []
            extra = sorted(fields[contract_of(endpoint)] - _properties(schema, components, path))
            cases[contract_of(endpoint)] += len(extra)
            statuses, named = set[int](), set[str]()
            for start in range(0, len(extra), MAX_MISFITS):  # so many a refusal names
                body = copy.deepcopy(base)
                dict(_objects(body))[at].update(dict.fromkeys(extra[start : start + MAX_MISFITS], "x"))
                answer = await api.of(endpoint).send(endpoint.method, target(endpoint, ids), body, key=uuid4())
                statuses.add(answer.status_code)
                named |= {error["field"] for error in answer.json().get("errors", [])} if answer.content else set()
            missing = sorted({f"{at}.{name}".lstrip(".") for name in extra} - named)
            if statuses != {400} or missing:
                findings.append(f"{label(endpoint)}: {sorted(statuses)} names all but {missing[:5]} of {len(extra)}")
        cases[contract_of(endpoint)] += await _own_fields(api.of(endpoint), endpoint, ids, findings)
    return cases


async def _own_fields(api: Api, endpoint: Endpoint, ids: Mapping[str, str], findings: list[str]) -> int:
    """Fields that we make and the body may carry: whatever they say, the object keeps its own."""
    assert endpoint.body is not None
    taken = [name for name in MADE_BY_US if name in endpoint.body.model_fields]
    for name in taken:
        at = target(endpoint, ids)
        before = (await api.get(at)).json()
        sent = str(uuid4()) if name == "id" else "2001-02-03T04:05:06Z"
        body = {**filled(body_of(endpoint), ids), name: sent}
        answer = await api.send(endpoint.method, at, body, key=uuid4())
        after = (await api.get(at)).json()
        kept = after[name] == before[name] or name == "updated_at"
        if answer.status_code != 400 and (not kept or after[name] == sent or sent in answer.text):
            findings.append(f"{label(endpoint)}: sets {name} from the body")
    return len(taken)


# Answers


def loose_answers(contract: Contract) -> list[str]:
    """Answer schemas that would let anything through, or that name a secret."""
    components = described(contract)["components"]["schemas"]
    waiting = [one for endpoint in TABLES[contract] for one in _answers(endpoint)]
    found: list[str] = []
    seen = set[str]()
    while waiting:
        name, schema = waiting.pop()
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name not in seen:
                seen.add(name)
                waiting.append((name, components[name]))
            continue
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False and name not in MAPS:
            found.append(f"the answer {name} may have any field")
        for field_name, inner in schema.get("properties", {}).items():
            place = f"{name.partition('.')[0]}.{field_name}"
            if SECRET_NAME.search(field_name) and place not in SHOWN_ONCE:
                found.append(f"the answer has the field {place}")
            waiting.append((place, inner))
        for word in ("anyOf", "oneOf", "allOf"):
            waiting += [(name, choice) for choice in schema.get(word, [])]
        waiting += [(name, schema["items"])] if "items" in schema else []
    return found


def _answers(endpoint: Endpoint) -> Iterator[tuple[str, Json]]:
    for response in operation_of(endpoint)["responses"].values():
        for content in response.get("content", {}).values():
            yield label(endpoint), content["schema"]


async def secrets_of(stood: Floor, apis: Sequence[Api]) -> dict[str, str]:
    """What may stand in no answer and no log line, and what it is."""
    found = {SECRETS.master.hex(): "the master key"}
    for api in apis:
        found[api.client.client_secret] = "a client's secret"
        found[str(api.token)] = "a token"
        lines = [line for line in api.private_pem.decode().splitlines() if not line.startswith("-")]
        found |= dict.fromkeys(lines, "a client's private key")
    async with stood.superuser() as connection:
        for record in await connection.fetch(TENANT_TABLES):
            for row in await connection.fetch(f"select * from {record[0]}"):
                for name, value in row.items():
                    if isinstance(value, bytes) and record[0] != "webhook_packages":
                        what = f"{record[0]}.{name}"
                        found |= {value.hex(): what, base64.b64encode(value).decode(): what}
    return {text: what for text, what in found.items() if len(text) > 8}


async def ask_all(api: Api, ids: Mapping[str, str], contract: Contract) -> None:
    """Every operation of a contract once, those that remove last and from the inside to the outside."""
    table = TABLES[contract]
    others = [one for one in table if one.method != "DELETE" and not one.form]
    for endpoint in (*others, *removing(table)):
        query = required_query(endpoint, ids)
        if said_of(NOT_ASKED, endpoint) is not None:
            continue
        if query:
            await api.of(endpoint).get(f"{target(endpoint, ids)}?{httpx.QueryParams(query)}")
        else:
            await ask(api, endpoint, ids)


def _never_answered(endpoint: Endpoint) -> str:
    what = f"gets no yes out of {label(endpoint)}: ask it where it can be, or say in not_asked why it cannot"
    return lacks(owner_of(endpoint), "lived", what)


async def fields_apart(run: Run) -> Verdict:
    """Bodies, answers over a whole life, secrets."""
    async with floor() as stood:
        seen = Seen()
        findings = [finding for contract in TABLES for finding in loose_answers(contract)]
        await live(stood.world, await stood.tenant("Life", frozen_at=MONDAY), stood.app, seen)
        tenant_id = await stood.tenant("Fields", pace="instant")
        api = await stood.client(tenant_id)
        api.http.event_hooks["response"].append(seen)
        ids = await live_by_http(stood.world, api, tenant_id)
        cases = await mass_assignment(api, ids, findings)
        for contract in TABLES:
            # What one contract removes is not there for the next.
            own = ids if contract == FIRST else await live_by_http(stood.world, api, tenant_id)
            await ask_all(api, own, contract)
        secrets = await secrets_of(stood, api.every)
    findings += seen.findings
    findings += [
        _never_answered(one) for one in SERVED if label(one) not in seen.lived and said_of(NOT_ASKED, one) is None
    ]
    log = stood.log.getvalue()
    for text, what in (secrets | dict.fromkeys(OTHERS, "what is said of somebody else")).items():
        findings += [f"{name}: shows {what}" for name, said in seen.texts.items() if text in said]
    for text, what in (secrets | dict.fromkeys(PERSONAL, "what is personal")).items():
        findings += [f"the log has {what}"] if text in log else []
    lines = log.count("\n")
    if lines < seen.answers.total() / 2:
        findings.append(f"only {lines} log lines were looked at")
    return Verdict(
        f"{each_of(cases)} fields refused or without effect; {each_of(seen.answers)} answers of"
        f" {len(seen.lived)} operations fit their schemas; {len(secrets)} secrets in none of them nor in {lines} log"
        f" lines; {len(findings)} findings",
        findings,
    )


GATES = (Gate("R36 field-ownership", "fields that are not the client's stay ours", fields_apart, quick=True),)
