"""What the matrices stand on: the whole catalog served in this process, clients of it, and sight of all rows."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from openvest import catalog
from openvest.main import Assembled
from openvest.server.app import App
from openvest.server.settings import ServerSettings
from tests.gates.ground import Ground, ground
from tests.kit.contracts import asked_in, described
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.openapi import check_answer
from tests.kit.world import make_tenant

TENANT_TABLES = """
select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid
 where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attname = 'tenant_id'
 order by c.relname
"""


@dataclass
class Floor:
    """The served catalog, and everything it logged."""

    ground: Ground
    app: App
    log: io.StringIO = field(default_factory=io.StringIO)

    @property
    def world(self) -> Assembled:
        return self.ground.world

    async def tenant(self, name: str, **options: Any) -> UUID:
        return await make_tenant(self.world.database, name, **options)

    async def client(self, tenant_id: UUID) -> Api:
        """Clients of the tenant with every scope, one for each contract."""
        return await make_apis(self.app, self.world.database, tenant_id)

    @asynccontextmanager
    async def superuser(self) -> AsyncGenerator[asyncpg.Connection]:
        """A session that no policy binds."""
        connection = await asyncpg.connect(self.ground.cluster.dsn(self.ground.name, "postgres"))
        try:
            yield connection
        finally:
            await connection.close()

    async def rows_of(self, tenant_id: UUID) -> dict[str, str]:
        """A digest of every table's rows of one tenant."""
        async with self.superuser() as connection:
            tables = [record[0] for record in await connection.fetch(TENANT_TABLES)]
            return {
                table: await connection.fetchval(
                    f"select count(*) || ' ' || coalesce(md5(string_agg(t::text, chr(10) order by t::text)), '')"
                    f" from {table} t where tenant_id = $1",
                    tenant_id,
                )
                for table in tables
            }


@asynccontextmanager
async def floor() -> AsyncGenerator[Floor]:
    async with ground() as stood:
        log = io.StringIO()
        settings = ServerSettings(request_log=True)
        app = make_test_app(stood.world.database, catalog.CONTRACTS, settings=settings, log=log, services=stood.world)
        yield Floor(stood, app, log)


def check_described(answer: httpx.Response) -> None:
    """Hold an answer against what its contract describes. Raises: ValidationError, AssertionError."""
    check_answer(described(asked_in(answer)), answer)
