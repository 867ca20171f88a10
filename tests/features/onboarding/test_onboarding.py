"""Onboarding over HTTP: checks, identifiers, tax residencies, and when a user becomes ACTIVE."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from openvest.core.snapshots import snapshot_value
from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from openvest.features.onboarding import service
from openvest.simulation.scenarios import lay
from openvest.work.look import look
from tests.features.users.people import ENDPOINTS, check, fields, held, made, news, settle, status
from tests.kit.http import Api, make_api, make_test_app
from tests.kit.people import (
    ADDRESS,
    CONFIRMED_AT,
    FIT,
    GERMAN_TAX_NUMBER,
    KYC,
    RESIDENCIES,
    customers_runner,
)

pytestmark = pytest.mark.anyio

ASSESSMENT: dict[str, Any] = {
    "type": "USER_SELF_ASSESSMENT",
    "check_confirmed_at": CONFIRMED_AT,
    "user_occupation": "EMPLOYEE",
    "user_industry": "HEALTHCARE",
    "yearly_gross_income": {"currency": "EUR", "lower_bound": 0},
    "income_sources": ["EMPLOYMENT_INCOME"],
}


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
async def api(database: Database, tenant_id: UUID, log: io.StringIO) -> AsyncGenerator[Api]:
    api = await make_api(make_test_app(database, ENDPOINTS, log=log), database, tenant_id)
    async with api.http:
        yield held(api)


async def test_onboarding_ends_when_the_last_thing_is_there(api: Api, database: Database, tenant_id: UUID) -> None:
    user_id = (await made(api))["id"]
    for body in (KYC, FIT):
        await check(api, user_id, body)
    await settle(database, tenant_id)
    assert await status(api, user_id) == "INACTIVE"
    shown = (await api.get(f"/users/{user_id}/checks")).json()["data"]
    assert [(c["type"], c["status"]) for c in shown] == [
        ("KYC", "PASSED"),
        ("INSTRUMENT_FIT", "PASSED"),
        ("COMPLIANCE", "PASSED"),
    ]
    answer = await api.post(f"/users/{user_id}/tax_residencies", RESIDENCIES)
    assert answer.status_code == 200, answer.text
    assert await status(api, user_id) == "ACTIVE"
    found = await news(database, tenant_id)
    assert [event.type for event in found] == [
        "USER.CREATED",
        "USER_CHECK.CREATED",
        "USER_CHECK.CREATED",
        "USER_CHECK.PASSED",
        "USER_CHECK.PASSED",
        "USER_CHECK.CREATED",
        "USER_CHECK.PASSED",
        "USER.ACTIVATED",
    ]
    for thing in {event.object_id for event in found}:
        mine = [event for event in found if event.object_id == thing]
        assert [event.object_version for event in mine] == list(range(1, len(mine) + 1))
        assert [event.created_at for event in mine] == sorted({event.created_at for event in mine})


async def test_a_foreign_national_needs_an_identifier(api: Api, database: Database, tenant_id: UUID) -> None:
    user_id = (await made(api, nationalities=["PL", "US"]))["id"]
    for body in (KYC, FIT):
        await check(api, user_id, body)
    await api.post(f"/users/{user_id}/tax_residencies", RESIDENCIES)
    await settle(database, tenant_id)
    assert await status(api, user_id) == "INACTIVE"
    path = f"/users/{user_id}/identifiers"
    assert (await api.get(path)).json() == {"data": []}
    body = {"type": "NATIONAL_ID", "issuing_country": "PL", "identifier": "44051401358"}
    assert fields(await api.send("POST", path, body)) == {"identifier"}
    stored = await api.send("POST", path, {**body, "identifier": "44051401359"})
    assert stored.status_code == 200, stored.text
    assert await status(api, user_id) == "ACTIVE"
    identifier = stored.json()
    assert identifier["identifier_standard"] == "PESEL"
    assert (await api.get(f"{path}/{identifier['id']}")).json() == identifier
    assert fields(await api.send("PATCH", f"{path}/{identifier['id']}", {"identifier": "1"})) == {"identifier"}
    changed = await api.send("PATCH", f"{path}/{identifier['id']}", {"identifier": "02070803628"})
    assert changed.status_code == 200, changed.text
    assert changed.json()["identifier"] == "02070803628"
    assert (await api.get(path)).json() == {"data": [changed.json()]}
    assert (await api.get(f"{path}/{uuid4()}")).status_code == 404


async def test_the_identifier_of_some_nationals_is_made(api: Api) -> None:
    user_id = (await made(api))["id"]
    path = f"/users/{user_id}/identifiers"
    made_one = (await api.get(path)).json()["data"]
    assert [(i["identifier_standard"], i["identifier"], i["issuing_country"]) for i in made_one] == [
        ("CONCAT", "", "DE")
    ]
    again = await api.send("POST", path, {"type": "NATIONAL_ID", "issuing_country": "DE", "identifier": ""})
    assert (again.status_code, again.json()["id"]) == (200, made_one[0]["id"])


async def test_secrets_of_people_are_sealed_and_in_no_log(
    api: Api, database: Database, tenant_id: UUID, log: io.StringIO
) -> None:
    number = "65170839J003"
    user = await made(api, social_security_number=number, nationalities=["PL"])
    assert user["social_security_number"] == number
    assert (await api.get("/users")).json()["data"][0]["social_security_number"] == number
    path = f"/users/{user['id']}"
    body = {"type": "NATIONAL_ID", "issuing_country": "PL", "identifier": "44051401359"}
    await api.send("POST", f"{path}/identifiers", body)
    await api.send("POST", f"{path}/identifiers", {**body, "identifier": "44051401358"})
    await api.post(f"{path}/tax_residencies", RESIDENCIES)
    secrets = (number, "44051401359", "44051401358", GERMAN_TAX_NUMBER)

    async def everything(unit: Unit) -> str:
        tables = ("users", "user_identifiers", "tax_residencies", "events", "idempotency")
        texts = [
            await unit.rows(Query(str, f"select t::text from {table} t"))  # type: ignore[arg-type] # test only
            for table in tables
        ]
        return "\n".join(text for rows in texts for text in rows)

    stored = await database.read(tenant_id, everything)
    assert "Lindner" in stored, "the tables were read"
    assert not any(secret in stored for secret in secrets)
    assert not any(secret in log.getvalue() for secret in (*secrets, "Lindner", "greta.lindner", "Hafenstrasse"))


async def test_tax_residencies_are_replaced_as_a_set(api: Api) -> None:
    path = f"/users/{(await made(api))['id']}/tax_residencies"
    assert (await api.get(path)).status_code == 404
    first = (await api.post(path, RESIDENCIES)).json()
    assert first["status"] == "ACTIVE"
    two = {
        "tax_residencies": [
            {"country": "FR", "missing_tin_reason": "TIN_NOT_YET_ASSIGNED"},
            {"country": "DE", "tax_identifier_number": GERMAN_TAX_NUMBER, "missing_tin_reason": ""},
        ]
    }
    second = (await api.post(path, two)).json()
    assert second["status"] == "PENDING"
    assert second["tax_residencies"][1] == RESIDENCIES["tax_residencies"][0]
    assert (second["created_at"], second["updated_at"] > first["updated_at"]) == (first["created_at"], True)
    assert (await api.get(path)).json() == second
    both = {"country": "DE", "tax_identifier_number": GERMAN_TAX_NUMBER, "missing_tin_reason": "OTHER_REASONS"}
    for wrong, named in (
        ([both], "tax_residencies.0.missing_tin_reason"),
        ([{"country": "DE"}], "tax_residencies.0.tax_identifier_number"),
        ([{"country": "DE", "tax_identifier_number": "12345678901"}], "tax_residencies.0.tax_identifier_number"),
        ([], "tax_residencies"),
    ):
        assert fields(await api.post(path, {"tax_residencies": wrong})) == {named}
    assert (await api.get(path)).json() == second


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (
            {**KYC, "document_expiration_date": None, "nationality": None},
            {"document_expiration_date", "nationality"},
        ),
        ({**KYC, "document_type": "UTILITY_BILL"}, {"document_type"}),
        (
            {**KYC, "data_download_link": "ftp://x", "issuance_date": "2026-01-01"},
            {"data_download_link", "issuance_date"},
        ),
        (
            {"type": "POR", "check_confirmed_at": CONFIRMED_AT},
            {"issuance_date", "data_download_link", "document_type", "confirmed_address"},
        ),
        ({**FIT, "instrument_suitability": {"suitability": "yes"}}, {"instrument_suitability.suitability"}),
        ({"type": "COMPLIANCE", "check_confirmed_at": CONFIRMED_AT}, {"type"}),
        ({"check_confirmed_at": CONFIRMED_AT}, {"type"}),
        ({**KYC, "check_confirmed_at": "2020-01-01T00:00:00Z"}, {"check_confirmed_at"}),
    ],
)  # fmt: skip
async def test_field_errors_of_checks(api: Api, body: dict[str, Any], named: set[str]) -> None:
    user_id = (await made(api))["id"]
    assert fields(await api.send("POST", f"/users/{user_id}/checks", body)) == named
    assert (await api.get(f"/users/{user_id}/checks")).json() == {"data": []}


async def test_guardian_checks_are_known_and_refused(api: Api) -> None:
    user_id = (await made(api))["id"]
    body = {
        "type": "GUARDIAN",
        "check_confirmed_at": CONFIRMED_AT,
        "role_id": str(uuid4()),
        "document_type": "BIRTH_CERTIFICATE",
        "data_download_link": "https://documents.example.org/birth.pdf",
    }
    answer = await api.send("POST", f"/users/{user_id}/checks", body)
    assert (answer.status_code, fields(answer)) == (422, {"type"})


async def test_a_check_shows_what_its_type_has(api: Api, database: Database, tenant_id: UUID) -> None:
    user_id = (await made(api))["id"]
    income = {"currency": "EUR", "lower_bound": 40000, "upper_bound": 60000.5}
    assessment = {**ASSESSMENT, "yearly_gross_income": income}
    por = {
        "type": "POR",
        "check_confirmed_at": CONFIRMED_AT,
        "issuance_date": "2025-12-01",
        "data_download_link": "https://documents.example.org/bill.pdf",
        "document_type": "ID_CARD",
        "confirmed_address": ADDRESS,
    }
    withholding = {
        "type": "US_WITHHOLDING_TAX_STATUS",
        "check_confirmed_at": CONFIRMED_AT,
        "person_type": "NON_RESIDENT_ALIEN",
        "documentation_type": "W8-BEN",
        "valid_from": "2026-01-01",
    }
    for body in (KYC, por, FIT, assessment, withholding):
        check_id = await check(api, user_id, body)
        shown = (await api.get(f"/users/{user_id}/checks/{check_id}")).json()
        assert shown == {**body, "id": check_id, "user_id": user_id, "status": "IN_PROGRESS"}
    await settle(database, tenant_id)
    by_type = {c["type"]: c for c in (await api.get(f"/users/{user_id}/checks")).json()["data"]}
    assert by_type["US_WITHHOLDING_TAX_STATUS"]["status"] == "FAILED"
    assert by_type["USER_SELF_ASSESSMENT"]["yearly_gross_income"]["upper_bound"] == 60000.5
    assert by_type["COMPLIANCE"]["status"] == "PASSED"


@pytest.mark.parametrize(
    ("number", "taken"),
    [
        ("0", True),
        ("0e300", True),
        ("40000.50", True),
        ("4e4", True),
        ("999999999999999", True),
        ("1e-15", True),
        ("0.1234567890123451", False),
        ("1e15", False),
        ("1e20", False),
        ("1e300", False),
        ("1e999", False),
        ("1e-16", False),
        ("1e-300", False),
        ("-1", False),
        ("1" + 5000 * "0", False),
    ],
)
async def test_every_number_that_is_taken_is_shown_again(api: Api, number: str, taken: bool) -> None:
    user_id = (await made(api))["id"]
    path = f"/users/{user_id}/checks"
    content = json.dumps(ASSESSMENT).replace('"lower_bound": 0', f'"lower_bound": {number}').encode()
    answer = await api.send("POST", path, content)
    shown = await api.get(path)
    assert (answer.status_code, shown.status_code) == (202 if taken else 400, 200)
    bounds = [one["yearly_gross_income"]["lower_bound"] for one in shown.json()["data"]]
    assert bounds == ([json.loads(number)] if taken else [])


@pytest.mark.parametrize("number", ["1E+20", "1E+300", "1E-300"])
async def test_a_number_that_an_older_version_took_is_shown(
    api: Api, database: Database, tenant_id: UUID, number: str
) -> None:
    user_id = (await made(api))["id"]

    async def work(unit: Unit) -> None:
        income = {"currency": "EUR", "lower_bound": Decimal(number)}
        details = snapshot_value({**ASSESSMENT, "yearly_gross_income": income})
        await service.create_check(unit, UUID(user_id), ASSESSMENT["type"], unit.now, details)

    await database.write(tenant_id, work)
    shown = (await api.get(f"/users/{user_id}/checks")).json()["data"]
    assert [one["yearly_gross_income"]["lower_bound"] for one in shown] == [json.loads(number)]


async def test_the_list_shows_the_newest_of_each_type_or_all(api: Api, database: Database, tenant_id: UUID) -> None:
    user_id = (await made(api))["id"]
    old, new, fit = [await check(api, user_id, body) for body in (KYC, {**KYC, "kyc_update": True}, FIT)]
    path = f"/users/{user_id}/checks"
    for query, ids in (
        ("", [new, fit]),
        ("?list_history=true", [old, new, fit]),
        ("?list_history=false&type=KYC", [new]),
        ("?list_history=true&type=KYC", [old, new]),
        ("?type=POR", []),
    ):
        assert [c["id"] for c in (await api.get(path + query)).json()["data"]] == ids
    assert fields(await api.get(path + "?type=PASSPORT")) == {"type"}
    other = (await made(api))["id"]
    assert (await api.get(f"/users/{other}/checks/{old}")).status_code == 404
    assert (await api.get(f"/users/{uuid4()}/checks")).status_code == 404


async def test_scenarios_and_hands_decide_checks(api: Api, database: Database, tenant_id: UUID) -> None:
    user_id = (await made(api))["id"]
    await database.write(tenant_id, lambda unit: lay(unit, "check_pending", 1, user_id=UUID(user_id)))
    await database.write(tenant_id, lambda unit: lay(unit, "check_fails", 1, user_id=UUID(user_id)))
    kyc, fit = [await check(api, user_id, body) for body in (KYC, FIT)]
    await api.post(f"/users/{user_id}/tax_residencies", RESIDENCIES)
    await settle(database, tenant_id)
    path = f"/users/{user_id}/checks"
    assert [c["status"] for c in (await api.get(path)).json()["data"]] == ["IN_PROGRESS", "FAILED"]
    by_hand = f"/tests{path}/{kyc}"
    passed = await api.send("POST", f"{by_hand}/pass")
    assert (passed.status_code, passed.json()["status"]) == (200, "PASSED")
    assert (await api.send("POST", f"{by_hand}/pass")).status_code == 409
    await settle(database, tenant_id)
    assert await status(api, user_id) == "ACTIVE", "a failed fit does not block"
    assert (await api.send("POST", f"{by_hand}/fail")).json()["status"] == "FAILED"
    assert await status(api, user_id) == "INACTIVE"
    assert (await api.send("POST", f"{by_hand}/pass")).json()["status"] == "PASSED"
    assert await status(api, user_id) == "ACTIVE"
    assert (await api.send("POST", f"/tests{path}/{fit}/pass")).json()["status"] == "PASSED"
    assert (await api.send("POST", f"/tests{path}/{uuid4()}/pass")).status_code == 404
    kinds = [event.type for event in await news(database, tenant_id) if event.type.startswith("USER.")]
    assert kinds == ["USER.CREATED", "USER.ACTIVATED", "USER.DEACTIVATED", "USER.ACTIVATED"]


async def test_a_lost_lease_decides_nothing(api: Api, database: Database, tenant_id: UUID) -> None:
    user_id = (await made(api))["id"]
    kyc = await check(api, user_id, KYC)
    runner = customers_runner(database)
    outbound: Any = next(work for work in runner.works if work.name == "onboarding.check")
    leased = await database.write(tenant_id, lambda unit: outbound.lease(unit, 10), n=0)
    assert [str(row.id) for row in leased] == [kyc]
    assert await database.write(tenant_id, lambda unit: outbound.lease(unit, 10), n=0) == []
    assert (await look(database, tenant_id, [outbound])).due  # no clock passes over it
    said = await outbound.call(runner.ports, leased)
    assert (await api.send("POST", f"/tests/users/{user_id}/checks/{kyc}/fail")).json()["status"] == "FAILED"
    await database.write(tenant_id, lambda unit: outbound.record(unit, leased, said))
    assert (await api.get(f"/users/{user_id}/checks/{kyc}")).json()["status"] == "FAILED"


async def test_a_frozen_tenant_decides_before_its_next_write(database: Database, frozen_tenant_id: UUID) -> None:
    app = make_test_app(database, ENDPOINTS)
    api = await make_api(app, database, frozen_tenant_id)
    async with api.http:
        user_id = (await made(api))["id"]
        for body in (KYC, FIT):
            await check(api, user_id, body)
        assert (await api.post(f"/users/{user_id}/tax_residencies", RESIDENCIES)).status_code == 200
        assert await status(api, user_id) == "ACTIVE"
    times = [event.created_at for event in await news(database, frozen_tenant_id)]
    assert times == sorted(times)
