"""Who has a tenant's turn while its clock moves, and who is left to wait for it."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch
from uuid import UUID

import pytest

from openvest.features.orders import service as orders
from openvest.main import Assembled
from openvest.work.clockwork import Clockwork
from tests.kit.elsewhere import elsewhere
from tests.kit.orders import make_trader

pytestmark = pytest.mark.anyio


async def test_a_clock_that_was_frozen_at_the_last_step_is_left_to_a_drain(
    assembled: Assembled, tenant_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The advance of a live clock has the tenant's turn, and a drain would wait for it."""
    trader, clockwork = await make_trader(assembled, tenant_id), assembled.clockwork
    rest, drained = Clockwork._rest, list[UUID]()  # pyright: ignore[reportPrivateUsage] - the test comes between its two rests
    looked: list[str] = []

    async def meanwhile() -> None:
        want = trader.wanted(cash_amount="10.00")
        await assembled.database.write(tenant_id, lambda unit: orders.place_orders(unit, [want]))
        assert (await clockwork.freeze(tenant_id)).mode == "frozen"

    async def looks(self: Clockwork, tenant_id: UUID, mode: str) -> int:
        looked.append(mode)
        if len(looked) == 2:
            await elsewhere(meanwhile())
        return await rest(self, tenant_id, mode)

    async def drain(tenant_id: UUID) -> None:
        drained.append(tenant_id)

    monkeypatch.setattr(Clockwork, "_rest", looks)
    now = (await clockwork.show(tenant_id)).now
    await clockwork.set_target(tenant_id, lambda _: now + timedelta(minutes=1))
    with patch.object(assembled.database, "drain", drain):
        state = await clockwork.advance(tenant_id)
    assert (state.mode, state.done, drained) == ("frozen", True, [])
    assert looked == ["live", "live"]
    assert await assembled.runner.drain(tenant_id) >= 1, "the order waits for somebody to look at it"
