"""Who signs in the gates of signatures: clients, their keys, and a request of every operation before it is signed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import Final
from urllib.parse import urlencode
from uuid import UUID, uuid4

import asyncpg

from openvest.catalog import CONTRACTS
from openvest.core.contracts import Contract
from openvest.core.http_signatures import SignatureVersion, SignedMessage
from openvest.core.problems import MethodNotAllowed, NotFound
from openvest.core.signing_keys import generate_ed25519, generate_p521, load_private_key
from openvest.db.unit import Database
from openvest.declarations import Endpoint
from openvest.features.tenants import service as tenants
from openvest.main import Assembled, Mode
from openvest.server.app import App, make_app
from openvest.server.settings import ServerSettings
from tests.gates.ground import ground
from tests.gates.tampering_signed import Hands, Known
from tests.kit import footprint
from tests.kit.contracts import TABLES, label
from tests.kit.forgery import Draft, framed
from tests.kit.http import WIRE, Api, make_apis
from tests.kit.operations import asked_of, live_by_http
from tests.kit.raw import ask
from tests.kit.world import SECRETS, make_tenant

VERSIONS: Final[Sequence[SignatureVersion]] = (15, 6)
KINDS: Final = {"P-521 DER": generate_p521, "Ed25519": generate_ed25519}
PLAIN: Final = "The token, the signature or the credentials of this request are not valid"
"""What every refusal says; the one of production says nothing else."""
_LIFE_SECONDS: Final = 240


@dataclass(frozen=True, slots=True)
class Court:
    """The application, a client of one contract whose objects are real, and everybody else's keys."""

    contract: Contract
    app: App
    """In a sandbox, which says what is wrong with a signature."""
    production: App
    """Over the same database; it never says."""
    api: Api
    strict: Api
    colleague: Api
    ids: Mapping[str, str]
    keys: Mapping[str, Known]
    """Ours, by kind."""
    strict_keys: Mapping[str, Known]
    hands: Mapping[str, Hands]
    other_token: str
    """A second one of ours."""
    eye: asyncpg.Connection

    @property
    def secrets(self) -> Sequence[str]:
        """What no reason may repeat."""
        apis = (self.api, self.strict, self.colleague)
        return [self.other_token, *(str(api.token) for api in apis), *(api.client.client_secret for api in apis)]

    def draft(
        self, endpoint: Endpoint, version: SignatureVersion, kind: str, chance: Random, *, strict: bool = False
    ) -> Draft:
        """A request of this operation, right in everything, its components in any order."""
        api, known = (self.strict, self.strict_keys[kind]) if strict else (self.api, self.keys[kind])
        asked = asked_of(endpoint, {} if endpoint.direct is not None else self.ids) if not endpoint.form else None
        headers = {b"accept": b"application/json", b"upvest-client-id": str(api.client.client_id).encode()}
        if asked is None:
            content, kind_of_body = _token_form(api), b"application/x-www-form-urlencoded"
        else:
            content, kind_of_body = asked.content, b"application/json"
            headers |= {b"authorization": f"Bearer {api.token}".encode(), b"upvest-api-version": b"1"}
        if endpoint.is_write:
            headers[b"idempotency-key"] = str(uuid4()).encode()
        headers |= framed(version, content, kind_of_body)
        query = b"limit=2&offset=1" if endpoint.query is not None else b""
        names = [b"@method", b"@path", *([b"@query"] if query else []), *headers]
        chance.shuffle(names)
        now = int(WIRE.now_seconds())
        path = (endpoint.path if asked is None else asked.target).encode()
        return Draft(
            version, endpoint.method, path, query, content, headers, names, known.key, known.key_id,
            f"{now}", f"{now + _LIFE_SECONDS}", str(uuid4()),
        )  # fmt: skip

    def others(self, draft: Draft, endpoint: Endpoint) -> Mapping[str, bytes]:
        """What could stand in a message instead, each of them right in another request."""
        found = {
            "authorization": f"Bearer {self.other_token}".encode(),
            "token of the colleague": f"Bearer {self.colleague.token}".encode(),
            "upvest-client-id": str(self.colleague.client.client_id).encode(),
            "idempotency-key": str(uuid4()).encode(),
            "accept": b"*/*",
        }
        table = TABLES[self.contract]
        methods = [e.method for e in table if e.path == endpoint.path and e.method != endpoint.method]
        paths = [e for e in table if e.method == endpoint.method and e.path != endpoint.path and not e.form]
        if methods:
            found["method"] = methods[0].encode()
        if paths and not endpoint.form:
            found["path"] = asked_of(paths[len(draft.path) % len(paths)], self.ids).target.encode()
        return found


def _token_form(api: Api) -> bytes:
    form = {
        "client_id": str(api.client.client_id),
        "client_secret": api.client.client_secret,
        "grant_type": "client_credentials",
        "scope": "users:read",
    }
    return urlencode(form).encode()


async def _known(database: Database, api: Api, kind: str) -> Known:
    private, public = KINDS[kind]()
    client = api.client
    key_id = await database.write(client.tenant_id, lambda unit: tenants.add_key(unit, client.client_id, public), n=0)
    return Known(str(key_id), load_private_key(private))


def _app(world: Assembled, mode: Mode) -> App:
    return make_app(
        database=world.database,
        contracts=CONTRACTS,
        wire=WIRE,
        secrets=SECRETS,
        settings=ServerSettings(mode=mode, request_log=False),
        services=world,
    )


def serves(app: App, message: SignedMessage) -> bool:
    """Whether there is such an operation; those of sandboxes are not there in production."""
    assert isinstance(message.path, bytes)
    try:
        app.dispatcher.router.find(message.path, message.method)
    except (NotFound, MethodNotAllowed):
        return False
    return True


@asynccontextmanager
async def courts() -> AsyncGenerator[Sequence[Court]]:
    """One for each contract that is served, all of them over one database."""
    async with ground() as under:
        world, database = under.world, under.world.database
        app, production = _app(world, "sandbox"), _app(world, "production")
        tenant_id = await make_tenant(database, "Signer", pace="instant")
        ours = await make_apis(app, database, tenant_id)
        strict = await make_apis(app, database, tenant_id, strict_idempotency=True)
        colleague = await make_apis(app, database, tenant_id)
        stranger = await make_apis(app, database, await make_tenant(database, "Stranger"))
        ids = await live_by_http(world, ours, tenant_id)
        eye = await footprint.all_seeing(under.cluster, under.name)
        try:
            made: list[Court] = []
            for contract in TABLES:
                api, *others = [one.speaking(contract) for one in (ours, strict, colleague, stranger)]
                for one in (api, *others):
                    await one.fetch_token()
                known = await _everybodys(database, api, *others)
                other_token = (await api.ask_token(" ".join(api.scopes))).json()["access_token"]
                made.append(Court(contract, app, production, api, *others[:2], ids, *known, other_token, eye))
            yield made
        finally:
            await eye.close()


async def _everybodys(
    database: Database, api: Api, strict: Api, colleague: Api, stranger: Api
) -> tuple[Mapping[str, Known], Mapping[str, Known], Mapping[str, Hands]]:
    """Our keys, those of the strict client, and those of all others."""
    keys = {kind: await _known(database, api, kind) for kind in KINDS}
    strict_keys = {kind: await _known(database, strict, kind) for kind in KINDS}
    hands: dict[str, Hands] = {}
    for kind in KINDS:
        revoked = await _known(database, api, kind)
        gone = UUID(revoked.key_id)
        assert await database.write(api.client.tenant_id, lambda unit, key=gone: tenants.remove_key(unit, key), n=0)
        other = next(keys[name] for name in KINDS if name != kind)
        theirs = [await _known(database, one, kind) for one in (stranger, colleague)]
        hands[kind] = Hands(theirs[0], theirs[1], revoked, other, "none yet")
    return keys, strict_keys, hands


async def spend_nonce(at: Court, kind: str) -> Hands:
    """Everybody else's keys, with a nonce of our key that was used just now."""
    reads = next(
        endpoint for endpoint in TABLES[at.contract] if endpoint.method == "GET" and endpoint.query is not None
    )
    draft = at.draft(reads, 15, kind, Random(0))
    heard = await ask(at.app, draft.sign())
    assert draft.nonce is not None and heard.status == 200, f"{label(reads)}: {heard.status} {heard.content!r}"
    return replace(at.hands[kind], used_nonce=draft.nonce)
