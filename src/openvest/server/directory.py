"""Who is who: tokens, keys and clients, cached for less than two seconds and never when absent.

What is remembered of a token or a key has a version, and every request asks whether it is still the one that stands
(`server.nonces`). So a disabled client, a rotated secret, a removed key and whatever else changes of them hold in every
process at once, as a new one does; only a changed rate limit may take two seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Generic, Literal, TypeVar, cast
from uuid import UUID

from openvest.core.clock import monotonic_ns
from openvest.core.sealing import Secrets
from openvest.core.signing_keys import PublicKey, load_public_key
from openvest.db.unit import Database
from openvest.declarations import Caller, Contract
from openvest.features.tenants import service as tenants

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MANY = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class KnownToken:
    """A token, expired or not, as the caller it stands for, at one time that it was read."""

    caller: Caller
    expires_at: datetime
    hash: bytes
    version: str


@dataclass(frozen=True, slots=True, eq=False)
class KnownKey:
    """A public key, parsed, and whose it is, at one time that it was read."""

    key_id: UUID
    tenant_id: UUID
    client_id: UUID
    key: PublicKey
    version: str


@dataclass(frozen=True, slots=True)
class KnownClient:
    """A client in use. Units: `rate_limit` is requests per second, None for no limit."""

    caller: Caller
    rate_limit: int | None


class Cache(Generic[K, V]):
    """Values no older than `seconds`, counted from before they were asked for; one question at a time per key."""

    def __init__(self, load: Callable[[K], Awaitable[V | None]], seconds: float) -> None:
        self._load = load
        self._life_ns = int(seconds * 1_000_000_000)
        self._known: dict[K, tuple[int, V]] = {}
        self._asked: dict[K, asyncio.Task[V | None]] = {}

    async def get(self, key: K) -> V | None:
        """The value, or None where there is none. Raises: DatabaseDown."""
        known = self._known.get(key)
        if known is not None and known[0] > monotonic_ns():
            return known[1]
        asking = self._asked.get(key)
        if asking is None:
            asking = self._asked[key] = asyncio.create_task(self._ask(key))
        return await asyncio.shield(asking)

    async def _ask(self, key: K) -> V | None:
        until = monotonic_ns() + self._life_ns
        try:
            value = await self._load(key)
            if value is None:
                self._known.pop(key, None)
            else:
                if len(self._known) >= _MANY:
                    self._known.clear()
                self._known[key] = (until, value)
            return value
        finally:
            if self._asked.get(key) is asyncio.current_task():
                del self._asked[key]

    def forget(self, key: K) -> None:
        """What is known, or being asked, is not what stands: the next to ask asks anew."""
        self._known.pop(key, None)
        self._asked.pop(key, None)


class Directory:
    """What must be known before the tenant is."""

    def __init__(self, database: Database, secrets: Secrets, seconds: float) -> None:
        self._database = database
        # Why remembered: every request of a client shows the same one, and the library takes its time for a hash.
        self._hash = lru_cache(maxsize=4096)(partial(tenants.token_hash, secrets))
        self._tokens: Cache[bytes, KnownToken] = Cache(self._load_token, seconds)
        self._keys: Cache[UUID, KnownKey] = Cache(self._load_key, seconds)
        self._clients: Cache[UUID, KnownClient] = Cache(self._load_client, seconds)

    async def token(self, text: str) -> KnownToken | None:
        return await self._tokens.get(self._hash(text))

    async def key(self, key_id: UUID) -> KnownKey | None:
        return await self._keys.get(key_id)

    async def client(self, client_id: UUID) -> KnownClient | None:
        return await self._clients.get(client_id)

    def forget(self, token: KnownToken | None, key: KnownKey | None) -> None:
        """One of these is no longer what stands in the database."""
        if token is not None:
            self._tokens.forget(token.hash)
        if key is not None:
            self._keys.forget(key.key_id)

    async def _load_token(self, hashed: bytes) -> KnownToken | None:
        found = await tenants.find_token(self._database, hashed)
        if found is None:
            return None
        caller = Caller(
            found.tenant_id,
            found.client_id,
            found.client_name,
            cast(Contract, found.contract),
            frozenset(found.scopes),
            cast(Literal["TOL", "BYOL"], found.licence),
            found.strict_idempotency,
        )
        return KnownToken(caller, found.expires_at, hashed, found.version)

    async def _load_key(self, key_id: UUID) -> KnownKey | None:
        found = await tenants.find_key(self._database, key_id)
        if found is None:
            return None
        return KnownKey(key_id, found.tenant_id, found.client_id, _parsed(found.public_key), found.version)

    async def _load_client(self, client_id: UUID) -> KnownClient | None:
        found = await tenants.find_client(self._database, client_id)
        if found is None:
            return None
        # Before there is a token nothing but the contract and the tenant of this caller is of interest.
        caller = Caller(
            found.tenant_id, found.client_id, found.client_name, cast(Contract, found.contract), frozenset(), "TOL"
        )
        return KnownClient(caller, found.rate_limit)


@lru_cache(maxsize=4096)
def _parsed(public_key: str) -> PublicKey:
    return load_public_key(public_key)
