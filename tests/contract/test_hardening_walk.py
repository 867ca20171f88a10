"""A long careless life over HTTP: whatever is done in whatever order, what is shown adds up.

Every step is a signed request, chosen by a seeded source; after each one the answers that a client could read are held
against each other: balances against transactions, positions against executions, locks against open orders.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from openvest import catalog
from openvest.db.unit import Database
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.kit.http import Api, make_api, make_test_app
from tests.kit.orders import Trader, make_trader
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

STEPS = 40
PRICES = {
    "IE00B3XXRP09": "115",
    "IE00B5M1WJ87": "100",
    "IE00BF2GFH28": "100",
    "IE00B4L5Y983": "110",
    "DE0007164600": "200",
}
"""One that fills at once, one in several parts, one that is cancelled before its last part, two of the market: each
with a price that is somewhere near."""
STATES = ("NEW", "PROCESSING", "FILLED", "CANCELLED")
FINAL = STATES[2:]
Json = dict[str, Any]


@dataclass
class Walk:
    """A customer, the source of what is done next, the orders placed so far and how they were last shown."""

    api: Api
    trader: Trader
    chance: random.Random
    orders: list[str] = field(default_factory=list[str])
    topups: list[str] = field(default_factory=list[str])
    shown: dict[str, Json] = field(default_factory=dict[str, Json])

    async def send(self, method: str, path: str, body: Any = None) -> Any:
        answer = await (self.api.post(path, body) if body is not None else self.api.send(method, path))
        assert answer.status_code < 500, answer.text
        return answer.json() if answer.content else None

    async def step(self) -> None:
        verbs = [self.buy, self.sell, self.cancel, self.top_up, self.take_back, self.wait, self.lock]
        await self.chance.choices(verbs, weights=[4, 3, 1, 1, 1, 2, 1])[0]()
        await self.trader.rest()

    async def buy(self) -> None:
        await self.place("BUY")

    async def sell(self) -> None:
        await self.place("SELL")

    async def place(self, side: str) -> None:
        isin = self.chance.choice(list(PRICES))
        kind = self.chance.choice(("cash", "cash", "units", "fraction", "LIMIT", "STOP"))
        body: Json = {
            "user_id": str(self.trader.customer.user_id),
            "account_id": str(self.trader.customer.account_id),
            "side": side,
            "instrument_id": isin,
            "instrument_id_type": "ISIN",
        }
        if kind == "cash":
            body["cash_amount"] = f"{self.chance.randint(1, 40_000) / 100:.2f}"
        elif kind == "fraction":
            body["quantity"] = f"{Decimal(self.chance.randint(1, 3_000_000_000)).scaleb(-9):f}"
        else:
            body["quantity"] = str(self.chance.randint(1, 4))
        if kind in ("LIMIT", "STOP"):
            price = Decimal(PRICES[isin]) * self.chance.randint(80, 120) / 100
            body |= {"order_type": kind, f"{kind.lower()}_price": f"{price:.2f}"}
        if self.chance.random() < 0.3:
            charged = self.chance.choice(("CHARGED_BY_CLIENT", "COLLECTED_BY_UPVEST"))
            fee = {"type": f"TRANSACTION_FEE_{side}", "value_type": "ABSOLUTE", "charge_method": charged}
            body["fee_configuration"] = [fee | {"cash_amount": "0.99", "currency": "EUR"}]
        if self.chance.random() < 0.2:
            body["execution_flow"] = "BLOCK"
        answer = await self.send("POST", "/orders", body)
        if "id" in answer:
            self.orders.append(answer["id"])

    async def cancel(self) -> None:
        if self.orders:
            await self.send("DELETE", f"/orders/{self.chance.choice(self.orders)}")

    async def top_up(self) -> None:
        body = {"account_group_id": str(self.trader.customer.group_id), "cash_amount": "75.00", "currency": "EUR"}
        answer = await self.send("POST", "/payments/topups", body)
        if "id" in answer:
            self.topups.append(answer["id"])

    async def take_back(self) -> None:
        if self.topups:
            await self.send("DELETE", f"/payments/topups/{self.chance.choice(self.topups)}")

    async def lock(self) -> None:
        """A lock lasts as long as it takes to see an order refused."""
        account = f"/tests/accounts/{self.trader.customer.account_id}"
        await self.send("POST", f"{account}/lock")
        await self.place(self.chance.choice(("BUY", "SELL")))
        await self.trader.rest()
        await self.adds_up()
        await self.send("POST", f"{account}/unlock")

    async def wait(self) -> None:
        by = self.chance.choice(("PT10M", "PT5H", "P1D", "P3D"))
        await self.send("POST", "/tests/clock/advance", {"by": by})

    async def whole(self, path: str) -> list[Json]:
        """Every page of a list."""
        found: list[Json] = []
        while True:
            page = await self.send("GET", f"{path}{'&' if '?' in path else '?'}limit=50&offset={len(found)}")
            found += page["data"]
            if len(found) >= page["meta"]["total_count"]:
                return found

    async def all_orders(self) -> list[Json]:
        """All of them as they are listed; what changed since the last look is shown alone as it is in the list."""
        path = f"/accounts/{self.trader.customer.account_id}/orders"
        orders = [order for state in STATES for order in await self.whole(f"{path}?status={state}")]
        assert sorted(order["id"] for order in orders) == sorted(self.orders)
        for order in orders:
            if self.shown.get(order["id"]) != order:
                assert await self.send("GET", f"/orders/{order['id']}") == order
        self.shown = {order["id"]: order for order in orders}
        return orders

    async def adds_up(self) -> None:
        customer = self.trader.customer
        cash = await self.send("GET", f"/account_groups/{customer.group_id}/payments/cash_balance")
        balance, locked, pending, out, trade = (
            Decimal(cash[name])
            for name in (
                "balance", "locked_for_trading", "pending_settlement", "available_for_withdrawal",
                "available_for_trading",
            )
        )  # fmt: skip
        moved = await self.whole(f"/transactions/cash?account_group_id={customer.group_id}")
        assert balance == sum(Decimal(one["delta"]["amount"]) for one in moved)
        assert trade == balance - locked >= 0
        assert out == balance - locked - pending
        assert locked >= 0
        orders = await self.all_orders()
        self.check_orders(orders)
        is_open = {
            side: any(o["side"] == side and o["status"] not in FINAL for o in orders) for side in ("BUY", "SELL")
        }
        assert locked == 0 or is_open["BUY"]
        await self.check_positions(orders, is_open["SELL"])

    def check_orders(self, orders: list[Json]) -> None:
        for order in orders:
            done = [one for one in order["executions"] if one["status"] != "CANCELLED"]
            cash, units = sum(Decimal(e["cash_amount"]) for e in done), sum(Decimal(e["share_quantity"]) for e in done)
            assert ("cancellation_reason" in order) == (order["status"] == "CANCELLED")
            if order["status"] == "FILLED":
                assert done
                assert cash <= Decimal(order["cash_amount"])
                assert units <= Decimal(order["quantity"])
            for one in done:
                assert abs(Decimal(one["cash_amount"]) - Decimal(one["price"]) * Decimal(one["share_quantity"])) <= 1
            if order["status"] == "NEW":
                assert not done

    async def check_positions(self, orders: list[Json], selling: bool) -> None:
        held: dict[str, Decimal] = defaultdict(Decimal)
        for order in orders:
            sign = 1 if order["side"] == "BUY" else -1
            for one in order["executions"]:
                held[order["instrument_id"]] += sign * Decimal(one["share_quantity"])
        shown: dict[str, Decimal] = {}
        for one in await self.whole(f"/accounts/{self.trader.customer.account_id}/positions"):
            quantity, locked = Decimal(one["quantity"]), Decimal(one["locked_for_trading"])
            shown[one["instrument"]["isin"]] = quantity
            assert quantity >= locked >= 0
            assert Decimal(one["available_for_trading"]) == quantity - locked
            assert locked == 0 or selling
        assert {k: v for k, v in shown.items() if v} == {k: v for k, v in held.items() if v}


@pytest.fixture
async def walk(assembled: Assembled, request: pytest.FixtureRequest) -> AsyncGenerator[Walk]:
    pace, seed = request.param
    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    tenant_id = await make_tenant(assembled.database, "Walkers", frozen_at=at, pace=pace)
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    api = await make_api(app, assembled.database, tenant_id)
    async with api.http:
        yield Walk(api, await make_trader(assembled, tenant_id), random.Random(seed))


@pytest.mark.parametrize("walk", [("calendar", 1), ("calendar", 2), ("instant", 3)], indirect=True)
async def test_what_is_shown_adds_up_after_every_step(walk: Walk, database: Database) -> None:
    for _ in range(STEPS):
        await walk.step()
        await walk.adds_up()
    tenant_id = walk.trader.customer.tenant_id
    proof = await prove_tenant(database, tenant_id, catalog.INVARIANTS)
    assert proof.clean, proof.findings
    orders = [await walk.send("GET", f"/orders/{order_id}") for order_id in walk.orders]
    assert {order["status"] for order in orders} >= {"FILLED", "CANCELLED"}
