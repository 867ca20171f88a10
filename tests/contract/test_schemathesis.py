"""What is served against what is described: requests made from the description, and every answer held to it.

Half of the requests fit the schemas and half do not; ids in paths and bodies are mostly those of objects that exist.
Whatever is sent, the answer is one that is described for the operation, and never a fault of ours.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import anyio.from_thread
import anyio.to_thread
import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
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
from tests.kit.http import Api, make_api, make_test_app
from tests.kit.orders import make_trader

pytestmark = pytest.mark.anyio

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OF_EACH_KIND = 8
"""Requests of each kind per operation."""
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class World:
    """The description of one contract, a client of it, and ids of things that exist."""

    schema: Any
    api: Api
    ids: dict[str, str]
    seen: Counter[int] = field(default_factory=Counter[int])

    def placed(self, values: Any, keep: bool) -> Any:
        """The same values with ids of things that exist where ids are asked for."""
        if keep or not isinstance(values, dict):
            return values
        return {name: self.ids.get(name, value) for name, value in values.items()}

    async def send(self, case: Case, keep: bool) -> httpx.Response:
        """Send the case as a client of the contract would, with a fresh idempotency key."""
        case.path_parameters = self.placed(case.path_parameters, keep)
        case.body = self.placed(case.body, keep)
        path = case.operation.path
        for name, value in (case.path_parameters or {}).items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        query = urlencode(_plain(case.query or {}), doseq=True)
        content = None if case.body is NOT_SET else _encoded(case)
        headers = {"idempotency-key": str(uuid4())}
        if content and case.media_type:
            headers["content-type"] = case.media_type
        answer = await self.api.send(
            case.method.upper(), f"{path}?{query}" if query else path, content or None, headers=headers
        )
        await answer.aread()
        self.seen[answer.status_code] += 1
        return answer


def _plain(query: dict[str, Any]) -> dict[str, Any]:
    """Values of a query as a client would write them."""
    return {name: json.dumps(v) if isinstance(v, dict | bool) or v is None else v for name, v in query.items()}


def _encoded(case: Case) -> bytes:
    if isinstance(case.body, bytes):
        return case.body
    if case.media_type == FORM:
        return urlencode(case.body if isinstance(case.body, dict) else {}, doseq=True).encode()
    return json.dumps(case.body).encode()


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


def _hold(world: World, operation: Any, mode: GenerationMode, failures: list[str]) -> None:
    """Send what is generated for one operation; runs in a thread, since the generator is not asynchronous."""
    sent = 0

    @seed(20261121)
    @settings(
        max_examples=OF_EACH_KIND,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Case) -> None:
        nonlocal sent
        sent += 1
        as_generated = sent % 3 == 0
        answer = anyio.from_thread.run(world.send, case, as_generated)
        # An id that exists may be what makes a case fit that was generated not to.
        case.validate_response(answer, checks=[*CHECKS, negative_data_rejection] if as_generated else CHECKS)

    try:
        one()
    except Unsatisfiable:
        return  # Nothing can be wrong with an operation that takes nothing.
    except (Exception, BaseExceptionGroup) as failure:
        failures.append(f"{operation.label} ({mode.value}): {failure}")


async def test_whatever_is_sent_is_answered_as_described(world: World) -> None:
    failures: list[str] = []
    count = 0
    operations = [found.ok() for found in world.schema.get_all_operations()]
    for operation in sorted(operations, key=lambda one: one.method == "delete"):
        for mode in GenerationMode:
            await anyio.to_thread.run_sync(_hold, world, operation, mode, failures)
        count += 1
    assert count == len(TABLES[world.api.contract])
    assert not failures, "\n\n".join(failures)
    met = {200, 202, 400, 404, 409, 422} if world.api.contract == FIRST else {400, 404}
    assert met <= set(world.seen), world.seen
