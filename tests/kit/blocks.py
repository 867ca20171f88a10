"""Blocks in tests: customers who order for one cut-off, and what became of the block and of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from openvest import catalog
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.features.executions import service as executions
from openvest.features.orders.model import OrderDetails
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.kit.orders import Trader, X, make_trader
from tests.kit.world import make_tenant

MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CUT_OFF = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
"""16:00 in Frankfurt."""

BLOCKS = Query(UUID, "select id from blocks where tenant_id = $1 order by cut_off_at, side, id")
_STATES = Query(str, "select status from blocks where tenant_id = $1 order by cut_off_at, side, id")
_STREET = Query(
    Decimal,
    "select s.quantity from street_orders s join blocks b on b.tenant_id = s.tenant_id and b.id = s.order_id"
    " where s.tenant_id = $1 order by s.created_at, s.side, s.id",
)


@dataclass
class Hall:
    """A frozen tenant at the pace of a calendar, whose customers order for its cut-off."""

    world: Assembled
    tenant_id: UUID
    traders: list[Trader]

    async def place(self, number: int, *, isin: str = X, **fields: Any) -> OrderDetails:
        return await self.traders[number].place(isin=isin, execution_flow="BLOCK", **fields)

    async def place_all(self, amounts: Sequence[str], **fields: Any) -> list[OrderDetails]:
        """Purchases of these amounts, one of each customer."""
        return [await self.place(n, cash_amount=amount, **fields) for n, amount in enumerate(amounts)]

    async def bought(self, *quantities: str) -> None:
        """Units in the hands of each, straight through in whole shares; none where it is zero."""
        for trader, quantity in zip(self.traders, quantities, strict=False):
            if quantity == "0":
                continue
            order = await trader.place(quantity=quantity)
            assert order.status == "FILLED", order

    async def to(self, at: datetime) -> None:
        await self.traders[0].advance_to(at)

    async def read(self, placed: Sequence[OrderDetails]) -> list[OrderDetails]:
        return [await self.traders[0].read(order.id) for order in placed]

    async def states(self) -> list[str]:
        return await self.world.database.read(self.tenant_id, lambda unit: unit.rows(_STATES, self.tenant_id))

    async def street(self) -> list[Decimal]:
        """What street orders of blocks are for."""
        return await self.world.database.read(self.tenant_id, lambda unit: unit.rows(_STREET, self.tenant_id))

    async def inventory(self, instrument_id: UUID) -> tuple[Decimal, Decimal]:
        """Units of the house, and what of them is kept for blocks."""

        async def look(unit: Unit) -> tuple[Decimal, Decimal]:
            found = (await executions.inventory_for_update(unit, [instrument_id]))[instrument_id]
            return found.units, found.reserved

        return await self.world.database.write(self.tenant_id, look, n=0)

    async def proved(self) -> None:
        proof = await prove_tenant(self.world.database, self.tenant_id, catalog.INVARIANTS)
        assert proof.clean, proof


async def make_hall(
    world: Assembled, customers: int = 3, money: str = "5000.00", *, pace: str = "calendar", at: datetime = MORNING
) -> Hall:
    tenant_id = await make_tenant(world.database, "Blocks", pace=pace, frozen_at=at)
    return Hall(world, tenant_id, [await make_trader(world, tenant_id, money) for _ in range(customers)])


def got(order: OrderDetails) -> tuple[str, str]:
    """Units and money of the one execution of an order, or nothing."""
    if not order.executions:
        return "0", "0"
    [one] = order.executions
    return format(one.quantity, "f"), f"{one.cash_amount:.2f}"
