"""Orders that come to less than a cent, in whole or in part, followed to rest; the books hold all laws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from openvest import catalog
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from openvest.ports.venue import VenueAnswer, VenueOrder
from tests.kit.orders import Trader, make_trader
from tests.kit.scripted import ScriptedVenue, Step, script
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PART = ("FILL", "0.00005", "113.03")
"""Half of 0.0001 units, worth 0.0056."""
HOUR = timedelta(hours=1)


async def holder(world: Assembled, **tenant: Any) -> Trader:
    tenant_id = await make_tenant(world.database, "Tiny", frozen_at=MORNING, **tenant)
    trader = await make_trader(world, tenant_id, "1000.00")
    assert (await trader.place(quantity="1")).status == "FILLED"
    return trader


async def assert_proved(trader: Trader) -> None:
    proof = await prove_tenant(trader.world.database, trader.customer.tenant_id, catalog.INVARIANTS)
    assert proof.clean, proof.findings


@pytest.mark.parametrize(
    ("steps", "status", "cash"),
    [
        ((PART, PART), "FILLED", ["0.01"]),
        ((PART, ("CANCELLED",)), "CANCELLED", []),
        ((("FILL", "*", "99.00"),), "CANCELLED", []),
        ((("FILL", "*", "113.03"),), "FILLED", ["0.01"]),
    ],
)
async def test_a_tiny_sale_in_parts(
    assembled: Assembled, steps: tuple[Step, ...], status: str, cash: list[str]
) -> None:
    trader = await holder(assembled, pace="instant")
    money = await trader.cash()
    script(assembled, *steps)
    order = await trader.place(side="SELL", quantity="0.0001")
    assert (order.status, [str(e.cash_amount) for e in order.executions]) == (status, cash)
    assert order.quantity == Decimal("0.0001")
    assert sum(e.quantity for e in order.executions) == (order.quantity if cash else 0)
    assert (money == await trader.cash()) is not bool(cash)
    await assert_proved(trader)


class AnHourLater(ScriptedVenue):
    """Tells each further step an hour after the one before."""

    async def ask(self, orders: Sequence[VenueOrder]) -> Sequence[VenueAnswer]:
        return [
            replace(said, reports=tuple(replace(r, due_at=r.due_at + n * HOUR) for n, r in enumerate(said.reports)))
            for said in await super().ask(orders)
        ]


async def test_a_part_below_a_cent_waits_for_the_next(assembled: Assembled) -> None:
    trader = await holder(assembled, pace="instant")
    assembled.runner.ports = replace(assembled.runner.ports, venue=AnHourLater([PART, PART]))
    order = await trader.place(side="SELL", quantity="0.0001")
    assert (order.status, order.executions) == ("PROCESSING", ())
    await assert_proved(trader)
    await trader.advance_to(MORNING + 2 * HOUR)
    order = await trader.read(order.id)
    (execution,) = order.executions
    assert (order.status, execution.quantity, execution.cash_amount) == ("FILLED", Decimal("0.0001"), Decimal("0.01"))
    await assert_proved(trader)


async def test_what_the_street_sells_for_a_tiny_fraction_has_a_floor(assembled: Assembled) -> None:
    """0.9999 are the house's after a purchase of 0.0001, so the street sells a share for a customer of 0.0001."""
    trader = await holder(assembled, pace="calendar")
    assert (await trader.place(quantity="0.0001")).status == "FILLED"
    await trader.advance_to(MORNING + timedelta(days=4))
    venue = script(assembled, ("CANCELLED",))
    order = await trader.place(side="SELL", quantity="0.0001")
    (asked,) = venue.asked
    assert (asked.quantity, asked.limit_price) == (1, Decimal("100.00"))
    assert (order.status, order.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_TRADING_PARTNER")
    await assert_proved(trader)
