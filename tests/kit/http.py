"""Clients of the application in this process, each sending as its contract wants it; nothing is mocked."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, cast
from uuid import UUID, uuid4

import httpx

from openvest.core.clock import WireClock
from openvest.core.contracts import RULES
from openvest.core.logs import Log
from openvest.core.signing_keys import generate_ed25519
from openvest.db.unit import Database, Unit
from openvest.declarations import Contract, Endpoint
from openvest.features.tenants import service as tenants
from openvest.features.tenants.model import NewClient
from openvest.sdk.signing import Signer
from openvest.server.app import App, make_app
from openvest.server.settings import ServerSettings
from tests.kit.contracts import FIRST, TABLES, contract_of
from tests.kit.world import SECRETS

WIRE = WireClock()


def make_test_app(
    database: Database,
    contracts: Mapping[Contract, Iterable[Endpoint]] | Iterable[Endpoint],
    *,
    settings: ServerSettings | None = None,
    log: io.StringIO | None = None,
    wire: WireClock = WIRE,
    services: Any = None,
) -> App:
    """The program's own application over the test's database; its log lines go to `log`. Operations by themselves are
    those of v1."""
    return make_app(
        database=database,
        contracts=contracts if isinstance(contracts, Mapping) else {"v1": contracts},
        wire=wire,
        secrets=SECRETS,
        settings=settings,
        log=Log(wire, log or io.StringIO()),
        services=services,
    )


@dataclass
class Api:
    """One API client with its key; it fetches a token when it first needs one.

    `others` are clients of the same tenant that speak the other contracts (`make_apis`).
    """

    http: httpx.AsyncClient
    client: NewClient
    key_id: UUID
    private_pem: bytes = field(repr=False)
    scopes: Sequence[str] = ()
    token: str | None = None
    contract: Contract = FIRST
    others: Mapping[Contract, Api] = field(default_factory=dict[Contract, "Api"])

    def speaking(self, contract: Contract) -> Api:
        """The tenant's client of this contract."""
        return self if contract == self.contract else self.others[contract]

    def of(self, endpoint: Endpoint) -> Api:
        """The tenant's client that this operation is for."""
        return self.speaking(contract_of(endpoint))

    @property
    def every(self) -> Sequence[Api]:
        """The tenant's clients, one for each contract."""
        return (self, *self.others.values())

    @property
    def signs(self) -> bool:
        """Whether its contract wants every request signed; it can sign all the same."""
        return RULES[self.contract].signed

    @property
    def signer(self) -> Signer:
        return Signer(str(self.client.client_id), str(self.key_id), self.private_pem, clock=WIRE.now_seconds)

    async def send(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        key: UUID | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """One request, as the contract wants it. `body` is JSON, or the bytes to send; `key` is the idempotency key."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        ready = await self.prepared(method, target, content, key, headers)
        return await self.http.request(
            method, target, content=content, headers=ready, extensions={"contract": self.contract}
        )

    async def prepared(
        self,
        method: str,
        target: str,
        content: bytes | None,
        key: UUID | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """The headers of a request as a client of this contract sends it."""
        if self.signs:
            return await self.signed(method, target, content, key, headers)
        framed = {"content-type": "application/json", "content-length": str(len(content))} if content else {}
        return {"accept": "application/json", **framed, **await self._given(key, headers)}

    async def signed(
        self,
        method: str,
        target: str,
        content: bytes | None,
        key: UUID | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """The headers of a signed request."""
        return self.signer.headers(method, target, content, await self._given(key, headers))

    async def _given(self, key: UUID | str | None, headers: Mapping[str, str] | None) -> dict[str, str]:
        if self.token is None:
            await self.fetch_token()
        given = {"authorization": f"Bearer {self.token}"} | dict(headers or {})
        return given if key is None else given | {"idempotency-key": str(key)}

    async def fetch_token(self, scopes: Sequence[str] | None = None) -> str:
        """A token with these scopes, by default all of the client's; used from now on."""
        answer = await self.ask_token(" ".join(scopes or self.scopes))
        assert answer.status_code == 200, answer.text
        self.token = str(answer.json()["access_token"])
        return self.token

    async def ask_token(self, scope: str, **changed: str) -> httpx.Response:
        """A token request, with fields of the form changed as given."""
        form = {
            "client_id": str(self.client.client_id),
            "client_secret": self.client.client_secret,
            "grant_type": "client_credentials",
            "scope": scope,
        }
        content = str(httpx.QueryParams({**form, **changed})).encode()
        kind = {"content-type": "application/x-www-form-urlencoded"}
        headers = self.signer.headers("POST", "/auth/token", content, kind) if self.signs else kind
        extensions = {"contract": self.contract}
        return await self.http.post("/auth/token", content=content, headers=headers, extensions=extensions)

    async def get(self, target: str) -> httpx.Response:
        return await self.send("GET", target)

    async def post(self, target: str, body: Any, key: UUID | str | None = None) -> httpx.Response:
        """A POST with an idempotency key, a fresh one unless given."""
        return await self.send("POST", target, body, key=key or uuid4())


# The client looks for this library, which is not there, all over the path again with each request.
sys.modules.setdefault("sniffio", cast(ModuleType, None))


def http_of(app: App) -> httpx.AsyncClient:
    """An HTTP client whose requests go to the application without a network."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://openvest.test", timeout=30)


async def make_api(
    app: App,
    database: Database,
    tenant_id: UUID,
    *,
    contract: Contract = "v1",
    scopes: str | Sequence[str] = "all",
    name: str | None = None,
    rate_limit: int | None = None,
    strict_idempotency: bool = False,
) -> Api:
    """A new API client of the tenant with an Ed25519 key, and without a rate limit unless one is given."""
    private, public = generate_ed25519()

    async def work(unit: Unit) -> tuple[NewClient, UUID]:
        client = await tenants.create_client(
            unit,
            contract=contract,
            scopes=scopes,
            name=name,
            rate_limit=rate_limit,
            no_rate_limit=rate_limit is None,
            strict_idempotency=strict_idempotency,
        )
        return client, await tenants.add_key(unit, client.client_id, public)

    client, key_id = await database.write(tenant_id, work, n=0)
    granted = next(c.scopes for c in await database.read(tenant_id, tenants.list_clients) if c.id == client.client_id)
    return Api(http_of(app), client, key_id, private, granted, contract=contract)


async def make_apis(app: App, database: Database, tenant_id: UUID, **options: Any) -> Api:
    """A new API client of the tenant for each contract that is served: the first one's, which knows the others."""
    first, *others = [await make_api(app, database, tenant_id, contract=contract, **options) for contract in TABLES]
    for other in others:
        other.http = first.http
    first.others = {other.contract: other for other in others}
    return first
