"""The way of one request: the order of refusals, and that all failures of credentials look alike."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import AsyncGenerator
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest

from openvest.core.signing_keys import generate_ed25519
from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from openvest.declarations import Call, Endpoint, Verb
from openvest.features.tenants.v1 import ENDPOINTS
from openvest.sdk.signing import Signer
from openvest.server.app import App
from openvest.server.settings import ServerSettings
from openvest.work.runner import Stuck
from tests.contract.things import LITE_THINGS, THINGS, made, thing
from tests.kit.http import WIRE, Api, http_of, make_api, make_test_app

pytestmark = pytest.mark.anyio

PROBLEM = "application/problem+json"
UNKNOWN = "00000000-0000-4000-8000-000000000001"


def refused(answer: httpx.Response, status: int, name: str) -> dict[str, Any]:
    """The problem document of an answer that must be this refusal."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    document = answer.json()
    assert document["type"] == f"https://docs.upvest.co/errors/{name}"
    assert document["status"] == status
    assert document["request_id"] == answer.headers["upvest-request-id"]
    assert document["instance"] == answer.request.url.path
    return document


async def test_a_signed_post_is_answered_with_its_effect(api: Api, database: Database, tenant_id: UUID) -> None:
    answer = await api.post("/things", thing("first", amount="12.50"))
    assert answer.status_code == 200, answer.text
    assert answer.json()["name"] == "first"
    assert answer.json()["amount"] == "12.50"
    assert UUID(answer.headers["upvest-request-id"])
    assert await made(database, tenant_id) == 1


async def test_each_refusal_comes_before_those_after_it(app: App, database: Database, tenant_id: UUID) -> None:
    """Start with a request that has every fault, and mend one after the other."""
    api = await make_api(app, database, tenant_id, scopes="orders:read orders:admin", rate_limit=1000)
    await api.fetch_token(["orders:read"])
    headers = {"accept": "text/html", "content-type": "text/plain", "upvest-api-version": "2", "x-fill": "x" * 40_000}
    faults: dict[str, Any] = {
        "target": "/nowhere",
        "method": "POST",
        "headers": headers,
        "key": None,
        "body": {"unknown": 1},
        "forged": True,
    }

    async def send() -> httpx.Response:
        body = json.dumps(faults["body"]).encode()
        signed = await api.signed(faults["method"], faults["target"], body, faults["key"], faults["headers"])
        if faults["forged"]:
            signed["signature"] = signed["signature"].replace("sig1=:", "sig1=:AA")
        return await api.http.request(faults["method"], faults["target"], content=body, headers=signed)

    refused(await send(), 431, "headers_too_large")
    del faults["headers"]["x-fill"]
    refused(await send(), 404, "not_found")
    faults |= {"target": "/things", "method": "PATCH"}
    answer = await send()
    refused(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, POST"
    faults["method"] = "POST"
    refused(await send(), 401, "unauthorised")
    faults["forged"] = False
    refused(await send(), 406, "not_acceptable")
    faults["headers"]["accept"] = "application/json"
    refused(await send(), 415, "unsupported_media_type")
    faults["headers"]["content-type"] = "application/json; charset=utf-8"
    refused(await send(), 400, "invalid_request")
    del faults["headers"]["upvest-api-version"]
    refused(await send(), 400, "missing_idempotency_key")
    faults["key"] = "not-a-key"
    refused(await send(), 400, "invalid_request")
    faults["key"] = uuid4()
    refused(await send(), 403, "forbidden")
    await api.fetch_token(["orders:read", "orders:admin"])
    document = refused(await send(), 400, "invalid_request")
    assert {error["field"] for error in document["errors"]} == {"name", "unknown"}
    faults["body"] = thing(kind="BAD")
    refused(await send(), 422, "unprocessable_entity")
    faults["body"] = thing()
    assert (await send()).status_code == 200
    assert await made(database, tenant_id) == 1


async def test_too_many_requests_are_refused_before_credentials(app: App, database: Database, tenant_id: UUID) -> None:
    api = await make_api(app, database, tenant_id, rate_limit=3)
    headers = {"upvest-client-id": str(api.client.client_id), "accept": "application/json"}
    answers = [await api.http.get("/things", headers=headers) for _ in range(8)]
    statuses = [answer.status_code for answer in answers]
    assert statuses[0] == 401
    assert 429 in statuses
    late = next(answer for answer in answers if answer.status_code == 429)
    refused(late, 429, "too_many_requests")
    assert int(late.headers["retry-after"]) >= 1
    assert (await api.http.get("/nowhere", headers=headers)).status_code == 404
    other = await make_api(app, database, tenant_id)
    assert (await other.get("/things")).status_code == 200


async def test_who_is_named_by_a_token_alone_is_limited_too(app: App, database: Database, tenant_id: UUID) -> None:
    lite = await make_api(app, database, tenant_id, contract="lite", rate_limit=3)
    answers = [await lite.get("/things") for _ in range(8)]
    assert all("upvest-client-id" not in answer.request.headers for answer in answers)
    assert answers[0].status_code == 200
    refused(next(answer for answer in answers if answer.status_code == 429), 429, "too_many_requests")


async def test_the_limit_is_shared_by_processes_and_refills(app: App, database: Database, tenant_id: UUID) -> None:
    api = await make_api(app, database, tenant_id, rate_limit=40)
    second = http_of(make_test_app(database, THINGS))
    headers = {"upvest-client-id": str(api.client.client_id)}
    waves = [client.get("/things", headers=headers) for _ in range(60) for client in (api.http, second)]
    statuses = [answer.status_code for answer in await asyncio.gather(*waves)]
    assert 40 <= statuses.count(401) <= 80
    assert statuses.count(429) == 120 - statuses.count(401)
    await asyncio.sleep(1.1)
    assert (await api.http.get("/things", headers=headers)).status_code == 401


async def _unauthorised_requests(api: Api, app: App, database: Database, tenant_id: UUID) -> dict[str, httpx.Response]:
    other = await make_api(app, database, tenant_id)
    good = await api.signed("GET", "/things", None)

    async def get(headers: dict[str, str]) -> httpx.Response:
        return await api.http.get("/things", headers=headers)

    def without(*names: str) -> dict[str, str]:
        return {name: value for name, value in good.items() if name not in names}

    def signed_by(client_id: UUID, key_id: UUID, pem: bytes, age: int = 0) -> dict[str, str]:
        signer = Signer(str(client_id), str(key_id), pem, clock=lambda: WIRE.now_seconds() - age)
        return signer.headers("GET", "/things", None, {"authorization": f"Bearer {api.token}"})

    me, key = api.client.client_id, api.key_id
    answers = {
        "no headers": await get({}),
        "no token": await get(without("authorization")),
        "unsigned": await get(without("signature", "signature-input")),
        "no client id": await get(without("upvest-client-id")),
        "malformed token": await get({**good, "authorization": "Basic abc"}),
        "unknown token": await get(await api.signed("GET", "/things", None, headers={"authorization": "Bearer abc"})),
        "garbage signature": await get({**good, "signature": "sig1=:AAAA:"}),
        "unknown version": await get({**good, "upvest-signature-version": "7"}),
        "other client's key": await get(signed_by(me, other.key_id, other.private_pem)),
        "other client's id": await get(signed_by(other.client.client_id, other.key_id, other.private_pem)),
        "other private key": await get(signed_by(me, key, generate_ed25519()[0])),
        "unknown key": await get(signed_by(me, uuid4(), api.private_pem)),
        "expired": await get(signed_by(me, key, api.private_pem, age=120)),
        "from the future": await get(signed_by(me, key, api.private_pem, age=-60)),
    }
    assert (await get(good)).status_code == 200
    answers["replayed"] = await get(good)
    signed_post = await api.signed("POST", "/things", b'{"name":"a"}', uuid4())
    answers["uncovered"] = await api.http.get("/things?limit=1", headers=await api.signed("GET", "/things", None))
    named = await api.signed("GET", "/things", None)
    named["signature-input"] += ';alg="ecdsa-p521-sha512"'
    answers["other algorithm"] = await get(named)
    answers["other body"] = await api.http.post("/things", content=b'{"name":"b"}', headers=signed_post)
    return answers


REASONS = {
    "no headers": "there is no bearer token",
    "unsigned": "the request is not signed",
    "no client id": "the signature covers upvest-client-id, which did not arrive",
    "unknown token": "the token is unknown",
    "garbage signature": "here that has [0-9]+ bytes with the SHA-256 [0-9a-f]{64}, made of @method, @path, ",
    "unknown version": "the signature version is neither 15 nor 6",
    "other client's key": "keyid names no key of this client",
    "other client's id": "the client id is not the token's",
    "other private key": "the signature is not one of the registered ed25519 key over the signature base of version 15",
    "unknown key": "keyid names no key of this client",
    "expired": "the signature expired at [0-9]{10}, more than 30 s ago: the clock here says [0-9]{10}",
    "from the future": "created is [0-9]{10}, more than 30 s in the future: the clock here says [0-9]{10}",
    "replayed": "the nonce was used before with this key",
    "other body": "content-digest says another digest: the digest of the 12 bytes that arrived is sha-512=:.{88}:",
    "uncovered": "the signature does not cover @query, which this request demands",
    "other algorithm": "alg is not ed25519, which the key is",
}


async def test_a_sandbox_says_what_is_wrong_with_a_signature(
    api: Api, app: App, database: Database, tenant_id: UUID
) -> None:
    answers = await _unauthorised_requests(api, app, database, tenant_id)
    plain = "The token, the signature or the credentials of this request are not valid"
    for name, answer in answers.items():
        detail = refused(answer, 401, "unauthorised")["detail"]
        assert re.match(f"{plain}: .*{REASONS.get(name, '')}", detail), f"{name}: {detail}"
        assert str(api.token) not in detail and api.client.client_secret not in detail
    assert set(REASONS) <= set(answers)


async def test_every_failure_of_credentials_looks_the_same_in_production(
    database: Database, tenant_id: UUID, log: io.StringIO
) -> None:
    app = make_test_app(database, [*ENDPOINTS, *THINGS], settings=ServerSettings(mode="production"), log=log)
    api = await make_api(app, database, tenant_id)
    answers = await _unauthorised_requests(api, app, database, tenant_id)
    seen: set[str] = set()
    for name, answer in answers.items():
        document = refused(answer, 401, "unauthorised")
        headers = {k: v for k, v in answer.headers.items() if k != "upvest-request-id"}
        document["request_id"] = document["instance"] = ""
        seen.add(json.dumps([document, headers]))
        assert len(seen) == 1, name
    assert "the nonce was used before" in log.getvalue()
    assert api.client.client_secret not in log.getvalue()
    assert str(api.token) not in log.getvalue()


async def test_a_replay_is_seen_by_every_process(api: Api, database: Database) -> None:
    second = http_of(make_test_app(database, THINGS))
    headers = await api.signed("GET", "/things", None)
    both = await asyncio.gather(*(client.get("/things", headers=headers) for client in [api.http, second] * 5))
    assert sorted(answer.status_code for answer in both) == [200] + [401] * 9


async def test_a_path_of_the_other_contract_says_so(app: App, api: Api, database: Database, tenant_id: UUID) -> None:
    document = refused(await api.post("/lite_things", thing()), 404, "not_found")
    assert "contract lite" in document["detail"]
    lite = await make_api(app, database, tenant_id, contract="lite")
    token = await lite.fetch_token()
    bearer = {"authorization": f"Bearer {token}"}
    document = refused(await lite.http.get(f"/things/{UNKNOWN}", headers=bearer), 404, "not_found")
    assert "contract v1" in document["detail"]
    answer = await lite.http.post("/things", json=thing(), headers=bearer)
    refused(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"
    made_unsigned = await lite.http.post("/lite_things", json=thing(), headers=bearer)
    assert made_unsigned.status_code == 201


async def test_sandbox_operations_do_not_exist_in_production(database: Database, tenant_id: UUID, api: Api) -> None:
    assert (await api.get("/sandbox_things")).status_code == 200
    production = make_test_app(database, THINGS, settings=ServerSettings(mode="production"))
    answer = await http_of(production).get("/sandbox_things", headers=await api.signed("GET", "/sandbox_things", None))
    refused(answer, 404, "not_found")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PUT"])
async def test_other_methods_are_refused_with_those_allowed(api: Api, method: str) -> None:
    answer = await api.http.request(method, f"/things/{UNKNOWN}")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "DELETE, GET"


@pytest.mark.parametrize("path", ["/things/", "/things//", "/things/%ff", "/things/a/b", "/Things"])
async def test_paths_are_exact(api: Api, path: str) -> None:
    refused(await api.http.get(path), 404, "not_found")


async def test_an_id_that_is_none_is_answered_like_an_unknown_one(api: Api) -> None:
    unknown = refused(await api.get(f"/things/{UNKNOWN}"), 404, "not_found")
    for target in ("/things/abc", "/things/%00", f"/things/%7B{UNKNOWN[:34]}%7D"):
        document = refused(await api.get(target), 404, "not_found")
        assert document["detail"] == unknown["detail"]


async def test_a_removal_answers_without_a_body(api: Api) -> None:
    answer = await api.send("DELETE", f"/things/{UNKNOWN}", key=uuid4(), headers={"accept": "text/html"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers


async def test_coalesced_reads_answer_each_its_own(api: Api) -> None:
    targets = [f"/together/{UUID(int=n)}" for n in range(6)]
    headers = [await api.signed("GET", target, None) for target in targets]
    sent = [api.http.get(target, headers=h) for target, h in zip(targets, headers, strict=True)]
    answers = await asyncio.gather(*sent)
    assert [answer.status_code for answer in answers] == [404] + [200] * 5
    assert max(answer.json()["together"] for answer in answers[1:]) > 1


async def test_a_fault_says_nothing_but_the_request_id(api: Api, log: io.StringIO) -> None:
    answer = await api.post("/things", thing("canary", kind="BROKEN"))
    document = refused(answer, 500, "internal")
    assert "canary" not in answer.text + log.getvalue()
    assert "RuntimeError" in log.getvalue()
    assert document["request_id"] in log.getvalue()


@pytest.mark.parametrize("state", ["40P01", "40001", "55P03", "57014"])
async def test_what_others_held_too_long_may_be_sent_again(database: Database, tenant_id: UUID, state: str) -> None:
    async def meets(unit: Unit, call: Call) -> Any:
        await unit.connection.execute(f"do $$ begin raise exception 'x' using errcode = '{state}'; end $$")

    await busy(database, tenant_id, meets)


async def test_work_of_a_frozen_tenant_that_is_stuck_is_told_as_busy(
    database: Database, frozen_tenant_id: UUID
) -> None:
    async def emits(unit: Unit, call: Call) -> Any:
        unit.emit("THING.CREATED", uuid4(), 1, unit.now, {})

    async def stuck(_: UUID) -> None:
        raise Stuck("orders")

    await database.write(frozen_tenant_id, lambda unit: emits(unit, cast(Call, None)))
    database.drain = stuck
    await busy(database, frozen_tenant_id, emits)


async def busy(database: Database, tenant_id: UUID, verb: Verb) -> None:
    """Such a write is refused for now, and says when to come again."""
    endpoint = Endpoint("POST", "/busy", "busy", "Meet others", "Things", ("orders:admin",), None, verb)
    log = io.StringIO()
    api = await make_api(make_test_app(database, [*ENDPOINTS, endpoint], log=log), database, tenant_id)
    answer = await api.send("POST", "/busy")
    refused(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    assert "fault" not in log.getvalue()


async def test_an_argument_the_driver_cannot_send_is_a_fault_of_ours(
    database: Database, tenant_id: UUID, log: io.StringIO
) -> None:
    async def wrong(unit: Unit, call: Call) -> Any:
        return await unit.row(Query(int, "select $1::integer"), 1, 2)

    endpoint = Endpoint("POST", "/wrong", "wrong", "Ask wrongly", "Things", ("orders:admin",), None, wrong)
    api = await make_api(make_test_app(database, [*ENDPOINTS, endpoint], log=log), database, tenant_id)
    refused(await api.send("POST", "/wrong"), 500, "internal")
    assert "InterfaceError" in log.getvalue()


async def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    body = b'{"name":"' + b"a" * (1 << 20) + b'"}'
    refused(await api.http.post("/things", content=body), 413, "content_too_large")

    async def pieces() -> AsyncGenerator[bytes]:
        for _ in range(20):
            yield b"a" * 100_000

    refused(await api.http.post("/things", content=pieces()), 413, "content_too_large")


async def test_a_body_that_does_not_arrive_is_given_up(database: Database) -> None:
    app = make_test_app(database, THINGS, settings=ServerSettings(body_seconds=0.05))

    async def slowly() -> AsyncGenerator[bytes]:
        yield b"{"
        await asyncio.sleep(0.5)
        yield b"}"

    refused(await http_of(app).post("/things", content=slowly()), 408, "request_timeout")


async def test_two_contracts_may_share_a_path(app: App, database: Database, tenant_id: UUID) -> None:
    assert LITE_THINGS[1].path == "/things"
    lite = await make_api(app, database, tenant_id, contract="lite")
    bearer = {"authorization": f"Bearer {await lite.fetch_token()}"}
    assert (await lite.http.get("/things?limit=5", headers=bearer)).json()["limit"] == 5
    assert ENDPOINTS[0].form
