"""Idempotency keys: the answer of a keyed request is stored in the transaction of its effect, and only if it is 2xx.

Scope: tenant, client, key; kept 7 days of wire time. The same key with another request is refused and told in what it
differs; one that is still running is waited for.

Source: DOMAIN.md section 8.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from openvest.core.problems import Conflict, Unprocessable
from openvest.core.sealing import SealedColumn, Secrets
from openvest.core.snapshots import canonical, dumps
from openvest.db.query import Query, Statement
from openvest.db.unit import Unit
from openvest.declarations import Caller
from openvest.server.messages import JSON, HttpResponse, Request

ANSWER = SealedColumn("idempotency", "body", "idempotency.body {tenant_id} {client_id} {key}", is_text=True)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A key whose lock was obtained, and what it stands for.

    `n` is the key's place among those asked for, from 1; `uses` 0: nothing is stored under it; `fresh` is false when
    its 7 days are over. Shape: `field_hashes` by top-level field.
    """

    n: int
    uses: int
    method: str
    path: str
    body_hash: bytes
    field_hashes: dict[str, str]
    status: int
    body: str | None
    fresh: bool


CLAIM = Query(
    StoredAnswer,
    "select n, uses, method, path, body_hash, field_hashes, status, body, fresh from claim_keys($1, $2, $3, $4)",
)
STORE = Statement(
    "insert into idempotency (tenant_id, client_id, key, uses, method, path, body_hash, field_hashes, status, body,"
    " created_at)"
    " select o.tenant_id, t.client_id, t.key, t.uses, t.method, t.path, t.body_hash, t.field_hashes::jsonb, t.status,"
    " t.body, wire_now() from tenants o cross join unnest($2::uuid[], $3::uuid[], $4::integer[], $5::text[],"
    " $6::text[], $7::bytea[], $8::text[], $9::smallint[], $10::text[])"
    " as t(client_id, key, uses, method, path, body_hash, field_hashes, status, body) where o.tenant_id = $1"
    " on conflict (tenant_id, client_id, key) do update set uses = excluded.uses, method = excluded.method,"
    " path = excluded.path, body_hash = excluded.body_hash, field_hashes = excluded.field_hashes,"
    " status = excluded.status, body = excluded.body, created_at = excluded.created_at"
)

UNKNOWN_HASH = b""
"""Of a request whose tenant came from an installation with another master key, so with other hashes: the key, the
method and the path alone tell that a request is that one again."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """A keyed request, ready to be compared with what its key stands for. `lock` names it among advisory locks."""

    caller: Caller
    key: UUID
    method: str
    path: str
    body_hash: bytes
    field_hashes: Mapping[str, str]
    lock: int

    def cause(self, uses: int) -> str:
        """What ids of new objects come from on a frozen clock."""
        return f"{self.caller.client_name}|{self.method}|{self.path}|{self.key}|{uses}"

    @property
    def scope(self) -> tuple[UUID, UUID]:
        return self.caller.client_id, self.key


class Keys:
    """Makes and compares keyed requests. Hashes are keyed, since a field may be guessed from a plain one."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._pepper = secrets.keyed_hash("fields of requests", "idempotency")

    def keyed(self, request: Request, caller: Caller, key: UUID, body: Any) -> Keyed:
        """`body` is the parsed JSON, so that spacing and the order of fields make no other request."""
        fields: dict[str, str] = {}
        if isinstance(body, dict):
            for name, value in sorted(cast("dict[str, Any]", body).items()):
                fields[name] = self._hash(canonical(value)).hex()
            whole = self._hash(canonical(fields))
        else:
            whole = self._hash(canonical(body))
        name = b"%b%b%b" % (caller.tenant_id.bytes, caller.client_id.bytes, key.bytes)
        lock = int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big", signed=True)
        return Keyed(caller, key, request.method, request.path, whole, fields, lock)

    def _hash(self, text: bytes) -> bytes:
        return hashlib.blake2b(text, digest_size=16, key=self._pepper).digest()

    def replay(self, stored: StoredAnswer, keyed: Keyed) -> HttpResponse:
        """The stored answer, byte for byte. Raises: Unprocessable where the key was used for another request."""
        differs = _difference(stored.method, stored.path, stored.body_hash, stored.field_hashes, keyed)
        if differs is not None:
            raise other_request(differs)
        if stored.body is None:
            return HttpResponse(stored.status, None)
        sealed = base64.b64decode(stored.body)
        return HttpResponse(stored.status, self._secrets.open(sealed, _place(keyed)), JSON)

    def sealed(self, keyed: Keyed, answer: HttpResponse) -> str | None:
        """An answer as it is stored; it may hold what stands in the database only sealed."""
        if answer.body is None:
            return None
        return base64.b64encode(self._secrets.seal(answer.body, _place(keyed))).decode()

    def store(self, unit: Unit, accepted: list[tuple[Keyed, int, HttpResponse]]) -> None:
        """Keep the answers that are 2xx, each with its use count, when the unit ends."""
        rows = [(k, uses, answer) for k, uses, answer in accepted if 200 <= answer.status < 300]
        if not rows:
            return
        unit.run_late(
            STORE,
            unit.tenant_id,
            [k.caller.client_id for k, _, _ in rows],
            [k.key for k, _, _ in rows],
            [uses for _, uses, _ in rows],
            [k.method for k, _, _ in rows],
            [k.path for k, _, _ in rows],
            [k.body_hash for k, _, _ in rows],
            [dumps(k.field_hashes) for k, _, _ in rows],
            [answer.status for _, _, answer in rows],
            [self.sealed(k, answer) for k, _, answer in rows],
        )


async def lock_and_find(unit: Unit, keyed: list[Keyed]) -> tuple[set[int], dict[tuple[UUID, UUID], StoredAnswer]]:
    """Positions whose lock was obtained, and what is stored under the keys."""
    clients = [k.caller.client_id for k in keyed]
    claimed = await unit.rows(CLAIM, unit.tenant_id, [k.lock for k in keyed], clients, [k.key for k in keyed])
    return {one.n - 1 for one in claimed}, {keyed[one.n - 1].scope: one for one in claimed if one.uses}


def same_request(one: Keyed, other: Keyed) -> str | None:
    """In what the second differs from the first, or None."""
    return _difference(one.method, one.path, one.body_hash, one.field_hashes, other)


def other_request(differs: str) -> Unprocessable:
    return Unprocessable(f"This idempotency key was used for another request, which differs in {differs}.")


def still_running() -> Conflict:
    return Conflict("A request with this idempotency key is still running; send it again later.")


def _difference(method: str, path: str, body_hash: bytes, field_hashes: Mapping[str, str], keyed: Keyed) -> str | None:
    if method != keyed.method:
        return f"its method ({method})"
    if path != keyed.path:
        return f"its path ({path})"
    if body_hash in (keyed.body_hash, UNKNOWN_HASH):
        return None
    names = sorted(set(field_hashes) | set(keyed.field_hashes))
    fields = [name for name in names if field_hashes.get(name) != keyed.field_hashes.get(name)]
    return f"its fields {', '.join(fields)}" if fields else "its body"


def _place(keyed: Keyed) -> str:
    return ANSWER.place(tenant_id=keyed.caller.tenant_id, client_id=keyed.caller.client_id, key=keyed.key)
