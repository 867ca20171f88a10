"""What tests of users and onboarding over HTTP share."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from openvest.db.unit import Database
from openvest.events.log import LoggedEvent, events_after
from openvest.events.sequencer import number_events
from openvest.features.accounts.v1 import ENDPOINTS as ACCOUNTS
from openvest.features.onboarding.v1 import ENDPOINTS as ONBOARDING
from openvest.features.tenants.v1 import ENDPOINTS as TENANTS
from openvest.features.users.v1 import ENDPOINTS as USERS
from tests.kit.http import Api
from tests.kit.people import (
    USER,
    customers_runner,
)

ENDPOINTS = [*TENANTS, *USERS, *ONBOARDING, *ACCOUNTS]


async def settle(database: Database, tenant_id: UUID) -> None:
    await customers_runner(database).run_until_quiet(tenant_id)


async def news(database: Database, tenant_id: UUID) -> list[LoggedEvent]:
    await number_events(database, tenant_id)
    return await database.read(tenant_id, lambda unit: events_after(unit, 0, 1_000))


async def made(api: Api, **changes: Any) -> dict[str, Any]:
    answer = await api.post("/users", {**USER, **changes})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def check(api: Api, user_id: str, body: dict[str, Any]) -> str:
    answer = await api.send("POST", f"/users/{user_id}/checks", body)
    assert answer.status_code == 202, answer.text
    assert set(answer.json()) == {"id"}
    return answer.json()["id"]


async def status(api: Api, user_id: str) -> str:
    return (await api.get(f"/users/{user_id}")).json()["status"]


def fields(answer: Any) -> set[str]:
    assert answer.status_code in (400, 422), answer.text
    return {error["field"] for error in answer.json()["errors"]}
