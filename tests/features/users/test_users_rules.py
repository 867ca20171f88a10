"""Users' decisions as tables: lives, data changes, what a licence asks for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from openvest.core.ids import deterministic_id
from openvest.core.lifecycle import WrongState
from openvest.features.onboarding.rules import CHECK
from openvest.features.users import rules, rules_changes
from openvest.features.users.model import User

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ADDRESS = {"address_line1": "Hafenstrasse 7", "postcode": "24103", "city": "Kiel", "country": "DE"}

USER = User(
    id=deterministic_id("user"),
    version=1,
    created_at=AT,
    updated_at=AT,
    status="INACTIVE",
    licence="TOL",
    first_name="Greta Anna",
    last_name="Lindner",
    email="greta@example.org",
    salutation="",
    title="",
    birth_date=date(1991, 3, 14),
    birth_city=None,
    birth_country=None,
    birth_name=None,
    decease_date=None,
    nationalities=["DE"],
    phone_number=None,
    address=ADDRESS,
    postal_address=ADDRESS,
    fatca=None,
    terms_and_conditions=None,
    data_privacy_and_sharing_agreement=None,
    branch_id=None,
    gender=None,
    tags=[],
)


@pytest.mark.parametrize("life", [rules.USER, rules.DATA_CHANGE, CHECK], ids=lambda life: life.noun)
def test_every_verb_exists_only_where_the_table_has_it(life: Any) -> None:
    verbs = {verb for _, verb in life.moves}
    for state in life.states:
        for verb in verbs:
            if (state, verb) in life.moves:
                assert life.move(state, verb) == life.moves[state, verb]
            else:
                with pytest.raises(WrongState):
                    life.move(state, verb)
    assert not any(state in life.ends for state, _ in life.moves)


PROOF = {"issuance_date": "2026-01-01", "data_download_link": "https://x.example", "document_type": "PASSPORT"}
BILL = PROOF | {"document_type": "UTILITY_BILL"}
NAME = {"first_name": "Greta", "last_name": "Berg"}

CHANGES: list[tuple[Any, dict[str, Any], dict[str, Any] | None, set[str]]] = [
    ("TOL", NAME, PROOF, set()),
    ("TOL", {"nationalities": ["DE", "FR"]}, PROOF, set()),
    ("TOL", {"address": ADDRESS}, BILL, set()),
    ("TOL", {"email": "a@b.example", "title": "DR"}, None, set()),
    ("TOL", {"postal_address": None}, None, set()),
    ("TOL", {"tags": []}, None, set()),
    ("TOL", {}, None, {"(root)"}),
    ("TOL", {}, PROOF, {"(root)"}),
    ("TOL", {"first_name": "Greta"}, PROOF, {"last_name"}),
    ("TOL", NAME, None, {"issuance_date", "data_download_link", "document_type"}),
    ("TOL", NAME, BILL, {"document_type"}),
    ("TOL", {"address": ADDRESS}, PROOF, {"document_type"}),
    ("TOL", {**NAME, "email": "a@b.example"}, PROOF, {"email"}),
    ("TOL", {"email": "a@b.example"}, PROOF, {"issuance_date", "data_download_link", "document_type"}),
    ("TOL", {"birth_city": "Kiel"}, None, {"birth_city"}),
    ("BYOL", {**NAME, "address": ADDRESS, "birth_city": "Kiel"}, None, set()),
    ("BYOL", {"email": "a@b.example"}, None, {"email"}),
    ("BYOL", NAME, PROOF, {"issuance_date", "data_download_link", "document_type"}),
]


@pytest.mark.parametrize(("licence", "changes", "evidence", "fields"), CHANGES)
def test_data_changes(licence: Any, changes: dict[str, Any], evidence: dict[str, Any] | None, fields: set[str]) -> None:
    assert {error.field for error in rules_changes.field_errors(licence, changes, evidence)} == fields


OTHER = {**ADDRESS, "city": "Bonn"}


@pytest.mark.parametrize(
    ("postal", "changes", "after"),
    [
        (ADDRESS, {"address": OTHER}, OTHER),
        (OTHER, {"address": {**OTHER, "city": "Ulm"}}, OTHER),
        (OTHER, {"postal_address": None}, ADDRESS),
        (ADDRESS, {"postal_address": OTHER}, OTHER),
        (OTHER, {"title": "DR"}, OTHER),
    ],
)
def test_where_post_goes_after_a_change(postal: dict[str, Any], changes: dict[str, Any], after: dict[str, Any]) -> None:
    assert rules_changes.applied(replace(USER, postal_address=postal), changes).get("postal_address", postal) == after


@pytest.mark.parametrize(
    ("status", "proved", "reason", "refusal"),
    [
        ("ACTIVE", True, None, None),
        ("INACTIVE", True, None, None),
        ("ACTIVE", False, None, "the evidence was not accepted"),
        ("ACTIVE", False, "x" * 200, "x" * 100),
        ("OFFBOARDING", True, None, "the user is being offboarded"),
    ],
)
def test_why_a_data_change_is_refused(status: Any, proved: bool, reason: str | None, refusal: str | None) -> None:
    assert rules_changes.refusal(replace(USER, status=status), proved, reason) == refusal


CONSENT = {"consent_document_id": str(UUID(int=1)), "confirmed_at": "2026-02-01T09:00:00Z"}


@pytest.mark.parametrize(
    ("licence", "given", "missing"),
    [
        ("BYOL", {}, []),
        ("BYOL", {"phone_number": "4930123456", "email": "a@b.example", "fatca": {}}, ["phone_number", "fatca"]),
        ("TOL", {}, ["email", "fatca", "terms_and_conditions", "data_privacy_and_sharing_agreement"]),
        (
            "TOL",
            {"email": "a@b.example", "fatca": {}, "terms_and_conditions": CONSENT},
            ["data_privacy_and_sharing_agreement"],
        ),
    ],
)
def test_what_a_licence_asks_of_a_new_user(licence: Any, given: dict[str, Any], missing: list[str]) -> None:
    assert [error.field for error in rules.field_errors(licence, given)] == missing
