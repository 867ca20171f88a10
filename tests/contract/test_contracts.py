"""Two contracts beside each other: paged by their own limits, proven in their own way, each with its own paths.

What is written through one is read through the other in `test_one_story.py`; what their subscriptions hear is in
`tests/features/webhooks/test_webhooks_lite.py`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from openvest import catalog
from openvest.core.contracts import Contract
from openvest.db.unit import Database, Unit
from openvest.features.payments import service
from openvest.features.payments.model import NewTopup
from openvest.server.app import App
from tests.kit.customers import Customer, make_customer
from tests.kit.http import Api, http_of, make_apis, make_test_app
from tests.kit.openapi import check_answer, check_description

pytestmark = pytest.mark.anyio

CONTRACTS = catalog.CONTRACTS


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
    v1 = await make_apis(app, database, customer.tenant_id)
    lite = v1.speaking("lite")
    at = f"/account_groups/{customer.group_id}/payments/topups"
    described = (await lite.http.get("/openapi/lite.json")).json()
    answer = await lite.get(at)
    check_answer(described, answer)
    assert answer.json()["meta"] == {"offset": 0, "limit": 20, "count": 20, "total": 22}
    assert len((await lite.get(f"{at}?limit=2&offset=21")).json()["data"]) == 1
    assert len((await v1.get(at)).json()["data"]) == 22
    statuses = {
        limit: ((await v1.get(f"{at}?limit={limit}")).status_code, (await lite.get(f"{at}?limit={limit}")).status_code)
        for limit in (0, 100, 101, 1000, 1001)
    }
    assert statuses == {0: (200, 400), 100: (200, 200), 101: (200, 400), 1000: (200, 400), 1001: (400, 400)}


async def test_a_bearer_token_is_all_that_lite_wants(app: App, database: Database, tenant_id: UUID) -> None:
    """A key is honoured, and a signature that is sent is verified."""
    customer = await make_customer(database, tenant_id)
    v1 = await make_apis(app, database, customer.tenant_id)
    lite = v1.speaking("lite")
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


async def test_a_token_request_that_is_not_signed_is_told_what_it_may_lack(
    app: App, database: Database, tenant_id: UUID
) -> None:
    v1 = await make_apis(app, database, tenant_id)
    lite = v1.speaking("lite")
    others = {"client_id": str(uuid4())}, {"client_id": str(v1.client.client_id)}, {"client_secret": "x"}
    wrong = [await lite.ask_token("users:read", **changed) for changed in others]
    assert {one.status_code for one in wrong} == {401}
    [told] = {one.json()["detail"] for one in wrong}
    assert "the client or its secret is unknown" in told
    proven = await lite.ask_token("nothing:read")
    assert (proven.status_code, proven.json()["detail"]) == (
        403,
        "The client is not configured for all of these scopes.",
    )
    nameless = await lite.http.post("/auth/token", json={"client_id": str(lite.client.client_id)})
    assert nameless.status_code == 401
    assert "neither signed nor a form that names a client_id" in nameless.json()["detail"]


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "00000000-0000-4000-8000-000000000000", path)


def only_in(contract: Contract) -> set[tuple[str, str]]:
    """Methods and paths, ids filled in, of which the other contract has no operation at all."""
    others = {one.path for other, table in CONTRACTS.items() if other != contract for one in table}
    forms = [re.compile(re.sub(r"\{\w+\}", "[^/]+", path)) for path in others]
    mine = {(one.method, filled(one.path)) for one in CONTRACTS[contract]}
    return {(method, path) for method, path in mine if not any(form.fullmatch(path) for form in forms)}


async def test_a_path_of_the_other_contract_says_so(app: App, database: Database, tenant_id: UUID) -> None:
    v1 = await make_apis(app, database, tenant_id)
    tried: set[str] = set()
    for contract, other in (("v1", "lite"), ("lite", "v1")):
        client: Api = v1.speaking(other)
        for method, path in only_in(contract):
            answer = await client.send(method, path)
            assert (answer.status_code, answer.json()["detail"]) == (
                404,
                f"This path exists only in the contract {contract}, and the client speaks {other}.",
            )
            tried.add(path)
    assert {filled("/instruments/{id}/venues"), filled("/orders/{id}/cancellation")} <= tried
    for client in v1.every:
        for path in ("/gifts", "/users/", "/orders/x/y/z", "/webhooks/x/cancellation"):
            answer = await client.send("GET", path)
            assert (answer.status_code, answer.json()["detail"]) == (404, "No operation has this path."), path
    # A path of both is not found for its method alone.
    refused = await v1.speaking("lite").send("PUT", "/orders")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")


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
    shown = {contract: described[contract]["components"]["schemas"]["Order"]["properties"] for contract in described}
    assert {contract: {"type", "order_type"} & set(shown[contract]) for contract in shown} == {
        "v1": {"order_type"}, "lite": {"type"},
    }  # fmt: skip


async def test_a_contract_without_operations_is_not_served(database: Database) -> None:
    app = make_test_app(database, {**CONTRACTS, "lite": ()})
    async with http_of(app) as http:
        assert (await http.get("/openapi/lite.json")).status_code == 404
        assert list((await http.get("/")).json()["openapi"]) == ["v1"]
