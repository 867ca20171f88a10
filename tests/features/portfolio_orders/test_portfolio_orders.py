"""Portfolio orders over HTTP: how they are divided, what becomes of them, what they are refused, and their preview."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from openvest import catalog
from openvest.core.clock import parse_instant
from openvest.events.log import events_of
from openvest.features.accounts import service as accounts
from openvest.features.portfolios.model import Configuration
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.features.portfolio_orders.sample import a_portfolio
from tests.kit.customers import Customer, make_customer, top_up
from tests.kit.http import Api, make_apis, make_test_app

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
ORDERS = "/portfolios/orders"


@dataclass
class Desk:
    """A client of both contracts, and a customer with 1000.00 and a portfolio."""

    world: Assembled
    api: Api
    customer: Customer
    portfolio: Configuration

    def body(self, amount: str, side: str = "BUY", **other: Any) -> Json:
        named = {"user_id": str(self.customer.user_id), "account_id": str(self.portfolio.account_id)}
        return {**named, "cash_amount": amount, "currency": "EUR", "side": side, **other}

    async def preview(self, amount: str, side: str = "BUY") -> Json:
        answer = await self.api.send("POST", f"{ORDERS}?dry_run=true", self.body(amount, side), key=uuid4())
        assert answer.status_code == 200, answer.text
        return answer.json()["preview"]

    async def place(self, amount: str, side: str = "BUY") -> Json:
        answer = await self.api.post(ORDERS, self.body(amount, side))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def rest(self) -> None:
        await self.world.runner.drain(self.customer.tenant_id)

    async def order(self, order_id: str) -> Json:
        return (await self.api.get(f"{ORDERS}/{order_id}")).json()

    async def done(self, amount: str, side: str = "BUY") -> Json:
        """One that was placed, with all that is due done."""
        placed = await self.place(amount, side)
        await self.rest()
        return await self.order(placed["id"])

    async def children(self, order: Json) -> list[Json]:
        return [(await self.api.get(f"/orders/{child['id']}")).json() for child in order["orders"]]

    async def told(self, *ids: str) -> list[str]:
        found = await self.world.database.read(
            self.customer.tenant_id, lambda unit: events_of(unit, [UUID(one) for one in ids])
        )
        return [event.type for event in found]

    async def advance_to(self, at: str) -> None:
        await self.world.clockwork.set_target(self.customer.tenant_id, lambda _: parse_instant(at))
        await self.world.clockwork.advance(self.customer.tenant_id, wait_s=None)

    async def is_sound(self) -> bool:
        return (await prove_tenant(self.world.database, self.customer.tenant_id, catalog.INVARIANTS)).clean


@pytest.fixture
async def desk(assembled: Assembled, frozen_tenant_id: UUID) -> AsyncGenerator[Desk]:
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    api = await make_apis(app, assembled.database, frozen_tenant_id)
    customer = await make_customer(assembled.database, frozen_tenant_id)
    portfolio = await a_portfolio(assembled.database, customer)
    await assembled.runner.drain(frozen_tenant_id)
    await top_up(assembled.database, customer, "1000.00")
    async with api.http:
        yield Desk(assembled, api, customer, portfolio)


def traded(plan: Json) -> list[tuple[str, str, str, str]]:
    """What a plan says of its orders, and what they are to come to."""
    return [(one["isin"], one["cash_amount"], one["quantity"], one["expected_cash"]) for one in plan["orders"]]


def came_to(children: list[Json]) -> list[tuple[str, str, str, str]]:
    """The same of orders that were executed."""
    found = [(one["executions"], one) for one in children]
    return [
        (
            one["instrument_id"],
            one["cash_amount"],
            one["quantity"],
            f"{sum(Decimal(execution['cash_amount']) for execution in executions):.2f}",
        )
        for executions, one in found
    ]


async def test_money_goes_in_and_comes_out_as_the_preview_says(desk: Desk) -> None:
    plan = await desk.preview("500.01")
    placed = await desk.place("500.01")
    assert (placed["status"], placed["orders"], placed["type"]) == ("NEW", [], "BUY")
    assert "preview" not in placed
    assert placed["client_reference"] == placed["id"]
    await desk.rest()
    bought = await desk.order(placed["id"])
    children = await desk.children(bought)
    assert [one["cash_amount"] for one in children] == ["300.01", "200.00"]
    assert {(one["initiation_flow"], one["client_reference"]) for one in children} == {("PORTFOLIO", placed["id"])}
    assert (bought["status"], traded(plan)) == ("FILLED", came_to(children))
    spent = sum(Decimal(one["expected_cash"]) for one in plan["orders"])
    assert spent + Decimal(plan["residual_cash"]) == Decimal("500.01")

    plan = await desk.preview("100.00", "SELL")
    sold = await desk.done("100.00", "SELL")
    assert (sold["status"], sold["type"], traded(plan)) == ("FILLED", "SELL", came_to(await desk.children(sold)))
    assert Decimal("99.97") <= Decimal("100.00") - Decimal(plan["residual_cash"]) <= 100
    await desk.advance_to("2026-03-09T12:00:00Z")
    assert [(await desk.order(one["id"]))["status"] for one in (bought, sold)] == ["SETTLED", "SETTLED"]
    lived = [f"PORTFOLIO_ORDER.{state}" for state in ("NEW", "PROCESSING", "FILLED", "SETTLED")]
    assert [await desk.told(one["id"]) for one in (bought, sold)] == [lived, lived]
    assert (await desk.api.get(ORDERS)).json()["meta"]["total_count"] == 2, "a preview leaves nothing"
    assert await desk.is_sound()


async def test_what_cannot_be_done_is_cancelled_with_its_reason_and_orders_nothing(desk: Desk) -> None:
    cases = [("1000.01", "BUY", "CANCELLED_BY_UPVEST"), ("1.00", "SELL", "ACCOUNT_IS_EMPTY")]
    for amount, side, reason in cases:
        plan, order = await desk.preview(amount, side), await desk.done(amount, side)
        assert (order["status"], order["cancellation_reason"], order["orders"]) == ("CANCELLED", reason, [])
        said = (plan["cancellation_reason"], plan["cancellation_details"], plan["residual_cash"])
        assert said == (reason, order["cancellation_details"], amount)
        assert await desk.told(order["id"]) == ["PORTFOLIO_ORDER.NEW", "PORTFOLIO_ORDER.CANCELLED"]
    await desk.done("500.00")
    plan = await desk.preview("490.00", "SELL")
    assert plan["cancellation_reason"] == "SELL_LIMIT_EXCEEDED"
    most = plan["cancellation_details"].rstrip(".").rpartition(" ")[2]
    beyond = f"{Decimal(most) + Decimal('0.01'):.2f}"
    assert (await desk.done(beyond, "SELL"))["cancellation_reason"] == "SELL_LIMIT_EXCEEDED"
    assert (await desk.done(most, "SELL"))["status"] == "FILLED"
    assert await desk.is_sound()


async def test_one_is_cancelled_by_its_client(desk: Desk) -> None:
    await desk.advance_to("2026-03-02T20:00:00Z")  # the venue is closed until the morning
    waits = await desk.done("500.00")
    assert [child["status"] for child in waits["orders"]] == ["NEW", "NEW"]
    assert waits["status"] == "NEW"
    assert (await desk.api.send("DELETE", f"{ORDERS}/{waits['id']}")).status_code == 202
    ended = await desk.order(waits["id"])
    assert (ended["status"], ended["cancellation_reason"]) == ("CANCELLED", "CANCELLED_BY_CLIENT")
    assert {child["status"] for child in ended["orders"]} == {"CANCELLED"}
    again = await desk.api.send("DELETE", f"{ORDERS}/{waits['id']}")
    assert again.status_code == 202
    assert (await desk.told(ended["orders"][0]["id"]))[-1] == "ORDER_CANCELLATION.REJECTED"
    assert await desk.order(waits["id"]) == ended

    partly = await desk.done("500.00")
    one, other = partly["orders"]
    await desk.api.send("DELETE", f"/orders/{one['id']}")
    assert (await desk.order(partly["id"]))["status"] == "NEW"
    await desk.advance_to("2026-03-03T12:00:00Z")
    mixed = await desk.order(partly["id"])
    assert [child["status"] for child in mixed["orders"]] == ["CANCELLED", "FILLED"]
    assert (mixed["status"], mixed["cancellation_reason"]) == ("CANCELLED", "CANCELLED_BY_UPVEST")
    assert mixed["cancellation_details"] == "1 of its 2 orders were cancelled, 1 were filled."
    assert (await desk.told(mixed["id"]))[-1] == "PORTFOLIO_ORDER.CANCELLED"
    assert other["id"] == mixed["orders"][1]["id"]
    assert await desk.is_sound()


async def test_what_is_refused(desk: Desk) -> None:
    trading = {"account_id": str(desk.customer.account_id)}
    cases = [
        (desk.body("1.00", account_id=str(uuid4())), 404, []),
        (desk.body("1.00", user_id=str(uuid4())), 404, []),
        (desk.body("1.00") | trading, 400, ["account_id"]),
        (desk.body("0.00"), 400, ["cash_amount"]),
        (desk.body("-1.00"), 400, ["cash_amount"]),
        (desk.body("1.001"), 400, ["cash_amount"]),
        (desk.body("1.00", currency="USD", side="HOLD"), 400, ["currency", "side"]),
    ]
    for body, code, fields in cases:
        for at in (ORDERS, f"{ORDERS}?dry_run=true"):
            answer = await desk.api.send("POST", at, body, key=uuid4())
            said = [error["field"] for error in answer.json().get("errors", [])]
            assert (body, answer.status_code, said) == (body, code, fields)
    assert (await desk.api.send("DELETE", f"{ORDERS}/{uuid4()}")).status_code == 404
    assert (await desk.api.get(ORDERS)).json()["data"] == []


async def test_a_preview_does_not_use_up_its_key(desk: Desk) -> None:
    key, body = uuid4(), desk.body("100.00")
    seen = (await desk.api.send("POST", f"{ORDERS}?dry_run=true", body, key=key)).json()
    placed = (await desk.api.send("POST", ORDERS, body, key=key)).json()
    assert "preview" in seen and "preview" not in placed
    assert (await desk.order(placed["id"]))["cash_amount"] == "100.00"


async def test_lite_puts_money_into_a_portfolio(desk: Desk) -> None:
    lite, at = desk.api.speaking("lite"), f"/portfolios/{desk.portfolio.id}/orders"
    body = {"cash_amount": "250.00", "currency": "EUR"}
    plan = (await lite.send("POST", f"{at}?dry_run=true", body)).json()["preview"]
    answer = await lite.send("POST", at, body)
    placed = answer.json()
    assert (answer.status_code, placed["status"], placed["portfolio_id"]) == (201, "NEW", str(desk.portfolio.id))
    await desk.rest()
    order = await desk.order(placed["id"])
    assert (order["status"], order["account_id"]) == ("FILLED", str(desk.portfolio.account_id))
    assert [one["cash_amount"] for one in plan["orders"]] == ["150.00", "100.00"]
    assert (await lite.send("DELETE", f"/portfolios/{desk.portfolio.id}")).status_code == 204
    assert (await lite.send("POST", at, body)).status_code == 409
    for unfit, field in (({**body, "currency": "USD"}, "currency"), ({**body, "cash_amount": "0"}, "cash_amount")):
        refused = await lite.send("POST", at, unfit)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, field)


async def test_an_account_that_is_locked_orders_nothing(desk: Desk) -> None:
    account_id = desk.portfolio.account_id
    await desk.world.database.write(desk.customer.tenant_id, lambda unit: accounts.lock_account(unit, account_id))
    order = await desk.done("100.00")
    assert (order["status"], order["cancellation_reason"]) == ("CANCELLED", "CANCELLED_BY_UPVEST")
    assert {child["status"] for child in order["orders"]} == {"CANCELLED"}
    assert await desk.is_sound()


async def test_an_allocation_is_bought_as_it_is_when_the_order_is_divided(desk: Desk) -> None:
    listed = (await desk.api.get(f"{ORDERS}?account_id={desk.portfolio.account_id}")).json()["data"]
    assert listed == []
    first = await desk.done("10.01")
    at = f"{ORDERS}?allocation_id={first['allocation_id']}&start_date=2026-03-02&end_date=2026-03-02"
    assert (await desk.api.get(at)).json()["data"] == [first]
    assert (await desk.api.get(f"{ORDERS}?start_date=2026-03-03")).json()["data"] == []
