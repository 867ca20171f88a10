"""Users over lite: the same people under other names, and changes that are done at once or wait for their proof."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import pytest

from openvest import catalog
from openvest.db.unit import Database
from tests.features.users.people import ENDPOINTS
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.people import ADDRESS, LITE_ADDRESS, LITE_USER

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
FULL = LITE_ADDRESS | {"additional_line": "2. OG", "state": "SH"}


@pytest.fixture
async def api(database: Database, tenant_id: UUID) -> AsyncGenerator[Api]:
    """The v1 client; its lite one is `api.speaking("lite")`."""
    app = make_test_app(database, {"v1": ENDPOINTS, "lite": catalog.CONTRACTS["lite"]})
    api = await make_apis(app, database, tenant_id)
    async with api.http:
        yield api


async def made(lite: Api, **changes: Any) -> Json:
    answer = await lite.send("POST", "/users", LITE_USER | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def changed(lite: Api, user_id: str, **wanted: Any) -> Json:
    answer = await lite.send("PATCH", f"/users/{user_id}", wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def shown(api: Api, user_id: str) -> Json:
    return (await api.get(f"/users/{user_id}")).json()


async def test_what_lite_makes_v1_reads(api: Api) -> None:
    user = await made(api.speaking("lite"), address=FULL)
    assert user == LITE_USER | {"address": FULL, "status": "PENDING"} | {
        name: user[name] for name in ("id", "created_at", "updated_at")
    }
    seen = await shown(api, user["id"])
    home = ADDRESS | {"address_line2": "2. OG", "state": "SH"}
    assert (seen["address"], seen["postal_address"], seen["nationalities"]) == (home, home, ["DE"])
    assert (seen["birth_date"], seen["status"]) == (LITE_USER["date_of_birth"], "INACTIVE")
    assert not {"fatca", "terms_and_conditions", "data_privacy_and_sharing_agreement", "phone_number"} & set(seen)
    page = (await api.speaking("lite").get("/users")).json()
    assert page == {"data": [user], "meta": {"offset": 0, "limit": 20, "count": 1, "total": 1}}
