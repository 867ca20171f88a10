"""Onboarding's decisions as tables: activation, nationalities, identifiers, tax numbers, evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from openvest.core.clock import CLOCK_SKEW
from openvest.core.ids import deterministic_id
from openvest.core.problems import InvalidRequest
from openvest.features.onboarding import rules, rules_checks, rules_identifiers
from openvest.features.onboarding.model import Check, DeclaredResidency, Residency, TaxResidencies
from tests.features.users.test_users_rules import ADDRESS, AT, USER


def check(kind: Any, status: Any = "PASSED", n: int = 0, **details: Any) -> Check:
    return Check(deterministic_id(kind, n), 1, AT, AT, USER.id, kind, status, AT, details)


def facts(
    *checks: Check,
    status: Any = "INACTIVE",
    licence: Any = "TOL",
    nationality: str = "DE",
    countries: str = "",
    declared: bool = True,
) -> rules.ActivationFacts:
    user = replace(USER, status=status, licence=licence, nationalities=[nationality])
    decided = rules_checks.last_decided(list(checks))
    return rules.ActivationFacts(user, decided, frozenset(countries.split()), declared)


KYC = check("KYC", confirmed_address=ADDRESS)
KYC_WITHOUT_ADDRESS = check("KYC")
POR, FIT, COMPLIANCE = check("POR"), check("INSTRUMENT_FIT"), check("COMPLIANCE")
FIT_FAILED = check("INSTRUMENT_FIT", "FAILED")

KYC_ROW, ADDRESS_ROW, FIT_ROW, COMPLIANCE_ROW, IDENTIFIER_ROW, TAX_ROW = [row.name for row in rules.REQUIREMENTS]


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (facts(KYC, FIT, COMPLIANCE), []),
        (facts(KYC, FIT_FAILED, COMPLIANCE), []),
        (facts(KYC_WITHOUT_ADDRESS, POR, FIT, COMPLIANCE), []),
        (facts(KYC_WITHOUT_ADDRESS, FIT, COMPLIANCE), [ADDRESS_ROW]),
        (facts(KYC, FIT), [COMPLIANCE_ROW]),
        (facts(KYC, COMPLIANCE), [FIT_ROW]),
        (facts(FIT, COMPLIANCE), [KYC_ROW, ADDRESS_ROW]),
        (facts(check("KYC", "IN_PROGRESS"), FIT, COMPLIANCE), [KYC_ROW, ADDRESS_ROW]),
        (facts(KYC, FIT, check("COMPLIANCE", "FAILED")), [COMPLIANCE_ROW]),
        (facts(KYC, FIT, COMPLIANCE, nationality="PL"), [IDENTIFIER_ROW]),
        (facts(KYC, FIT, COMPLIANCE, nationality="PL", countries="IT"), [IDENTIFIER_ROW]),
        (facts(KYC, FIT, COMPLIANCE, declared=False), [TAX_ROW]),
        (facts(KYC, FIT, COMPLIANCE, nationality="PL", countries="IT PL"), []),
        (facts(licence="BYOL"), []),
        (facts(licence="BYOL", nationality="PL"), [IDENTIFIER_ROW]),
        (facts(licence="BYOL", declared=False), [TAX_ROW]),
    ],
)
def test_what_a_user_lacks(given: rules.ActivationFacts, missing: list[str]) -> None:
    assert rules.unmet(given) == missing
    assert rules.decide_status(given) == (None if missing else "activate")


@pytest.mark.parametrize(
    ("given", "verb"),
    [
        (facts(KYC, FIT, COMPLIANCE, status="ACTIVE"), None),
        (facts(KYC, check("KYC", "IN_PROGRESS", 2), FIT, COMPLIANCE, status="ACTIVE"), None),
        (facts(KYC, check("KYC", "FAILED", 2), FIT, COMPLIANCE, status="ACTIVE"), "deactivate"),
        (facts(KYC, FIT, check("COMPLIANCE", "FAILED"), status="ACTIVE"), "deactivate"),
        (facts(KYC_WITHOUT_ADDRESS, check("POR", "FAILED"), FIT, COMPLIANCE, status="ACTIVE"), "deactivate"),
        (facts(KYC, check("POR", "FAILED"), FIT, COMPLIANCE, status="ACTIVE"), None),
        (facts(KYC, FIT_FAILED, COMPLIANCE, status="ACTIVE"), None),
        (facts(KYC, FIT, COMPLIANCE, status="ACTIVE", nationality="PL"), None),
        (facts(KYC, FIT, COMPLIANCE, status="OFFBOARDING"), None),
        (facts(KYC, FIT, COMPLIANCE, status="OFFBOARDED"), None),
    ],
)
def test_when_an_active_user_is_deactivated(given: rules.ActivationFacts, verb: str | None) -> None:
    assert rules.decide_status(given) == verb


@pytest.mark.parametrize(
    ("given", "known", "starts"),
    [
        (facts(KYC), {"KYC"}, True),
        (facts(KYC, COMPLIANCE), {"KYC", "COMPLIANCE"}, False),
        (facts(KYC), {"KYC", "COMPLIANCE"}, False),
        (facts(check("KYC", "FAILED")), {"KYC"}, False),
        (facts(KYC, licence="BYOL"), {"KYC"}, False),
        (facts(KYC, status="OFFBOARDING"), {"KYC"}, False),
        (facts(FIT), {"INSTRUMENT_FIT"}, False),
    ],
)
def test_when_our_own_screening_starts(given: rules.ActivationFacts, known: set[Any], starts: bool) -> None:
    assert rules.starts_compliance(given, known) is starts


@pytest.mark.parametrize(
    ("nationalities", "decisive"),
    [("DE", "DE"), ("US", "US"), ("US DE", "DE"), ("IT FR", "FR"), ("GB US", "GB"), ("AU NO", "NO"), ("CH BR", "BR")],
)
def test_the_nationality_that_counts(nationalities: str, decisive: str) -> None:
    assert rules.decisive_nationality(nationalities.split()) == decisive


@pytest.mark.parametrize(
    ("kind", "country", "identifier", "wanted", "standard"),
    [
        ("NATIONAL_ID", "DE", "", None, "CONCAT"),
        ("NATIONAL_ID", "DE", "", "CONCAT", "CONCAT"),
        ("NATIONAL_ID", "DE", "DE19910314GRETALINDN", None, "CONCAT"),
        ("NATIONAL_ID", "DE", "L01X00T471", None, "NIDN"),
        ("NATIONAL_ID", "IT", "IT19910314GRETALINDN", "CONCAT", "CONCAT"),
        ("NATIONAL_ID", "PL", "44051401359", None, "PESEL"),
        ("NATIONAL_ID", "PL", "8567346215", None, "PLTN"),
        ("NATIONAL_ID", "PL", "8567346215", "PLTN", "PLTN"),
        ("NATIONAL_ID", "IT", "RCCMNL83S18D969H", None, "NIDN"),
        ("NATIONAL_ID", "ES", "54362315K", None, "STIN"),
        ("NATIONAL_ID", "BE", "85073003328", None, "BNN"),
        ("NATIONAL_ID", "LT", "12345678", None, "LTPN"),
        ("NATIONAL_ID", "SK", "AB1234567", None, "SKPS"),
        ("NATIONAL_ID", "GB", "AB123456C", None, "GPN"),
        ("NATIONAL_ID", "CH", "anything", None, "NIDN"),
        ("PASSPORT", "DE", "C01X00T47", None, "CCPT"),
    ],
)
def test_the_standard_of_an_identifier(
    kind: Any, country: str, identifier: str, wanted: str | None, standard: str
) -> None:
    assert rules_identifiers.find_standard(kind, country, identifier, wanted) == standard


@pytest.mark.parametrize(
    ("kind", "country", "identifier", "wanted", "field"),
    [
        ("NATIONAL_ID", "PL", "44051401358", None, "identifier"),
        ("NATIONAL_ID", "PL", "44051401359", "PLTN", "identifier"),
        ("NATIONAL_ID", "PL", "44051401359", "BNN", "identifier_standard"),
        ("NATIONAL_ID", "IT", "", None, "identifier"),
        ("NATIONAL_ID", "IT", "", "CONCAT", "identifier"),
        ("NATIONAL_ID", "DE", "DE1991", "CONCAT", "identifier"),
        ("NATIONAL_ID", "IT", "DE19910314GRETALINDN", "CONCAT", "identifier"),
        ("NATIONAL_ID", "BE", "85073003329", None, "identifier"),
        ("PASSPORT", "DE", "", None, "identifier"),
        ("PASSPORT", "DE", "   ", None, "identifier"),
    ],
)
def test_identifiers_that_are_none(kind: Any, country: str, identifier: str, wanted: str | None, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        rules_identifiers.find_standard(kind, country, identifier, wanted)
    assert [error.field for error in refused.value.errors] == [field]
    assert identifier.strip() == "" or identifier not in str(refused.value)


@pytest.mark.parametrize(
    ("country", "number", "sound"),
    [
        ("DE", "86095742719", True),
        ("DE", "86095742710", False),
        ("DE", "12345678901", False),
        ("IT", "RCCMNL83S18D969H", True),
        ("US", "536904399", True),
        ("CH", "whatever it is", True),
    ],
)
def test_tax_numbers(country: str, number: str, sound: bool) -> None:
    residencies = (Residency(country, number, None),)
    if sound:
        rules_identifiers.check_residencies(residencies)
        return
    with pytest.raises(InvalidRequest) as refused:
        rules_identifiers.check_residencies(residencies)
    assert [error.field for error in refused.value.errors] == ["tax_residencies.0.tax_identifier_number"]


NEWCOMERS = [
    ("SE", "8504901235", "8504901234"),  # samordningsnummer: day of birth + 60
    ("SE", "850490-1235", "850492-1235"),  # there is no 32nd day
    ("SE", "19850490-1235", "8504601235"),  # and no day 0
    ("BE", "85443012303", "85443012304"),  # BIS number: month + 40
    ("BE", "85243012357", "85443012357"),  # BIS number of somebody whose sex is unknown: month + 20
    ("BE", "85000003306", "85000003307"),  # day and month of birth unknown
    ("NO", "41018510187", "41018510188"),  # D-number: day + 40
    ("ES", "X1234567L", "X1234567A"),  # NIE
    ("ES", "M1234567L", "M1234567A"),  # no NIE yet
    ("FI", "131052Y308T", "131052Y308A"),  # the signs of a century since 2023
    ("FI", "131002B308W", "131002G308W"),
    ("IT", "RCCMNL83S18D96VW", "RCCMNL83S18D96VA"),  # omocodia: a digit is a letter
    ("IT", "RCCMNLUPSMUDVSVO", "RCCMNLUPSMUDVSVA"),
    ("PL", "02251512349", "02251512340"),  # born since 2000: month + 20
    ("RO", "7850228400011", "7850228400012"),  # residents from abroad begin with 7 and 8
    ("NL", "111222333", "111222334"),
    ("FR", "3023217600053", "3023217600054"),
]


@pytest.mark.parametrize(("country", "number", "wrong"), NEWCOMERS)
def test_newcomers_have_tax_numbers_too(country: str, number: str, wrong: str) -> None:
    assert rules_identifiers.number_errors(country, number) == []
    assert rules_identifiers.number_errors(country, wrong) != []


@pytest.mark.parametrize(
    ("country", "number", "standard"),
    [
        ("SE", "8504901235", "NIDN"),
        ("BE", "85443012303", "BNN"),
        ("BE", "85000003306", "BNN"),
        ("NO", "41018510187", "NIDN"),
        ("ES", "X1234567L", "STIN"),
        ("FI", "131002B308W", "FPIN"),
        ("BG", "7111042925", "BPN"),  # LNCh, the number of a foreigner
        ("DK", "0101654321", "DPIC"),  # without a check digit, since 2007
    ],
)
def test_newcomers_have_national_numbers_too(country: str, number: str, standard: str) -> None:
    assert rules_identifiers.find_standard("NATIONAL_ID", country, number, None) == standard


@pytest.mark.parametrize("number", ["\u200b" * 8, " " * 8, "\u00a0" * 8, "1234\n5678", "1234\u202e5678"])
def test_a_number_of_a_country_whose_form_is_not_known_can_be_read(number: str) -> None:
    assert rules_identifiers.number_errors("CH", number) != []
    with pytest.raises(InvalidRequest):
        rules_identifiers.find_standard("PASSPORT", "CH", number, None)


def test_a_country_is_declared_once() -> None:
    with pytest.raises(InvalidRequest) as refused:
        rules_identifiers.check_residencies((Residency("CH", "1234567", None), Residency("CH", "7654321", None)))
    assert [error.field for error in refused.value.errors] == ["tax_residencies.1.country"]


@pytest.mark.parametrize(
    ("reasons", "status"),
    [((None,), "ACTIVE"), (("COUNTRY_HAS_NO_TIN",), "ACTIVE"), ((None, "TIN_NOT_YET_ASSIGNED"), "PENDING")],
)
def test_residencies_wait_for_a_number(reasons: tuple[str | None, ...], status: str) -> None:
    assert rules_identifiers.residency_status(tuple(Residency("CH", None, reason) for reason in reasons)) == status


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        (date(2026, 3, 2), 24, date(2024, 3, 2)),
        (date(2026, 1, 31), 2, date(2025, 11, 30)),
        (date(2024, 3, 31), 1, date(2024, 2, 29)),
        (date(2026, 3, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 15), 1, date(2025, 12, 15)),
    ],
)
def test_months_before(day: date, months: int, before: date) -> None:
    assert rules_checks.months_before(day, months) == before


EVIDENCE: list[tuple[str, datetime, dict[str, Any], str, str | None]] = [
    ("KYC", datetime(2024, 3, 2, tzinfo=UTC), {"method": "VIDEO_ID", "document_type": "PASSPORT"}, "DE", None),
    (
        "KYC",
        datetime(2024, 3, 1, tzinfo=UTC),
        {"method": "VIDEO_ID", "document_type": "PASSPORT"},
        "DE",
        "check_confirmed_at",
    ),
    ("KYC", AT, {"method": "LIVENESS_PHOTO_ID", "document_type": "PASSPORT"}, "DE", "method"),
    ("KYC", AT, {"method": "LIVENESS_PHOTO_ID", "document_type": "PASSPORT"}, "FR", None),
    ("KYC", AT, {"method": "TWO_PLUS_TWO_VERIFICATION", "document_type": "PASSPORT"}, "DE", "method"),
    ("KYC", AT, {"method": "TWO_PLUS_TWO_VERIFICATION", "document_type": "PASSPORT"}, "GB", None),
    ("KYC", AT, {"method": "VIDEO_ID", "document_type": "TWO_PLUS_TWO_VERIFICATION_PROOF"}, "DE", "method"),
    ("POR", AT, {"issuance_date": "2025-03-02", "document_type": "UTILITY_BILL"}, "DE", None),
    ("POR", AT, {"issuance_date": "2025-03-01", "document_type": "UTILITY_BILL"}, "DE", "issuance_date"),
    ("POR", AT, {"issuance_date": "2021-03-02", "document_type": "REGISTRATION_CERT"}, "DE", None),
    ("POR", AT, {"issuance_date": "2021-03-01", "document_type": "REGISTRATION_CERT"}, "DE", "issuance_date"),
    ("POR", AT, {"issuance_date": "2010-01-01", "document_type": "ID_CARD"}, "DE", None),
    ("INSTRUMENT_FIT", datetime(2000, 1, 1, tzinfo=UTC), {}, "DE", None),
    ("POR", AT, {"issuance_date": "2026-03-02", "document_type": "ID_CARD"}, "DE", None),
    ("POR", AT, {"issuance_date": "2026-03-03", "document_type": "ID_CARD"}, "DE", "issuance_date"),
    ("INSTRUMENT_FIT", AT + CLOCK_SKEW, {}, "DE", None),
    *(
        (kind, at, {}, "DE", "check_confirmed_at")
        for kind in ("KYC", "POR", "INSTRUMENT_FIT", "USER_SELF_ASSESSMENT", "US_WITHHOLDING_TAX_STATUS")
        for at in (AT + CLOCK_SKEW + timedelta(microseconds=1), datetime(9999, 1, 1, tzinfo=UTC))
    ),
]


@pytest.mark.parametrize(("kind", "confirmed_at", "details", "country", "field"), EVIDENCE)
def test_evidence(kind: str, confirmed_at: datetime, details: dict[str, Any], country: str, field: str | None) -> None:
    user = replace(USER, address={**ADDRESS, "country": country})
    if field is None:
        rules_checks.check_evidence(kind, confirmed_at, details, user, AT)
        return
    with pytest.raises(rules_checks.EvidenceRefused) as refused:
        rules_checks.check_evidence(kind, confirmed_at, details, user, AT)
    assert [error.field for error in refused.value.errors] == [field]


def declared(*countries: str, status: Any = "ACTIVE") -> TaxResidencies:
    declared = (
        DeclaredResidency(country, None, "OTHER_REASONS", id=deterministic_id(country), created_at=AT)
        for country in countries
    )
    return TaxResidencies(AT, AT, status, tuple(declared))


def withholding(person: str, documentation: str = "W9") -> Check:
    return check("US_WITHHOLDING_TAX_STATUS", "IN_PROGRESS", person_type=person, documentation_type=documentation)


@pytest.mark.parametrize(
    ("asked", "residencies", "verdict"),
    [
        (check("INSTRUMENT_FIT", instrument_suitability={"suitability": True}), None, "PASSED"),
        (check("INSTRUMENT_FIT", instrument_suitability={"suitability": False}), None, "FAILED"),
        (check("KYC"), None, "PASSED"),
        (withholding("US_PERSON"), declared("DE", "US"), "PASSED"),
        (withholding("US_PERSON"), declared("DE"), "FAILED"),
        (withholding("NON_RESIDENT_ALIEN"), declared("DE"), "PASSED"),
        (withholding("NON_RESIDENT_ALIEN"), declared("DE", "US"), "FAILED"),
        (withholding("NON_RESIDENT_ALIEN"), None, "FAILED"),
        (withholding("NON_RESIDENT_ALIEN"), declared("DE", status="PENDING"), "FAILED"),
        (withholding("US_PERSON", "UNDOCUMENTED"), None, "PASSED"),
    ],
)
def test_what_we_know_ourselves_about_a_check(asked: Check, residencies: TaxResidencies | None, verdict: str) -> None:
    assert rules_checks.own_verdict(asked, residencies) == verdict
