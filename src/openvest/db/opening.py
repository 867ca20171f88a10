"""How a unit opens: one look at its tenant and its clock and, where it works under keys of requests, at these.

A look that names keys also says how new the instruments are, which belong to no tenant (`master`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

_OPEN = "select now, frozen, write_number, dirty, tenant_name, closed_at from open_unit($1, $2, $3)"
_OPEN_KEYED = (
    "select now, frozen, write_number, dirty, tenant_name, closed_at, master, locked, stored"
    " from open_keyed_unit($1, $2, $3, $4, $5, $6)"
)
_OPEN_ADMITTING = (
    "select now, frozen, write_number, dirty, tenant_name, closed_at, master, locked, stored, used, changed"
    " from open_keyed_unit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
)


class UnknownTenant(Exception):
    """No tenant of this id has a clock."""


@dataclass(frozen=True, slots=True)
class KeysWanted:
    """Keys of requests that are to be locked and looked up. Shape: one list per column; `admits` are the arguments of
    `admit_requests`, where requests are admitted with their unit."""

    locks: Sequence[int]
    client_ids: Sequence[UUID]
    keys: Sequence[UUID]
    admits: Sequence[Sequence[Any]] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """What the look saw. Shape: `locked`, `used` and `changed` are positions from 1; `stored` are rows of idempotency,
    by name."""

    now: datetime
    frozen: bool
    write_number: int
    dirty: bool
    tenant_name: str
    closed_at: datetime | None
    master: int | None = None
    locked: Sequence[int] | None = None
    stored: Sequence[dict[str, Any]] | None = None
    used: Sequence[int] | None = None
    changed: Sequence[int] | None = None


async def look(connection: Connection, tenant_id: UUID, n: int, *, draining: bool, wanted: KeysWanted | None) -> Opened:
    """Raises: UnknownTenant."""
    if wanted is None:
        seen = await connection.fetchrow(_OPEN, tenant_id, n, draining)
    else:
        keys = wanted.locks, wanted.client_ids, wanted.keys, *wanted.admits
        opening = _OPEN_ADMITTING if wanted.admits else _OPEN_KEYED
        seen = await connection.fetchrow(opening, tenant_id, n, draining, *keys)
    if seen is None:
        raise UnknownTenant(str(tenant_id))
    return Opened(*seen)
