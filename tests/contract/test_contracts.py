"""A second contract beside v1: served, described, paged by its own limits and heard by its own subscriptions.

It is made up here and handed in as `main` hands in the catalog's; nothing of the program names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import Field

from openvest import catalog
from openvest.core.paging import PageParameters, number_or
from openvest.core.schema import Id, View
from openvest.core.snapshots import Json, Snapshot, snapshot_of
from openvest.db.unit import Database, Unit
from openvest.declarations import Call, Contract, Endpoint, Representation
from openvest.events.packages import event_objects
from openvest.events.sequencer import number_events
from openvest.features.payments import service
from openvest.features.payments.model import NewTopup
from openvest.features.tenants.rules import TOKEN_LIFETIME_SECONDS
from openvest.features.tenants.v1 import token_endpoint
from openvest.server.app import App
from tests.kit.customers import Customer, make_customer, make_user
from tests.kit.http import http_of, make_api, make_test_app
from tests.kit.openapi import check_answer, check_description
from tests.kit.receiver import receiving
from tests.kit.webhooks import make_world

pytestmark = pytest.mark.anyio


class TopupView(View):
    """A top-up as the made-up contract shows it. Its name is taken in v1, which is another description."""

    id: Id = Field(description="Id of the top-up.")
    state: Literal["OPEN", "DONE"] = Field(description="Whether the wire is still to come.")


class TopupList(View):
    """Some top-ups."""

    items: list[TopupView] = Field(description="The top-ups.")
    total: int = Field(description="How many there are.")


class TopupQuery(PageParameters):
    """Limits of its own."""

    limit: Annotated[int, number_or(10)] = Field(default=10, ge=1, le=100, description="Most items to return.")


def topup_lite(topup: Snapshot) -> Json:
    return {"id": topup["id"], "state": "OPEN" if topup["status"] == "CONFIRMED" else "DONE"}


async def list_topups(unit: Unit, call: Call) -> Json:
    found = await service.list_topups(unit, call.query.page_request, call.path["account_group_id"])
    return {"items": [topup_lite(snapshot_of(topup)) for topup in found.rows], "total": found.total}


LITE: Sequence[Endpoint] = (
    token_endpoint(TOKEN_LIFETIME_SECONDS),
    Endpoint(
        "GET",
        "/groups/{account_group_id}/topups",
        "list_group_topups",
        "List top-ups",
        "Top-ups",
        ("topups:read",),
        TopupList,
        list_topups,
        query=TopupQuery,
        errors=(400, 404),
    ),
)
CONTRACTS: Mapping[Contract, Sequence[Endpoint]] = {**catalog.CONTRACTS, "lite": LITE}
OBJECTS = event_objects(
    catalog.EVENTS, {**catalog.REPRESENTATIONS, "lite": {"top-up": Representation(topup_lite, TopupView)}}
)


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
    await topped_up(customer, database, 12)
    v1 = await make_api(app, database, customer.tenant_id)
    lite = await make_api(app, database, customer.tenant_id, contract="lite")
    of_v1 = f"/account_groups/{customer.group_id}/payments/topups"
    of_lite = f"/groups/{customer.group_id}/topups"
    described = (await lite.http.get("/openapi/lite.json")).json()
    answer = await lite.get(of_lite)
    check_answer(described, answer)
    assert (len(answer.json()["items"]), answer.json()["total"]) == (10, 12)
    assert answer.json()["items"][0].keys() == {"id", "state"}
    assert len((await lite.get(f"{of_lite}?limit=2&offset=11&order=DESC")).json()["items"]) == 1
    assert len((await v1.get(of_v1)).json()["data"]) == 12
    statuses = {
        limit: ((await v1.get(f"{of_v1}?limit={limit}")).status_code, (await lite.get(f"{of_lite}?limit={limit}")))
        for limit in (0, 100, 101, 1000, 1001)
    }
    assert {limit: (one, other.status_code) for limit, (one, other) in statuses.items()} == {
        0: (200, 400), 100: (200, 200), 101: (200, 400), 1000: (200, 400), 1001: (400, 400),
    }  # fmt: skip
    for api, path, has, speaks in ((v1, of_lite, "lite", "v1"), (lite, of_v1, "v1", "lite")):
        refused = await api.get(path)
        assert refused.status_code == 404
        assert refused.json()["detail"] == (
            f"This path exists only in the contract {has}, and the client speaks {speaks}."
        )


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
    assert set(described["lite"]["components"]["schemas"]["Topup"]["properties"]) == {"id", "state"}
    assert "cash_amount" in described["v1"]["components"]["schemas"]["Topup"]["properties"]


async def test_a_contract_without_operations_is_not_served(database: Database) -> None:
    app = make_test_app(database, {**CONTRACTS, "lite": ()})
    async with http_of(app) as http:
        assert (await http.get("/openapi/lite.json")).status_code == 404
        assert list((await http.get("/")).json()["openapi"]) == ["v1"]


async def test_a_subscription_hears_events_as_its_contract_shows_them(database: Database, tenant_id: UUID) -> None:
    customer = await make_customer(database, tenant_id)
    async with receiving() as receiver:
        world = await make_world(database, customer.tenant_id, receiver)
        world.deliverer.objects = OBJECTS
        await world.webhook("/v1")
        await world.webhook("/lite", contract="lite")
        await topped_up(customer, database, 1)
        await database.write(customer.tenant_id, make_user)
        await number_events(database, customer.tenant_id)
        await world.flow()
        await world.deliverer.sender.close()
        told = {
            path: [(event["type"], event["object"]) for one in receiver.at(path) for event in one.payload]
            for path in ("/v1", "/lite")
        }
    ((event_type, shown),) = told["/lite"]
    assert (event_type, shown["state"], set(shown)) == ("TOPUP.CONFIRMED", "OPEN", {"id", "state"})
    # Of what the contract has no representation it hears nothing.
    assert {kind for kind, _ in told["/v1"]} >= {"TOPUP.CONFIRMED", "USER.CREATED"}
    assert dict(told["/v1"])["TOPUP.CONFIRMED"]["id"] == shown["id"]
