"""Users over HTTP: creation under both licence models, lists, data changes, offboarding."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import pytest

from openvest.db.unit import Database
from openvest.simulation.scenarios import lay
from tests.features.users.people import ENDPOINTS, fields, held, made, news, settle, status
from tests.kit.http import Api, make_api, make_test_app
from tests.kit.people import (
    ADDRESS,
    FIT,
    RESIDENCIES,
    USER,
)
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
async def api(database: Database, tenant_id: UUID, log: io.StringIO) -> AsyncGenerator[Api]:
    api = await make_api(make_test_app(database, ENDPOINTS, log=log), database, tenant_id)
    async with api.http:
        yield held(api)


async def test_a_new_user_is_inactive_and_shows_what_was_sent(api: Api) -> None:
    user = await made(api, address={**ADDRESS, "address_line2": "", "state": "SH"}, gender="FEMALE")
    assert user["status"] == "INACTIVE"
    assert {name: user[name] for name in USER if name not in ("address",)} == {
        name: value for name, value in USER.items() if name not in ("address",)
    }
    assert user["address"] == {**ADDRESS, "state": "SH"} == user["postal_address"]
    assert user["gender"] == "FEMALE"
    assert not {"tags", "decease_date", "licence", "version", "social_security_number", "branch_id"} & set(user)
    assert (await api.get(f"/users/{user['id']}")).json() == user


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"email": None}, {"email"}),
        ({"fatca": None}, {"fatca"}),
        ({"terms_and_conditions": None, "email": ""}, {"terms_and_conditions", "email"}),
        ({"first_name": "G", "nationalities": []}, {"first_name", "nationalities"}),
        ({"nationalities": ["DE", "DE"]}, {"nationalities"}),
        ({"birth_date": "14.03.1991", "phone_number": "+49170"}, {"birth_date", "phone_number"}),
        ({"address": {**ADDRESS, "postcode": "24 103 Kiel", "zip": "1"}}, {"address.postcode", "address.zip"}),
        ({"fatca": {"status": "no", "confirmed_at": "yesterday"}}, {"fatca.status", "fatca.confirmed_at"}),
        ({"email": "greta@", "title": "LORD", "nickname": "G"}, {"email", "title", "nickname"}),
    ],
)
async def test_every_field_error_of_a_new_user_is_named(api: Api, changes: dict[str, Any], named: set[str]) -> None:
    answer = await api.post("/users", {**USER, **changes})
    assert (answer.status_code, fields(answer)) == (400, named)
    assert (await api.get("/users")).json()["meta"]["total_count"] == 0


async def test_the_key_makes_one_user(api: Api) -> None:
    key = uuid4()
    first, again = [await api.post("/users", USER, key=key) for _ in range(2)]
    assert first.content == again.content
    assert (await api.get("/users")).json()["meta"]["total_count"] == 1
    assert (await api.send("POST", "/users", USER)).status_code == 400


async def test_byol_asks_for_less_and_needs_no_checks(database: Database) -> None:
    tenant_id = await make_tenant(database, "Own licence", licence="BYOL")
    api = await make_api(make_test_app(database, ENDPOINTS), database, tenant_id)
    async with api.http:
        asked = {n: USER[n] for n in ("first_name", "last_name", "birth_date", "nationalities", "address")}
        answer = await api.post("/users", asked)
        assert answer.status_code == 200, answer.text
        refused = await api.post("/users", USER)
        assert (refused.status_code, fields(refused)) == (400, {"phone_number", "fatca"})
        user_id = answer.json()["id"]
        assert "email" not in answer.json()
        assert await status(api, user_id) == "INACTIVE"
        assert (await api.post(f"/users/{user_id}/tax_residencies", RESIDENCIES)).status_code == 200
        assert await status(api, user_id) == "ACTIVE"


async def test_the_list_is_paged_and_sorted(api: Api) -> None:
    ids = [(await made(api, last_name=name))["id"] for name in ("Adler", "Busch", "Conrad")]
    found = (await api.get("/users?limit=2&offset=1&order=DESC&sort=created_at")).json()
    assert [user["id"] for user in found["data"]] == [ids[1], ids[0]]
    assert found["meta"] == {
        "offset": 1, "limit": 2, "count": 2, "total_count": 3, "sort": "created_at", "order": "DESC",
    }  # fmt: skip
    await api.send("DELETE", f"/users/{ids[0]}")
    by_change = (await api.get("/users?sort=updated_at&order=DESC")).json()["data"]
    assert [user["id"] for user in by_change] == [ids[0], ids[2], ids[1]]
    assert fields(await api.get("/users?sort=first_name")) == {"sort"}


async def test_data_changes_are_applied_in_order_or_refused(api: Api, database: Database, tenant_id: UUID) -> None:
    user_id = (await made(api))["id"]
    path = f"/users/{user_id}/data_change_requests"
    proof = {
        "issuance_date": "2026-01-01",
        "data_download_link": "https://documents.example.org/id.pdf",
        "document_type": "ID_CARD",
    }
    home = {**ADDRESS, "city": "Bonn", "postcode": "53111"}
    for body in (
        {"first_name": "Greta", "last_name": "Berg", **proof},
        {"address": home, **proof},
        {"title": "DR", "tags": ["CLIENT_EMPLOYEE"], "branch_id": str(uuid4())},
        {"nationalities": ["DE", "AT"], **proof},
    ):
        answer = await api.send("POST", path, body)
        assert (answer.status_code, answer.content) == (202, b""), answer.text
    assert fields(await api.send("POST", path, {"first_name": "Greta", "title": "DR"})) == {"title"}
    await settle(database, tenant_id)
    user = (await api.get(f"/users/{user_id}")).json()
    assert (user["first_name"], user["last_name"], user["title"]) == ("Greta", "Berg", "DR")
    assert user["address"] == home == user["postal_address"]
    assert (user["tags"], user["nationalities"]) == (["CLIENT_EMPLOYEE"], ["DE", "AT"])
    assert {i["issuing_country"] for i in (await api.get(f"/users/{user_id}/identifiers")).json()["data"]} == {
        "DE",
        "AT",
    }
    await database.write(tenant_id, lambda unit: lay(unit, "data_change_fails", 1, user_id=UUID(user_id)))
    await api.send("POST", path, {"tags": []})
    await settle(database, tenant_id)
    assert (await api.get(f"/users/{user_id}")).json() == user
    found = await news(database, tenant_id)
    assert [event.type for event in found][1:] == ["USER.DATA_CHANGED"] * 4 + ["USER.DATA_CHANGE_FAILED"]
    assert set(found[-1].snapshot) == {"user_id", "reason"}
    assert (await api.send("POST", f"/users/{uuid4()}/data_change_requests", {"title": "DR"})).status_code == 404


async def test_a_leaving_user_changes_no_more(api: Api, database: Database, tenant_id: UUID) -> None:
    user_id = (await made(api))["id"]
    for _ in range(2):
        answer = await api.send("DELETE", f"/users/{user_id}")
        assert (answer.status_code, answer.content) == (202, b"")
    assert await status(api, user_id) == "OFFBOARDED"
    for path, body in (
        ("checks", FIT),
        ("identifiers", {"type": "NATIONAL_ID", "issuing_country": "DE", "identifier": ""}),
        ("data_change_requests", {"title": "DR"}),
    ):
        assert (await api.send("POST", f"/users/{user_id}/{path}", body)).status_code == 422
    assert (await api.post(f"/users/{user_id}/tax_residencies", RESIDENCIES)).status_code == 422
    kinds = [event.type for event in await news(database, tenant_id)]
    assert kinds == ["USER.CREATED", "USER.OFFBOARDING_INITIATED", "USER.OFFBOARDED"]
    assert (await api.send("DELETE", f"/users/{uuid4()}")).status_code == 404


async def test_another_tenants_user_answers_as_a_random_id(api: Api, database: Database) -> None:
    user_id = (await made(api))["id"]
    other = await make_api(make_test_app(database, ENDPOINTS), database, await make_tenant(database, "Tenant B"))
    async with other.http:
        for path in ("", "/checks", "/identifiers", "/tax_residencies"):
            foreign = await other.get(f"/users/{user_id}{path}")
            random = await other.get(f"/users/{uuid4()}{path}")
            assert foreign.status_code == random.status_code == 404
            assert foreign.json()["detail"] == random.json()["detail"]
        assert (await other.get("/users")).json()["data"] == []
