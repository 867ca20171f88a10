"""Money and units over lite: both contracts say the same of them, and transactions sum to the balance."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest

from openvest import catalog
from openvest.core.problems import Problem
from openvest.core.vocabulary import CASH_TYPES, SECURITIES_TYPES
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.cash.model import Instrument
from openvest.features.positions import service
from openvest.features.positions.lite_types import TRANSACTION_TYPES
from openvest.features.positions.model import SecuritiesTransaction
from openvest.main import Assembled
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.orders import Trader, make_trader
from tests.kit.trades import read_instrument

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


@pytest.fixture
async def trader(assembled: Assembled, frozen_tenant_id: UUID) -> Trader:
    return await make_trader(assembled, frozen_tenant_id, money="")


@pytest.fixture
async def v1(assembled: Assembled, frozen_tenant_id: UUID) -> AsyncGenerator[Api]:
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    api = await make_apis(app, assembled.database, frozen_tenant_id)
    async with api.http:
        yield api


@pytest.fixture
def lite(v1: Api) -> Api:
    return v1.speaking("lite")


async def second_account(trader: Trader) -> Trader:
    """The same customer with another account in the same group."""
    of = trader.customer

    async def work(unit: Unit) -> UUID:
        return (await accounts.create_account(unit, of.user_id, of.group_id, "TRADING")).id

    return replace(trader, customer=replace(of, account_id=await trader.world.database.write(of.tenant_id, work)))


async def seen(api: Api, path: str) -> Any:
    answer = await api.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def topped_up(lite: Api, trader: Trader, amount: str) -> Json:
    body = {"account_group_id": str(trader.customer.group_id), "cash_amount": amount, "currency": "EUR"}
    answer = await lite.send("POST", "/payments/topups", body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def history(lite: Api, trader: Trader, limit: int = 100) -> list[Json]:
    """All transactions of the account, page by page."""
    found: list[Json] = []
    while True:
        at = f"/accounts/{trader.customer.account_id}/transactions?offset={len(found)}&limit={limit}"
        page = await seen(lite, at)
        found += page["data"]
        if not page["data"]:
            assert page["meta"] == {"offset": len(found), "limit": limit, "count": 0, "total": len(found)}
            return found


def told(rows: list[Json]) -> list[tuple[str, str]]:
    return [(row["type"], row["amount"]) for row in rows]


async def test_a_customer_follows_money_and_units(v1: Api, lite: Api, trader: Trader) -> None:
    account = f"/accounts/{trader.customer.account_id}"
    await topped_up(lite, trader, "1000.00")
    taken_back = await topped_up(lite, trader, "5.00")
    assert (await lite.send("DELETE", f"/payments/topups/{taken_back['id']}")).status_code == 204
    await trader.place(cash_amount="500.00")
    await trader.place(side="SELL", quantity="1")

    [balance] = (await seen(lite, f"{account}/cash_balances"))["data"]
    figures = {"available": "613.03", "pending": "113.03", "total": "613.03"}
    assert balance == {"account_id": str(trader.customer.account_id), "currency": "EUR", **figures}

    [position] = (await seen(lite, f"{account}/positions"))["data"]
    [of_v1] = (await seen(v1, f"{account}/positions"))["data"]
    assert (position["instrument_id"], position["quantity"]) == (of_v1["instrument"]["uuid"], of_v1["quantity"])
    assert (position["average_buy_in_price"], position["currency"]) == ("115.05", "EUR")
    assert position["created_at"] < position["updated_at"]
    assert await seen(lite, f"{account}/positions/{position['id']}") == position

    rows = await history(lite, trader)
    assert told(rows) == [
        ("TRANSFER", "1000.00"), ("TRANSFER", "5.00"), ("TRANSFER", "-5.00"),
        ("ORDER_EXECUTION", "-500.00"), ("ORDER_EXECUTION", "113.03"),
    ]  # fmt: skip
    assert {row["account_id"] for row in rows} == {str(trader.customer.account_id)}
    assert {row["currency"] for row in rows} == {"EUR"}
    assert [row["created_at"] for row in rows] == sorted(row["created_at"] for row in rows)


async def test_what_is_sold_out_can_still_be_asked_for(lite: Api, trader: Trader) -> None:
    account = f"/accounts/{trader.customer.account_id}"
    await topped_up(lite, trader, "1000.00")
    await trader.place(quantity="1")
    [held] = (await seen(lite, f"{account}/positions"))["data"]
    await trader.place(side="SELL", quantity="1")
    await lite.send("POST", "/tests/clock/advance", {"by": "P7D"})
    assert (await seen(lite, f"{account}/positions"))["data"] == []
    empty = await seen(lite, f"{account}/positions/{held['id']}")
    assert (empty["quantity"], empty["currency"], empty["created_at"]) == ("0", "EUR", held["created_at"])
    assert "average_buy_in_price" not in empty


async def test_what_an_event_names_is_what_can_be_asked_for(lite: Api, trader: Trader) -> None:
    await topped_up(lite, trader, "1000.00")
    await trader.place(quantity="1")
    told = catalog.TOLD["lite"]
    shown = {
        told[event.type].name_of(event.snapshot): told[event.type].shown.mapper(event.snapshot)
        for event in await trader.events()
        if event.type in told
    }
    position = f"/accounts/{trader.customer.account_id}/positions/{shown['POSITION.UPDATED']['id']}"
    assert (await seen(lite, position))["id"] == shown["POSITION.UPDATED"]["id"]
    assert shown["CASH_BALANCE.UPDATED"] == {"id": str(trader.customer.group_id), "type": "CASH_BALANCE"}


async def test_units_that_move_without_money_are_seen_with_no_amount(lite: Api, trader: Trader) -> None:
    customer = trader.customer
    instrument: Instrument = await read_instrument(trader.world.database, customer)

    async def arrive(unit: Unit) -> None:
        row = SecuritiesTransaction(
            id=service.transaction_id(unit, instrument.uuid, customer.account_id),
            account_group_id=customer.group_id,
            account_id=customer.account_id,
            type="SECURITIES_TRANSFER",
            booking_date=unit.now,
            value_date=unit.now,
            created_at=unit.now,
            delta=Decimal(3),
            instrument=instrument,
            references=(),
        )
        await service.record_transactions(unit, [row])

    await trader.world.database.write(customer.tenant_id, arrive)
    other = await second_account(trader)
    assert told(await history(lite, trader)) == [("TRANSFER", "0.00")]
    assert await history(lite, other) == []


async def test_a_random_position_is_none_and_another_tenants_account_is_not_there(lite: Api, trader: Trader) -> None:
    account = f"/accounts/{trader.customer.account_id}"
    for path in (f"{account}/positions/{uuid4()}", *(f"/accounts/{uuid4()}/{of}" for of in LISTS)):
        assert (await lite.get(path)).status_code == 404, path
    refused = await lite.get(f"{account}/transactions?limit=101")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "limit")


LISTS = ("positions", "cash_balances", "transactions")


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_happens_transactions_sum_to_the_balance(v1: Api, lite: Api, trader: Trader, seed: int) -> None:
    """Over a group with two accounts: the money of each is told once, and running sums never fall below zero."""
    chance, accounts = Random(seed), [trader, await second_account(trader)]
    topups = [await topped_up(lite, trader, "1000.00")]
    for _ in range(14):
        one = chance.choice(accounts)
        match chance.choice(("top up", "take back", "buy", "buy", "sell")):
            case "top up":
                topups.append(await topped_up(lite, trader, f"{chance.randint(1, 300)}.{chance.randint(0, 99):02}"))
            case "take back":
                answer = await lite.send("DELETE", f"/payments/topups/{chance.choice(topups)['id']}")
                assert answer.status_code in (204, 422), answer.text
            case way:
                side = "BUY" if way == "buy" else "SELL"
                try:
                    await one.place(side=side, cash_amount=f"{chance.randint(1, 200)}.{chance.randint(0, 99):02}")
                except Problem as refused:
                    assert refused.status == 422, refused

    of_group = f"/account_groups/{trader.customer.group_id}/payments/cash_balances"
    [of_v1] = (await seen(v1, of_group))["data"]
    rows: dict[str, Json] = {}
    for one in accounts:
        account = f"/accounts/{one.customer.account_id}"
        [balance] = (await seen(lite, f"{account}/cash_balances"))["data"]
        names = {"total": "balance", "available": "available_for_trading", "pending": "pending_settlement"}
        assert {name: balance[name] for name in names} == {name: of_v1[at] for name, at in names.items()}
        mine = await history(lite, one, limit=chance.randint(1, 7))
        assert len({row["id"] for row in mine}) == len(mine)
        rows |= {row["id"]: row for row in mine}
        held = {row["instrument_id"]: row["quantity"] for row in (await seen(lite, f"{account}/positions"))["data"]}
        v1_rows = (await seen(v1, f"{account}/positions"))["data"]
        assert held == {row["instrument"]["uuid"]: row["quantity"] for row in v1_rows}
    sums = Decimal(0)
    for row in sorted(rows.values(), key=lambda row: row["created_at"]):
        sums += Decimal(row["amount"])
        assert sums >= 0, row
    assert sums == Decimal(of_v1["balance"])
    v1_list = await seen(v1, f"/transactions/cash?account_group_id={trader.customer.group_id}")
    assert v1_list["meta"]["total_count"] == len(rows) > 5


def test_every_type_has_a_word_and_what_takes_back_has_that_of_what_it_takes_back() -> None:
    every = {*CASH_TYPES, *SECURITIES_TYPES}
    assert {name for word in TRANSACTION_TYPES.words.values() for name in TRANSACTION_TYPES.behind(word)} == every
    for name in every:
        whole = name.removesuffix("_CANCELLATION").removesuffix("_CHARGE_BACK")
        assert TRANSACTION_TYPES[name] == TRANSACTION_TYPES[whole]
