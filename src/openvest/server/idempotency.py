"""Idempotency keys: the answer of a keyed request is stored in the transaction of its effect, and only if it is 2xx.

Scope: tenant, client, key; kept 7 days of wire time. The same key with another request is refused and told in what it
differs; one that is still running is waited for.

Source: DOMAIN.md section 8.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import orjson

from openvest.core.problems import Conflict, Unprocessable
from openvest.core.records import record
from openvest.core.sealing import SealedColumn, Secrets
from openvest.core.snapshots import canonical
from openvest.db.opening import KeysWanted
from openvest.db.query import Statement, numeric_array, plain_array, text_array
from openvest.db.unit import Unit
from openvest.declarations import Caller
from openvest.server.messages import HttpResponse, Request

ANSWER = SealedColumn("idempotency", "body", "idempotency.body {tenant_id} {client_id} {key}", is_text=True)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What a key whose lock was obtained stands for.

    `n` is the key's place among those asked for, from 1; `fresh` is false when its 7 days are over.
    Shape: `body` is sealed: the body of the request, a line break, which canonical JSON has not, and the body of its
    answer. Without the line break it is the answer alone, as it was kept once.
    """

    n: int
    uses: int
    method: str
    path: str
    status: int
    body: str | None
    fresh: bool


STORE = Statement(
    "insert into idempotency (tenant_id, client_id, key, uses, method, path, status, body, created_at)"
    " select o.tenant_id, t.*, wire_now() from tenants o cross join unnest($2::text::uuid[], $3::text::uuid[],"
    " $4::text::integer[], $5::text::text[], $6::text::text[], $7::text::smallint[], $8::text::text[])"
    " as t(client_id, key, uses, method, path, status, body) where o.tenant_id = $1"
    " on conflict (tenant_id, client_id, key) do update set uses = excluded.uses, method = excluded.method,"
    " path = excluded.path, status = excluded.status, body = excluded.body, created_at = excluded.created_at"
)


@record
class Keyed:
    """A keyed request, ready to be compared with what its key stands for.

    `body` is the canonical JSON, so that spacing and the order of fields make no other request; `lock` names the
    request among advisory locks.
    """

    caller: Caller
    key: UUID
    method: str
    path: str
    body: bytes
    lock: int

    def cause(self, uses: int) -> str:
        """What ids of new objects come from on a frozen clock."""
        return f"{self.caller.client_name}|{self.method}|{self.path}|{self.key}|{uses}"

    @property
    def scope(self) -> tuple[UUID, UUID]:
        return self.caller.client_id, self.key


def keyed_request(request: Request, caller: Caller, key: UUID, body: Any) -> Keyed:
    """`body` is the parsed JSON."""
    name = b"%b%b%b" % (caller.tenant_id.bytes, caller.client_id.bytes, key.bytes)
    lock = int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big", signed=True)
    return Keyed(caller, key, request.method, request.path, canonical(body), lock)


@dataclass(frozen=True, slots=True)
class Keys:
    """Keeps answers under their keys, sealed: neither they nor the requests stand in the database as they were sent."""

    secrets: Secrets

    def replay(self, stored: StoredAnswer, keyed: Keyed) -> HttpResponse:
        """The stored answer, byte for byte. Raises: Unprocessable where the key was used for another request."""
        kept = self.secrets.open(base64.b64decode(stored.body), _place(keyed)) if stored.body else b""
        body, broken, answer = kept.rpartition(b"\n")
        differs = _difference(stored.method, stored.path, body if broken else keyed.body, keyed)
        if differs is not None:
            raise other_request(differs)
        return HttpResponse(stored.status, answer or None)

    def store(self, unit: Unit, accepted: list[tuple[Keyed, int, HttpResponse]]) -> None:
        """Keep the answers that are 2xx, each with its use count, when the unit ends."""
        rows = [(k, uses, answer) for k, uses, answer in accepted if 200 <= answer.status < 300]
        if not rows:
            return
        unit.run_late(
            STORE,
            unit.tenant_id,
            plain_array(k.caller.client_id for k, _, _ in rows),
            plain_array(k.key for k, _, _ in rows),
            numeric_array(uses for _, uses, _ in rows),
            text_array([k.method for k, _, _ in rows]),
            text_array([k.path for k, _, _ in rows]),
            numeric_array(answer.status for _, _, answer in rows),
            text_array([self._sealed(k, answer) for k, _, answer in rows]),
        )

    def _sealed(self, keyed: Keyed, answer: HttpResponse) -> str:
        kept = b"%b\n%b" % (keyed.body, answer.body or b"")
        return base64.b64encode(self.secrets.seal(kept, _place(keyed))).decode()


def wanted(keyed: Sequence[Keyed], admits: Sequence[Sequence[Any]] = ()) -> KeysWanted:
    """What the unit of these requests opens with."""
    return KeysWanted([k.lock for k in keyed], [k.caller.client_id for k in keyed], [k.key for k in keyed], admits)


def found(unit: Unit, keyed: Sequence[Keyed]) -> tuple[set[tuple[UUID, UUID]], dict[tuple[UUID, UUID], StoredAnswer]]:
    """The keys whose lock the unit obtained when it opened, and what is stored under them."""
    stored = [StoredAnswer(**one) for one in unit.opened.stored or ()]
    return {keyed[n - 1].scope for n in unit.opened.locked or ()}, {keyed[one.n - 1].scope: one for one in stored}


def same_request(one: Keyed, other: Keyed) -> str | None:
    """In what the second differs from the first, or None."""
    return _difference(one.method, one.path, one.body, other)


def other_request(differs: str) -> Unprocessable:
    return Unprocessable(f"This idempotency key was used for another request, which differs in {differs}.")


def still_running() -> Conflict:
    return Conflict("A request with this idempotency key is still running; send it again later.")


def _difference(method: str, path: str, body: bytes, keyed: Keyed) -> str | None:
    if method != keyed.method:
        return f"its method ({method})"
    if path != keyed.path:
        return f"its path ({path})"
    if body == keyed.body:
        return None
    one, other = _fields(body), _fields(keyed.body)
    fields = [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]
    return f"its fields {', '.join(fields)}" if fields else "its body"


def _fields(body: bytes) -> dict[str, bytes]:
    """Why bytes: True and 1 are equal in Python."""
    value = orjson.loads(body)
    if not isinstance(value, dict):
        return {}
    return {name: canonical(one) for name, one in cast("dict[str, Any]", value).items()}


def _place(keyed: Keyed) -> str:
    return ANSWER.place(tenant_id=keyed.caller.tenant_id, client_id=keyed.caller.client_id, key=keyed.key)
