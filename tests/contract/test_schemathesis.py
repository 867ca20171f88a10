"""What is served against what is described: requests made from the description, and every answer held to it.

Half of the requests fit the schemas and half do not; ids in paths and bodies are mostly those of objects that exist.
Whatever is sent, the answer is one that is described for the operation, and never a fault of ours.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from openvest import catalog
from openvest.main import Assembled
from tests.kit.contracts import FIRST, TABLES
from tests.kit.generated import World
from tests.kit.http import make_api, make_test_app
from tests.kit.orders import make_trader

pytestmark = pytest.mark.anyio

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OF_EACH_KIND = 3
"""Requests of each kind per operation."""


@pytest.fixture(params=TABLES)
async def world(request: pytest.FixtureRequest, assembled: Assembled, frozen_tenant_id: UUID) -> AsyncGenerator[World]:
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    api = await make_api(app, assembled.database, frozen_tenant_id, contract=request.param)
    trader = await make_trader(assembled, frozen_tenant_id)
    order = await trader.place(cash_amount="100.00")
    customer = trader.customer
    ids = {
        "user_id": str(customer.user_id),
        "account_id": str(customer.account_id),
        "account_group_id": str(customer.group_id),
        "order_id": str(order.id),
        "execution_id": str(order.executions[0].id),
        "venue_id": str(order.executions[0].venue_id),
        "instrument_id": "isin:IE00B3XXRP09",
    }
    async with api.http:
        description = (await api.http.get(f"/openapi/{request.param}.json")).json()
        yield World(schemathesis.openapi.from_dict(_without_headers(description)), api, ids)


def _without_headers(description: dict[str, Any]) -> dict[str, Any]:
    """The description without the header parameters, which are the signer's to make."""
    named = description["components"]["parameters"]
    for operations in description["paths"].values():
        for operation in operations.values():
            given = [named[one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in operation["parameters"]]
            operation["parameters"] = [one for one in given if one["in"] != "header"]
    return description


async def test_whatever_is_sent_is_answered_as_described(world: World) -> None:
    count = 0
    operations = [found.ok() for found in world.schema.get_all_operations()]
    for operation in sorted(operations, key=lambda one: one.method == "delete"):
        for mode in GenerationMode:
            await world.hold(operation, mode, OF_EACH_KIND, CHECKS, [negative_data_rejection])
        count += 1
    assert count == len(TABLES[world.api.contract])
    assert not world.failures, "\n\n".join(world.failures)
    met = {200, 202, 400, 404, 409, 422} if world.api.contract == FIRST else {200, 201, 400, 404, 422}
    assert met <= set(world.seen), world.seen
