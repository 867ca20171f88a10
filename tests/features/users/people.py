"""What tests of users and onboarding over HTTP share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

import httpx
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import BaseModel

from openvest import catalog
from openvest.core.contracts import Contract
from openvest.db.unit import Database
from openvest.events.log import LoggedEvent, events_after
from openvest.events.sequencer import number_events
from openvest.features.accounts import v1 as accounts_v1
from openvest.features.onboarding import v1 as onboarding_v1
from openvest.features.tenants.v1 import ENDPOINTS as TENANTS
from openvest.features.users import v1 as users_v1
from openvest.server.openapi import describe
from tests.kit.contracts import asked_in, described
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.openapi import check_answer
from tests.kit.people import (
    USER,
    customers_runner,
)

ENDPOINTS = [*TENANTS, *users_v1.ENDPOINTS, *onboarding_v1.ENDPOINTS, *accounts_v1.ENDPOINTS]
OBJECTS = catalog.TOLD["v1"]
LITE = catalog.CONTRACTS["lite"]
DESCRIPTIONS: Mapping[Contract, dict[str, Any]] = {
    "v1": describe(ENDPOINTS, "v1", "test"),
    "lite": described("lite"),
}


async def settle(database: Database, tenant_id: UUID) -> None:
    await customers_runner(database).run_until_quiet(tenant_id)


async def news(database: Database, tenant_id: UUID) -> list[LoggedEvent]:
    """All events, each held against the schema of what a package would carry."""
    await number_events(database, tenant_id)
    found = await database.read(tenant_id, lambda unit: events_after(unit, 0, 1_000))
    for event in found:
        shown = OBJECTS[event.type].shown
        _described(shown.schema).validate(shown.mapper(event.snapshot))
    return found


@cache
def _described(view: type[BaseModel]) -> Draft202012Validator:
    return Draft202012Validator(view.model_json_schema(), format_checker=FormatChecker())


async def told_in_lite(database: Database, tenant_id: UUID, noun: str) -> list[str]:
    """What lite calls the events about objects whose noun begins so, without those it does not tell."""
    found = [event for event in await news(database, tenant_id) if event.type.startswith(noun)]
    told = catalog.TOLD["lite"]
    return [told[event.type].name_of(event.snapshot) for event in found if event.type in told]


def held(api: Api) -> Api:
    """The client, each of whose answers is held against the served description."""

    async def look(answer: httpx.Response) -> None:
        await answer.aread()
        check_answer(DESCRIPTIONS[asked_in(answer)], answer)

    api.http.event_hooks = {"request": [], "response": [look]}
    return api


async def make_both(database: Database, tenant_id: UUID) -> Api:
    """A client of v1 that knows one of lite; what they hear is held against the descriptions."""
    return held(await make_apis(make_test_app(database, {"v1": ENDPOINTS, "lite": LITE}), database, tenant_id))


async def sent(api: Api, method: str, at: str, body: Any = None) -> Any:
    """What a client of lite is answered."""
    answer = await api.send(method, at, body)
    assert answer.status_code in (200, 201, 204), answer.text
    return answer.json() if answer.content else None


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
