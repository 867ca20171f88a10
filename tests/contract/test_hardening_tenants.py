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
from openvest.declarations import Endpoint
from openvest.features.tenants import service as tenants
from openvest.main import Assembled
from tests.kit.contracts import SERVED
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.operations import body_of
from tests.kit.orders import X, make_trader
from tests.kit.people import KYC, RESIDENCIES, USER
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

NATIONAL = {"type": "NATIONAL_ID", "issuing_country": "ES", "identifier": "12345678Z"}
BODIES: dict[str, Any] = {
    "user_data_change": {"email": "another@example.org"},
    "create_user_check": KYC,
    "create_identifier": NATIONAL,
    "update_identifier": {"identifier": "12345678Z"},
    "set_tax_residencies": RESIDENCIES,
    "create_account_group": {"user_id": "{user_id}", "type": "PERSONAL"},
    "create_account": {"user_id": "{user_id}", "account_group_id": "{account_group_id}", "type": "TRADING"},
    "update_account": {"name": "Mine now"},
    "create_topup": {"account_group_id": "{account_group_id}", "cash_amount": "1.00", "currency": "EUR"},
    "place_order": {
        "user_id": "{user_id}",
        "account_id": "{account_id}",
        "side": "SELL",
        "instrument_id": X,
        "instrument_id_type": "ISIN",
        "quantity": "1",
    },
    "update_webhook": {"enabled": True},
}
"""A body that fits, per operation that names an object in its path or its body."""
NAMES = (
    "user_id", "account_id", "account_group_id", "order_id", "execution_id", "topup_id", "check_id", "identifier_id",
    "webhook_id", "scenario_id",
)  # fmt: skip


@dataclass
class Two:
    """A client of another tenant, and the ids of what the first tenant has."""

    stranger: Api
    ids: dict[str, str]


@pytest.fixture
async def two(assembled: Assembled, frozen_tenant_id: UUID) -> AsyncGenerator[Two]:
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    owner = await make_apis(app, assembled.database, frozen_tenant_id)
    trader = await make_trader(assembled, frozen_tenant_id)
    order = await trader.place(cash_amount="100.00")
    user, account, group = trader.customer.user_id, trader.customer.account_id, trader.customer.group_id
    hook = {"title": "ours", "url": "https://hooks.client.example/ours"}
    topup = {"account_group_id": str(group), "cash_amount": "1.00", "currency": "EUR"}
    ids = {
        "user_id": str(user),
        "account_id": str(account),
        "account_group_id": str(group),
        "order_id": str(order.id),
        "execution_id": str(order.executions[0].id),
        "topup_id": (await owner.post("/payments/topups", topup)).json()["id"],
        "check_id": (await owner.send("POST", f"/users/{user}/checks", KYC)).json()["id"],
        "identifier_id": (await owner.send("POST", f"/users/{user}/identifiers", NATIONAL)).json()["id"],
        "webhook_id": (await owner.send("POST", "/webhooks", hook)).json()["id"],
        "scenario_id": (
            await owner.send("POST", "/tests/scenarios", {"name": "check_fails", "on": {"user_id": str(user)}})
        ).json()["id"],
        "instrument_id": f"isin:{X}",
        "venue_id": str(order.executions[0].venue_id),
        "currency": "EUR",
    }
    # Each of them exists for its owner, or a comparison with what does not would show nothing.
    for path in ("users/{user_id}", "accounts/{account_id}", "orders/{order_id}", "webhooks/{webhook_id}"):
        assert (await owner.get("/" + path.format(**ids))).status_code == 200
    stranger = await make_apis(app, assembled.database, await make_tenant(assembled.database, "Strangers"))
    yield Two(stranger, ids)
    await stranger.http.aclose()
    await owner.http.aclose()


def naming() -> list[Endpoint]:
    """The operations that name an object of a tenant."""
    return [
        one
        for one in SERVED
        if any(f"{{{name}}}" in one.path + json.dumps(BODIES.get(one.operation_id, body_of(one))) for name in NAMES)
    ]


def filled(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: filled(one, ids) for name, one in value.items()}
    return ids.get(value[1:-1], value) if isinstance(value, str) and value.startswith("{") else value


async def ask(api: Api, one: Endpoint, ids: dict[str, str]) -> httpx.Response:
    body = filled(BODIES.get(one.operation_id, body_of(one)), ids)
    return await api.of(one).send(one.method, one.path.format(**ids), body, key=uuid4())


def told(answer: httpx.Response, ids: dict[str, str]) -> tuple[int, dict[str, Any], list[str]]:
    """All that an answer tells, without what differs between any two."""
    text = answer.text
    for name, value in ids.items():
        text = text.replace(value, name)
    document = json.loads(text)
    del document["request_id"]
    return answer.status_code, document, sorted(answer.headers)


def test_every_operation_that_needs_a_body_has_one() -> None:
    assert [
        one for one in naming() if one.body is not None and BODIES.get(one.operation_id, body_of(one)) is None
    ] == []
    assert len(naming()) > 35


async def test_what_another_tenant_has_answers_like_what_nobody_has(two: Two) -> None:
    random = {name: str(uuid4()) if name in NAMES else value for name, value in two.ids.items()}
    for one in naming():
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
