"""The ground of R46: two tenants that have lived, an adversary's session, and what the database says to a statement."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from openvest.db.cluster import closed_functions, grants
from tests.gates.ground import ground
from tests.kit.cluster import APP
from tests.kit.world import make_tenant
from tests.security.tenant_life import live

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

DENIED, CHECK, TWICE, NOWHERE = "42501", "23514", "23505", "23503"
"""What the database says: no right or past a policy; outside a CHECK; a key that exists; a key that leads nowhere."""
FINDS_NOTHING = "nothing"
"""Not an error: a statement that a policy leaves without a single row."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A statement and how the database must refuse it. `tenant` is the setting the session has forged, None: none.

    `alone`: outside a transaction, which its kind of statement does not bear.
    """

    kind: str
    sql: str
    refusal: str
    tenant: UUID | None = None
    args: Sequence[Any] = field(default_factory=tuple[Any, ...])
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Prey:
    """A database in which two tenants have lived. `session` is the adversary's, `superuser` knows what there is."""

    session: asyncpg.Connection
    superuser: asyncpg.Connection
    own: UUID
    foreign: UUID
    name: str
    dsn: str


@asynccontextmanager
async def prey() -> AsyncGenerator[Prey]:
    """Both tenants have rows in every table, so that what finds nothing is held back and not merely absent."""
    async with ground() as stand:
        database = stand.world.database
        own = await make_tenant(database, "Own", frozen_at=MONDAY)
        foreign = await make_tenant(database, "Foreign", frozen_at=MONDAY)
        for tenant_id in (own, foreign):
            await live(stand.world, tenant_id)
        superuser = await asyncpg.connect(stand.cluster.dsn(stand.name, "postgres"))
        dsn = stand.cluster.dsn(stand.name, APP)
        session = await asyncpg.connect(dsn)
        try:
            for statement in (*grants(stand.name), *closed_functions()):  # as the installation makes its own database
                await superuser.execute(statement)
            await superuser.execute(_PACKAGES)
            await superuser.execute(_MARKS)
            yield Prey(session, superuser, own, foreign, stand.name, dsn)
        finally:
            await session.close()
            await superuser.close()


_PACKAGES = """
insert into webhook_packages (tenant_id, webhook_id, first_sequence, last_sequence, events, body, closed_at,
                              next_attempt_at)
select distinct on (tenant_id) tenant_id, id, 1, 1, 1, ''::bytea, created_at, created_at from webhooks
"""
"""A package that waits, which a life leaves none of."""
_MARKS = """
insert into list_marks (tenant_id, list, chain, parent, state, at, id, ordinal, laid_at)
select distinct on (tenant_id) tenant_id, 'users', '', tenant_id, '', created_at, id, 1, created_at from users
"""
"""A mark in a list, which is laid where there are a thousand rows."""


async def outcome(session: asyncpg.Connection, attempt: Attempt) -> str:
    """What the database says to it: the code of its error, `nothing` or how much was done. Nothing is kept."""
    transaction = None if attempt.alone else session.transaction()
    if transaction is not None:
        await transaction.start()
    try:
        if attempt.tenant is not None:
            await session.execute("select set_config('app.tenant', $1, true)", str(attempt.tenant))
        status = await session.execute(attempt.sql, *attempt.args)
        if transaction is not None:
            await session.execute("set constraints all immediate")
    except asyncpg.PostgresError as error:
        return f"{error.sqlstate}: {error}"
    finally:
        if transaction is not None:
            await transaction.rollback()
    return FINDS_NOTHING if status.rpartition(" ")[2] == "0" else f"accepted: {status}"
