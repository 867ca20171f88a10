"""Text that is no text is refused or passed on, and never keeps an answer from being written."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from uuid import UUID

import pytest

from openvest import catalog
from openvest.db.unit import Database
from tests.kit.http import Api, make_api, make_test_app
from tests.kit.people import USER

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api(database: Database, tenant_id: UUID) -> AsyncGenerator[Api]:
    api = await make_api(make_test_app(database, catalog.CONTRACTS), database, tenant_id)
    async with api.http:
        yield api


@pytest.mark.parametrize(
    "body",
    [
        b'{"\\ud800": "\\ud800"}',
        b'{"first_name": "\\udfff"}',
        b'{"address": {"\\ud800": {"\\ud800": "\\u0000"}}}',
        b'{"nationalities": ["\\ud800"]}',
        b'{"\\u0000": 1}',
        b'"\\ud800"',
        b'{"first_name": 123456789012345678901234567890}',
        b'{"tags": [1e400, -0.0, 18446744073709551616]}',
    ],
)
async def test_a_body_with_half_a_character_is_refused_and_the_refusal_written(api: Api, body: bytes) -> None:
    answer = await api.post("/users", body)
    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert answer.json()["request_id"] == answer.headers["upvest-request-id"]


@pytest.mark.parametrize(
    "target", ["/users/%ff%fe", "/users/%ed%a0%80", "/users?limit=%ff", "/users?%ed%a0%80=1", "/%00"]
)
async def test_a_target_with_half_a_character_is_answered(api: Api, target: str) -> None:
    answer = await api.get(target)
    assert answer.status_code in (400, 404)
    assert answer.json()["status"] == answer.status_code


async def test_every_character_there_is_comes_back_as_it_was_sent(api: Api) -> None:
    name = "Zoë \u00a0 \U0001f600 \u0301 \u200d \ufeff \u05d0\u200f \uffff"
    user = (await api.post("/users", {**USER, "last_name": name})).json()
    assert user["last_name"] == name
    assert (await api.get(f"/users/{user['id']}")).json()["last_name"] == name
