"""Cash, positions, transactions and payments over signed HTTP: codes, bodies, refusals, answers as described."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from openvest import catalog
from openvest.db.unit import Database, Unit
from openvest.declarations import Endpoint
from openvest.events.log import events_after
from openvest.events.sequencer import number_events
from openvest.features.bank import v1 as bank_v1
from openvest.features.cash import v1 as cash_v1
from openvest.features.payments import v1 as payments_v1
from openvest.features.positions import v1 as positions_v1
from openvest.features.tenants.v1 import ENDPOINTS as TENANTS
from tests.kit.banks import book
from tests.kit.customers import Customer, make_customer, top_up
from tests.kit.http import Api, make_api, make_test_app
from tests.kit.trades import ADIDAS, filled, locked, read_instrument, settled, trade, write
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

ENDPOINTS: list[Endpoint] = [*cash_v1.ENDPOINTS, *positions_v1.ENDPOINTS, *bank_v1.ENDPOINTS, *payments_v1.ENDPOINTS]
OBJECTS = catalog.TOLD["v1"]
BY_ID = {endpoint.operation_id: endpoint for endpoint in ENDPOINTS}
NOBODY = UUID("11111111-1111-4111-8111-111111111111")


@pytest.fixture
async def api(database: Database, tenant_id: UUID) -> AsyncGenerator[Api]:
    api = await make_api(make_test_app(database, [*TENANTS, *ENDPOINTS]), database, tenant_id)
    async with api.http:
        yield api


@pytest.fixture
async def customer(database: Database, tenant_id: UUID) -> Customer:
    return await make_customer(database, tenant_id)


def fits(schema: Any, body: Any) -> None:
    checker = Draft202012Validator(schema.model_json_schema(), format_checker=FormatChecker())
    assert [f"{list(error.path)}: {error.message}" for error in checker.iter_errors(body)] == []


def good(answer: httpx.Response, operation_id: str) -> Any:
    """The body of an answer that is as its endpoint declares it."""
    endpoint = BY_ID[operation_id]
    assert answer.status_code == endpoint.status, answer.text
    if endpoint.answer is None:
        assert answer.content == b""
        return None
    fits(endpoint.answer, answer.json())
    return answer.json()


def refused(answer: httpx.Response, code: int, *fields: str) -> str:
    """The detail of a refusal that names these fields."""
    assert answer.status_code == code, answer.text
    problem = answer.json()
    assert [error["field"] for error in problem.get("errors", [])] == list(fields)
    return str(problem["detail"])


def wanted(customer: Customer, **changed: Any) -> dict[str, Any]:
    return {"account_group_id": str(customer.group_id), "cash_amount": "1000.00", "currency": "EUR"} | changed


def transfer(text: str = "", **changed: Any) -> dict[str, Any]:
    return {
        "account": {"iban": "NL70ABNA0106295004"},
        "amount": "1000.00",
        "currency": "EUR",
        "client_reference": "it-0001",
        "remittance_information": text,
        "counterparty_name": "Erika Beispiel",
        "counterparty_account": {"iban": "DE95500105173934555844"},
        "counterparty_agent": {"bic": "DEUTDEFF"},
    } | changed


async def test_the_life_of_a_topup(api: Api, database: Database, customer: Customer) -> None:
    topup = good(await api.post("/payments/topups", wanted(customer, cash_amount="1000")), "create_topup")
    assert topup == {
        "id": topup["id"],
        "created_at": topup["created_at"],
        "account_group_id": str(customer.group_id),
        "cash_amount": "1000.00",
        "currency": "EUR",
        "settlement_reference": topup["settlement_reference"],
        "status": "CONFIRMED",
    }
    assert good(await api.get(f"/payments/topups/{topup['id']}"), "retrieve_topup") == topup

    text = f"topup {topup['settlement_reference']}"
    receipt = good(await api.post("/tests/payments/transactions", transfer(text)), "create_test_payment_transaction")
    assert UUID(receipt["id"]).version == 4 and receipt["bank_reference"]
    await book(database, customer.tenant_id)
    settled_one = good(await api.get(f"/payments/topups/{topup['id']}"), "retrieve_topup")
    assert settled_one == topup | {"status": "SETTLED"}
    detail = refused(await api.send("DELETE", f"/payments/topups/{topup['id']}"), 422)
    assert "SETTLED" in detail


async def test_a_topup_is_cancelled_with_204_and_its_money_is_gone(api: Api, customer: Customer) -> None:
    topup = good(await api.post("/payments/topups", wanted(customer)), "create_topup")
    good(await api.send("DELETE", f"/payments/topups/{topup['id']}"), "cancel_topup")
    assert good(await api.get(f"/payments/topups/{topup['id']}"), "retrieve_topup")["status"] == "CANCELLED"
    balance = good(await api.get(f"/account_groups/{customer.group_id}/payments/cash_balance"), "retrieve_cash_balance")
    assert balance["balance"] == "0.00"


async def test_a_keyed_topup_sent_twice_is_one(api: Api, customer: Customer) -> None:
    key = uuid4()
    first = await api.post("/payments/topups", wanted(customer), key)
    second = await api.post("/payments/topups", wanted(customer), key)
    assert first.content == second.content
    listed = good(await api.get(f"/account_groups/{customer.group_id}/payments/topups"), "list_topups")
    assert listed["meta"]["total_count"] == 1
    refused(await api.send("POST", "/payments/topups", wanted(customer)), 400)


async def test_what_a_topup_may_not_be(api: Api, customer: Customer) -> None:
    cases: list[tuple[dict[str, Any], list[str]]] = [
        (wanted(customer, cash_amount="0.00"), ["cash_amount"]),
        (wanted(customer, cash_amount=10), ["cash_amount"]),
        (wanted(customer, cash_amount="10.5"), ["cash_amount"]),
        (wanted(customer, cash_amount="1234567890"), ["cash_amount"]),
        (wanted(customer, currency="USD"), ["currency"]),
        (wanted(customer, account_group_id="x", currency="CHF"), ["account_group_id", "currency"]),
        (wanted(customer, user_id=str(customer.user_id)), ["user_id"]),
        ({}, ["account_group_id", "cash_amount", "currency"]),
    ]
    for body, fields in cases:
        refused(await api.post("/payments/topups", body), 400, *fields)
    refused(await api.post("/payments/topups", wanted(customer, account_group_id=str(NOBODY))), 404)
    refused(await api.get(f"/payments/topups/{NOBODY}"), 404)
    refused(await api.send("DELETE", f"/payments/topups/{NOBODY}"), 404)
    refused(await api.get(f"/account_groups/{NOBODY}/payments/topups"), 404)


async def test_what_a_transfer_may_not_be(api: Api) -> None:
    bad = transfer(
        "50 % & more",
        account={"iban": "NL71ABNA0106295004"},
        counterparty_account={},
        counterparty_agent={"bic": "X"},
        currency="USD",
    )
    refused(
        await api.post("/tests/payments/transactions", bad),
        400,
        "account.iban",
        "currency",
        "counterparty_account.iban",
        "counterparty_agent.bic",
        "remittance_information",
    )
    refused(await api.send("POST", "/tests/payments/transactions", transfer()), 400)


async def test_lists_of_topups_are_paged_and_ordered(api: Api, database: Database, customer: Customer) -> None:
    made = [await top_up(database, customer, f"{n}.00") for n in range(1, 5)]
    other = await make_customer(database, customer.tenant_id)
    await top_up(database, other, "9.00")
    path = f"/account_groups/{customer.group_id}/payments/topups"
    listed = good(await api.get(path), "list_topups")
    assert [row["cash_amount"] for row in listed["data"]] == ["1.00", "2.00", "3.00", "4.00"]
    assert listed["meta"] == {
        "offset": 0,
        "limit": 100,
        "count": 4,
        "total_count": 4,
        "sort": "created_at",
        "order": "ASC",
    }
    second = good(await api.get(f"{path}?order=DESC&offset=1&limit=2"), "list_topups")
    assert [row["cash_amount"] for row in second["data"]] == ["3.00", "2.00"]
    by_id = good(await api.get(f"{path}?sort=id"), "list_topups")
    assert [row["id"] for row in by_id["data"]] == sorted(str(topup.id) for topup in made)
    refused(await api.get(f"{path}?sort=cash_amount"), 400, "sort")
    none = good(await api.get(f"{path}?limit=0&offset={2**31 - 1}"), "list_topups")
    assert (none["data"], none["meta"]["count"], none["meta"]["total_count"]) == ([], 0, 4)
    refused(await api.get(f"{path}?offset={2**31}"), 400, "offset")


async def test_cash_balances_by_currency(api: Api, database: Database, customer: Customer) -> None:
    path = f"/account_groups/{customer.group_id}/payments/cash_balances"
    empty = good(await api.get(path), "list_cash_balances")
    assert [(row["currency"], row["balance"]) for row in empty["data"]] == [("EUR", "0.00")]
    await top_up(database, customer, "12.50", "GBP")
    both = good(await api.get(path), "list_cash_balances")
    assert both["meta"] == {"offset": 0, "limit": 100, "count": 2, "total_count": 2}
    pounds = good(await api.get(f"{path}/GBP"), "retrieve_currency_cash_balance")
    assert pounds == both["data"][1]
    assert pounds == {
        "account_group_id": str(customer.group_id),
        "currency": "GBP",
        "balance": "12.50",
        "locked_for_trading": "0.00",
        "pending_settlement": "0.00",
        "available_for_withdrawal": "12.50",
        "available_for_trading": "12.50",
    }
    for missing in (f"{path}/USD", f"{path}/CHF", f"{path}/eur"):
        refused(await api.get(missing), 404)
    for nobody in ("cash_balance", "cash_balances", "cash_balances/EUR"):
        refused(await api.get(f"/account_groups/{NOBODY}/payments/{nobody}"), 404)


async def held(database: Database, customer: Customer) -> UUID:
    """The customer buys 8.6918730986 of an instrument, not settled; its id."""
    adidas = await read_instrument(database, customer)
    await top_up(database, customer, "1000.00")
    await write(database, trade(customer, adidas, "BUY", "8.6918730986", "1000.00"), customer, locked, filled)
    return adidas.uuid


async def test_positions_by_every_name_of_their_instrument(api: Api, database: Database, customer: Customer) -> None:
    instrument_id = await held(database, customer)
    path = f"/accounts/{customer.account_id}/positions"
    listed = good(await api.get(path), "list_positions")
    assert listed["meta"]["total_count"] == 1
    [position] = listed["data"]
    assert position == {
        "account_id": str(customer.account_id),
        "instrument": {"uuid": str(instrument_id), "isin": ADIDAS},
        "quantity": "8.6918730986",
        "locked_for_trading": "0",
        "pending_settlement": "8.6918730986",
        "available_for_trading": "8.6918730986",
        "available_for_instruction": "8.6918730986",
        "settled_quantity": "0",
    }
    for name in (f"isin:{ADIDAS}", f"urn:isin:{ADIDAS}", f"uuid:{instrument_id}", f"urn:uuid:{instrument_id}"):
        assert good(await api.get(f"{path}/{name}"), "retrieve_position") == position
    for name in (ADIDAS, str(instrument_id), instrument_id.hex):
        assert good(await api.get(f"{path}/{name}"), "retrieve_position") == position
    for name in ("XX0000000000", str(NOBODY), "isin:XX0000000000", f"uuid:{NOBODY}", "isin:DE0008404005"):
        refused(await api.get(f"{path}/{name}"), 404)
    refused(await api.get(f"/accounts/{NOBODY}/positions"), 404)
    refused(await api.get(f"/accounts/{NOBODY}/positions/isin:{ADIDAS}"), 404)


async def test_cash_transactions_are_filtered(api: Api, database: Database, customer: Customer) -> None:
    topup = await top_up(database, customer, "10.00")
    other = await make_customer(database, customer.tenant_id)
    await top_up(database, other, "20.00")
    everything = good(await api.get("/transactions/cash"), "list_cash_transactions")
    assert [row["delta"]["amount"] for row in everything["data"]] == ["10.00", "20.00"]
    assert everything["meta"]["sort"] == "booking_date"
    mine = f"account_group_id={customer.group_id}"
    [row] = good(await api.get(f"/transactions/cash?{mine}"), "list_cash_transactions")["data"]
    assert row["type"] == "TOPUP"
    assert row["references"] == [{"id": str(topup.id), "type": "TOPUP"}]
    today = topup.created_at.date().isoformat()
    for query, count in (
        (f"start_date={today}&end_date={today}&sort=booking_date&order=DESC", 2),
        (f"{mine}&start_date={today}", 1),
        ("end_date=2020-01-01", 0),
        ("account_group_id=&start_date=&end_date=", 2),
        (f"account_group_id={NOBODY}", 0),
    ):
        found = good(await api.get(f"/transactions/cash?{query}"), "list_cash_transactions")
        assert (query, found["meta"]["total_count"]) == (query, count)
    refused(await api.get("/transactions/cash?start_date=02.03.2026"), 400, "start_date")
    refused(await api.get("/transactions/cash?account_id=x"), 400, "account_id")
    refused(await api.get("/transactions/securities?sort=id"), 400, "sort")
    assert good(await api.get("/transactions/securities"), "list_securities_transactions")["data"] == []


async def test_scopes_are_asked(api: Api, customer: Customer) -> None:
    group, account = customer.group_id, customer.account_id
    asked = [
        ("GET", f"/account_groups/{group}/payments/cash_balance", "positions:read"),
        ("GET", f"/account_groups/{group}/payments/cash_balances", "positions:read"),
        ("GET", f"/account_groups/{group}/payments/cash_balances/EUR", "positions:read"),
        ("GET", f"/accounts/{account}/positions", "positions:read"),
        ("GET", "/transactions/cash", "transactions:read"),
        ("GET", "/transactions/securities", "transactions:read"),
        ("GET", f"/account_groups/{group}/payments/topups", "topups:read"),
    ]
    await api.fetch_token(["users:read"])
    for method, path, _ in asked:
        refused(await api.send(method, path), 403)
    refused(await api.post("/payments/topups", wanted(customer)), 403)
    refused(await api.post("/tests/payments/transactions", transfer()), 403)
    await api.fetch_token(["topups:read"])
    refused(await api.post("/payments/topups", wanted(customer)), 403)
    for method, path, scope in asked:
        await api.fetch_token([scope])
        assert (await api.send(method, path)).status_code == 200


async def test_another_tenant_sees_nothing_of_it(api: Api, database: Database, customer: Customer) -> None:
    topup = await top_up(database, customer, "1000.00")
    other = await make_api(
        make_test_app(database, [*TENANTS, *ENDPOINTS]), database, await make_tenant(database, "Tenant B")
    )
    async with other.http:
        for path in (
            f"/account_groups/{customer.group_id}/payments/cash_balance",
            f"/account_groups/{customer.group_id}/payments/cash_balances",
            f"/account_groups/{customer.group_id}/payments/topups",
            f"/accounts/{customer.account_id}/positions",
            f"/payments/topups/{topup.id}",
        ):
            refused(await other.get(path), 404)
        refused(await other.send("DELETE", f"/payments/topups/{topup.id}"), 404)
        refused(await other.post("/payments/topups", wanted(customer)), 404)
        assert (await other.get("/transactions/cash")).json()["data"] == []


async def test_every_event_fits_its_published_object(database: Database, customer: Customer) -> None:
    adidas = await read_instrument(database, customer)
    await top_up(database, customer, "1000.00")
    buy = trade(customer, adidas, "BUY", "8.6918730986", "1000.00")
    await write(database, buy, customer, locked, filled)
    await write(database, buy, customer, settled)
    await number_events(database, customer.tenant_id)

    async def work(unit: Unit) -> list[Any]:
        return list(await events_after(unit, 0, 1_000))

    seen: set[str] = set()
    for event in await database.read(customer.tenant_id, work):
        shown = OBJECTS[event.type].shown
        fits(shown.schema, shown.mapper(event.snapshot))
        seen.add(event.type)
    assert seen >= {"TOPUP.CONFIRMED", "CASH_BALANCE.UPDATED", "CASH_TRANSACTION.EXECUTED", "POSITION.UPDATED"}
