"""Cash balance transfers over HTTP: what becomes of the money, between which groups it goes, what is refused."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from openvest import catalog
from openvest.db.unit import Unit
from openvest.events.log import events_of
from openvest.features.accounts import service as accounts
from openvest.features.accounts.model import AccountGroup
from openvest.features.cash_transfers import rules, sweeps
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.features.cash_transfers.sample import TRANSFER, two_groups
from tests.kit.customers import Customer, make_customer, top_up
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.sample import filled

pytestmark = pytest.mark.anyio

ALL = "/payments/cash_balance_transfers"


@dataclass
class Desk:
    """A client of both contracts and a customer with 100.00 in a group that closes, and another group."""

    world: Assembled
    api: Api
    customer: Customer
    target_id: UUID

    def wanted(self, amount: str = "60.00", **changed: Any) -> dict[str, Any]:
        ids = {"closing_group_id": str(self.customer.group_id), "account_group_id": str(self.target_id)}
        return filled(TRANSFER, ids) | {"amount": amount} | changed

    async def issue(self, amount: str = "60.00") -> dict[str, Any]:
        answer = await self.api.post(ALL, self.wanted(amount))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def later(self) -> None:
        await self.api.send("POST", "/tests/clock/advance", {"by": "PT61S"})

    async def balance(self, group_id: UUID) -> tuple[str, str]:
        seen = (await self.api.get(f"/account_groups/{group_id}/payments/cash_balance")).json()
        return seen["balance"], seen["available_for_withdrawal"]

    async def balances(self) -> list[tuple[str, str]]:
        """Balance and what is withdrawable, of the source and of the target."""
        return [await self.balance(one) for one in (self.customer.group_id, self.target_id)]

    async def told(self, transfer_id: str) -> list[str]:
        tenant_id = self.customer.tenant_id
        found = await self.world.database.read(tenant_id, lambda unit: events_of(unit, [UUID(transfer_id)]))
        return [event.type.partition(".")[2] for event in found]

    async def is_sound(self) -> bool:
        return (await prove_tenant(self.world.database, self.customer.tenant_id, catalog.INVARIANTS)).clean


@pytest.fixture
async def desk(assembled: Assembled, frozen_tenant_id: UUID) -> AsyncGenerator[Desk]:
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    api = await make_apis(app, assembled.database, frozen_tenant_id)
    customer, target_id = await two_groups(assembled.database, frozen_tenant_id, "100.00")
    async with api.http:
        yield Desk(assembled, api, customer, target_id)


async def test_the_life_of_a_transfer(desk: Desk) -> None:
    transfer = await desk.issue()
    assert transfer == {
        "id": transfer["id"],
        "created_at": transfer["created_at"],
        "updated_at": transfer["created_at"],
        "source_account_group_id": str(desk.customer.group_id),
        "target_account_group_id": str(desk.target_id),
        "amount": "60.00",
        "currency": "EUR",
        "status": "ISSUED",
    }
    assert await desk.balances() == [("100.00", "40.00"), ("0.00", "0.00")]
    assert await desk.is_sound()
    await desk.later()
    assert await desk.balances() == [("40.00", "40.00"), ("60.00", "60.00")]
    assert (await desk.api.get(f"{ALL}/{transfer['id']}")).json()["status"] == "CONFIRMED"
    assert await desk.told(transfer["id"]) == ["ISSUED", "CONFIRMED"]
    booked = (await desk.api.get("/transactions/cash")).json()["data"][1:]
    cause = [{"id": transfer["id"], "type": "CASH_BALANCE_TRANSFER"}]
    assert {one["account_group_id"]: one["delta"]["amount"] for one in booked} == {
        str(desk.customer.group_id): "-60.00",
        str(desk.target_id): "60.00",
    }
    assert all((one["type"], one["references"]) == ("INTERNAL_CASH_TRANSFER", cause) for one in booked)
    assert (await desk.api.send("DELETE", f"{ALL}/{transfer['id']}")).status_code == 422
    assert await desk.is_sound()


async def test_one_that_is_taken_back(desk: Desk) -> None:
    transfer = await desk.issue()
    assert (await desk.api.send("DELETE", f"{ALL}/{transfer['id']}")).status_code == 204
    await desk.later()
    assert await desk.balances() == [("100.00", "100.00"), ("0.00", "0.00")]
    seen = (await desk.api.get(f"{ALL}/{transfer['id']}")).json()
    assert (seen["status"], seen["cancellation_reason"]) == ("CANCELLED", "CANCELLED_BY_CLIENT")
    again = await desk.api.send("DELETE", f"{ALL}/{transfer['id']}")
    assert (again.status_code, "CANCELLED" in again.json()["detail"]) == (422, True)
    assert await desk.is_sound()


async def test_a_group_that_takes_no_part_any_more(desk: Desk) -> None:
    transfer = await desk.issue()
    tenant_id, target_id = desk.customer.tenant_id, desk.target_id
    await desk.world.database.write(tenant_id, lambda unit: accounts.lock_account_group(unit, target_id))
    await desk.later()
    seen = (await desk.api.get(f"{ALL}/{transfer['id']}")).json()
    assert (seen["status"], seen["cancellation_reason"]) == ("CANCELLED", "CANCELLED_BY_UPVEST")
    assert (await desk.told(transfer["id"]), (await desk.balances())[0]) == (
        ["ISSUED", "CANCELLED"],
        ("100.00", "100.00"),
    )
    refused = await desk.api.post(ALL, desk.wanted())
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "target_account_group_id")


async def test_a_group_is_closed_after_its_transfers(desk: Desk) -> None:
    """And its user leaves after both."""
    transfer = await desk.issue("100.00")
    source, target = (f"/account_groups/{one}" for one in (desk.customer.group_id, desk.target_id))
    await desk.api.send("DELETE", f"/accounts/{desk.customer.account_id}")
    await desk.api.send("DELETE", target)
    await desk.api.send("DELETE", f"/users/{desk.customer.user_id}")
    statuses = [(await desk.api.get(one)).json()["status"] for one in (source, target)]
    assert statuses == ["CLOSING", "CLOSING"]
    await desk.later()
    assert await desk.told(transfer["id"]) == ["ISSUED", "CANCELLED"]
    statuses = [(await desk.api.get(one)).json()["status"] for one in (source, target)]
    assert statuses == ["CLOSING", "CLOSED"], "the money is back, and stays where it is"


async def test_money_that_leaves_lets_a_group_close(desk: Desk) -> None:
    await desk.issue("100.00")
    await desk.api.send("DELETE", f"/accounts/{desk.customer.account_id}")
    await desk.later()
    assert (await desk.api.get(f"/account_groups/{desk.customer.group_id}")).json()["status"] == "CLOSED"


async def test_what_a_transfer_may_not_be(desk: Desk) -> None:
    target, stranger = str(desk.target_id), await make_customer(desk.world.database, desk.customer.tenant_id)
    source, theirs = str(desk.customer.group_id), str(stranger.group_id)
    cases: list[tuple[dict[str, Any], int, list[str]]] = [
        (desk.wanted("0.00"), 400, ["amount"]),
        (desk.wanted("1.001"), 400, ["amount"]),
        (desk.wanted("1234567890.00"), 400, ["amount"]),
        (desk.wanted(currency="GBP"), 400, ["currency"]),
        (desk.wanted(target_account_group_id=source), 400, ["target_account_group_id"]),
        (desk.wanted(target_account_group_id=theirs), 404, []),
        (desk.wanted(source_account_group_id=theirs), 404, []),
        (desk.wanted(target_account_group_id=str(uuid4())), 404, []),
        (desk.wanted(source_account_group_id=target, target_account_group_id=source), 422, ["target_account_group_id"]),
        (desk.wanted("100.01"), 422, []),
    ]
    for body, code, fields in cases:
        answer = await desk.api.post(ALL, body)
        said = [error["field"] for error in answer.json().get("errors", [])]
        assert (body, answer.status_code, said) == (body, code, fields)
    assert "0.01 EUR are missing" in answer.json()["detail"]
    assert await desk.balances() == [("100.00", "100.00"), ("0.00", "0.00")]


async def test_lists_are_of_all_and_of_one_user(desk: Desk) -> None:
    made = [await desk.issue("1.00") for _ in range(3)]
    stranger = await make_customer(desk.world.database, desk.customer.tenant_id)
    everything = (await desk.api.get(f"{ALL}?limit=2&order=DESC")).json()
    assert ([one["id"] for one in everything["data"]], everything["meta"]["total_count"]) == (
        [made[2]["id"], made[1]["id"]],
        3,
    )
    for user_id, count in ((desk.customer.user_id, 3), (stranger.user_id, 0)):
        page = (await desk.api.get(f"/users/{user_id}{ALL}?sort=id")).json()
        assert (page["meta"]["total_count"], page["meta"]["sort"]) == (count, "id")
    assert (await desk.api.get(f"/users/{uuid4()}{ALL}")).status_code == 404


async def test_lite_takes_and_shows_the_same(desk: Desk) -> None:
    lite = desk.api.speaking("lite")
    made = await lite.send("POST", ALL, desk.wanted())
    assert (made.status_code, made.json()) == (201, (await desk.api.get(f"{ALL}/{made.json()['id']}")).json())
    page = (await lite.get(f"/users/{desk.customer.user_id}{ALL}")).json()
    assert (page["data"], page["meta"]["total"]) == ([made.json()], 1)
    back = desk.wanted(source_account_group_id=str(desk.target_id), target_account_group_id=str(desk.customer.group_id))
    refused = await lite.send("POST", ALL, back)
    assert refused.json()["detail"] == "An account group that is CLOSING takes no part in this transfer."
    assert (await lite.send("DELETE", f"{ALL}/{made.json()['id']}")).status_code == 204
    assert (await lite.get(f"{ALL}/{made.json()['id']}")).json()["status"] == "CANCELLED"


async def test_one_that_cannot_be_booked_gives_its_money_back(desk: Desk) -> None:
    transfer = await desk.issue()
    await top_up(desk.world.database, replace(desk.customer, group_id=desk.target_id), "1.00")

    async def drop(unit: Unit) -> None:
        for _ in range(2):  # the second finds it ended
            await sweeps.end_transfer(unit, UUID(transfer["id"]))

    await desk.world.database.write(desk.customer.tenant_id, drop)
    assert await desk.balances() == [("100.00", "100.00"), ("1.00", "1.00")]
    assert await desk.told(transfer["id"]) == ["ISSUED", "CANCELLED"]


def test_cash_stays_among_groups_of_one_type() -> None:
    group = AccountGroup(*[cast(Any, None)] * 4, UUID(int=1), "PERSONAL", "ACTIVE", "123456789")
    rules.check_groups(group, group)
    with pytest.raises(rules.GroupsOfOtherTypes):
        rules.check_groups(group, replace(group, type=cast(Any, "CHILD")))


@pytest.mark.parametrize(
    ("source", "target", "verb"),
    [
        ("ACTIVE", "ACTIVE", "confirm"),
        ("CLOSING", "ACTIVE", "confirm"),
        ("LOCKED", "ACTIVE", "cancel"),
        ("ACTIVE", "LOCKED", "cancel"),
        ("ACTIVE", "CLOSING", "cancel"),
    ],
)
def test_what_becomes_of_one_that_is_due(source: str, target: str, verb: str) -> None:
    one, other = [
        AccountGroup(*[cast(Any, None)] * 5, "PERSONAL", cast(Any, status), "123456789") for status in (source, target)
    ]
    assert rules.verb_when_due(one, other) == verb
