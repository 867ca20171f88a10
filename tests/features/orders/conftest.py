"""A customer with money on a frozen clock, and a client of its tenant."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import pytest

from openvest import catalog
from openvest.main import Assembled
from tests.kit.http import Api, make_api, make_test_app
from tests.kit.orders import Trader, make_trader
from tests.kit.world import make_tenant

MONDAY_MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
async def trader(assembled: Assembled) -> Trader:
    tenant_id = await make_tenant(assembled.database, "Orders", pace="instant", frozen_at=MONDAY_MORNING)
    return await make_trader(assembled, tenant_id)


@pytest.fixture
async def api(trader: Trader) -> AsyncGenerator[Api]:
    database = trader.world.database
    api = await make_api(make_test_app(database, catalog.CONTRACTS), database, trader.customer.tenant_id)
    async with api.http:
        yield api
