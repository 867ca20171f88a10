"""Bodies as careless clients send them: empty strings for what is not used, and everything wrong at once."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from openvest import catalog
from openvest.core.problems import InvalidRequest
from openvest.core.schema import Body, ValidationContext
from openvest.db.unit import Database
from openvest.declarations import Endpoint
from openvest.server.parsing import parse_body
from tests.kit.contracts import SERVED
from tests.kit.http import Api, make_api, make_test_app
from tests.kit.people import GERMAN_TAX_NUMBER, KYC, USER

pytestmark = pytest.mark.anyio

TOL, BYOL = ValidationContext("TOL"), ValidationContext("BYOL")
A, B = str(uuid4()), str(uuid4())
RESIDENCY = {"country": "DE", "tax_identifier_number": GERMAN_TAX_NUMBER}
WITHHOLDING = {
    "type": "US_WITHHOLDING_TAX_STATUS",
    "check_confirmed_at": "2026-02-01T09:00:00Z",
    "person_type": "US_PERSON",
    "documentation_type": "W9",
}
ORDER = {"user_id": A, "account_id": B, "side": "BUY", "instrument_id": "IE00B3XXRP09", "instrument_id_type": "ISIN"}


@pytest.fixture
async def api(database: Database, tenant_id: UUID) -> AsyncGenerator[Api]:
    api = await make_api(make_test_app(database, catalog.CONTRACTS), database, tenant_id)
    async with api.http:
        yield api


def endpoint(operation_id: str) -> Endpoint:
    return next(one for one in SERVED if one.operation_id == operation_id)


def named(operation_id: str, body: Any, context: ValidationContext = TOL) -> set[str]:
    """The fields at fault, none where the body is taken."""
    try:
        parse_body(endpoint(operation_id), json.dumps(body).encode(), context)
    except InvalidRequest as refusal:
        return {error.field for error in refusal.errors}
    return set()


OPTIONAL = [
    pytest.param(one, name, id=f"{one.operation_id}.{name}")
    for one in SERVED
    if isinstance(one.body, type) and issubclass(one.body, Body)
    for name, field in one.body.model_fields.items()
    if not field.is_required()
]


@pytest.mark.parametrize(("one", "name"), OPTIONAL)
def test_the_empty_string_and_null_of_an_unused_field_are_no_field_errors(one: Endpoint, name: str) -> None:
    for unused in ("", None):
        with pytest.raises(InvalidRequest) as caught:
            parse_body(one, json.dumps({name: unused, "not_a_field": 1}).encode())
        assert name not in {error.field for error in caught.value.errors if not error.message.startswith("is required")}


def bodies(of: type[Body] = Body) -> set[type[Body]]:
    return {one for made in of.__subclasses__() for one in {made, *bodies(made)}}


def test_no_object_at_any_depth_minds_what_is_unused() -> None:
    minded: list[str] = []
    for one in bodies():
        unused: list[Any] = ["", None]
        for name, field in one.model_fields.items():
            for empty in [] if field.is_required() else unused:
                try:
                    one.model_validate({name: empty})
                except ValidationError as error:
                    at_fault = [field_error["loc"] for field_error in error.errors()]
                    minded += [f"{one.__name__}.{name} {empty!r}"] if (name,) in at_fault else []
    assert minded == []
    order = ORDER | {"quantity": "1", "currency": None, "limit_price": None, "fee_configuration": None, "tags": None}
    assert named("place_order", order) == {"tags"}
    assert named("create_webhook", HOOK | {"type": None, "config": {"max_package_size": None}}) == set()


def test_what_the_empty_string_means_itself_is_kept() -> None:
    model: type[BaseModel] | TypeAdapter[Any] | None = endpoint("user_data_change").body
    assert isinstance(model, type)
    assert model.model_validate({"salutation": ""}).model_fields_set == {"salutation"}


@pytest.mark.parametrize(
    ("operation_id", "body", "fields"),
    [
        ("advance_clock", {"x": 1}, {"x", "(root)"}),
        ("advance_clock", {"by": "P1D", "next_open": "XETR"}, {"next_open"}),
        ("advance_clock", {"by": "nonsense"}, {"by"}),
        (
            "create_scenario",
            {"name": "check_fails", "on": {"account_id": A, "client_reference": "x"}, "times": 0},
            {"on.client_reference", "times"},
        ),
        (
            "set_tax_residencies",
            {"tax_residencies": [{"country": "de"}, {"country": "DE", "tin": 1}]},
            {
                "tax_residencies.0.country",
                "tax_residencies.0.tax_identifier_number",
                "tax_residencies.1.tin",
                "tax_residencies.1.tax_identifier_number",
            },
        ),
        (
            "set_tax_residencies",
            {"tax_residencies": [RESIDENCY | {"missing_tin_reason": "OTHER_REASONS"}]},
            {"tax_residencies.0.missing_tin_reason"},
        ),
        (
            "create_user_check",
            {k: v for k, v in KYC.items() if k != "nationality"} | {"provider": 1, "more": 2},
            {"nationality", "provider", "more"},
        ),
        ("place_order", ORDER | {"cash_amount": 10, "quantity": "1", "more": 1}, {"cash_amount", "quantity", "more"}),
        ("place_order", ORDER | {"order_type": "LIMIT", "quantity": 1}, {"quantity", "limit_price"}),
        (
            "place_order",
            ORDER | {"order_type": "X", "quantity": "1", "limit_price": "0"},
            {"order_type", "limit_price"},
        ),
        (
            "place_order",
            ORDER | {"account_id": "", "business_id": "", "cash_amount": "0"},
            {"account_id", "cash_amount"},
        ),
        ("place_order", ORDER | {"quantity": "1234567890123456789012345678.12345678901"}, {"quantity"}),
        ("place_order", ORDER | {"order_type": "LIMIT", "limit_price": "1", "quantity": "9" * 28 + ".5"}, {"quantity"}),
        ("place_order", ORDER | {"user_id": "", "business_id": A, "currency": "", "quantity": "1"}, set()),
        ("create_user_check", WITHHOLDING | {"valid_from": "2026-02-01", "valid_to": "2026-01-31"}, {"valid_to"}),
    ],
)  # fmt: skip
def test_single_fields_and_their_combination_are_judged_at_once(operation_id: str, body: Any, fields: set[str]) -> None:
    assert named(operation_id, body) == fields


BARE = {name: USER[name] for name in ("first_name", "last_name", "birth_date", "nationalities", "address")}
OF_TOL = {"email", "fatca", "terms_and_conditions", "data_privacy_and_sharing_agreement"}
IDENTIFIER = {"type": "NATIONAL_ID", "issuing_country": "IT", "identifier": "1"}
NAME = {"first_name": "Greta", "last_name": "Lindner"}
PROOF = {"issuance_date": "2026-01-01", "data_download_link": "https://a.example/b", "document_type": "PASSPORT"}
HOOK = {"title": "t", "url": "https://hooks.example.org"}
LOCAL = ValidationContext("TOL", frozenset({"127.0.0.1:8080"}))
NUMBER, COUNTRY = "tax_residencies.{}.tax_identifier_number", "tax_residencies.{}.country"


@pytest.mark.parametrize(
    ("operation_id", "body", "context", "fields"),
    [
        ("create_user", BARE | {"more": 1}, TOL, OF_TOL | {"more"}),
        ("create_user", BARE | {"email": "no", "fatca": 1, "more": 1}, TOL, OF_TOL | {"more"}),
        ("create_user", BARE, BYOL, set()),
        ("create_user", USER, BYOL, {"phone_number", "fatca"}),
        ("create_user", BARE | {"phone_number": "", "fatca": None}, BYOL, set()),
        ("create_user", BARE | {"more": 1}, BYOL, {"more"}),
        ("user_data_change", {"first_name": "X", "email": "a@b.example"}, TOL, {"first_name", "email"}),
        ("user_data_change", NAME | PROOF | {"document_type": 1, "more": 1}, TOL, {"document_type", "more"}),
        ("user_data_change", NAME | PROOF | {"document_type": "BANK_STATEMENT"}, TOL, {"document_type"}),
        ("user_data_change", NAME | PROOF, TOL, set()),
        ("user_data_change", NAME | PROOF | {"email": "no"}, BYOL, {"email", *PROOF}),
        ("user_data_change", {"postal_address": None}, TOL, set()),
        ("user_data_change", {"email": None, "more": 1}, TOL, {"(root)", "more"}),
        ("create_webhook", HOOK | {"title": "!", "url": "ftp://x.example"}, LOCAL, {"title", "url"}),
        ("create_webhook", HOOK | {"url": "http://127.0.0.1:8080", "more": 1}, LOCAL, {"more"}),
        ("create_webhook", HOOK | {"url": "http://127.0.0.1:8080"}, TOL, {"url"}),
        ("update_webhook", {"url": "https://127.0.0.1", "enabled": 1}, LOCAL, {"url", "enabled"}),
        ("create_identifier", IDENTIFIER, TOL, {"identifier"}),
        ("create_identifier", IDENTIFIER | {"identifier_standard": "XX"}, TOL, {"identifier_standard"}),
        ("create_identifier", IDENTIFIER | {"identifier_standard": "N"}, TOL, {"identifier_standard"}),
        ("create_identifier", IDENTIFIER | {"more": 1}, TOL, {"identifier", "more"}),
        (
            "set_tax_residencies",
            {"tax_residencies": [RESIDENCY, RESIDENCY | {"tax_identifier_number": "12345678"}, {"country": "deu"}, 1]},
            TOL,
            {COUNTRY.format(1), NUMBER.format(1), COUNTRY.format(2), NUMBER.format(2), "tax_residencies.3"},
        ),
        ("set_tax_residencies", {"tax_residencies": [RESIDENCY, RESIDENCY]}, TOL, {COUNTRY.format(1)}),
        ("set_tax_residencies", {"tax_residencies": [RESIDENCY]}, TOL, set()),
    ],
)  # fmt: skip
def test_what_needs_licence_or_allow_list_is_judged_with_the_rest(
    operation_id: str, body: Any, context: ValidationContext, fields: set[str]
) -> None:
    assert named(operation_id, body, context) == fields


async def test_a_body_is_refused_before_the_object_is_looked_for(api: Api) -> None:
    for method, path, body, fields in (
        ("POST", f"/users/{A}/data_change_requests", {}, {"(root)"}),
        ("POST", f"/users/{A}/data_change_requests", {"first_name": "Greta"}, {"last_name", *PROOF}),
        ("POST", f"/users/{A}/tax_residencies", {"tax_residencies": [RESIDENCY, RESIDENCY]}, {COUNTRY.format(1)}),
        ("POST", f"/users/{A}/identifiers", IDENTIFIER, {"identifier"}),
        ("PATCH", f"/webhooks/{A}", {"url": "ftp://x.example"}, {"url"}),
    ):
        answer = await api.send(method, path, body, key=uuid4())
        assert answer.status_code == 400, answer.text
        assert {error["field"] for error in answer.json()["errors"]} == fields


async def test_the_licence_is_the_callers(api: Api) -> None:
    answer = await api.post("/users", BARE | {"more": 1})
    assert {error["field"] for error in answer.json()["errors"]} == OF_TOL | {"more"}


def test_an_income_range_that_ends_before_it_begins() -> None:
    income = {"currency": "EUR", "lower_bound": 50000, "upper_bound": 20000}
    body = {
        "type": "USER_SELF_ASSESSMENT",
        "check_confirmed_at": "2026-02-01T09:00:00Z",
        "user_occupation": "EMPLOYEE",
        "user_industry": "EDUCATION",
        "yearly_gross_income": income,
        "income_sources": ["EMPLOYMENT_INCOME"],
    }
    assert named("create_user_check", body) == {"yearly_gross_income.upper_bound"}
    assert named("create_user_check", body | {"yearly_gross_income": income | {"upper_bound": 50000}}) == set()


AHEAD = "2199-01-01"
CONSENT = {"consent_document_id": A, "confirmed_at": f"{AHEAD}T00:00:00Z"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"birth_date": AHEAD}, "birth_date"),
        ({"fatca": {"status": False, "confirmed_at": f"{AHEAD}T00:00:00Z"}}, "fatca.confirmed_at"),
        ({"terms_and_conditions": CONSENT}, "terms_and_conditions.confirmed_at"),
        ({"data_privacy_and_sharing_agreement": CONSENT}, "data_privacy_and_sharing_agreement.confirmed_at"),
    ],
)
async def test_nobody_is_born_or_declares_in_the_future(api: Api, changes: dict[str, Any], field: str) -> None:
    answer = await api.post("/users", USER | changes)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_evidence_is_not_from_the_future(api: Api) -> None:
    user = (await api.post("/users", USER)).json()
    ahead = NAME | PROOF | {"issuance_date": AHEAD}
    for path, body, field in (
        ("checks", {**KYC, "check_confirmed_at": f"{AHEAD}T00:00:00Z"}, "check_confirmed_at"),
        ("data_change_requests", ahead, "issuance_date"),
    ):
        answer = await api.send("POST", f"/users/{user['id']}/{path}", body)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_document_that_has_expired_proves_nothing(api: Api) -> None:
    user = (await api.post("/users", USER)).json()
    answer = await api.send("POST", f"/users/{user['id']}/checks", {**KYC, "document_expiration_date": "2020-01-01"})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["document_expiration_date"]


async def test_a_state_that_forbids_it_is_said_in_english(api: Api) -> None:
    user = (await api.post("/users", USER)).json()
    group = (await api.post("/account_groups", {"user_id": user["id"], "type": "PERSONAL"})).json()
    body = {"user_id": user["id"], "account_group_id": group["id"], "type": "TRADING"}
    account = (await api.post("/accounts", body)).json()
    answer = await api.send("POST", f"/tests/accounts/{account['id']}/unlock")
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("An account that is ")
