"""What tests know of portfolio orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from openvest.db.unit import Database, Unit
from openvest.features.executions.model import Side
from openvest.features.portfolio_orders import service as portfolio_orders
from openvest.features.portfolio_orders.model import NewPortfolioOrder, PortfolioOrder
from openvest.features.portfolios import service as portfolios
from openvest.features.portfolios.model import Configuration
from tests.features.portfolios.sample import accounts_of, allocation_of
from tests.kit.customers import Customer, make_customer
from tests.kit.sample import Ask, Asked, Life, Sample, filled

if TYPE_CHECKING:
    from tests.gates.pauses import Field

PORTFOLIO_ORDER = {
    "user_id": "{user_id}",
    "account_id": "{portfolio_account_id}",
    "cash_amount": "10.00",
    "currency": "EUR",
    "side": "BUY",
}
LITE_PORTFOLIO_ORDER = {"cash_amount": "10.00", "currency": "EUR"}
_FILTER = "a filter: an empty list"


async def a_portfolio(database: Database, customer: Customer, *weights: str) -> Configuration:
    """A portfolio of the customer, in an account of its own."""
    (account_id,) = await accounts_of(database, customer, 1)
    new = allocation_of(*weights or ("60", "40"))
    return await database.write(customer.tenant_id, lambda unit: portfolios.create_portfolio(unit, account_id, new))


async def ordered(unit: Unit, account_id: UUID, amount: str, side: Side = "BUY") -> PortfolioOrder:
    new = NewPortfolioOrder(account_id, None, side, Decimal(amount), "EUR")
    return await portfolio_orders.place_order(unit, new)


async def _one_that_is_divided(life: Life) -> Mapping[str, str]:
    placed = await life.post("/portfolios/orders", filled(PORTFOLIO_ORDER, life.ids))
    await life.rest()
    order = await life.get(f"/portfolios/orders/{placed['id']}")
    assert order["orders"], order
    return {"portfolio_order_id": order["id"]}


async def _more_is_sold_than_there_is(life: Life) -> None:
    too_much = {"side": "SELL", "cash_amount": "900.00"}
    await life.post("/portfolios/orders", {**filled(PORTFOLIO_ORDER, life.ids), **too_much})


async def _many(life: Life, count: int) -> None:
    account_id = UUID(life.ids["portfolio_account_id"])
    await life.write_many(lambda unit, _: ordered(unit, account_id, "900000.00"), count)


async def _orders(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    customer = await make_customer(database, tenant_id)
    portfolio = await a_portfolio(database, customer)
    ids = {
        **customer.ids, "portfolio_account_id": str(portfolio.account_id), "portfolio_id": str(portfolio.id)
    }  # fmt: skip
    return [ask(ids).also(cash_amount=f"{n}.00") for n in range(1, count + 1)]


async def _one_is_due(field: Field, number: int) -> None:
    customer = await make_customer(field.database, field.known.tenant_id)
    portfolio = await a_portfolio(field.database, customer)
    await field.database.write(customer.tenant_id, lambda unit: ordered(unit, portfolio.account_id, f"{number + 1}.00"))


SAMPLE = Sample(
    bodies={
        "POST /portfolios/orders": PORTFOLIO_ORDER,
        "lite POST /portfolios/{portfolio_id}/orders": LITE_PORTFOLIO_ORDER,
    },
    makers={"POST /portfolios/orders": _orders, "lite POST /portfolios/{portfolio_id}/orders": _orders},
    objects=_one_that_is_divided,
    lived=_more_is_sold_than_there_is,
    many=_many,
    texts=frozenset({"cash_amount", "currency"}),
    whose={
        "POST /portfolios/orders body account_id": "portfolio_account_id",
        "GET /portfolios/orders query account_id": "portfolio_account_id",
    },
    of_tenant=frozenset({"allocation_id"}),
    takes_any={
        "GET /portfolios/orders query account_id": _FILTER,
        "GET /portfolios/orders query allocation_id": _FILTER,
    },
    whole={"GET /portfolios/orders/{portfolio_order_id} orders": "an allocation has at most 200 instruments"},
    occasions={"portfolio_orders.divide": _one_is_due},
    refused_changes=(
        "portfolio_orders cash_amount = 0",
        "portfolio_orders cash_amount = 0.001",
        "portfolio_orders side = 'SHORT'",
        "portfolio_orders status = 'CANCELLED', cancellation_reason = null",
        "portfolio_orders cancellation_details = ''",
    ),
)
