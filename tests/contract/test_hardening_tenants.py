"""What belongs to another tenant does not exist, whichever operation asks for it; and where no tenant can stand."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from openvest import catalog
from openvest.core.trading_calendar import OutsideCalendar
from openvest.db.unit import Database
from openvest.features.tenants import service as tenants
from openvest.main import Assembled
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.operations import OPERATIONS, ask, live_by_http
from tests.kit.people import USER
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio


@dataclass
class Two:
    """A client of another tenant, and the ids of what the first tenant has."""

    stranger: Api
    ids: dict[str, str]


@pytest.fixture
async def two(assembled: Assembled, frozen_tenant_id: UUID) -> AsyncGenerator[Two]:
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    owner = await make_apis(app, assembled.database, frozen_tenant_id)
    ids = await live_by_http(assembled, owner, frozen_tenant_id)
    # Each of them exists for its owner, or a comparison with what does not would show nothing.
    for path in ("users/{user_id}", "accounts/{account_id}", "orders/{order_id}", "webhooks/{webhook_id}"):
        assert (await owner.get("/" + path.format(**ids))).status_code == 200
    stranger = await make_apis(app, assembled.database, await make_tenant(assembled.database, "Strangers"))
    yield Two(stranger, ids)
    await stranger.http.aclose()
    await owner.http.aclose()


def told(answer: httpx.Response, ids: dict[str, str]) -> tuple[int, dict[str, Any], list[str]]:
    """All that an answer tells, without what differs between any two."""
    text = answer.text
    for name, value in ids.items():
        text = text.replace(value, name)
    document = json.loads(text)
    del document["request_id"]
    return answer.status_code, document, sorted(answer.headers)


def test_operations_that_name_an_object_are_found() -> None:
    assert len(OPERATIONS) > 35


async def test_what_another_tenant_has_answers_like_what_nobody_has(two: Two) -> None:
    random = {name: str(uuid4()) for name in two.ids}
    for one in OPERATIONS:
        foreign, unknown = await ask(two.stranger, one, two.ids), await ask(two.stranger, one, random)
        assert foreign.status_code in (404, 422), f"{one.operation_id}: {foreign.text}"
        assert told(foreign, two.ids) == told(unknown, random), one.operation_id


async def test_lists_filtered_by_what_another_tenant_has_are_empty(two: Two) -> None:
    for path in ("cash?account_group_id={account_group_id}", "securities?account_id={account_id}"):
        answer = await two.stranger.get("/transactions/" + path.format(**two.ids))
        assert answer.json()["data"] == []
    assert (await two.stranger.get("/users")).json()["meta"]["total_count"] == 0


async def test_a_new_user_of_the_other_tenant_is_no_key_to_the_first(two: Two) -> None:
    own = (await two.stranger.post("/users", USER)).json()["id"]
    body = {"user_id": own, "account_group_id": two.ids["account_group_id"], "type": "TRADING"}
    assert (await two.stranger.post("/accounts", body)).status_code == 404


@pytest.mark.parametrize("year", [2019, 2041])
async def test_no_clock_is_frozen_where_no_calendar_reaches(database: Database, year: int) -> None:
    with pytest.raises(OutsideCalendar, match="outside the calendars"):
        await tenants.create_tenant(database, "Nowhere", mode="sandbox", frozen_at=datetime(year, 6, 3, tzinfo=UTC))
