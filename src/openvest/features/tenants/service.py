"""Verbs of tenants: found them, make and end clients, register keys, issue tokens, open our signing keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from openvest.core.clock import instant
from openvest.core.ids import deterministic_id, random_id
from openvest.core.problems import Unauthorised
from openvest.core.sealing import Secrets
from openvest.core.signing_keys import PrivateKey, PublicKey, generate_p521, load_public_key
from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from openvest.declarations import Contract
from openvest.features.tenants import rules, store
from openvest.features.tenants.model import (
    PRIVATE_KEY,
    Client,
    KeyAlgorithm,
    Licence,
    ListedTenant,
    Mode,
    NewClient,
    Pace,
    SigningKey,
    Tenant,
    TenantClock,
    Token,
    VerifyKey,
)

R = TypeVar("R")
_PROBE = b"openvest: whose key is this?"
_ALGORITHMS: dict[str, KeyAlgorithm] = {"ecdsa-p521-sha512": "ecdsa-p521", "ed25519": "ed25519"}


async def all_tenants(database: Database) -> list[ListedTenant]:
    """Every tenant, the oldest first. Raises: DatabaseDown."""
    return await database.ask(store.LIST_TENANTS)


async def all_clocks(database: Database) -> list[TenantClock]:
    """How the clocks of all tenants stand. Raises: DatabaseDown, also where a part of the database is gone."""
    return await database.ask(store.LIST_CLOCKS)


async def find_tenant(database: Database, name: str) -> UUID | None:
    """The tenant of this name, if there is one."""
    return next((t.tenant_id for t in await all_tenants(database) if t.name == name), None)


def sandbox_id(seed: str, name: str) -> UUID:
    """The id of the sandbox tenant of this name, in every installation of this seed."""
    return deterministic_id("tenant", seed, name)


def checked_name(name: str) -> str:
    """A name that a tenant may have. Raises: UnusableName."""
    rules.check_name(name)
    return name


async def create_tenant(
    database: Database,
    name: str,
    *,
    mode: Mode,
    pace: Pace | None = None,
    licence: Licence | None = None,
    frozen_at: datetime | None = None,
) -> UUID:
    """The tenant of this name, made with its clock and first signing key where it does not exist yet.

    Options that are None take their default for a new tenant (pace instant, licence TOL, a live clock) and are not
    compared with a known one. Raises: UnusableName, OutsideCalendar, OtherTenant.
    Writes: tenants, clocks, signing_keys.
    """
    rules.check_name(name)
    rules.check_frozen_at(frozen_at)
    tenant_id = await find_tenant(database, name)
    if tenant_id is None:
        at = await _ask_one(database, store.WIRE_NOW)
        new_id = sandbox_id(database.seed, name) if mode == "sandbox" or at is None else random_id(at)
        asked = (new_id, name, licence or "TOL", mode, pace or "instant", frozen_at)
        tenant_id = await _ask_one(database, store.FOUND_TENANT, *asked)
        if tenant_id is None:
            raise LookupError("found_tenant gave no id")

    async def finish(unit: Unit) -> None:
        known = await get_tenant(unit)
        for option, asked, stored in (("licence", licence, known.licence), ("pace", pace, known.pace)):
            if asked is not None and asked != stored:
                raise rules.OtherTenant(f"The tenant {name} exists with {option} {stored}; leave the option out.")
        # A tenant whose clock stood from the start was made at that instant, any other by the wire clock.
        if frozen_at is not None and frozen_at != known.created_at:
            made = instant(known.created_at)
            raise rules.OtherTenant(f"The tenant {name} exists since {made}; leave the instant to freeze at out.")
        await unit.one(store.LOCK_CLIENTS, str(unit.tenant_id))
        if await unit.row(store.NEWEST_SIGNING_KEY, unit.tenant_id) is None:
            await add_signing_key(unit)

    await database.write(tenant_id, finish, n=0)
    return tenant_id


async def get_tenant(unit: Unit) -> Tenant:
    """The unit's own tenant."""
    return await unit.one(store.TENANT, unit.tenant_id)


async def happened_at(unit: Unit, wire: datetime) -> datetime:
    """When, in the tenant's time, something happened that is dated in wire time; never after now.

    On a frozen clock that is now: whenever it came, all that is due at this instant comes first.
    """
    if unit.frozen:
        return unit.now
    return min(unit.now, await unit.one(store.HAPPENED_AT, unit.tenant_id, wire))


def check_client(scopes: str | Sequence[str], public_key: str | bytes | None) -> None:
    """What of a client can be refused before anything is made. Raises: UnknownScope, UnusableKey."""
    rules.scopes_of(scopes)
    if public_key is not None:
        _loaded(public_key)


async def create_client(
    unit: Unit,
    *,
    contract: Contract,
    scopes: str | Sequence[str],
    name: str | None = None,
    rate_limit: int | None = None,
    no_rate_limit: bool = False,
    strict_idempotency: bool = False,
) -> NewClient:
    """A new client with a fresh secret, which is returned here and never again.

    Without `rate_limit` a sandbox client gets the default and a production client none.
    Raises: UnknownScope, ClientNameTaken. Writes: api_clients, the directory.
    """
    granted = rules.scopes_of(scopes)
    tenant = await get_tenant(unit)
    await unit.one(store.LOCK_CLIENTS, str(unit.tenant_id))
    if name is None:
        name = f"{contract}-{await unit.one(store.COUNT_CLIENTS, unit.tenant_id) + 1}"
    if await unit.one(store.NAME_TAKEN, unit.tenant_id, name):
        raise rules.ClientNameTaken(f"The tenant {tenant.name} already has a client named {name}; choose another name.")
    if rate_limit is None and not no_rate_limit and tenant.mode == "sandbox":
        rate_limit = rules.SANDBOX_RATE_LIMIT
    secret = rules.new_secret()
    client_id = unit.ids_for(f"client {name}").new("client")
    await unit.run(
        store.ADD_CLIENT,
        unit.tenant_id,
        client_id,
        name,
        contract,
        granted,
        rules.secret_hash(unit.secrets, secret),
        rate_limit,
        strict_idempotency,
        unit.now,
    )
    await unit.one(store.NOTE_CREDENTIAL, client_id.bytes, None)
    return NewClient(unit.tenant_id, client_id, secret)


async def list_clients(unit: Unit) -> list[Client]:
    """All clients of the tenant, the disabled ones too, oldest first."""
    return await unit.rows(store.CLIENTS, unit.tenant_id)


async def client_tenant(database: Database, client_id: UUID) -> UUID:
    """The tenant of a client that is not disabled. Raises: UnknownClient."""
    found = await _ask_one(database, store.FIND_CLIENT, client_id)
    if found is None:
        raise _unknown(client_id)
    return found.tenant_id


async def disable_client(unit: Unit, client_id: UUID) -> None:
    """End a client and its tokens; it does not come back. Raises: UnknownClient. Writes: api_clients, access_tokens."""
    if not await unit.run(store.DISABLE_CLIENT, unit.tenant_id, client_id, unit.now):
        raise _unknown(client_id)
    await unit.run(store.END_TOKENS, unit.tenant_id, client_id)


async def rotate_secret(unit: Unit, client_id: UUID) -> NewClient:
    """Exchange a client's secret; tokens bought with the old one end with it.

    Raises: UnknownClient. Writes: api_clients, access_tokens.
    """
    secret = rules.new_secret()
    hashed = rules.secret_hash(unit.secrets, secret)
    if not await unit.run(store.SET_SECRET, unit.tenant_id, client_id, hashed):
        raise _unknown(client_id)
    await unit.run(store.END_TOKENS, unit.tenant_id, client_id)
    return NewClient(unit.tenant_id, client_id, secret)


async def add_key(unit: Unit, client_id: UUID, public_key: str | bytes) -> UUID:
    """Register a public key (SPKI PEM of P-521 or Ed25519, or the base64 of an Ed25519 key) and give its key id.

    Raises: UnusableKey, UnknownClient. Writes: client_keys, the directory.
    """
    key = _loaded(public_key)
    if not await unit.row(store.LIVING_CLIENT, unit.tenant_id, client_id):
        raise _unknown(client_id)
    text = public_key if isinstance(public_key, str) else public_key.decode()
    key_id = random_id(unit.now)
    await unit.run(
        store.ADD_KEY, unit.tenant_id, key_id, client_id, _ALGORITHMS[key.algorithm], text.strip() + "\n", unit.now
    )
    await unit.one(store.NOTE_CREDENTIAL, key_id.bytes, None)
    return key_id


async def remove_key(unit: Unit, key_id: UUID) -> bool:
    """Take a public key out of use; False where the tenant has no such key. Writes: client_keys."""
    return bool(await unit.run(store.REMOVE_KEY, unit.tenant_id, key_id, unit.now))


async def issue_token(
    unit: Unit, client_id: UUID, client_secret: str, scopes: Sequence[str], lifetime_seconds: int
) -> Token:
    """A token for a client that proves its secret; older tokens stay valid.

    Raises: Unauthorised for an unknown client and a wrong secret alike; ScopeNotGranted.
    Writes: access_tokens, the directory.
    """
    client = await unit.row(store.PROVING_CLIENT, unit.tenant_id, client_id)
    if client is None:
        raise Unauthorised
    if not rules.is_secret(unit.secrets, client_secret, client.secret_hash):
        raise Unauthorised
    wanted = tuple(dict.fromkeys(scopes))
    if not rules.may_have(wanted, client.scopes):
        raise rules.ScopeNotGranted
    token = rules.new_token()
    hashed = rules.token_hash(unit.secrets, token)
    ends = await unit.one(store.ADD_TOKEN, unit.tenant_id, hashed, client_id, list(wanted), lifetime_seconds)
    await unit.one(store.NOTE_CREDENTIAL, hashed, ends)
    return Token(token, lifetime_seconds, wanted)


async def forget_tokens(unit: Unit) -> int:
    """Remove tokens that ended an hour ago. Writes: access_tokens."""
    return await unit.run(store.FORGET_TOKENS, unit.tenant_id)


async def add_signing_key(unit: Unit) -> UUID:
    """A further P-521 key of ours; from now on it signs, the older ones still verify. Writes: signing_keys."""
    private, public = generate_p521()
    key_id = random_id(unit.now)
    sealed = unit.secrets.seal(private, PRIVATE_KEY.place(tenant_id=unit.tenant_id, id=key_id))
    await unit.run(store.ADD_SIGNING_KEY, unit.tenant_id, key_id, sealed, public.decode(), unit.now)
    return key_id


async def signing_key(unit: Unit) -> SigningKey:
    """The key that signs what this tenant is sent. Raises: LookupError, SealBroken."""
    found = await unit.one(store.NEWEST_SIGNING_KEY, unit.tenant_id)
    place = PRIVATE_KEY.place(tenant_id=unit.tenant_id, id=found.id)
    return SigningKey(found.id, unit.secrets.open(found.sealed_private_key, place))


async def verify_keys(unit: Unit) -> list[VerifyKey]:
    """The public halves of all signing keys in use, newest first."""
    return await unit.rows(store.VERIFY_KEYS, unit.tenant_id)


async def find_token(database: Database, hashed: bytes) -> store.FoundToken | None:
    """A token that was issued to a client not disabled since, expired or not."""
    return await _ask_one(database, store.FIND_TOKEN, hashed)


async def find_key(database: Database, key_id: UUID) -> store.FoundKey | None:
    return await _ask_one(database, store.FIND_KEY, key_id)


async def find_client(database: Database, client_id: UUID) -> store.FoundClient | None:
    return await _ask_one(database, store.FIND_CLIENT, client_id)


async def are_credentials(
    database: Database,
    tenant_id: UUID,
    client_id: UUID,
    contract: Contract,
    secret: str,
    scopes: Sequence[str],
) -> bool:
    """Whether these are, together, the credentials of a client in use: its contract, its secret, scopes it has."""
    client = await find_client(database, client_id)
    if client is None or (client.tenant_id, client.contract) != (tenant_id, contract):
        return False
    if database.secrets is None or not rules.is_secret(database.secrets, secret, client.secret_hash):
        return False
    return rules.may_have(scopes, client.scopes)


async def is_key_of(database: Database, client_id: UUID, key_id: UUID, private_key: PrivateKey) -> bool:
    """Whether this is the private half of one of the client's keys."""
    key = await find_key(database, key_id)
    if key is None or key.client_id != client_id:
        return False
    return _loaded(key.public_key).verify(_PROBE, private_key.sign(_PROBE))


async def _ask_one(database: Database, query: Query[R], *args: Any) -> R | None:
    found = await database.ask(query, *args)
    return found[0] if found else None


def token_hash(secrets: Secrets, token: str) -> bytes:
    """Under which a token is stored."""
    return rules.token_hash(secrets, token)


def _loaded(public_key: str | bytes) -> PublicKey:
    try:
        return load_public_key(public_key)
    except ValueError as error:
        raise rules.UnusableKey(str(error)) from None


def _unknown(client_id: UUID) -> rules.UnknownClient:
    return rules.UnknownClient(f"There is no client {client_id} in use.")
