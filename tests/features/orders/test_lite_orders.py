"""Orders in lite: the same orders in its own words, whoever placed or cancelled them."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import product
from typing import Any, get_args
from uuid import uuid4

import asyncpg
import httpx
import pytest

from openvest import catalog
from openvest.core.ids import deterministic_id
from openvest.db.unit import Unit
from openvest.declarations import BatchVerb, Call, Caller
from openvest.features.orders import lite, store, v1
from openvest.features.orders.model import CancellationReason, OrderStatus
from openvest.features.orders.v1_schemas import OrderCreate as OrderCreateV1
from openvest.main import Assembled
from tests.kit.cluster import Cluster
from tests.kit.contracts import Json
from tests.kit.copies import copied
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.orders import Trader, X, make_trader
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
X_ID = str(deterministic_id("instrument", X))
REST = {"type": "LIMIT", "quantity": "1", "limit_price": "1.00"}
"""What makes an order that no price serves."""


@asynccontextmanager
async def clients(trader: Trader) -> AsyncGenerator[Api]:
    """The tenant's clients: v1, and by `speaking` lite."""
    database = trader.world.database
    api = await make_apis(make_test_app(database, catalog.CONTRACTS), database, trader.customer.tenant_id)
    async with api.http:
        yield api


@pytest.fixture
async def api(trader: Trader) -> AsyncGenerator[Api]:
    async with clients(trader) as api:
        yield api


@pytest.fixture
async def live(assembled: Assembled) -> Trader:
    """Of a tenant whose clock runs: nothing is done for it until somebody asks for rest."""
    return await make_trader(assembled, await make_tenant(assembled.database, "Live", pace="instant"))


@pytest.fixture
async def live_api(live: Trader) -> AsyncGenerator[Api]:
    async with clients(live) as api:
        yield api


def body_of(trader: Trader, **fields: Any) -> Json:
    basis = {"account_id": str(trader.customer.account_id), "instrument_id": X_ID, "side": "BUY", "type": "MARKET"}
    return {name: value for name, value in (basis | fields).items() if value is not None}


async def placed(api: Api, trader: Trader, **fields: Any) -> Json:
    """An order that lite accepted; nothing is done about it yet."""
    answer = await api.speaking("lite").send("POST", "/orders", body_of(trader, **fields))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def read(api: Api, order_id: str, contract: Any = "lite") -> Json:
    answer = await api.speaking(contract).get(f"/orders/{order_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def asked_to_cancel(api: Api, order_id: str) -> httpx.Response:
    return await api.speaking("lite").send("POST", f"/orders/{order_id}/cancellation")


async def listed(api: Api, query: str) -> list[Json]:
    answer = await api.speaking("lite").get(f"/orders?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


# Placing


@pytest.mark.parametrize("name", [X_ID, X, X_ID.upper()])
async def test_an_order_is_placed_in_the_name_of_the_accounts_owner(api: Api, trader: Trader, name: str) -> None:
    made = await placed(api, trader, instrument_id=name, cash_amount="100.00")
    assert (made["user_id"], made["instrument_id"]) == (str(trader.customer.user_id), X_ID)
    assert (made["status"], made["cash_amount"], made["currency"]) == ("NEW", "100.00", "EUR")
    assert not {"quantity", "limit_price", "stop_price"} & set(made)
    await trader.rest()
    done, seen = await read(api, made["id"]), await read(api, made["id"], "v1")
    assert (done["status"], done["quantity"]) == ("FILLED", seen["quantity"])
    same = "id created_at updated_at user_id account_id side quantity cash_amount currency".split()
    assert [done[name] for name in same] == [seen[name] for name in same]
    assert (seen["instrument_id"], seen["order_type"], seen["execution_flow"]) == (X, "MARKET", "STRAIGHT_THROUGH")
    executions = (await api.speaking("lite").get(f"/orders/{made['id']}/executions")).json()["data"]
    [execution] = seen["executions"]
    assert executions == [
        {
            "id": execution["id"],
            "order_id": made["id"],
            "status": "SETTLED" if execution["status"] == "SETTLED" else "NEW",
            "quantity": execution["share_quantity"],
            "price": execution["price"],
            "executed_at": execution["transaction_time"],
        }
    ]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, {"cash_amount"}),
        ({"cash_amount": "1.00", "quantity": "1"}, {"quantity"}),
        ({"quantity": 1}, {"quantity"}),
        ({"cash_amount": 1.5}, {"cash_amount"}),
        ({"cash_amount": "1.5"}, {"cash_amount"}),
        ({"quantity": "0"}, {"quantity"}),
        ({"quantity": "1", "type": "LIMIT"}, {"limit_price"}),
        ({"quantity": "1", "type": "STOP"}, {"stop_price"}),
        ({"quantity": "1.5", "type": "LIMIT", "limit_price": "90.00"}, {"quantity"}),
        ({"quantity": "1", "limit_price": "90.00"}, {"limit_price"}),
        ({"quantity": "1", "type": None}, {"type"}),
        ({"quantity": "1", "order_type": "MARKET"}, {"order_type"}),
        ({"quantity": "1", "user_id": str(uuid4())}, {"user_id"}),
        ({"quantity": "1", "currency": "XYZ"}, {"currency"}),
        ({"quantity": "1", "currency": "eur"}, {"currency"}),
        ({"quantity": "1", "instrument_id": "no instrument"}, {"instrument_id"}),
        ({"quantity": 1, "side": "LEND", "account_id": "x"}, {"quantity", "side", "account_id"}),
    ],
)
async def test_what_does_not_fit_is_named_in_lites_words(
    api: Api, trader: Trader, fields: dict[str, Any], named: set[str]
) -> None:
    answer = await api.speaking("lite").send("POST", "/orders", body_of(trader, **fields))
    assert answer.status_code == 400, answer.text
    assert {error["field"] for error in answer.json()["errors"]} == named


async def test_a_foreign_account_or_instrument_is_like_one_of_nobody(
    api: Api, trader: Trader, assembled: Assembled
) -> None:
    elsewhere = await make_tenant(assembled.database, "Elsewhere", pace="instant", frozen_at=MONDAY_MORNING)
    foreign = (await make_trader(assembled, elsewhere)).customer.account_id
    answers = [
        await api.speaking("lite").send("POST", "/orders", body_of(trader, quantity="1", account_id=str(account)))
        for account in (foreign, uuid4())
    ]
    assert {(answer.status_code, answer.json()["detail"]) for answer in answers} == {
        (422, "There is no account with this id.")
    }
    for nothing in (str(uuid4()), "DE0000000000"):
        body = body_of(trader, quantity="1", instrument_id=nothing)
        answer = await api.speaking("lite").send("POST", "/orders", body)
        told = (answer.status_code, answer.json()["detail"])
        assert told == (422, "No instrument has this id or ISIN."), nothing


async def test_a_flush_of_lite_costs_no_statement_more_than_one_of_v1(live: Trader) -> None:
    customer = live.customer
    both = {"account_id": customer.account_id, "side": "BUY", "cash_amount": "1.00"}
    of_v1 = OrderCreateV1.model_validate(
        both | {"user_id": customer.user_id, "instrument_id": X, "instrument_id_type": "ISIN"}
    )
    of_lite = [lite.OrderCreate.model_validate(both | {"instrument_id": name, "type": "MARKET"}) for name in (X_ID, X)]
    await statements(live, v1.place_order, [of_v1])  # the driver learns the types of the connection's first insert
    ours = await statements(live, lite.create_order, of_lite * 10)
    assert ours == await statements(live, v1.place_order, [of_v1] * 20) < 10


async def statements(trader: Trader, verb: BatchVerb, bodies: list[Any]) -> int:
    """How many statements one flush of these bodies runs, its unit's end included."""
    caller = Caller(trader.customer.tenant_id, uuid4(), "", "v1", frozenset(), "BYOL")
    calls = [Call(caller, {}, None, body, None, "", str(uuid4()), item) for item, body in enumerate(bodies)]
    sent: list[str] = []

    async def flush(unit: Unit) -> None:
        unit.connection.add_query_logger(lambda record: sent.append(record.query))
        answers = await verb(unit, calls)
        assert not [answer for answer in answers if isinstance(answer, Exception)]

    await trader.world.database.write(trader.customer.tenant_id, flush, n=len(calls))
    return len(sent)


# Words


def test_every_end_of_an_order_has_a_word_and_every_word_an_end() -> None:
    going, reasons = set(get_args(OrderStatus)) - {"CANCELLED"}, get_args(CancellationReason)
    domain = [*product(going, [None]), *product(["CANCELLED"], reasons)]
    words = {pair: lite.state_of({"status": pair[0], "cancellation_reason": pair[1]}) for pair in domain}
    assert set(words.values()) == set(get_args(lite.State))
    assert [pair for pair, word in words.items() if word == "CANCELLED"] == [("CANCELLED", "CANCELLED_BY_CLIENT")]
    assert {pair[0] for pair, word in words.items() if word == "REJECTED"} == {"CANCELLED"}
    told = lite.TOLD["ORDER.CANCELLED"]
    assert callable(told)
    ends = {told({"status": "CANCELLED", "cancellation_reason": reason}) for reason in reasons}
    assert ends == {"ORDER.CANCELLED", "ORDER.REJECTED"}


async def test_a_list_of_one_status_holds_what_shows_it_and_nothing_else(api: Api, trader: Trader) -> None:
    accepted = [await placed(api, trader, **fields) for fields in ({"cash_amount": "9.00"}, REST, REST)]
    filled, working, ended = [order["id"] for order in accepted]
    rejected = (await placed(api, trader, cash_amount="99999.00"))["id"]
    await trader.rest()
    assert (await asked_to_cancel(api, ended)).status_code == 200
    await trader.rest()
    new = (await placed(api, trader, cash_amount="1.00"))["id"]
    wanted = {"NEW": new, "PROCESSING": working, "FILLED": filled, "CANCELLED": ended, "REJECTED": rejected}
    for state, order_id in wanted.items():
        found = await listed(api, f"status={state}")
        assert [(order["id"], order["status"]) for order in found] == [(order_id, state)]
        assert await listed(api, f"status={state}&account_id={trader.customer.account_id}") == found
        assert await listed(api, f"status={state}&account_id={uuid4()}") == []
    everything = await listed(api, "")
    assert [order["id"] for order in everything] == sorted(wanted.values())
    assert await listed(api, "offset=1&limit=2") == everything[1:3]
    for wrong in ("limit=101", "limit=0", "status=SETTLED", "sort=id"):
        assert (await api.speaking("lite").get(f"/orders?{wrong}")).status_code == 400


# Cancellation


async def test_a_cancellation_is_pending_until_the_venue_has_answered(live_api: Api, live: Trader) -> None:
    api, trader = live_api, live
    order = await placed(api, trader, **REST)
    await trader.rest()
    first, again = await asked_to_cancel(api, order["id"]), await asked_to_cancel(api, order["id"])
    assert (first.status_code, first.json()["status"]) == (200, "PENDING")
    assert first.json() == again.json()
    await trader.rest()
    assert (await read(api, order["id"]))["status"] == "CANCELLED"
    late = await asked_to_cancel(api, order["id"])
    assert (late.status_code, late.headers["content-type"]) == (400, "application/problem+json")
    [told] = [event for event in await trader.events() if event.type.startswith("ORDER_CANCELLATION")]
    assert (told.type, told.snapshot["id"]) == ("ORDER_CANCELLATION.CONFIRMED", first.json()["id"])
    assert told.snapshot["created_at"] == first.json()["created_at"]
    assert lite.REPRESENTATIONS["order cancellation"].mapper(told.snapshot) == {
        "id": first.json()["id"],
        "type": "ORDER_CANCELLATION",
    }


async def test_what_nobody_has_in_hand_is_cancelled_at_once(live_api: Api, live: Trader) -> None:
    api, order = live_api, await placed(live_api, live, cash_amount="10.00")
    asked = (await asked_to_cancel(api, order["id"])).json()
    assert (asked["status"], asked["order_id"]) == ("CONFIRMED", order["id"])
    assert (await read(api, order["id"]))["status"] == "CANCELLED"
    assert (await asked_to_cancel(api, str(uuid4()))).status_code == 404


UUIDS = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


async def test_the_log_is_the_same_whichever_contract_placed_and_cancelled(assembled: Assembled) -> None:
    logs = [await story(assembled, *both) for both in product(("v1", "lite"), repeat=2)]
    assert "ORDER_CANCELLATION.CONFIRMED" in logs[0]
    assert logs == logs[:1] * 4


async def story(assembled: Assembled, places: str, cancels: str) -> str:
    """The log of a tenant of whose orders some are cancelled, with its ids numbered."""
    tenant_id = await make_tenant(assembled.database, f"{places} {cancels}", pace="instant", frozen_at=MONDAY_MORNING)
    trader = await make_trader(assembled, tenant_id)
    begins, place = len(await trader.events()), placed if places == "lite" else placed_in_v1
    async with clients(trader) as api:
        for fields in ({"cash_amount": "10.00"}, REST, {"cash_amount": "99999.00"}, REST):
            order = await place(api, trader, **fields)
            if fields is REST:
                await cancel(api, cancels, order["id"])
    await trader.rest()
    text = repr([(event.type, event.created_at, event.snapshot) for event in (await trader.events())[begins:]])
    ids: dict[str, str] = {}
    return UUIDS.sub(lambda hit: ids.setdefault(hit[0], f"id {len(ids)}"), text)


async def placed_in_v1(api: Api, trader: Trader, **fields: Any) -> Json:
    body = body_of(trader, **fields)
    body |= {"user_id": str(trader.customer.user_id), "instrument_id": X, "instrument_id_type": "ISIN"}
    answer = await api.send("POST", "/orders", body | {"order_type": body.pop("type")}, key=uuid4())
    assert answer.status_code == 202, answer.text
    return answer.json()


async def cancel(api: Api, contract: str, order_id: str) -> None:
    answer = await (asked_to_cancel(api, order_id) if contract == "lite" else api.send("DELETE", f"/orders/{order_id}"))
    assert answer.status_code in (200, 202), answer.text


# Lists of many

_FILTERS: list[dict[str, Any]] = [
    {},
    {"status": "NEW"},
    {"status": "FILLED"},
    {"cancelled_by_client": True},
    {"cancelled_by_client": False},
]


async def test_a_page_of_many_orders_reads_no_more_than_it_shows(trader: Trader, cluster: Cluster) -> None:
    order, many = await trader.place(cash_amount="1.00"), 20_000
    name = await trader.world.database.pool.fetchval("select current_database()")
    owner = await asyncpg.connect(cluster.dsn(name, "postgres"))
    try:
        await copied(owner, "orders", order.id, many, COPIES)
        await owner.execute("analyze orders")
        await owner.execute("set plan_cache_mode = force_generic_plan")
        for filters in _FILTERS:
            sql = store.ORDERS.page_sql(list(filters), "id", "ASC")
            arguments = (trader.customer.tenant_id, *filters.values(), 0, 20)
            plan = "\n".join(row[0] for row in await owner.fetch(f"explain (analyze, costs off) {sql}", *arguments))
            assert "Seq Scan" not in plan and "Sort" not in plan, plan
            removed = sum(int(number) for number in re.findall(r"Rows Removed by Filter: (\d+)", plan))
            assert removed < 20, plan
    finally:
        await owner.execute("delete from orders where id <> $1", order.id)  # nobody was told of them
        await owner.close()


COPIES = {
    "id": "gen_random_uuid()",
    "status": "case when n % 1000 = 0 then 'NEW' when n % 100 = 1 then 'CANCELLED' else 'FILLED' end",
    "cancellation_reason": "case when n % 2000 = 1 then 'CANCELLED_BY_CLIENT'"
    " when n % 100 = 1 then 'CANCELLED_BY_UPVEST_PLATFORM' end",
}
"""One in a thousand NEW, one in a hundred ended, few of them by the client."""
