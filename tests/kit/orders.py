"""Orders in tests: wanted, placed, followed to rest, and the events they left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from openvest.core.problems import Problem
from openvest.db.unit import Unit
from openvest.events.log import LoggedEvent, events_after
from openvest.events.sequencer import number_events
from openvest.features.cash import service as cash
from openvest.features.orders import service as orders
from openvest.features.orders.model import OrderDetails, PlaceOrder
from openvest.main import Assembled
from tests.kit.customers import Customer, make_customer, top_up

X = "IE00B3XXRP09"
"""An ETF of the sandbox list: offer 115.05, bid 113.03, at every pace, on XETR."""


@dataclass(slots=True)
class Trader:
    """A customer with money and the program under them."""

    world: Assembled
    customer: Customer

    def wanted(self, isin: str = X, **fields: Any) -> PlaceOrder:
        amounts = ("cash_amount", "quantity", "limit_price", "stop_price", "fee")
        fields = {name: Decimal(value) if name in amounts else value for name, value in fields.items()}
        basis: dict[str, Any] = {"instrument": isin, "side": "BUY"}
        return PlaceOrder(self.customer.account_id, self.customer.user_id, **(basis | fields))

    async def place(self, **fields: Any) -> OrderDetails:
        """Place an order and bring the tenant to rest."""
        (answer,) = await self.place_all([self.wanted(**fields)])
        if isinstance(answer, Problem):
            raise answer
        return await self.read(answer.id)

    async def place_all(self, wants: Sequence[PlaceOrder]) -> list[OrderDetails | Problem]:
        async def work(unit: Unit) -> list[OrderDetails | Problem]:
            return await orders.place_orders(unit, wants)

        answers = await self.world.database.write(self.customer.tenant_id, work, n=len(wants))
        await self.rest()
        return answers

    async def cancel(self, order_id: UUID) -> OrderDetails:
        await self.world.database.write(self.customer.tenant_id, lambda unit: orders.cancel_order(unit, order_id))
        await self.rest()
        return await self.read(order_id)

    async def read(self, order_id: UUID) -> OrderDetails:
        return await self.world.database.read(self.customer.tenant_id, lambda unit: orders.get_order(unit, order_id))

    async def rest(self) -> None:
        await self.world.runner.drain(self.customer.tenant_id)

    async def advance_to(self, at: datetime) -> None:
        await self.world.clockwork.set_target(self.customer.tenant_id, lambda _: at)
        await self.world.clockwork.advance(self.customer.tenant_id, wait_s=None)

    async def cash(self) -> str:
        """balance / locked / pending / withdrawable / tradable, as the posting catalogue writes it."""
        found = await self.world.database.read(
            self.customer.tenant_id, lambda unit: cash.get_balance(unit, self.customer.group_id, "EUR")
        )
        figures = (
            found.balance,
            found.locked_for_trading,
            found.pending_settlement,
            found.available_for_withdrawal,
            found.available_for_trading,
        )
        return " / ".join(f"{figure:.2f}" for figure in figures)

    async def events(self) -> list[LoggedEvent]:
        await number_events(self.world.database, self.customer.tenant_id)
        return await self.world.database.read(self.customer.tenant_id, lambda unit: events_after(unit, 0, 10_000))

    async def event_types(self, prefix: str = "") -> list[str]:
        return [event.type for event in await self.events() if event.type.startswith(prefix)]


async def make_trader(world: Assembled, tenant_id: UUID, money: str = "1000.00") -> Trader:
    """An active customer of a frozen tenant with money, at rest."""
    customer = await make_customer(world.database, tenant_id)
    trader = Trader(world, customer)
    await trader.rest()
    if money:
        await top_up(world.database, customer, money)
    return trader
