"""Onboarding over lite: from a new user to one who may trade, and what both contracts show of the same papers."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import pytest

from openvest.core.snapshots import dumps
from openvest.db.unit import Database, Unit
from openvest.features.onboarding import store
from openvest.features.onboarding.model import RESIDENCIES as SEALED
from openvest.simulation.scenarios import lay
from tests.features.users.people import fields, made, make_both, sent, settle, status
from tests.kit.http import Api
from tests.kit.people import ADDRESS, FIT, GERMAN_TAX_NUMBER, KYC, LITE_ADDRESS, LITE_KYC, LITE_USER

pytestmark = pytest.mark.anyio

GERMAN = {"country": "DE", "tax_identification_number": GERMAN_TAX_NUMBER}
POR: dict[str, Any] = {
    "type": "POR",
    "check_confirmed_at": KYC["check_confirmed_at"],
    "issuance_date": "2026-01-15",
    "data_download_link": "https://documents.example.org/bill.pdf",
    "document_type": "UTILITY_BILL",
    "confirmed_address": LITE_ADDRESS,
}


@pytest.fixture
async def api(database: Database, tenant_id: UUID) -> AsyncGenerator[Api]:
    """The client of v1, which knows the one of lite."""
    api = await make_both(database, tenant_id)
    async with api.http:
        yield api


@pytest.fixture
def slim(api: Api) -> Api:
    return api.speaking("lite")


async def made_in_lite(slim: Api, **changes: Any) -> str:
    """The path of a new user."""
    return f"/users/{(await sent(slim, 'POST', '/users', LITE_USER | changes))['id']}"


@pytest.mark.parametrize("evidence", [[LITE_KYC], [{**LITE_KYC, "confirmed_address": None}, POR]])
async def test_a_user_becomes_active_over_lite_alone(
    api: Api, slim: Api, database: Database, tenant_id: UUID, evidence: list[Any]
) -> None:
    at = await made_in_lite(slim)
    for body in (*evidence, FIT):
        check = await sent(slim, "POST", f"{at}/checks", body)
        assert (check["type"], check["status"], "completed_at" in check) == (body["type"], "PENDING", False)
    await sent(slim, "POST", f"{at}/tax_residencies", GERMAN)
    assert (await sent(slim, "GET", at))["status"] == "PENDING"
    await settle(database, tenant_id)
    assert (await sent(slim, "GET", at))["status"] == "ACTIVE"
    shown = (await sent(slim, "GET", f"{at}/checks"))["data"]
    assert {(one["type"], one["status"]) for one in shown} == {
        (kind, "PASSED") for kind in ("COMPLIANCE", *(body["type"] for body in (*evidence, FIT)))
    }
    seen = {one["id"]: one for one in (await api.get(f"{at}/checks")).json()["data"]}
    assert [one["id"] for one in shown] == list(seen)
    assert seen[shown[len(evidence) - 1]["id"]]["confirmed_address"] == ADDRESS


async def test_lite_shows_every_check_and_when_it_was_decided(
    api: Api, slim: Api, database: Database, tenant_id: UUID
) -> None:
    user_id = (await made(api))["id"]
    await database.write(tenant_id, lambda unit: lay(unit, "check_pending", 2, user_id=UUID(user_id)))
    first = (await api.send("POST", f"/users/{user_id}/checks", FIT)).json()["id"]
    second = (await sent(slim, "POST", f"/users/{user_id}/checks", FIT))["id"]
    await settle(database, tenant_id)
    at = f"/tests/users/{user_id}/checks"
    failed = await sent(slim, "POST", f"{at}/{first}/fail")
    passed = await sent(slim, "POST", f"{at}/{second}/pass")
    assert [one["status"] for one in (failed, passed)] == ["FAILED", "PASSED"]
    assert all(one["completed_at"] > one["created_at"] for one in (failed, passed))
    assert (await sent(slim, "GET", f"/users/{user_id}/checks"))["data"] == [failed, passed]
    assert (await api.get(f"/users/{user_id}/checks/{first}")).json()["status"] == "FAILED"
    assert (await slim.send("POST", f"{at}/{first}/fail")).status_code == 409
    assert (await slim.send("POST", f"{at}/{uuid4()}/fail")).status_code == 404


@pytest.mark.parametrize(
    ("body", "code", "named"),
    [
        ({"type": "COMPLIANCE", "check_confirmed_at": KYC["check_confirmed_at"]}, 400, {"type"}),
        ({"type": "INSTRUMENT_FIT"}, 400, {"check_confirmed_at", "instrument_suitability"}),
        (LITE_KYC | {"confirmed_address": ADDRESS}, 400, None),
        (LITE_KYC | {"document_expiration_date": "2020-01-01"}, 422, {"document_expiration_date"}),
    ],
)
async def test_a_check_that_does_not_fit_is_refused(slim: Api, body: Any, code: int, named: set[str] | None) -> None:
    at = await made_in_lite(slim)
    answer = await slim.send("POST", f"{at}/checks", body)
    assert answer.status_code == code
    expected = {f"confirmed_address.{one}" for one in ("street", "postal_code", "address_line1", "postcode")}
    assert {one.removeprefix("KYC.") for one in fields(answer)} == (expected if named is None else named)
    assert (await sent(slim, "GET", f"{at}/checks"))["data"] == []


async def test_an_identifier_is_that_of_the_nationality_that_is_reported(api: Api, slim: Api) -> None:
    at = f"/users/{(await made(api, nationalities=['US', 'PL']))['id']}/identifiers"
    number = await sent(slim, "POST", at, {"type": "NATIONAL_ID", "value": "02070803628"})
    passport = await sent(slim, "POST", at, {"type": "PASSPORT", "value": "AB1234567"})
    assert (number["type"], number["value"], set(number)) == (
        "NATIONAL_ID", "02070803628", {"id", "type", "value", "created_at"},
    )  # fmt: skip
    assert (await sent(slim, "GET", at))["data"] == [number, passport]
    assert await sent(slim, "GET", f"{at}/{number['id']}") == number
    seen = (await api.get(at)).json()["data"]
    assert [(one["issuing_country"], one["identifier"]) for one in seen] == [
        ("PL", "02070803628"), ("PL", "AB1234567"),
    ]  # fmt: skip
    corrected = await sent(slim, "PATCH", f"{at}/{number['id']}", {"value": "44051401359"})
    assert corrected == number | {"value": "44051401359"}
    assert await sent(slim, "PATCH", f"{at}/{number['id']}", {}) == corrected
    assert (await api.get(f"{at}/{number['id']}")).json()["identifier"] == "44051401359"


async def test_an_identifier_of_v1_and_a_made_one_are_shown(api: Api, slim: Api) -> None:
    at = f"/users/{(await made(api, nationalities=['DE', 'US']))['id']}/identifiers"
    await api.send("POST", at, {"type": "PASSPORT", "issuing_country": "US", "identifier": "C01X00T47"})
    shown = (await sent(slim, "GET", at))["data"]
    assert [(one["type"], one["value"]) for one in shown] == [("NATIONAL_ID", ""), ("PASSPORT", "C01X00T47")]


@pytest.mark.parametrize(
    ("method", "body", "field", "said"),
    [
        ("POST", {"type": "standard", "value": "02070803628"}, "type", ("NATIONAL_ID", "PASSPORT")),
        ("POST", {"type": "NATIONAL_ID", "value": "02070803629"}, "value", ("does not fit", "PL")),
        ("POST", {"type": "NATIONAL_ID", "value": ""}, "value", ("is required", "no identifier is made")),
        ("POST", {"type": "NATIONAL_ID", "value": "1" * 31}, "value", ()),
        ("PATCH", {"value": "02070803629"}, "value", ("does not fit", "PL")),
        ("PATCH", {"type": "PASSPORT"}, "type", ("known field",)),
    ],
)
async def test_an_identifier_that_does_not_fit_is_refused(
    slim: Api, method: str, body: Any, field: str, said: tuple[str, ...]
) -> None:
    at = f"{await made_in_lite(slim, nationality='PL')}/identifiers"
    known = await sent(slim, "POST", at, {"type": "NATIONAL_ID", "value": "02070803628"})
    answer = await slim.send(method, at if method == "POST" else f"{at}/{known['id']}", body)
    assert (answer.status_code, fields(answer)) == (400, {field})
    assert all(text in answer.json()["errors"][0]["message"] for text in said)
    assert answer.json()["detail"].lower().startswith((f"the {field}", "the body"))
    unknown = await slim.send("PATCH", f"{at}/{uuid4()}", {"value": "02070803628"})
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "This user has no identifier of this id.")


async def test_residencies_are_added_in_lite_and_replaced_in_v1(api: Api, slim: Api) -> None:
    at = f"{await made_in_lite(slim)}/tax_residencies"
    assert await sent(slim, "GET", at) == {"data": []}
    german = await sent(slim, "POST", at, GERMAN)
    swiss = await sent(slim, "POST", at, {"country": "CH"})
    assert german == GERMAN | {"id": german["id"], "created_at": german["created_at"]}
    assert swiss == {"country": "CH", "id": swiss["id"], "created_at": swiss["created_at"]}
    assert (await sent(slim, "GET", at))["data"] == [german, swiss]
    seen = (await api.get(at)).json()
    assert seen["tax_residencies"] == [
        {"country": "DE", "tax_identifier_number": GERMAN_TAX_NUMBER},
        {"country": "CH", "missing_tin_reason": "OTHER_REASONS"},
    ]
    numbered = await sent(slim, "POST", at, {"country": "CH", "tax_identification_number": "756.1234.5678.97"})
    assert numbered == swiss | {"tax_identification_number": "756.1234.5678.97"}
    wanted = [{"country": "FR", "missing_tin_reason": "TIN_NOT_YET_ASSIGNED"}, *seen["tax_residencies"][:1]]
    declared = await api.post(at, {"tax_residencies": wanted})
    assert (declared.json()["tax_residencies"], declared.json()["status"]) == (wanted, "PENDING")
    french, *others = (await sent(slim, "GET", at))["data"]
    assert (french["country"], french["created_at"], others) == ("FR", declared.json()["updated_at"], [german])
    back = await sent(slim, "POST", at, {"country": "CH"})
    assert back["id"] == swiss["id"] and back["created_at"] > french["created_at"]


async def test_a_set_from_before_lite_has_one_instant_for_all(slim: Api, database: Database, tenant_id: UUID) -> None:
    at = await made_in_lite(slim)
    user_id = UUID(at.removeprefix("/users/"))
    old = [{"country": "CH", "tax_identifier_number": None, "missing_tin_reason": "OTHER_REASONS"}]

    async def declare(unit: Unit) -> None:
        sealed = unit.secrets.seal(dumps(old).encode(), SEALED.place(user_id=user_id))
        await unit.run(store.SAVE_RESIDENCIES, unit.tenant_id, user_id, unit.now, "ACTIVE", ["CH"], sealed)

    await database.write(tenant_id, declare)
    [swiss] = (await sent(slim, "GET", f"{at}/tax_residencies"))["data"]
    await sent(slim, "POST", f"{at}/tax_residencies", GERMAN)
    again, german = (await sent(slim, "GET", f"{at}/tax_residencies"))["data"]
    assert again == swiss and german["created_at"] > swiss["created_at"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"country": "DE", "tax_identification_number": "12345678912"}, {"tax_identification_number"}),
        ({"country": "XX", "tax_identifier_number": "12345678911"}, {"country", "tax_identifier_number"}),
        ({"country": "DE", "tax_identification_number": 12345678911}, {"tax_identification_number"}),
        ({}, {"country"}),
    ],
)
async def test_a_residency_that_does_not_fit_is_refused(slim: Api, body: Any, named: set[str]) -> None:
    at = f"{await made_in_lite(slim)}/tax_residencies"
    answer = await slim.send("POST", at, body)
    assert (answer.status_code, fields(answer)) == (400, named)
    assert (await sent(slim, "GET", at))["data"] == []


async def test_who_leaves_declares_nothing_more(api: Api, slim: Api) -> None:
    user_id = (await made(api))["id"]
    await api.send("DELETE", f"/users/{user_id}")
    assert await status(api, user_id) == "OFFBOARDED"
    for path, body in (
        ("checks", FIT),
        ("identifiers", {"type": "NATIONAL_ID", "value": ""}),
        ("tax_residencies", GERMAN),
    ):
        assert (await slim.send("POST", f"/users/{user_id}/{path}", body)).status_code == 422
        assert (await slim.send("GET", f"/users/{user_id}/{path}")).status_code == 200
        assert (await slim.send("GET", f"/users/{uuid4()}/{path}")).status_code == 404
