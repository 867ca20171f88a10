"""What tests know of orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from openvest.core.ids import deterministic_id
from openvest.core.problems import Problem
from openvest.db.unit import Database, Unit
from openvest.features.orders import service as orders
from openvest.features.orders.model import OrderDetails, PlaceOrder
from tests.kit.customers import make_customer
from tests.kit.orders import X, make_trader
from tests.kit.sample import AT_ONCE, Ask, Asked, Life, Sample, an_order, filled

if TYPE_CHECKING:
    from tests.gates.pauses import Field

ORDER = {
    "user_id": "{user_id}",
    "account_id": "{account_id}",
    "instrument_id": X,
    "instrument_id_type": "ISIN",
    "order_type": "MARKET",
    "side": "BUY",
    "currency": "EUR",
    "cash_amount": "10.00",
}
X_ID = str(deterministic_id("instrument", X))
LITE_ORDER = {
    "account_id": "{account_id}",
    "instrument_id": X_ID,
    "side": "BUY",
    "type": "MARKET",
    "cash_amount": "10.00",
}
_EXPIRE = """
update orders set expires_at = wire_now() where tenant_id = $1 and id = (
  select id from orders where tenant_id = $1 and status = 'PROCESSING' and order_type = 'LIMIT'
     and cancellation_reason is null and expires_at is null order by id limit 1 for update skip locked)
"""
_FILTER = "a filter: an empty list"
_OF_ONE = "what one order has, and the contract gives it no pages"


async def _an_order_that_is_executed(life: Life) -> Mapping[str, str]:
    placed = await life.post("/orders", filled(ORDER, life.ids))
    await life.rest()
    order = await life.get(f"/orders/{placed['id']}")
    assert order["executions"], order
    return {"order_id": order["id"], "execution_id": order["executions"][0]["id"]}


async def _names(life: Life) -> Mapping[str, str]:
    return {"client_reference": "reference 4711 of the owner"}


async def _one_that_expires(life: Life) -> None:
    """And one that waits for its venue until the client ends it, which lite asks."""
    resting = {"order_type": "LIMIT", "limit_price": "1.00", "quantity": "1", "cash_amount": None}
    waits = await life.post("/orders", {**filled(ORDER, life.ids), **resting})
    await life.of("lite").post(f"/orders/{waits['id']}/cancellation")
    trader, now = await make_trader(life.world, life.tenant_id, "1000.00"), await life.now()
    # Whatever day it is by now, the order rests before its last one.
    last = now.date() + timedelta(days=4)
    await trader.place(quantity="1", order_type="LIMIT", limit_price="1.00", expiry_date=last)
    await trader.advance_to(now + timedelta(days=7))


async def _many(life: Life, count: int) -> None:
    want = PlaceOrder(
        UUID(life.ids["account_id"]), UUID(life.ids["user_id"]), X, side="BUY", cash_amount=Decimal("10.00")
    )
    for first in range(0, count, AT_ONCE):
        wants = [want] * min(AT_ONCE, count - first)

        async def place(unit: Unit, wants: Sequence[PlaceOrder] = wants) -> None:
            await orders.place_orders(unit, wants)

        await life.world.database.write(life.tenant_id, place, n=len(wants))
    await life.rest()


async def _orders(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    customer = await make_customer(database, tenant_id)
    return [ask(customer.ids).also(client_reference=f"number {n}") for n in range(count)]


async def _lite_orders(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    customer = await make_customer(database, tenant_id)
    return [ask(customer.ids).also(cash_amount=f"{n}.00") for n in range(1, count + 1)]


async def _orders_to_cancel(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    customer, price = await make_customer(database, tenant_id), Decimal("1.00")
    want = PlaceOrder(customer.account_id, None, X, "BUY", order_type="LIMIT", quantity=Decimal(1), limit_price=price)

    async def place(unit: Unit) -> Sequence[OrderDetails | Problem]:
        return await orders.place_orders(unit, [want] * count)

    placed = await database.write(tenant_id, place, n=count)
    return [ask({**customer.ids, "order_id": str(one.id)}) for one in placed if isinstance(one, OrderDetails)]


async def _a_last_day(field: Field, number: int) -> None:
    await field.order(number, "last day", market=False)
    await field.superuser.execute(_EXPIRE, field.known.tenant_id)


SAMPLE = Sample(
    bodies={"POST /orders": ORDER, "lite POST /orders": LITE_ORDER},
    makers={
        "POST /orders": _orders,
        "lite POST /orders": _lite_orders,
        "lite POST /orders/{order_id}/cancellation": _orders_to_cancel,
    },
    objects=_an_order_that_is_executed,
    lived=_one_that_expires,
    many=_many,
    names=_names,
    references={"client_reference": "client_reference"},
    texts=frozenset("cash_amount currency instrument_id limit_price quantity stop_price".split()),
    no_names=frozenset({"client_reference"}),
    whose={"business_id": "user_id", "decision_maker_id": "user_id", "transaction_fee_model_id": "user_id"},
    variants={
        "POST /orders body business_id": {"user_id": None},
        "POST /orders body fee_configuration.0.transaction_fee_model_id": {
            "fee_configuration": [{"type": "TRANSACTION_FEE_BUY"}]
        },
    },
    takes_any={
        "GET /accounts/{account_id}/orders query account_group_id": _FILTER,
        "GET /accounts/{account_id}/orders query user_id": _FILTER,
        "lite GET /orders query account_id": _FILTER,
    },
    whole={
        "GET /orders/{order_id} fee_configuration": _OF_ONE,
        "GET /orders/{order_id} executions": _OF_ONE,
        "lite GET /orders/{order_id}/executions data": _OF_ONE,
    },
    occasions={"orders.check": an_order, "orders.book": an_order, "orders.expire": _a_last_day},
    never_stopped={
        name: "a block needs a cut-off, which a clock of wall time does not reach"
        for name in ("orders.close_blocks", "orders.allot")
    },
    refused_changes=(
        "orders lock_used = lock_amount + 1",
        "orders lock_used = -1",
        "orders executed_cash = -1",
        "orders executed_quantity = -1",
        "orders fee = -1",
        "orders side = 'SHORT'",
        "orders status = 'CANCELLED', cancellation_reason = null",
    ),
)
