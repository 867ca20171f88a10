"""Portfolios over HTTP: allocations, which accounts follow them, what lite makes of both, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvest import catalog
from openvest.events.log import events_of
from openvest.features.accounts import service as accounts
from openvest.features.portfolios import rules
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.features.portfolios.sample import ALLOCATION, OTHER, SHARES, WEIGHTS, accounts_of, instrument_id
from tests.kit.customers import Customer, make_customer
from tests.kit.http import Api, make_apis, make_test_app

pytestmark = pytest.mark.anyio

ALLOCATIONS, CONFIGURATIONS = "/portfolios/allocations", "/portfolios/configurations"
SHARE = {"instrument_id": SHARES, "instrument_id_type": "ISIN", "weight": "50"}


@dataclass
class Desk:
    """A client of both contracts, and a customer with two accounts of type PORTFOLIO."""

    world: Assembled
    api: Api
    customer: Customer
    accounts: list[UUID]

    async def made(self, at: str, body: Any) -> dict[str, Any]:
        answer = await self.api.post(at, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def allocation(self, **weights: str) -> dict[str, Any]:
        return await self.made(ALLOCATIONS, entries(**weights) if weights else ALLOCATION)

    async def follow(self, allocation: dict[str, Any], account: int = 0) -> dict[str, Any]:
        return await self.made(
            CONFIGURATIONS, {"account_id": str(self.accounts[account]), "allocation_id": allocation["id"]}
        )

    async def write(self, work: Any) -> Any:
        return await self.world.database.write(self.customer.tenant_id, work)

    async def told(self, *ids: str) -> list[str]:
        found = await self.world.database.read(
            self.customer.tenant_id, lambda unit: events_of(unit, [UUID(one) for one in ids])
        )
        return [event.type for event in found]

    async def is_sound(self) -> bool:
        return (await prove_tenant(self.world.database, self.customer.tenant_id, catalog.INVARIANTS)).clean


def entries(**weights: str) -> dict[str, Any]:
    """An allocation by ISIN."""
    return {
        "allocation": [
            {"instrument_id": isin, "instrument_id_type": "ISIN", "weight": weight} for isin, weight in weights.items()
        ]
    }


@pytest.fixture
async def desk(assembled: Assembled, frozen_tenant_id: UUID) -> AsyncGenerator[Desk]:
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    api = await make_apis(app, assembled.database, frozen_tenant_id)
    customer = await make_customer(assembled.database, frozen_tenant_id)
    follow = await accounts_of(assembled.database, customer, 2)
    async with api.http:
        yield Desk(assembled, api, customer, follow)


async def test_an_allocation_is_defined_followed_replaced_and_left(desk: Desk) -> None:
    allocation = await desk.allocation()
    assert allocation == {
        "id": allocation["id"],
        "created_at": allocation["created_at"],
        "updated_at": allocation["created_at"],
        "name": "Sixty forty",
        "allocation": ALLOCATION["allocation"],
    }
    followed = await desk.follow(allocation)
    assert followed == {
        "created_at": followed["created_at"],
        "updated_at": followed["created_at"],
        "account_id": str(desk.accounts[0]),
        "allocation_id": allocation["id"],
    }
    one = f"{CONFIGURATIONS}/{desk.accounts[0]}"
    assert (await desk.api.get(one)).json() == followed
    of_it = (await desk.api.get(f"{ALLOCATIONS}/{allocation['id']}/accounts")).json()
    assert of_it["data"] == [{"id": str(desk.accounts[0])}]

    replaced = await desk.api.send("PUT", f"{ALLOCATIONS}/{allocation['id']}", entries(**{OTHER: "100"}))
    assert (replaced.status_code, replaced.json()["name"]) == (200, "Sixty forty")
    assert (await desk.api.get(f"{ALLOCATIONS}/{allocation['id']}")).json() == replaced.json()
    assert (await desk.api.get(one)).json() == followed, "who follows it is not touched"

    other = await desk.allocation(**{SHARES: "1"})
    changed = await desk.api.send("PATCH", one, {"allocation_id": other["id"]}, key=uuid4())
    assert (changed.status_code, changed.json()["allocation_id"]) == (200, other["id"])
    assert (await desk.api.send("DELETE", one)).status_code == 204
    assert [(await desk.api.send(verb, one)).status_code for verb in ("GET", "DELETE")] == [404, 404]
    assert await desk.told(allocation["id"]) == ["PORTFOLIO_ALLOCATION.CREATED", "PORTFOLIO_ALLOCATION.CHANGED"]
    assert await desk.is_sound()


async def test_fractions_that_are_a_whole_are_percentages(desk: Desk) -> None:
    made = await desk.allocation(**{SHARES: "0.70001", OTHER: "0.29999"})
    assert [entry["weight"] for entry in made["allocation"]] == ["70.001", "29.999"]
    by_id = {"instrument_id": str(instrument_id(SHARES)), "instrument_id_type": "UPVEST", "weight": "100"}
    named = await desk.made(ALLOCATIONS, {"name": "", "allocation": [by_id]})
    assert (named["name"], named["allocation"][0]["instrument_id"]) == (rules.DEFAULT_NAME, by_id["instrument_id"])


async def test_what_an_allocation_may_not_be(desk: Desk) -> None:
    unknown, by_id = "DE000A0D9PT1", str(instrument_id(SHARES))
    cases: list[tuple[dict[str, Any], list[str]]] = [
        (entries(**{SHARES: "60", OTHER: "39.99999"}), ["allocation"]),
        (entries(**{SHARES: "60", OTHER: "40.00001"}), ["allocation"]),
        (entries(**{SHARES: "60.000001", OTHER: "39.999999"}), ["allocation.0.weight", "allocation.1.weight"]),
        (entries(**{SHARES: "100", OTHER: "0"}), ["allocation.1.weight"]),
        (entries(**{SHARES: "100.0"}), ["allocation.0.weight"]),
        (entries(**{SHARES: "101"}), ["allocation.0.weight"]),
        (entries(**{SHARES: "-1", OTHER: "101"}), ["allocation.0.weight", "allocation.1.weight"]),
        ({"allocation": []}, ["allocation"]),
        ({"allocation": [{**SHARE, "weight": 100}]}, ["allocation.0.weight"]),
        (entries(**{unknown: "100"}), ["allocation.0.instrument_id"]),
        (entries(**{"": "100"}), ["allocation.0.instrument_id"]),
        ({"allocation": [{**SHARE, "isin": SHARES}]}, ["allocation.0.isin"]),
        ({"allocation": [SHARE] * 2}, ["allocation.1.instrument_id"]),
        (
            {
                "allocation": [
                    SHARE,
                    {"instrument_id": by_id, "instrument_id_type": "UPVEST", "weight": "50"},
                ]
            },
            ["allocation.1.instrument_id"],
        ),
        ({"allocation": [{**SHARE, "instrument_id": by_id, "weight": "100"}]}, ["allocation.0.instrument_id"]),
    ]
    known = await desk.allocation()
    for body, fields in cases:
        for verb, at in (("POST", ALLOCATIONS), ("PUT", f"{ALLOCATIONS}/{known['id']}")):
            answer = await desk.api.send(verb, at, body, key=uuid4())
            said = [error["field"] for error in answer.json().get("errors", [])]
            assert (body, answer.status_code, said) == (body, 400, fields)
    assert (await desk.api.get(f"{ALLOCATIONS}/{known['id']}")).json() == known
    assert (await desk.api.get(ALLOCATIONS)).json()["meta"]["total_count"] == 1


async def test_which_accounts_follow(desk: Desk) -> None:
    allocation = await desk.allocation()
    await desk.follow(allocation)
    trading, locked = str(desk.customer.account_id), desk.accounts[1]
    await desk.write(lambda unit: accounts.lock_account(unit, locked))
    cases = [
        (str(uuid4()), allocation["id"], 404),
        (str(locked), str(uuid4()), 422),
        (str(locked), allocation["id"], 422),
        (trading, allocation["id"], 422),
        (str(desk.accounts[0]), allocation["id"], 422),
    ]
    for account_id, allocation_id, code in cases:
        answer = await desk.api.post(CONFIGURATIONS, {"account_id": account_id, "allocation_id": allocation_id})
        said = [error["field"] for error in answer.json().get("errors", [])]
        assert (account_id, answer.status_code, said) == (account_id, code, ["account_id"] if code == 422 else [])
    one = f"{CONFIGURATIONS}/{desk.accounts[0]}"
    assert (await desk.api.send("PATCH", one, {"allocation_id": str(uuid4())}, key=uuid4())).status_code == 404
    assert (await desk.api.send("PATCH", one, {}, key=uuid4())).json() == (await desk.api.get(one)).json()


async def test_an_account_that_follows_keeps_its_type_and_one_that_is_closed_follows_nothing(desk: Desk) -> None:
    await desk.follow(await desk.allocation())
    account, lite = f"/accounts/{desk.accounts[0]}", desk.api.speaking("lite")
    refused = await lite.send("PATCH", account, {"type": "TRADING"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "type")
    (portfolio,) = (await lite.get("/portfolios")).json()["data"]
    assert (portfolio["name"], portfolio["status"]) == ("Sixty forty", "ACTIVE")
    await desk.api.send("DELETE", account)
    await desk.world.runner.drain(desk.customer.tenant_id)
    assert (await desk.api.get(account)).json()["status"] == "CLOSED"
    assert (await desk.api.get(f"{CONFIGURATIONS}/{desk.accounts[0]}")).status_code == 404
    assert (await lite.get(f"/portfolios/{portfolio['id']}")).json()["status"] == "CLOSED"
    assert await desk.told(portfolio["id"]) == ["PORTFOLIO.CREATED", "PORTFOLIO.DELETED"]


async def test_one_configuration_is_made_of_two_at_once(desk: Desk) -> None:
    """Whoever comes second waits for the first, and is told that there is one."""
    allocation = await desk.allocation()
    body = {"account_id": str(desk.accounts[0]), "allocation_id": allocation["id"]}
    codes = [one.status_code for one in await asyncio.gather(*(desk.api.post(CONFIGURATIONS, body) for _ in range(4)))]
    assert sorted(codes) == [200, 422, 422, 422]


async def test_lite_has_portfolios_with_weights_of_their_own(desk: Desk) -> None:
    lite = desk.api.speaking("lite")
    body = {"account_id": str(desk.accounts[0]), "name": "Mine", "allocations": WEIGHTS}
    made = await lite.send("POST", "/portfolios", body)
    portfolio = made.json()
    assert (made.status_code, portfolio["name"], portfolio["status"]) == (201, "Mine", "ACTIVE")
    one = f"/portfolios/{portfolio['id']}"
    assert (await lite.get(f"{one}/allocations")).json() == {"data": WEIGHTS}
    seen = (await desk.api.get(f"{CONFIGURATIONS}/{desk.accounts[0]}")).json()
    of_v1 = (await desk.api.get(f"{ALLOCATIONS}/{seen['allocation_id']}")).json()
    assert [entry["weight"] for entry in of_v1["allocation"]] == ["60", "40"]
    assert (await lite.send("PATCH", one, {"name": "Ours"})).json()["name"] == "Ours"

    await desk.follow(of_v1, account=1)  # from now on two accounts follow the allocation
    turned = [{**WEIGHTS[0], "weight": "0.4"}, {**WEIGHTS[1], "weight": "0.6"}]
    assert (await lite.send("PUT", f"{one}/allocations", {"allocations": turned})).json() == {"data": turned}
    assert (await desk.api.get(f"{ALLOCATIONS}/{seen['allocation_id']}")).json() == of_v1
    assert (await lite.send("PUT", f"{one}/allocations", {"allocations": WEIGHTS})).json() == {"data": WEIGHTS}
    assert (await desk.api.get(ALLOCATIONS)).json()["meta"]["total_count"] == 2, "its own is changed in place"

    for weights, field in (("0.6 0.3", "allocations"), ("1.5 0.5", "allocations.0.weight")):
        unfit = [{**entry, "weight": one} for entry, one in zip(WEIGHTS, weights.split(), strict=True)]
        refused = await lite.send("PUT", f"{one}/allocations", {"allocations": unfit})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, field)
    assert (await lite.send("DELETE", one)).status_code == 204
    late = [await lite.send("PATCH", one, {"name": "Late"}), await lite.send("DELETE", one)]
    assert [answer.status_code for answer in late] == [409, 409]
    assert await desk.is_sound()


async def test_lists_are_filtered(desk: Desk) -> None:
    both, single = await desk.allocation(), await desk.allocation(**{SHARES: "100"})
    for number, one in enumerate((both, single)):
        await desk.follow(one, account=number)
    by_id = sorted([both["id"], single["id"]])
    by_account = [one for _, one in sorted(zip(map(str, desk.accounts), (both["id"], single["id"]), strict=True))]
    cases = [
        (f"{ALLOCATIONS}?instrument_ids={OTHER}", [both["id"]]),
        (f"{ALLOCATIONS}?instrument_ids={OTHER},{instrument_id(SHARES)}", by_id),
        (f"{ALLOCATIONS}?order=DESC&limit=1", by_id[1:]),
        (f"{ALLOCATIONS}?end_date=2001-01-01", []),
        (f"{CONFIGURATIONS}?allocation_id={single['id']}", [single["id"]]),
        (f"{CONFIGURATIONS}?account_id={desk.accounts[0]}", [both["id"]]),
        (f"{CONFIGURATIONS}?start_date=2001-01-01&order=DESC", by_account[::-1]),
    ]
    for at, wanted in cases:
        page = (await desk.api.get(at)).json()
        assert (at, [one.get("id") or one["allocation_id"] for one in page["data"]]) == (at, wanted)
    assert (await desk.api.get(f"{ALLOCATIONS}?instrument_ids=nothing")).status_code == 400


@given(st.lists(st.decimals("0.00001", "100", places=5), min_size=1, max_size=8))
def test_weights_are_taken_exactly_where_they_are_a_whole(weights: list[Decimal]) -> None:
    said = list(rules.weight_errors("allocation", weights))
    assert (not said) == (sum(weights) == 100)
    rest = 100 - sum(weights[:-1], Decimal(0))
    if rest > 0:
        assert not list(rules.weight_errors("allocation", [*weights[:-1], rest]))
