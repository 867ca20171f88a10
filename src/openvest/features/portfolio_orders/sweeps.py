"""The work of portfolio orders: those that are due are divided; and what their orders do to them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from openvest.core.problems import Problem
from openvest.core.records import replace
from openvest.core.snapshots import Emitted
from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.declarations import DeadLetterKind, Phase, Reaction, Sweep
from openvest.features.orders import service as orders
from openvest.features.orders.model import PlaceOrder
from openvest.features.portfolio_orders import service, service_plans, store
from openvest.features.portfolio_orders.model import Plan, StoredPortfolioOrder


async def _claim(unit: Unit, limit: int) -> Sequence[StoredPortfolioOrder]:
    return await unit.rows(store.CLAIM_DUE, unit.tenant_id, unit.now, limit)


async def _divide(unit: Unit, found: Sequence[StoredPortfolioOrder]) -> None:
    """Divide portfolio orders into orders, or end those that come to none.

    Writes: portfolio_orders, portfolio_order_children, orders; events ORDER.NEW, PORTFOLIO_ORDER.CANCELLED.
    """
    plans = await service_plans.plans_of(unit, found)
    for order in found:
        plan = plans[order.id]
        if plan.cancellation_reason is not None:
            await service.end_undivided(unit, order, plan.cancellation_reason, plan.cancellation_details or "")
        else:
            await _place(unit, order, plan)


async def _place(unit: Unit, order: StoredPortfolioOrder, plan: Plan) -> None:
    wants = [
        PlaceOrder(
            account_id=order.account_id,
            user_id=order.user_id,
            instrument=one.instrument_id,
            side=one.side,
            cash_amount=one.cash_amount,
            currency=order.currency,
            initiation_flow="PORTFOLIO",
            client_reference=str(order.id),
            cause=str(order.id),
        )
        for one in plan.orders
    ]
    links = list[store.Link]()
    for position, placed in enumerate(await orders.place_orders(unit, wants)):
        if isinstance(placed, Problem):  # accounts and instruments stay, so this is a fault of ours
            raise placed
        links.append(store.Link(placed.id, order.id, position))
    # With the orders themselves, which are written at the unit's end.
    unit.run_late(store.ADD_LINKS, unit.tenant_id, *store.ADD_LINKS.arrays(links))
    await save(unit, store.SAVE_ORDERS, replace(order, due_at=None))


DIVIDE = Sweep("portfolio_orders.divide", _claim, _divide, store.NEXT_DUE, Phase.ORDERS, set_size=50)
SWEEPS = [DIVIDE]


async def _follow_orders(unit: Unit, events: Sequence[Emitted]) -> None:
    """Why by the flow: it spares every other order a look."""
    ours = [event.object_id for event in events if event.snapshot["initiation_flow"] == "PORTFOLIO"]
    if ours:
        await service.follow(unit, ours)


async def _follow_settlement(unit: Unit, events: Sequence[Emitted]) -> None:
    await service.follow(unit, sorted({UUID(event.snapshot["order_id"]) for event in events}))


REACTIONS = [
    *(Reaction(f"ORDER.{name}", _follow_orders) for name in ("PROCESSING", "FILLED", "CANCELLED")),
    *(Reaction(f"EXECUTION.{name}", _follow_settlement) for name in ("SETTLED", "CANCELLED")),
]

DEAD_LETTER_KINDS = [
    DeadLetterKind(
        "portfolio_orders.divide",
        "portfolio order",
        "portfolio_orders t where t.tenant_id = $1 and t.id = a.row_id and t.due_at is not null",
        service.drop_order,
    ),
]
