"""An order shows the fee that was charged; what was asked for stands in its fee configuration."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from openvest import catalog
from openvest.ledger.audit import prove_tenant
from tests.kit.http import Api
from tests.kit.orders import Trader, X
from tests.kit.scripted import Step, script

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HALF = ("FILL", "1", "115.05")
END: Step = ("CANCELLED",)


def body(trader: Trader, amount: str, method: str, side: str = "BUY", quantity: str = "2") -> dict[str, Any]:
    fee = {"type": f"TRANSACTION_FEE_{side}", "value_type": "ABSOLUTE", "charge_method": method}
    return {
        "user_id": str(trader.customer.user_id),
        "account_id": str(trader.customer.account_id),
        "side": side,
        "instrument_id": X,
        "instrument_id_type": "ISIN",
        "quantity": quantity,
        "fee_configuration": [fee | {"cash_amount": amount, "currency": "EUR"}],
    }


async def told(trader: Trader, order_id: str) -> dict[str, str]:
    """The fee that each event of the order tells, by its type."""
    show = {event_type: telling.shown.mapper for event_type, telling in catalog.TOLD["v1"].items()}
    mine = [event for event in await trader.events() if event.object_id == UUID(order_id)]
    return {event.type.removeprefix("ORDER."): show[event.type](event.snapshot)["fee"] for event in mine}


@pytest.mark.parametrize(
    ("steps", "ends", "method", "status", "fee"),
    [
        ((HALF, HALF), True, "COLLECTED_BY_UPVEST", "FILLED", "4.99"),
        ((HALF, END), True, "COLLECTED_BY_UPVEST", "CANCELLED", "4.99"),
        ((HALF,), False, "COLLECTED_BY_UPVEST", "PROCESSING", "4.99"),
        ((), False, "COLLECTED_BY_UPVEST", "PROCESSING", "0"),
        ((END,), True, "COLLECTED_BY_UPVEST", "CANCELLED", "0"),
        ((HALF, HALF), True, "CHARGED_BY_CLIENT", "FILLED", "4.99"),
        ((HALF, END), True, "CHARGED_BY_CLIENT", "CANCELLED", "4.99"),
        ((END,), True, "CHARGED_BY_CLIENT", "CANCELLED", "0"),
    ],
)
async def test_a_buy(
    api: Api, trader: Trader, steps: tuple[Step, ...], ends: bool, method: str, status: str, fee: str
) -> None:
    script(trader.world, *steps, ends=ends)
    accepted = (await api.send("POST", "/orders", body(trader, "4.99", method), key=uuid4())).json()
    assert (accepted["status"], accepted["fee"]) == ("NEW", "0")
    await trader.rest()
    order = (await api.send("GET", f"/orders/{accepted['id']}")).json()
    assert (order["status"], order["fee"]) == (status, fee)
    assert order["fee_configuration"] == accepted["fee_configuration"]
    assert order["fee_configuration"][0]["cash_amount"] == "4.99"
    end = {status: fee} if status in ("FILLED", "CANCELLED") else {}
    assert await told(trader, order["id"]) == {"NEW": "0", "PROCESSING": "0"} | end


async def test_a_refused_order_had_no_fee(api: Api, trader: Trader) -> None:
    asked = body(trader, "4.99", "COLLECTED_BY_UPVEST", quantity="2000")
    accepted = (await api.send("POST", "/orders", asked, key=uuid4())).json()
    await trader.rest()
    order = (await api.send("GET", f"/orders/{accepted['id']}")).json()
    assert (order["status"], order["fee"]) == ("CANCELLED", "0")


async def test_a_sale_is_charged_no_more_than_it_brings(api: Api, trader: Trader) -> None:
    await trader.place(quantity="1")
    asked = body(trader, "4.99", "COLLECTED_BY_UPVEST", "SELL", "0.01")
    accepted = (await api.send("POST", "/orders", asked, key=uuid4())).json()
    await trader.rest()
    order = (await api.send("GET", f"/orders/{accepted['id']}")).json()
    assert (order["status"], order["cash_amount"], order["fee"]) == ("FILLED", "1.13", "1.13")
    proof = await prove_tenant(trader.world.database, trader.customer.tenant_id, catalog.INVARIANTS)
    assert proof.clean, proof.findings
    assert proof.figures["fees EUR"] == "1.13"
