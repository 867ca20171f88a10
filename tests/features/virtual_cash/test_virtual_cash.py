"""Virtual cash over HTTP: what becomes of increases and decreases, which wait, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from openvest import catalog
from openvest.db.unit import Unit
from openvest.events.log import events_of
from openvest.features.accounts import service as accounts
from openvest.features.virtual_cash import sweeps
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.features.virtual_cash.sample import CHANGE, increased, queued
from tests.kit.customers import Customer, make_customer
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.sample import filled

pytestmark = pytest.mark.anyio

UP, DOWN = "/virtual_cash_balances/increases", "/virtual_cash_balances/decreases"


@dataclass
class Desk:
    """A client of both contracts, and a customer."""

    world: Assembled
    api: Api
    customer: Customer

    async def change(self, way: str, amount: str, currency: str = "EUR") -> str:
        """Ask, and come to rest. Returns the id."""
        body = filled(CHANGE, self.customer.ids) | {"amount": amount, "currency": currency}
        answer = await self.api.post(way, body)
        assert (answer.status_code, answer.json()["status"]) == (202, "ISSUED"), answer.text
        await self.rest()
        return answer.json()["id"]

    async def rest(self) -> None:
        await self.world.runner.run_until_quiet(self.customer.tenant_id)

    async def balance(self, currency: str = "EUR") -> tuple[str, str]:
        """Balance and what is withdrawable."""
        seen = await self.api.get(f"/account_groups/{self.customer.group_id}/payments/cash_balances/{currency}")
        return seen.json()["balance"], seen.json()["available_for_withdrawal"]

    async def told(self, object_id: str | UUID) -> list[str]:
        tenant_id = self.customer.tenant_id
        found = await self.world.database.read(tenant_id, lambda unit: events_of(unit, [UUID(str(object_id))]))
        return [event.type.partition(".")[2] for event in found]

    async def write(self, work: Any, *args: Any) -> Any:
        return await self.world.database.write(self.customer.tenant_id, lambda unit: work(unit, *args))

    async def is_sound(self) -> bool:
        return (await prove_tenant(self.world.database, self.customer.tenant_id, catalog.INVARIANTS)).clean


@pytest.fixture
async def desk(assembled: Assembled, tenant_id: UUID) -> AsyncGenerator[Desk]:
    """Of a running tenant without a worker: what is due waits until it is asked to rest."""
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    api = await make_apis(app, assembled.database, tenant_id)
    async with api.http:
        yield Desk(assembled, api, await make_customer(assembled.database, tenant_id))


@pytest.mark.parametrize("currency", ["EUR", "GBP", "USD"])
async def test_money_comes_and_goes(desk: Desk, currency: str) -> None:
    increase = await desk.change(UP, "200.00", currency)
    assert await desk.balance(currency) == ("200.00", "200.00")
    decrease = await desk.change(DOWN, "150.00", currency)
    assert await desk.balance(currency) == ("50.00", "50.00")
    assert (await desk.told(increase), await desk.told(decrease)) == (["ISSUED", "CONFIRMED"],) * 2
    booked = (await desk.api.get("/transactions/cash")).json()["data"]
    assert {(one["type"], one["delta"]["amount"], one["references"][0]["id"]) for one in booked} == {
        ("VIRTUAL_CASH_INCREASE", "200.00", increase),
        ("VIRTUAL_CASH_DECREASE", "-150.00", decrease),
    }
    gone = await desk.api.send("DELETE", f"{DOWN}/{decrease}")
    assert (gone.status_code, "CONFIRMED" in gone.json()["detail"]) == (422, True)
    assert await desk.is_sound()


async def test_a_decrease_waits_until_all_of_its_money_is_there(desk: Desk) -> None:
    first = await desk.change(DOWN, "100.00")
    second = await desk.change(DOWN, "30.00")
    await desk.change(UP, "99.99")
    assert await desk.told(first) == ["ISSUED", "QUEUED"]
    assert await desk.told(second) == ["ISSUED", "QUEUED", "CONFIRMED"], "what fits does not wait for what does not"
    assert await desk.balance() == ("69.99", "69.99"), "nothing is set apart while one waits"
    await desk.change(UP, "30.01")
    assert (await desk.told(first), await desk.balance()) == (["ISSUED", "QUEUED", "CONFIRMED"], ("0.00", "0.00"))
    assert await desk.is_sound()


async def test_the_oldest_that_waits_comes_first(desk: Desk) -> None:
    waiting = [await desk.change(DOWN, "10.00") for _ in range(3)]
    await desk.change(UP, "20.00")
    assert [(await desk.told(one))[-1] for one in waiting] == ["CONFIRMED", "CONFIRMED", "QUEUED"]


async def test_a_decrease_is_cancelled_issued_and_queued(desk: Desk) -> None:
    await desk.change(UP, "10.00")
    issued = await queued(desk.world.database, desk.customer, "10.00")
    assert (issued.set_apart, await desk.is_sound()) == (True, True)
    waiting = await queued(desk.world.database, desk.customer, "0.01")
    assert not waiting.set_apart
    await desk.write(sweeps.decide_decreases, [waiting])
    for decrease, life in ((issued, ["ISSUED", "CANCELLED"]), (waiting, ["ISSUED", "QUEUED", "CANCELLED"])):
        await desk.write(sweeps.end_decrease, decrease.id)
        await desk.write(sweeps.end_decrease, decrease.id)  # once more finds it ended
        assert await desk.told(decrease.id) == life
    assert await desk.balance() == ("10.00", "10.00")
    over = await desk.change(DOWN, "20.00")
    assert (await desk.api.send("DELETE", f"{DOWN}/{over}")).status_code == 202
    assert await desk.told(over) == ["ISSUED", "QUEUED", "CANCELLED"]
    assert (await desk.api.send("DELETE", f"{DOWN}/{uuid4()}")).status_code == 404
    assert await desk.is_sound()


async def test_a_group_that_is_locked(desk: Desk) -> None:
    """An increase of it comes to nothing, a decrease waits for its end."""
    increase = await increased(desk.world.database, desk.customer, "5.00")
    decrease = await queued(desk.world.database, desk.customer, "5.00")
    await desk.write(accounts.lock_account_group, desk.customer.group_id)
    await desk.rest()
    assert (await desk.told(increase.id), await desk.told(decrease.id)) == (["ISSUED", "CANCELLED"], ["ISSUED"])
    for way in (UP, DOWN):
        refused = await desk.api.post(way, filled(CHANGE, desk.customer.ids))
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "account_group_id")
    await desk.write(accounts.unlock_account_group, desk.customer.group_id)
    await desk.rest()
    assert await desk.told(decrease.id) == ["ISSUED", "QUEUED"]


async def test_a_group_is_closed_after_what_waits(desk: Desk) -> None:
    waiting, group = await desk.change(DOWN, "10.00"), f"/account_groups/{desk.customer.group_id}"
    for path in (f"/accounts/{desk.customer.account_id}", group, f"/users/{desk.customer.user_id}"):
        assert (await desk.api.send("DELETE", path)).status_code == 202
    await desk.rest()
    assert (await desk.api.get(group)).json()["status"] == "CLOSING"
    await desk.api.send("DELETE", f"{DOWN}/{waiting}")
    await desk.rest()
    assert (await desk.api.get(group)).json()["status"] == "CLOSED"
    assert (await desk.api.get(f"/users/{desk.customer.user_id}")).json()["status"] == "OFFBOARDED"


async def test_what_is_refused(desk: Desk) -> None:
    good = filled(CHANGE, desk.customer.ids)
    cases: list[tuple[dict[str, Any], int, list[str]]] = [
        (good | {"amount": "0.00"}, 400, ["amount"]),
        (good | {"amount": "1.001", "currency": "CHF"}, 400, ["amount", "currency"]),
        (good | {"amount": "1234567890.00"}, 400, ["amount"]),
        (good | {"account_group_id": str(uuid4())}, 404, []),
    ]
    for way in (UP, DOWN):
        for body, code, fields in cases:
            answer = await desk.api.post(way, body)
            said = [error["field"] for error in answer.json().get("errors", [])]
            assert (body, answer.status_code, said) == (body, code, fields)


async def test_lite_reads_what_became_of_them(desk: Desk) -> None:
    lite, body = desk.api.speaking("lite"), filled(CHANGE, desk.customer.ids)
    up, down = [
        await lite.send("POST", way, body | {"amount": amount}) for way, amount in ((UP, "2.00"), (DOWN, "9.00"))
    ]
    assert (up.status_code, down.status_code) == (201, 201)
    await desk.rest()
    assert (await lite.get(f"{UP}/{up.json()['id']}")).json()["status"] == "CONFIRMED"
    assert (await lite.get(f"{DOWN}/{down.json()['id']}")).json()["status"] == "QUEUED"
    assert (await lite.send("DELETE", f"{DOWN}/{down.json()['id']}")).status_code == 204
    assert (await lite.get(f"{DOWN}/{down.json()['id']}")).json()["status"] == "CANCELLED"


async def test_an_increase_that_cannot_be_booked_is_cancelled(desk: Desk) -> None:
    increase = await increased(desk.world.database, desk.customer, "5.00")

    async def drop(unit: Unit) -> None:
        for _ in range(2):
            await sweeps.end_increase(unit, increase.id)

    await desk.write(drop)
    assert await desk.told(increase.id) == ["ISSUED", "CANCELLED"]
    assert await desk.is_sound()
