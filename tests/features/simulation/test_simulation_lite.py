"""A sandbox's clock and scenarios over lite."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from uuid import UUID

import pytest

from openvest import catalog
from openvest.main import Assembled
from tests.kit.http import Api, make_apis, make_test_app

pytestmark = pytest.mark.anyio


@pytest.fixture
async def v1(assembled: Assembled, tenant_id: UUID) -> AsyncGenerator[Api]:
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    api = await make_apis(app, assembled.database, tenant_id)
    async with api.http:
        yield api


@pytest.fixture
def lite(v1: Api) -> Api:
    return v1.speaking("lite")


async def test_one_clock_is_moved_through_either_contract(v1: Api, lite: Api) -> None:
    assert (await lite.get("/tests/clock")).json()["mode"] == "live"
    frozen = (await lite.send("POST", "/tests/clock/freeze")).json()
    assert (frozen["mode"], frozen["done"]) == ("frozen", True)
    moved = await lite.send("POST", "/tests/clock/advance", {"to": "2030-01-02T09:00:00Z"})
    assert (moved.status_code, moved.json()["target"]) == (200, "2030-01-02T09:00:00Z")
    assert (await v1.get("/tests/clock")).json()["now"].startswith("2030-01-02T09:00:00")
    back = await lite.send("POST", "/tests/clock/advance", {"to": "2029-01-02T09:00:00Z"})
    both = await lite.send("POST", "/tests/clock/advance", {"by": "P1D", "next_open": "XETR"})
    assert (back.status_code, both.status_code) == (422, 400)
    assert (await lite.send("POST", "/tests/clock/thaw")).json()["mode"] == "live"


async def test_a_scenario_is_laid_listed_and_removed(v1: Api, lite: Api) -> None:
    body = {"name": "order_rejected", "on": {"client_reference": "a reference"}, "times": 2}
    made = await lite.send("POST", "/tests/scenarios", body)
    assert (made.status_code, made.json()["times"], made.json()["used"]) == (201, 2, 0)
    page = (await lite.get("/tests/scenarios")).json()
    assert page == {"data": [made.json()], "meta": {"offset": 0, "limit": 20, "count": 1, "total": 1}}
    assert (await v1.get("/tests/scenarios")).json()["data"] == page["data"]
    at = f"/tests/scenarios/{made.json()['id']}"
    answers = [await lite.send("DELETE", at) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 404]
    unknown = await lite.send("POST", "/tests/scenarios", body | {"name": "order_blessed"})
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (400, "name")
