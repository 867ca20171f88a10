"""A life inside this process: as many applications over one empty database as there are to be processes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg

from openvest import catalog
from openvest.db.unit import Database
from openvest.features.tenants import service as tenants
from openvest.features.tenants.model import Pace
from openvest.server.settings import ServerSettings
from tests.kit.cluster import Cluster
from tests.kit.http import Api, http_of, make_api, make_test_app
from tests.kit.wire import Reply
from tests.kit.world import opened
from tests.repeat.life import FROZEN_AT, Steps
from tests.stateful.storms import Door

TENANT = "Repeat"


@dataclass(frozen=True)
class Inside:
    """A frozen tenant on an empty database and the steps of a life in it."""

    database: Database
    tenant_id: UUID
    steps: Steps

    async def rest(self) -> None:
        """What a worker would do after the last request."""
        await self.database.drain(self.tenant_id)


def door_of(api: Api) -> Door:
    async def send(method: str, target: str, body: Any = None, key: UUID | None = None) -> Reply:
        answer = await api.send(method, target, body, key=key if method == "POST" else None)
        return Reply(answer.status_code, answer.content)

    return send


@asynccontextmanager
async def inside(
    cluster: Cluster, *, processes: int = 1, timezone: str = "UTC", pace: Pace = "calendar"
) -> AsyncGenerator[Inside]:
    """An empty database that thinks in a time zone, with so many programs over it."""
    name = await cluster.create()
    owner = await asyncpg.connect(cluster.dsn("postgres", "postgres"))
    await owner.execute(f"alter database {name} set timezone to '{timezone}'")
    await owner.close()
    try:
        async with AsyncExitStack() as stack:
            worlds = [await stack.enter_async_context(opened(cluster, name)) for _ in range(processes)]
            database = worlds[0].database
            tenant_id = await tenants.create_tenant(
                database, TENANT, mode="sandbox", pace=pace, licence="TOL", frozen_at=FROZEN_AT
            )
            settings = ServerSettings(request_log=False)
            apps = [make_test_app(w.database, catalog.CONTRACTS, settings=settings, services=w) for w in worlds]
            api = await make_api(apps[0], database, tenant_id, name="repeat")
            await api.fetch_token()
            doors = [door_of(replace(api, http=http_of(app))) for app in apps]
            yield Inside(database, tenant_id, Steps(doors))
    finally:
        await cluster.drop(name)
