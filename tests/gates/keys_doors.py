"""Where the gates of idempotency keys knock: two instances of the program over one database."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from openvest.db.unit import Database
from openvest.declarations import Contract, Endpoint
from openvest.main import Assembled
from openvest.server.app import App
from openvest.server.settings import ServerSettings
from tests.gates.ground import ground
from tests.kit import footprint
from tests.kit.contracts import TABLES
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.world import make_tenant, opened

PATIENT = ServerSettings(request_log=False, key_wait_seconds=120, in_flight=100_000)
HASTY = ServerSettings(request_log=False, key_wait_seconds=0, in_flight=100_000)


@dataclass(frozen=True, slots=True)
class Doors:
    """Two instances of the program over one database, each with a door that waits for a key in use and one that says
    409 at once."""

    patient: Sequence[App]
    hasty: Sequence[App]
    api: Api
    database: Database
    tenant_id: UUID
    eye: asyncpg.Connection
    world: Assembled
    """What the first instance is made of."""


@asynccontextmanager
async def doors(contracts: Mapping[Contract, Sequence[Endpoint]] = TABLES) -> AsyncGenerator[Doors]:
    """The doors, with a client of each contract of one tenant, for the length of the block."""
    async with ground() as under, opened(under.cluster, under.name) as second:
        database = under.world.database
        patient, hasty = (
            [make_test_app(one, contracts, settings=settings) for one in (database, second.database)]
            for settings in (PATIENT, HASTY)
        )
        tenant_id = await make_tenant(database, "Keys", licence="TOL", pace="instant")
        api = await make_apis(patient[0], database, tenant_id)
        for one in api.every:
            await one.fetch_token()
        eye = await footprint.all_seeing(under.cluster, under.name)
        try:
            yield Doors(patient, hasty, api, database, tenant_id, eye, under.world)
        finally:
            await eye.close()
