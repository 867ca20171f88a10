"""Who may ask what, and how every refusal reads: the scope matrix (R34) and the shape of errors (`errors`)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import jsonschema

from openvest.core.contracts import Contract
from openvest.core.problems import TYPE_BASE
from openvest.declarations import Endpoint
from openvest.features.tenants.model import SCOPES
from openvest.features.tenants.service import token_hash
from openvest.main.http import listening
from openvest.server.parsing import MAX_MISFITS, MAX_VALUES
from openvest.server.settings import ServerSettings
from tests.e2e.serving import free_port
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.matrix_ground import Floor, floor
from tests.kit.contracts import (
    SERVED,
    asked_in,
    contract_of,
    demands_key,
    described,
    each_of,
    label,
    operation_of,
    rules_of,
    takes_key,
)
from tests.kit.http import Api, make_apis
from tests.kit.openapi import check_answer
from tests.kit.operations import CONSTANT, ask, body_of, live_by_http, path_names, target
from tests.kit.sample import filled
from tests.kit.world import SECRETS

MANY = json.dumps({f"no_such_field_{number}": 1 for number in range(MAX_VALUES // 2)}).encode()
"""Far more field errors than a refusal names."""
MORE = json.dumps({"no_such_field": [1] * MAX_VALUES}).encode()
"""More values than are judged."""
SHAPE = frozenset({"type", "title", "status", "detail", "instance", "request_id"})


def nobody(endpoint: Endpoint) -> dict[str, str]:
    """Ids that nobody has for the path."""
    return {name: str(uuid4()) for name in path_names(endpoint) if name not in CONSTANT}


def undeclared() -> list[str]:
    """Operations without a scope, with one that nobody can have, or described otherwise than declared."""
    found: list[str] = []
    for endpoint in SERVED:
        name = label(endpoint)
        # What takes a form proves itself by a secret and needs no scope, since it gives them.
        if bool(endpoint.scopes) == endpoint.form:
            found.append(f"{name}: declares {endpoint.scopes or 'no scope'}")
        found += [f"{name}: there is no scope {scope}" for scope in endpoint.scopes if scope not in SCOPES]
        ways = operation_of(endpoint).get("security", [])
        told = sorted(scope for way in ways for names in way.values() for scope in names)
        if told != sorted(endpoint.scopes):
            found.append(f"{name}: is described with the scopes {told}")
    return found


async def _without_scope(stood: Floor, api: Api) -> None:
    """A token that permits nothing, as none can be asked for."""
    token = await api.fetch_token(["files:read"])
    async with stood.superuser() as connection:
        done = await connection.execute(
            "update access_tokens set scopes = '{}' where hash = $1", token_hash(SECRETS, token)
        )
        assert done == "UPDATE 1", "the token was not found"


def _foreign(endpoint: Endpoint) -> list[str]:
    return [scope for scope in SCOPES if scope not in endpoint.scopes]


async def scope_matrix(run: Run) -> Verdict:
    """Every operation × every scope by itself, and none; of the scopes that do not open it, `others` by chance."""
    async with floor() as stood:
        findings, chance = undeclared(), run.chance("scopes")
        others = {label(one): chance.sample(_foreign(one), min(run["others"], len(_foreign(one)))) for one in SERVED}
        api = await stood.client(await stood.tenant("Matrix"))
        cases, allowed = Counter[Contract](), 0
        for scope in (*SCOPES, None):
            for one in api.every:
                await (one.fetch_token([scope]) if scope else _without_scope(stood, one))
            for endpoint in SERVED:
                if endpoint.form or scope not in (None, *endpoint.scopes, *others[label(endpoint)]):
                    continue
                key = uuid4() if demands_key(endpoint) else None
                answer = await api.of(endpoint).send(endpoint.method, target(endpoint, nobody(endpoint)), key=key)
                cases[contract_of(endpoint)] += 1
                wanted = scope in endpoint.scopes
                allowed += wanted
                if (answer.status_code != 403) != wanted or answer.status_code in (401, 500):
                    findings.append(f"{label(endpoint)} with {scope}: {answer.status_code}, declared {endpoint.scopes}")
    return Verdict(
        f"{each_of(SERVED)} operations × {len(SCOPES)} scopes and none: {each_of(cases)} cases, {allowed} allowed,"
        f" {len(findings)} differences",
        findings,
    )


@dataclass
class Battery:
    """Bad requests for every operation, and what is wrong with what they were answered."""

    stood: Floor
    api: Api
    ids: Mapping[str, str]
    findings: list[str] = field(default_factory=list[str])
    statuses: Counter[int] = field(default_factory=Counter[int])
    cases: Counter[Contract] = field(default_factory=Counter[Contract])

    def judge(self, what: str, answer: httpx.Response, *statuses: int, of: Contract | None = None) -> None:
        """Hold an answer to the shape of a refusal, to the statuses the request deserves, if any are given, and to what
        is described, if it is an answer of an operation of this contract."""
        self.cases[of or asked_in(answer)] += 1
        self.statuses[answer.status_code] += 1
        wrong: list[str] = []
        if statuses and answer.status_code not in statuses:
            wrong.append(f"is answered {answer.status_code} instead of {statuses}")
        if answer.status_code >= 400:
            wrong += misshapen(answer)
        if of is not None:
            try:
                check_answer(described(of), answer)
            except (AssertionError, jsonschema.ValidationError) as error:
                wrong.append(str(error)[:200])
        self.findings += [f"{what}: {told}; {answer.text[:200]}" for told in wrong]

    async def bare(self, endpoint: Endpoint, **headers: str) -> httpx.Response:
        """A request that is not signed."""
        at = target(endpoint, nobody(endpoint))
        return await self.api.http.request(endpoint.method, at, headers={"accept": "*/*", **headers})

    async def send(self, endpoint: Endpoint, body: Any = None, query: str = "", **options: Any) -> httpx.Response:
        """A request of a proven client about objects that nobody has."""
        at = target(endpoint, nobody(endpoint)) + query
        options.setdefault("key", uuid4() if demands_key(endpoint) else None)
        return await self.api.of(endpoint).send(endpoint.method, at, body, **options)


def misshapen(answer: httpx.Response) -> list[str]:
    """What is wrong with a refusal as a problem document."""
    if answer.headers.get("content-type") != "application/problem+json":
        return [f"is {answer.headers.get('content-type')}"]
    found: dict[str, Any] = answer.json()
    wrong: list[str] = []
    if answer.status_code == 500:
        wrong.append("is a fault of the server")
    if not set(found) >= SHAPE or set(found) - SHAPE - {"errors"}:
        return [*wrong, f"has the fields {sorted(found)}"]
    if found["request_id"] != answer.headers.get("upvest-request-id") or not UUID(found["request_id"]):
        wrong.append("has another request id than its header")
    if len(found.get("errors", ())) > MAX_MISFITS:
        wrong.append(f"names {len(found['errors'])} field errors")
    if found["status"] != answer.status_code:
        wrong.append(f"says {found['status']} and is {answer.status_code}")
    if found["instance"] != httpx.URL(str(answer.request.url)).path:
        wrong.append(f"is about {found['instance']}")
    if not found["type"].startswith(TYPE_BASE) or not found["title"] or not found["detail"]:
        wrong.append("names no kind, no title or no sentence")
    return wrong


async def _at_the_door(battery: Battery, endpoint: Endpoint) -> None:
    """What is refused before anything of the request is believed."""
    name, of = label(endpoint), contract_of(endpoint)
    bearer = {"authorization": f"Bearer {battery.api.of(endpoint).token}"}
    battery.judge(f"{name} bare", await battery.bare(endpoint), 401, of=of)
    battery.judge(f"{name} odd token", await battery.bare(endpoint, authorization="Bearer x"), 401, of=of)
    odd = {"signature": "sig1=:AAAA:", "signature-input": "sig1=()"}
    battery.judge(f"{name} odd signature", await battery.bare(endpoint, **bearer, **odd), 401, of=of)
    if rules_of(endpoint).signed:
        battery.judge(f"{name} unsigned", await battery.bare(endpoint, **bearer), 401, of=of)
    if len(battery.api.every) > 1 and not endpoint.form:
        other = next(api for api in battery.api.every if api.contract != of)
        foreign = await other.send(endpoint.method, target(endpoint, nobody(endpoint)))
        # It speaks another contract, which may have an operation at this address.
        battery.judge(f"{name} of a client of {other.contract}", foreign)
    at = target(endpoint, nobody(endpoint))
    large = {"accept": "*/*", "x-filler": "x" * (ServerSettings().header_bytes + 1)}
    battery.judge(f"{name} headers", await battery.api.http.request(endpoint.method, at, headers=large), 431, of=of)
    other = await battery.api.http.request("TRACE", at)
    battery.judge(f"{name} method", other, 405)
    unknown = await battery.api.http.request(endpoint.method, at + "/none/such")
    battery.judge(f"{name} path", unknown, 404)


async def _broken_off(battery: Battery, endpoint: Endpoint, port: int) -> None:
    """A body that no server can read to its end, over the real HTTP server, which alone sees how it is framed."""
    at = target(endpoint, nobody(endpoint))
    head = f"{endpoint.method} {at} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(20):
        writer.write(head + b"no number\r\n")
        said = await reader.read()
    writer.close()
    if not said:
        battery.findings.append(f"{label(endpoint)} broken off: is not answered")
        return
    first, *lines = said.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    asked = httpx.Request(endpoint.method, f"http://127.0.0.1:{port}{at}")
    content = said.partition(b"\r\n\r\n")[2]
    answer = httpx.Response(int(first.split()[1]), headers=headers, content=content, request=asked)
    battery.judge(f"{label(endpoint)} broken off", answer, 400)


async def _proven(battery: Battery, endpoint: Endpoint) -> None:
    """What is refused once the caller is known."""
    name, is_read, of = label(endpoint), endpoint.method == "GET", contract_of(endpoint)
    stale = await battery.send(endpoint, headers={"authorization": f"Bearer {'0' * 43}"})
    battery.judge(f"{name} token", stale, 401, of=of)
    other = await battery.send(endpoint, headers={"upvest-api-version": "2"})
    battery.judge(f"{name} version", other, 400, of=of)
    await _accepting(battery, endpoint)
    if demands_key(endpoint):
        battery.judge(f"{name} no key", await battery.send(endpoint, key=None), 400, of=of)
    if takes_key(endpoint):
        battery.judge(f"{name} odd key", await battery.send(endpoint, key="x"), 400, of=of)
    for query in ("?no_such_field=1", "?%ff=%ff", "?a=%00", "?limit=-1&limit=2", "?" + "&".join(["a=1"] * 101)):
        battery.judge(f"{name} query {query[:20]}", await battery.send(endpoint, query=query), 400, of=of)
    large = b'"' + b"x" * (ServerSettings().body_bytes + 1) + b'"'
    if endpoint.body is not None:
        for body in (
            b"{",
            b"[]",
            b"1",
            b"\xff",
            b'{"a":1,"a":2}',
            b'{"a":NaN}',
            b"[" * 5_000,
            b'{"no_such_field":1}',
            MANY,
            MORE,
        ):
            battery.judge(f"{name} body {body[:20]!r}", await battery.send(endpoint, body), 400, of=of)
        typed = await battery.send(endpoint, b"{}", headers={"content-type": "text/plain"})
        battery.judge(f"{name} media type", typed, 415, of=of)
        packed = await battery.send(endpoint, b"{}", headers={"content-encoding": "gzip"})
        battery.judge(f"{name} encoding", packed, 415, of=of)
        battery.judge(f"{name} size", await battery.send(endpoint, large), 413, of=of)
    elif not is_read:
        battery.judge(f"{name} body", await battery.send(endpoint, {"no_such_field": 1}), 400, of=of)


async def _accepting(battery: Battery, endpoint: Endpoint) -> None:
    """What has a body is refused to whoever takes no JSON; what has none is never."""
    responses, of = operation_of(endpoint)["responses"], contract_of(endpoint)
    for accept in ("text/html", "application/problem+json"):
        answer = await battery.send(endpoint, headers={"accept": accept})
        if "content" in responses[str(endpoint.status)]:
            battery.judge(f"{label(endpoint)} accept {accept}", answer, 406, of=of)
        else:
            battery.judge(f"{label(endpoint)} accept {accept}", answer, 400, 404, of=of)


async def _about_objects(battery: Battery, endpoint: Endpoint) -> None:
    """Unknown ids, odd ids, and whatever the state of what there is does not permit, by asking twice."""
    name, of = label(endpoint), contract_of(endpoint)
    body = filled(body_of(endpoint), battery.ids) if endpoint.body is not None else None
    battery.judge(f"{name} of nobody", await battery.send(endpoint, body), of=of)
    if path_names(endpoint):
        odd = dict.fromkeys(path_names(endpoint), "not-an-id")
        content = None if body is None else json.dumps(body).encode()
        key = uuid4() if demands_key(endpoint) else None
        answer = await battery.api.of(endpoint).send(endpoint.method, target(endpoint, odd), content, key=key)
        battery.judge(f"{name} odd id", answer, *((404,) if endpoint.query is None else (400, 404)), of=of)
    if takes_key(endpoint) and endpoint.body is not None:
        key = uuid4()
        battery.judge(f"{name} first", await battery.send(endpoint, body, key=key), of=of)
        changed = {**(body or {}), "client_reference": "another"}
        battery.judge(f"{name} used key", await battery.send(endpoint, changed, key=key), 400, 422, of=of)


async def _conflicts(battery: Battery) -> None:
    """Every operation that changes something asked twice about the same objects; those that remove come last."""
    changing = [one for one in SERVED if one.method not in ("GET", "DELETE") and not one.form]
    removing = [one for one in SERVED if one.method == "DELETE"]
    for endpoint in (*changing, *removing, *changing):
        if "/webhooks/{webhook_id}/test" in endpoint.path:
            continue
        for turn in ("once", "twice"):
            answer = await ask(battery.api, endpoint, battery.ids)
            battery.judge(f"{label(endpoint)} {turn}", answer, of=contract_of(endpoint))


async def _forbidden(battery: Battery) -> None:
    for endpoint in SERVED:
        if endpoint.scopes:
            await battery.api.of(endpoint).fetch_token([scope for scope in SCOPES if scope not in endpoint.scopes])
            battery.judge(f"{label(endpoint)} scope", await battery.send(endpoint), 403, of=contract_of(endpoint))
    for api in battery.api.every:
        await api.fetch_token()


async def _tokens(battery: Battery) -> None:
    """The one operation with a form, in every contract."""
    for api in battery.api.every:
        await _tokens_of(battery, api)


async def _tokens_of(battery: Battery, api: Api) -> None:
    for changed in (
        {"client_secret": "x"}, {"grant_type": "x"}, {"client_id": str(uuid4())}, {"client_id": "x"},
        {"scope": "no:such"}, {"scope": ""}, {"no_such_field": "1"},
    ):  # fmt: skip
        scope = changed.get("scope", "users:read")
        more = {name: value for name, value in changed.items() if name != "scope"}
        statuses = (403,) if scope == "no:such" else (400, 401)
        battery.judge(f"token {changed}", await api.ask_token(scope, **more), *statuses, of=api.contract)


async def _busy(battery: Battery) -> None:
    """A client of each contract that asks too much."""
    stood = battery.stood
    hasty = await make_apis(stood.app, stood.world.database, await stood.tenant("Hasty"), rate_limit=1)
    for api in hasty.every:
        endpoint = next(one for one in SERVED if contract_of(one) == api.contract and one.method == "GET")
        named = {"upvest-client-id": str(api.client.client_id)}
        # Whom its token alone names is known once that is found.
        said = named if api.signs else {"authorization": f"Bearer {await api.fetch_token()}"}
        answers = [await battery.bare(endpoint, **said) for _ in range(30)]
        refused = next((one for one in answers if one.status_code == 429), answers[-1])
        battery.judge("too many", refused, 429, of=api.contract)


async def error_shapes(run: Run) -> Verdict:
    """A battery of bad requests for every operation; where its handler has no part, for `share` % of them by chance."""
    async with floor() as stood:
        tenant_id = await stood.tenant("Errors", pace="instant")
        api = await stood.client(tenant_id)
        battery = Battery(stood, api, await live_by_http(stood.world, api, tenant_id))
        port, chance = free_port(), run.chance("errors")
        chosen = [one for one in SERVED if one.form or chance.random() * 100 < run["share"]]
        async with listening(stood.app, "127.0.0.1", port):
            for endpoint in chosen:
                await _broken_off(battery, endpoint, port)
        for endpoint in chosen:
            await _at_the_door(battery, endpoint)
            if not endpoint.form:
                await _proven(battery, endpoint)
        for endpoint in SERVED:
            if not endpoint.form:
                await _about_objects(battery, endpoint)
        await _tokens(battery)
        await _forbidden(battery)
        await _conflicts(battery)
        await _busy(battery)
        for path in ("/nothing", "/users/", "/users//", "/%ff"):
            battery.judge(path, await api.http.get(path), 404)
    findings = battery.findings
    met = {status for status in battery.statuses if status >= 400}
    if missing := {400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 429, 431} - met:
        findings.append(f"no request was refused with {sorted(missing)}")
    refused = sum(count for status, count in battery.statuses.items() if status >= 400)
    kinds = " ".join(f"{status}:{count}" for status, count in sorted(battery.statuses.items()) if status >= 400)
    return Verdict(
        f"{each_of(battery.cases)} requests, {refused} refusals ({kinds}), {len(findings)} misshapen", findings
    )


GATES = (
    Gate(
        "R34 scopes", "a token opens what its scopes say", scope_matrix,
        push={"others": 1_000}, test={"others": 8}, quick=True,
    ),
    Gate(
        "errors", "every refusal is a problem document with the request's id", error_shapes,
        push={"share": 100}, test={"share": 40}, quick=True,
    ),
)  # fmt: skip
