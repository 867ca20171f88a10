"""A second contract beside v1: served, described, paged by its own limits, heard by its own subscriptions, and held to
the gates.

The second contract is the throwaway of `tests/resources/lite`. `make gates ARGS=--lite` runs every gate with it in
place; here are two of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from openvest import catalog
from openvest.db.unit import Database, Unit
from openvest.declarations import Contract, Endpoint, Face
from openvest.events.sequencer import number_events
from openvest.events.telling import tellings
from openvest.features.payments import service
from openvest.features.payments.model import NewTopup
from openvest.server.app import App
from tests.kit.customers import Customer, make_customer, make_user
from tests.kit.http import http_of, make_api, make_test_app
from tests.kit.openapi import check_answer, check_description
from tests.kit.receiver import receiving
from tests.kit.webhooks import make_world
from tests.resources.lite import payments

pytestmark = pytest.mark.anyio

LITE: Sequence[Endpoint] = (*catalog.CONTRACTS["lite"], *payments.ENDPOINTS)
CONTRACTS: Mapping[Contract, Sequence[Endpoint]] = {**catalog.CONTRACTS, "lite": LITE}
TOLD = {**catalog.TOLD, "lite": tellings(catalog.EVENTS, [Face(representations=payments.REPRESENTATIONS)])}


@pytest.fixture
def app(database: Database) -> App:
    return make_test_app(database, CONTRACTS)


async def topped_up(customer: Customer, database: Database, times: int) -> None:
    async def work(unit: Unit) -> None:
        for _ in range(times):
            await service.create_topup(unit, NewTopup(customer.group_id, Decimal("1.00"), "EUR"))

    await database.write(customer.tenant_id, work)


async def test_each_contract_is_paged_by_its_own_limits(app: App, database: Database, tenant_id: UUID) -> None:
    customer = await make_customer(database, tenant_id)
    await topped_up(customer, database, 22)
    v1 = await make_api(app, database, customer.tenant_id)
    lite = await make_api(app, database, customer.tenant_id, contract="lite")
    at = f"/account_groups/{customer.group_id}/payments/topups"
    described = (await lite.http.get("/openapi/lite.json")).json()
    answer = await lite.get(at)
    check_answer(described, answer)
    assert answer.json()["meta"] == {"offset": 0, "limit": 20, "count": 20, "total": 22}
    assert answer.json()["data"][0]["state"] == "PROCESSING"
    assert len((await lite.get(f"{at}?limit=2&offset=21")).json()["data"]) == 1
    assert len((await v1.get(at)).json()["data"]) == 22
    statuses = {
        limit: ((await v1.get(f"{at}?limit={limit}")).status_code, (await lite.get(f"{at}?limit={limit}")).status_code)
        for limit in (0, 100, 101, 1000, 1001)
    }
    assert statuses == {0: (200, 400), 100: (200, 200), 101: (200, 400), 1000: (200, 400), 1001: (400, 400)}
    refused = await lite.get("/users")
    assert (refused.status_code, refused.json()["detail"]) == (
        404,
        "This path exists only in the contract v1, and the client speaks lite.",
    )


async def test_what_is_written_through_one_contract_is_read_through_the_other(
    app: App, database: Database, tenant_id: UUID
) -> None:
    """A bearer token is all that lite wants; a key is honoured, a signature that is sent is verified."""
    customer = await make_customer(database, tenant_id)
    v1 = await make_api(app, database, customer.tenant_id)
    lite = await make_api(app, database, customer.tenant_id, contract="lite")
    body = {"account_group_id": str(customer.group_id), "cash_amount": "5.00", "currency": "EUR"}
    made, key = await lite.send("POST", "/payments/topups", body), uuid4()
    assert made.status_code == 201
    assert not {"signature", "idempotency-key", "upvest-client-id"} & set(made.request.headers)
    at = f"/payments/topups/{made.json()['id']}"
    assert (await v1.get(at)).json()["status"] == "CONFIRMED"
    once, again = [await lite.send("POST", "/payments/topups", body, key=key) for _ in range(2)]
    assert once.content == again.content and once.json()["id"] != made.json()["id"]
    signed = await lite.signed("GET", at, None)
    assert [(await lite.http.get(at, headers=signed)).status_code for _ in range(2)] == [200, 401]
    assert (await lite.http.get(at, headers={**signed, "signature": "sig1=:AAAA:"})).status_code == 401
    gone = [await lite.send("DELETE", at, key=key) for key in (uuid4(),) * 2]
    assert [(one.status_code, one.content) for one in gone] == [(204, b"")] * 2
    assert (await v1.get(at)).json()["status"] == "CANCELLED"


async def test_each_contract_is_described_and_documented(app: App) -> None:
    async with http_of(app) as http:
        described: dict[str, Any] = {
            contract: (await http.get(f"/openapi/{contract}.json")).json() for contract in CONTRACTS
        }
        page = (await http.get("/docs")).text
        first = (await http.get("/")).json()
    assert list(first["openapi"]) == ["v1", "lite"]
    for contract, table in CONTRACTS.items():
        check_description(described[contract])
        operations = [one["operationId"] for path in described[contract]["paths"].values() for one in path.values()]
        assert sorted(operations) == sorted(endpoint.operation_id for endpoint in table)
        assert all(f'id="{contract}-{operation}"' in page for operation in operations)
    shown = {contract: described[contract]["components"]["schemas"]["Topup"]["properties"] for contract in described}
    assert {contract: {"state", "status"} & set(shown[contract]) for contract in shown} == {
        "v1": {"status"}, "lite": {"state"},
    }  # fmt: skip


async def test_a_contract_without_operations_is_not_served(database: Database) -> None:
    app = make_test_app(database, {**CONTRACTS, "lite": ()})
    async with http_of(app) as http:
        assert (await http.get("/openapi/lite.json")).status_code == 404
        assert list((await http.get("/")).json()["openapi"]) == ["v1"]


async def test_a_subscription_hears_events_as_its_contract_shows_them(database: Database, tenant_id: UUID) -> None:
    customer = await make_customer(database, tenant_id)
    async with receiving() as receiver:
        world = await make_world(database, customer.tenant_id, receiver)
        world.deliverer.told = TOLD
        await world.webhook("/v1")
        await world.webhook("/lite", contract="lite")
        await topped_up(customer, database, 1)
        await database.write(customer.tenant_id, make_user)
        await number_events(database, customer.tenant_id)
        await world.flow()
        await world.deliverer.sender.close()
        told = {
            path: [(event[key], event["object"]) for one in receiver.at(path) for event in one.payload]
            for path, key in (("/v1", "type"), ("/lite", "event_type"))
        }
    ((event_type, shown),) = told["/lite"]
    assert (event_type, shown["state"]) == ("TOPUP.CONFIRMED", "PROCESSING")
    payments.TopupView.model_validate(shown)
    # Of what the contract has no representation it hears nothing.
    assert {kind for kind, _ in told["/v1"]} >= {"TOPUP.CONFIRMED", "USER.CREATED"}
    assert dict(told["/v1"])["TOPUP.CONFIRMED"]["id"] == shown["id"]
