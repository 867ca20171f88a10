"""An application over throw-away endpoints and the tenants feature, and a client of it."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from uuid import UUID

import pytest

from openvest.db.unit import Database
from openvest.features.tenants.v1 import ENDPOINTS
from openvest.server.app import App
from tests.contract.things import LITE_THINGS, THINGS
from tests.kit.http import Api, make_api, make_test_app


@pytest.fixture
def log() -> io.StringIO:
    """What the application logs."""
    return io.StringIO()


@pytest.fixture
def app(database: Database, log: io.StringIO) -> App:
    return make_test_app(database, {"v1": [*ENDPOINTS, *THINGS], "lite": [ENDPOINTS[0], *LITE_THINGS]}, log=log)


@pytest.fixture
async def api(app: App, database: Database, tenant_id: UUID) -> AsyncGenerator[Api]:
    """A v1 client of the tenant with every scope."""
    api = await make_api(app, database, tenant_id)
    async with api.http:
        yield api
