"""Orders over signed HTTP: what is refused with a name, and that one answer is of one instant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from openvest import catalog
from openvest.db.unit import Unit
from openvest.features.executions import service as executions
from openvest.features.executions.model import Execution
from openvest.features.instruments import service as instruments
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.kit.cluster import OWNER, Cluster
from tests.kit.elsewhere import elsewhere
from tests.kit.http import Api, make_api, make_test_app
from tests.kit.orders import Trader, X, make_trader
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
STOP = {"order_type": "STOP", "quantity": "1"}
HEADER = "isin,wkn,name,type,fractional_trading,venues,currencies,tick_sizes,reference_prices,trading_status"
LIMIT = {"order_type": "LIMIT", "quantity": "1"}


async def place(api: Api, trader: Trader, **fields: Any) -> httpx.Response:
    answer = await accept(api, trader, **fields)
    await trader.rest()
    return answer


async def accept(api: Api, trader: Trader, **fields: Any) -> httpx.Response:
    """An order as accepted, nothing done about it yet."""
    customer = trader.customer
    basis = {"user_id": str(customer.user_id), "account_id": str(customer.account_id), "side": "BUY"}
    basis |= {"instrument_id": X, "instrument_id_type": "ISIN"}
    return await api.send("POST", "/orders", basis | fields, key=uuid4())


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (LIMIT | {"side": "BUY", "limit_price": "0.00001"}, 422),
        (STOP | {"side": "SELL", "stop_price": "0.00001"}, 422),
        (STOP | {"side": "SELL", "stop_price": "0.01"}, 202),
        (STOP | {"side": "BUY", "stop_price": "0.00001"}, 202),  # rounded up: never earlier than asked
        (LIMIT | {"side": "SELL", "limit_price": "0.00001"}, 202),
    ],
)
async def test_a_price_of_which_the_grid_leaves_nothing_is_refused(
    api: Api, trader: Trader, fields: dict[str, str], status: int
) -> None:
    await trader.place(quantity="3")
    answer = await place(api, trader, **fields)
    assert answer.status_code == status, answer.text
    if status == 422:
        assert "below one tick" in answer.json()["detail"]
    else:
        found = await api.send("GET", f"/orders/{answer.json()['id']}")
        assert found.json()["status"] in ("PROCESSING", "FILLED")


@pytest.mark.parametrize("whole", ["2", "1000000000000000000000000000000000"])
async def test_the_length_of_a_quantity_hides_no_fraction(
    api: Api, trader: Trader, cluster: Cluster, whole: str
) -> None:
    name = await trader.world.database.pool.fetchval("select current_database()")
    owner = await asyncpg.connect(cluster.dsn(name, OWNER))
    try:
        lines = [HEADER, f"{X},,In whole shares,ETF,false,XETR,EUR,0.01,115.05,ACTIVE"]
        await instruments.import_instruments(owner, lines)
    finally:
        await owner.close()
    answer = await place(api, trader, quantity=f"{whole}.5")
    assert answer.status_code == 422, answer.text
    assert "whole units only" in answer.json()["detail"]
    assert (await place(api, trader, quantity=f"{whole}.0")).status_code == 202


@pytest.mark.parametrize("listed", [False, True])
async def test_an_order_and_its_executions_are_of_one_instant(
    api: Api, trader: Trader, monkeypatch: pytest.MonkeyPatch, listed: bool
) -> None:
    """The order is filled between the two statements of one reading."""
    order_id = (await accept(api, trader, cash_amount="100.00")).json()["id"]
    read = executions.executions_of

    async def overtaken(unit: Unit, order_ids: Sequence[UUID]) -> dict[UUID, tuple[Execution, ...]]:
        await elsewhere(trader.rest())
        return await read(unit, order_ids)

    monkeypatch.setattr(executions, "executions_of", overtaken)
    path = f"/accounts/{trader.customer.account_id}/orders?status=NEW" if listed else f"/orders/{order_id}"
    body = (await api.send("GET", path)).json()
    order = body["data"][0] if listed else body
    assert (order["id"], order["status"], order["executions"]) == (order_id, "NEW", [])
    monkeypatch.undo()
    order = (await api.send("GET", f"/orders/{order_id}")).json()
    assert (order["status"], len(order["executions"])) == ("FILLED", 1)


@pytest.mark.parametrize("pace", ["instant", "calendar"])
async def test_a_run_of_tiny_orders_brings_nothing(assembled: Assembled, pace: str) -> None:
    """Units worth less than half a cent each: every purchase costs one, and all of them sold bring less than they
    cost, in one sale and in many."""
    tenant_id = await make_tenant(assembled.database, pace, pace=pace, frozen_at=MONDAY_MORNING)
    trader = await make_trader(assembled, tenant_id, "1.00")
    api = await make_api(
        make_test_app(assembled.database, catalog.CONTRACTS), assembled.database, trader.customer.tenant_id
    )
    async with api.http:
        tiny = [(await accept(api, trader, quantity="0.00004")).json()["id"] for _ in range(20)]
        await trader.rest()
        bought = [(await api.send("GET", f"/orders/{one}")).json() for one in tiny]
        assert {(order["status"], order["cash_amount"]) for order in bought} == {("FILLED", "0.01")}
        sales = [(await accept(api, trader, side="SELL", quantity=q)).json()["id"] for q in ("0.00008", "0.00072")]
        await trader.rest()
        dust, rest = [(await api.send("GET", f"/orders/{one}")).json() for one in sales]
    assert (dust["status"], dust["cancellation_reason"], dust["executions"]) == (
        "CANCELLED",
        "CANCELLED_BY_UPVEST_PLATFORM",
        [],
    )
    assert (rest["status"], rest["cash_amount"]) == ("FILLED", "0.08")
    assert (await trader.cash()).startswith("0.88 / 0.00")
    proof = await prove_tenant(assembled.database, tenant_id, catalog.INVARIANTS)
    assert proof.clean, proof.findings
    assert proof.figures["rounding EUR"] == "0.2"
