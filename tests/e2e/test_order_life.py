"""An order's life in the user's words: from acceptance to settlement, with the money at every step."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from openvest.main import Assembled
from tests.kit.orders import make_trader
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


async def instant_tenant(world: Assembled) -> UUID:
    return await make_tenant(world.database, "Instant", pace="instant", frozen_at=MONDAY_MORNING)


async def test_a_nominal_buy_at_once(assembled: Assembled) -> None:
    trader = await make_trader(assembled, await instant_tenant(assembled))
    assert await trader.cash() == "1000.00 / 0.00 / 0.00 / 1000.00 / 1000.00"
    order = await trader.place(cash_amount="1000.00")
    assert (order.status, order.quantity) == ("FILLED", Decimal("8.6918730986"))
    assert [e.status for e in order.executions] == ["SETTLED"]
    assert await trader.cash() == "0.00 / 0.00 / 0.00 / 0.00 / 0.00"
    assert await trader.event_types("ORDER") == ["ORDER.NEW", "ORDER.PROCESSING", "ORDER.FILLED"]
