"""SQL of tenants, clients, keys and tokens.

The functions `find_…`, `list_…` and `found_tenant` answer before a tenant is known; everything else runs in the
tenant's own unit. What `find_…` is to find is noted in the directory by the unit that writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from openvest.db.query import Query, Statement
from openvest.features.tenants.model import Client, ListedTenant, Tenant, TenantClock, VerifyKey


@dataclass(frozen=True, slots=True)
class FoundToken:
    """A token with its client and tenant. `version` changes with any of their rows."""

    tenant_id: UUID
    client_id: UUID
    client_name: str
    contract: str
    licence: str
    mode: str
    scopes: list[str]
    strict_idempotency: bool
    expires_at: datetime
    version: str


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A public key of a client that is not disabled. `version` changes with the rows of either."""

    tenant_id: UUID
    client_id: UUID
    algorithm: str
    public_key: str
    version: str


@dataclass(frozen=True, slots=True)
class FoundClient:
    """A client that is not disabled."""

    tenant_id: UUID
    client_id: UUID
    client_name: str
    contract: str
    scopes: list[str]
    secret_hash: bytes
    rate_limit: int | None
    mode: str


@dataclass(frozen=True, slots=True)
class ProvingClient:
    """A client that is not disabled, as it proves itself."""

    scopes: list[str]
    secret_hash: bytes


@dataclass(frozen=True, slots=True)
class SealedKey:
    """One of our signing keys as it stands in the database."""

    id: UUID
    sealed_private_key: bytes


FIND_TOKEN = Query(
    FoundToken,
    "select tenant_id, client_id, client_name, contract, licence, mode, scopes, strict_idempotency, expires_at,"
    " version from find_token($1)",
)
FIND_KEY = Query(FoundKey, "select tenant_id, client_id, algorithm, public_key, version from find_key($1)")
FIND_CLIENT = Query(
    FoundClient,
    "select tenant_id, client_id, client_name, contract, scopes, secret_hash, rate_limit, mode from find_client($1)",
)
LIST_TENANTS = Query(ListedTenant, "select tenant_id, name from list_tenants()")
LIST_CLOCKS = Query(TenantClock, "select tenant_id, frozen, advancing, dirty, closed from list_clocks()")
NOTE_CREDENTIAL = Query(bool, "select true as noted from note_credential($1, $2)")
FOUND_TENANT = Query(UUID, "select found_tenant($1, $2, $3, $4, $5, $6)")
WIRE_NOW = Query(datetime, "select wire_now()")

TENANT = Query(
    Tenant, "select tenant_id, name, licence, mode, pace, block_cut_off, created_at from tenants where tenant_id = $1"
)

CLIENTS = Query(
    Client,
    "select tenant_id, id, name, contract, scopes, rate_limit, strict_idempotency, created_at, disabled_at"
    " from api_clients where tenant_id = $1 order by created_at, name",
)
LOCK_CLIENTS = Query(bool, "select pg_advisory_xact_lock(hashtextextended('clients:' || $1::text, 0)) is not null")
COUNT_CLIENTS = Query(int, "select count(*) from api_clients where tenant_id = $1")
NAME_TAKEN = Query(bool, "select exists (select from api_clients where tenant_id = $1 and name = $2)")
ADD_CLIENT = Statement(
    "insert into api_clients (tenant_id, id, name, contract, scopes, secret_hash, rate_limit, strict_idempotency,"
    " created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
)
DISABLE_CLIENT = Statement(
    "update api_clients set disabled_at = $3 where tenant_id = $1 and id = $2 and disabled_at is null"
)
SET_SECRET = Statement(
    "update api_clients set secret_hash = $3 where tenant_id = $1 and id = $2 and disabled_at is null"
)
# Who rotates the secret or disables the client waits for this lock, and then ends the token that was bought under it;
# who did so before is waited for, and what is read is what became of the row.
PROVING_CLIENT = Query(
    ProvingClient,
    "select scopes, secret_hash from api_clients where tenant_id = $1 and id = $2 and disabled_at is null for share",
)
LIVING_CLIENT = Query(
    bool,
    "select true from api_clients where tenant_id = $1 and id = $2 and disabled_at is null for key share",
)

ADD_KEY = Statement(
    "insert into client_keys (tenant_id, id, client_id, algorithm, public_key, created_at)"
    " values ($1, $2, $3, $4, $5, $6)"
)
REMOVE_KEY = Statement("update client_keys set removed_at = $3 where tenant_id = $1 and id = $2 and removed_at is null")

ADD_TOKEN = Query(
    datetime,
    "insert into access_tokens (tenant_id, hash, client_id, scopes, created_at, expires_at)"
    " values ($1, $2, $3, $4, wire_now(), wire_now() + $5 * interval '1 second') returning expires_at",
)
FORGET_TOKENS = Statement(
    "delete from access_tokens where tenant_id = $1 and expires_at < wire_now() - interval '1 hour'"
)
END_TOKENS = Statement("delete from access_tokens where tenant_id = $1 and client_id = $2")

VERIFY_KEYS = Query(
    VerifyKey,
    "select id, public_key from signing_keys where tenant_id = $1 and retired_at is null order by created_at desc, id",
)
NEWEST_SIGNING_KEY = Query(
    SealedKey,
    "select id, sealed_private_key from signing_keys where tenant_id = $1 and retired_at is null"
    " order by created_at desc, id limit 1",
)
ADD_SIGNING_KEY = Statement(
    "insert into signing_keys (tenant_id, id, sealed_private_key, public_key, created_at) values ($1, $2, $3, $4, $5)"
)

HAPPENED_AT = Query(
    datetime,
    "select plus_us($2::timestamptz, offset_us) from clocks where tenant_id = $1",
)
