"""A story over HTTP: orders for the cut-off, one thought better of, one too late to; read in both contracts."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from openvest import catalog
from openvest.main import Assembled
from tests.kit.blocks import CUT_OFF, make_hall
from tests.kit.http import make_apis, make_test_app
from tests.kit.orders import Trader, X

pytestmark = pytest.mark.anyio


def _body(trader: Trader, amount: str) -> dict[str, Any]:
    customer = trader.customer
    whose = {"user_id": str(customer.user_id), "account_id": str(customer.account_id)}
    what = {"side": "BUY", "instrument_id": X, "instrument_id_type": "ISIN", "cash_amount": amount}
    return whose | what | {"currency": "EUR", "order_type": "MARKET", "execution_flow": "BLOCK"}


async def test_a_morning_of_blocks(assembled: Assembled) -> None:
    hall = await make_hall(assembled)
    database = assembled.database
    api = await make_apis(make_test_app(database, catalog.CONTRACTS), database, hall.tenant_id)
    async with api.http:
        placed = [
            (await api.send("POST", "/orders", _body(trader, amount), key=uuid4())).json()
            for trader, amount in zip(hall.traders, ("100.00", "250.00", "75.00"), strict=True)
        ]
        assert [(order["status"], order["execution_flow"]) for order in placed] == [("NEW", "BLOCK")] * 3
        assert (await api.send("DELETE", f"/orders/{placed[2]['id']}", key=uuid4())).status_code == 202
        await hall.to(CUT_OFF)
        first, second, third = [(await api.get(f"/orders/{order['id']}")).json() for order in placed]
        assert (third["status"], third["cancellation_reason"]) == ("CANCELLED", "CANCELLED_BY_CLIENT")
        assert [first["status"], second["status"]] == ["FILLED"] * 2
        assert first["executions"][0]["price"] == second["executions"][0]["price"] == "115.05"
        assert [one["executions"][0]["share_quantity"] for one in (first, second)] == ["0.8691873098", "2.1729682746"]
        assert await hall.street() == [4]
        late = await api.send("DELETE", f"/orders/{first['id']}", key=uuid4())
        assert late.status_code == 202
        types = await hall.traders[0].event_types("ORDER")
        assert types.count("ORDER.FILLED") == 2 and types[-1] == "ORDER_CANCELLATION.REJECTED"
        lite = (await api.speaking("lite").get(f"/orders/{first['id']}")).json()
        assert lite["status"] == "FILLED"
    await hall.proved()
