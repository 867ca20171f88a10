"""A closed tenant: read as before, and no unit of it writes. What was exported goes on elsewhere, so not here too."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from openvest.core.clock import instant, monotonic_ns
from openvest.core.problems import Problem

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

UNDER_WAY_SECONDS = 60
"""How long units that began before the tenant was closed are waited for; each has limits of its own below that."""
_LOOK_SECONDS = 0.05
_IS_CLOSED = "select closed_at is not null from tenants where tenant_id = $1"
_CLOSE = "update tenants set closed_at = wire_now() where tenant_id = $1 and closed_at is null"
_REOPEN = "update tenants set closed_at = null where tenant_id = $1"
# Every transaction holds its own number from its first statement on, whether it has written or not.
_UNDER_WAY = """
select l.virtualtransaction from pg_locks l join pg_stat_activity a on a.pid = l.pid
 where l.locktype = 'virtualxid' and a.datname = current_database() and l.pid <> pg_backend_pid()
"""


class TenantClosed(Problem):
    """The tenant is only read here: it was exported and takes writes where it was imported, or came in unproven."""

    name, status, title = "tenant_closed", 403, "Tenant closed"


class StillWriting(Exception):
    """What began before the tenant was closed does not end."""


def refuse_closed(name: str, closed_at: datetime) -> TenantClosed:
    """What a write of a closed tenant is told."""
    return TenantClosed(
        f"The tenant {name} is closed since {instant(closed_at)} and only read here: it was exported and takes writes "
        "where it was imported, or its books came in and are not proven."
    )


async def is_closed(connection: Connection, tenant_id: UUID) -> bool:
    """Whether the tenant takes no writes here. The connection is the owner's."""
    return bool(await connection.fetchval(_IS_CLOSED, tenant_id))


async def close_tenant(connection: Connection, tenant_id: UUID) -> None:
    """Let no further unit write, then wait for those that began before.

    Why by transactions and not by a lock: no unit pays for what hardly ever happens.
    The connection is the owner's, outside a transaction. Raises: StillWriting, and the tenant stays closed.
    """
    await connection.execute(_CLOSE, tenant_id)
    before = {row[0] for row in await connection.fetch(_UNDER_WAY)}
    began = monotonic_ns()
    while before:
        if monotonic_ns() - began > UNDER_WAY_SECONDS * 1_000_000_000:
            raise StillWriting
        await asyncio.sleep(_LOOK_SECONDS)
        before &= {row[0] for row in await connection.fetch(_UNDER_WAY)}


async def reopen_tenant(connection: Connection, tenant_id: UUID) -> None:
    """Let its units write again. The connection is the owner's."""
    await connection.execute(_REOPEN, tenant_id)
