"""Tenants, clients, keys and tokens: what the CLI does."""

from __future__ import annotations

import asyncio
import base64
from uuid import UUID, uuid4

import httpx
import pytest

from openvest.core.ids import deterministic_id
from openvest.core.problems import Problem
from openvest.core.signing_keys import generate_p521, jwk_of_p521, load_private_key
from openvest.db.query import Query
from openvest.db.unit import Database
from openvest.features.tenants import rules
from openvest.features.tenants import service as tenants
from openvest.features.tenants.v1 import ENDPOINTS, token_endpoint
from openvest.sdk.signing import Signer
from openvest.server.app import App
from openvest.server.settings import ServerSettings
from tests.contract.test_dispatch import refused
from tests.contract.things import THINGS
from tests.kit.http import WIRE, Api, make_api, make_test_app
from tests.kit.signed_messages import signed_token_headers

pytestmark = pytest.mark.anyio

TOKENS = Query(str, "select encode(hash, 'escape') || scopes::text from access_tokens")
CLIENTS = Query(str, "select encode(secret_hash, 'escape') || name from api_clients")


async def test_a_token_is_issued_as_the_contract_says(api: Api) -> None:
    answer = await api.ask_token("users:read orders:admin users:read")
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == ["access_token", "expires_in", "token_type", "scope"]
    assert body["expires_in"] == 1800
    assert body["token_type"] == "bearer"
    assert body["scope"] == "users:read orders:admin"
    assert body["access_token"].startswith("ov_at_")


async def test_no_cache_may_keep_a_token(api: Api) -> None:
    """RFC 6749, 5.1."""
    answer = await api.ask_token("users:read")
    assert answer.json()["access_token"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"


@pytest.mark.parametrize(
    ("changed", "status", "fields"),
    [
        ({"client_secret": "wrong"}, 401, set()),
        ({"client_id": str(uuid4())}, 401, set()),
        ({"scope": "users:read nothing:read"}, 403, set()),
        ({"client_id": "abc"}, 400, {"client_id"}),
        ({"grant_type": "password"}, 400, {"grant_type"}),
        ({"scope": ""}, 400, {"scope"}),
        ({"scope": "  "}, 400, {"scope"}),
        ({"extra": "1", "grant_type": ""}, 400, {"extra", "grant_type"}),
        ({"client_secret": "x" * 1001}, 400, {"client_secret"}),
    ],
)
async def test_token_requests_that_do_not_hold(
    api: Api, changed: dict[str, str], status: int, fields: set[str]
) -> None:
    answer = await api.ask_token(**{"scope": "users:read", **changed})
    name = {400: "invalid_request", 401: "unauthorised", 403: "forbidden"}[status]
    document = refused(answer, status, name)
    assert {error["field"] for error in document.get("errors", [])} == fields


async def test_credentials_that_fail_look_alike_in_production(database: Database, tenant_id: UUID) -> None:
    app = make_test_app(database, ENDPOINTS, settings=ServerSettings(mode="production"))
    api = await make_api(app, database, tenant_id)
    limited = await make_api(app, database, tenant_id, scopes="users:read")
    form = b"grant_type=client_credentials&client_id=%b&client_secret=x&scope=users:read"
    content = form.replace(b"%b", str(api.client.client_id).encode())
    kind = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    answers = [
        await api.ask_token("users:read", client_secret="wrong"),
        await limited.ask_token("orders:admin", client_secret="wrong"),
        await limited.ask_token("users:read", client_id=str(api.client.client_id)),
        await api.http.post("/auth/token", content=content, headers=kind),
        await api.http.post("/auth/token", content=content),
    ]
    assert {refused(answer, 401, "unauthorised")["detail"] for answer in answers} == {answers[0].json()["detail"]}


async def test_an_admin_scope_includes_its_read_scope(app: App, database: Database, tenant_id: UUID) -> None:
    api = await make_api(app, database, tenant_id, scopes="orders:admin")
    assert (await api.ask_token("orders:read")).status_code == 200
    told = refused(await api.ask_token("orders:read users:read"), 403, "forbidden")
    assert told["detail"] == "The client is not configured for all of these scopes."


async def test_a_token_request_needs_no_client_id_header(api: Api) -> None:
    """A published client signs its token request without naming itself in a header."""
    form = {
        "client_id": str(api.client.client_id),
        "client_secret": api.client.client_secret,
        "grant_type": "client_credentials",
        "scope": "users:read",
    }
    content = str(httpx.QueryParams(form)).encode()
    headers = signed_token_headers(content, load_private_key(api.private_pem), str(api.key_id), WIRE.now_seconds())
    assert (await api.http.post("/auth/token", content=content, headers=headers)).status_code == 200


async def test_a_token_ends(database: Database, tenant_id: UUID) -> None:
    app = make_test_app(database, [token_endpoint(1), *THINGS])
    api = await make_api(app, database, tenant_id)
    assert (await api.get("/things")).status_code == 200
    await asyncio.sleep(1.1)
    refused(await api.get("/things"), 401, "unauthorised")


async def test_secrets_and_tokens_stand_only_as_hashes(api: Api, database: Database, tenant_id: UUID) -> None:
    token = await api.fetch_token()
    stored = await database.read(tenant_id, lambda unit: unit.rows(TOKENS))
    stored += await database.read(tenant_id, lambda unit: unit.rows(CLIENTS))
    assert stored
    assert not any(token in text or api.client.client_secret in text for text in stored)
    assert api.client.client_secret not in repr(api.client)


async def test_a_p521_key_signs_too(app: App, api: Api, database: Database, tenant_id: UUID) -> None:
    private, public = generate_p521()
    key_id = await database.write(tenant_id, lambda unit: tenants.add_key(unit, api.client.client_id, public), n=0)
    await api.fetch_token()
    signer = Signer(str(api.client.client_id), str(key_id), private, clock=WIRE.now_seconds)
    headers = signer.headers("GET", "/things", None, {"authorization": f"Bearer {api.token}"})
    assert (await api.http.get("/things", headers=headers)).status_code == 200


async def test_verify_keys_are_those_we_sign_with(app: App, database: Database) -> None:
    tenant_id = await tenants.create_tenant(database, "Signed Tenant", mode="sandbox")
    api = await make_api(app, database, tenant_id, scopes="webhooks:read")
    keys = (await api.get("/auth/verify_keys")).json()["keys"]
    assert len(keys) == 1
    signing = await database.read(tenant_id, tenants.signing_key)
    assert keys[0] == jwk_of_p521(load_private_key(signing.private_pem).public_pem(), str(signing.id))
    assert len(base64.urlsafe_b64decode(keys[0]["x"] + "==")) == 66
    newer = await database.write(tenant_id, tenants.add_signing_key, n=0)
    keys = (await api.get("/auth/verify_keys")).json()["keys"]
    assert [key["kid"] for key in keys] == [str(newer), str(signing.id)]
    assert (await database.read(tenant_id, tenants.signing_key)).id == newer


async def test_a_tenant_is_founded_once(database: Database) -> None:
    founded = await asyncio.gather(*(tenants.create_tenant(database, "Bank", mode="sandbox") for _ in range(5)))
    assert set(founded) == {deterministic_id("tenant", database.seed, "Bank")}
    assert len(await database.read(founded[0], tenants.verify_keys)) == 1
    again = await tenants.create_tenant(database, "Bank", mode="sandbox", licence="TOL")
    assert again == founded[0]
    with pytest.raises(rules.OtherTenant, match="licence TOL"):
        await tenants.create_tenant(database, "Bank", mode="sandbox", licence="BYOL")
    assert await tenants.find_tenant(database, "Nobody") is None
    real = await tenants.create_tenant(database, "Real", mode="production")
    assert real != deterministic_id("tenant", database.seed, "Real")


LATER_SCOPES = """
account_transfers:admin account_transfers:read businesses:admin businesses:read cash_balance_transfers:admin
cash_balance_transfers:read cash_credits:admin cash_credits:read corporate_actions:admin isa_transfers:admin
positions_performance:read reports:admin transaction_fees:admin transaction_fees:read
"""


async def test_a_client_may_have_scopes_of_what_is_not_served_yet(
    app: App, database: Database, tenant_id: UUID
) -> None:
    api = await make_api(app, database, tenant_id, scopes=LATER_SCOPES)
    async with api.http:
        answer = await api.ask_token(" ".join(LATER_SCOPES.split()))
    assert (answer.status_code, answer.json()["scope"].split()) == (200, LATER_SCOPES.split())


async def test_one_token_can_ask_for_every_scope(api: Api) -> None:
    answer = await api.ask_token(" ".join(rules.SCOPES))
    assert (answer.status_code, answer.json()["scope"].split()) == (200, list(rules.SCOPES))


async def test_clients_have_names_limits_and_known_scopes(database: Database, tenant_id: UUID) -> None:
    async def make(**options: object) -> object:
        settings = {"contract": "v1", "scopes": "all", **options}
        return await database.write(tenant_id, lambda unit: tenants.create_client(unit, **settings), n=0)

    await make()
    await make(name="mine", scopes="users:read users:read", no_rate_limit=True)
    await make(rate_limit=7, strict_idempotency=True)
    for fault in ({"name": "mine"}, {"scopes": "users:write"}, {"scopes": ""}):
        with pytest.raises(Problem):
            await make(**fault)
    listed = await database.read(tenant_id, tenants.list_clients)
    assert [client.name for client in listed] == ["v1-1", "mine", "v1-3"]
    assert [client.rate_limit for client in listed] == [300, None, 7]
    assert listed[0].scopes == list(rules.SCOPES)
    assert listed[1].scopes == ["users:read"]
    assert await tenants.client_tenant(database, listed[0].id) == tenant_id
    with pytest.raises(rules.UnknownClient):
        await tenants.client_tenant(database, uuid4())


async def test_keys_that_cannot_be_used_are_refused(api: Api, database: Database, tenant_id: UUID) -> None:
    private, public = generate_p521()
    for client_id, key, problem in (
        (api.client.client_id, private, rules.UnusableKey),
        (api.client.client_id, "nonsense", rules.UnusableKey),
        (uuid4(), public, rules.UnknownClient),
    ):
        with pytest.raises(problem):
            await database.write(tenant_id, lambda unit, c=client_id, k=key: tenants.add_key(unit, c, k), n=0)


async def test_a_foreign_tenant_cannot_end_a_client(api: Api, database: Database) -> None:
    other = await tenants.create_tenant(database, "Other", mode="sandbox")
    for verb in (tenants.disable_client, tenants.rotate_secret):
        with pytest.raises(rules.UnknownClient):
            await database.write(other, lambda unit, verb=verb: verb(unit, api.client.client_id), n=0)
    assert (await api.get("/things")).status_code == 200
