"""How old the evidence of a check may be, who may prove in which way, and what we decide ourselves.

Source: reference (users).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from openvest.core.clock import lies_ahead, parse_day
from openvest.core.problems import FieldError, Unprocessable
from openvest.features.onboarding.model import Check, CheckType, TaxResidencies
from openvest.features.users.model import User, Verdict

BILLS = ("UTILITY_BILL", "TELEPHONE_BILL", "INTERNET_BILL", "BANK_STATEMENT")
BY_TWO = "TWO_PLUS_TWO_VERIFICATION"
BY_TWO_PROOF = "TWO_PLUS_TWO_VERIFICATION_PROOF"


class EvidenceRefused(Unprocessable):
    """The evidence is too old or from the future, or this way of proving does not exist for this user."""

    def __init__(self, field: str, message: str):
        super().__init__(f"The evidence is refused: {field} {message}.", errors=[FieldError(field, message)])


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, or the last day of that month."""
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has a 28th day")


def check_evidence(kind: str, confirmed_at: datetime, details: Mapping[str, Any], user: User, now: datetime) -> None:
    """Raises: EvidenceRefused. Shape: `details` is in snapshot form, days as text."""
    today = now.date()
    country = user.address["country"]
    if lies_ahead(confirmed_at, now):
        raise EvidenceRefused("check_confirmed_at", "has not come yet")
    if kind == "KYC":
        if confirmed_at.date() < months_before(today, 24):
            raise EvidenceRefused("check_confirmed_at", "is more than 24 months ago")
        expires = details.get("document_expiration_date")
        if expires is not None and parse_day(expires) < today:
            raise EvidenceRefused("document_expiration_date", "has passed")
        method = details["method"]
        if method == "LIVENESS_PHOTO_ID" and country == "DE":
            raise EvidenceRefused("method", "is not available for residents of DE")
        if (method == BY_TWO or details["document_type"] == BY_TWO_PROOF) and country != "GB":
            raise EvidenceRefused("method", "is available for residents of GB only")
    if kind == "POR":
        issued = parse_day(details["issuance_date"])
        if lies_ahead(issued, now):
            raise EvidenceRefused("issuance_date", "has not come yet")
        if details["document_type"] in BILLS and issued < months_before(today, 12):
            raise EvidenceRefused("issuance_date", "is more than 12 months ago")
        if details["document_type"] == "REGISTRATION_CERT" and issued < months_before(today, 60):
            raise EvidenceRefused("issuance_date", "is more than 5 years ago")


def own_verdict(check: Check, residencies: TaxResidencies | None) -> Verdict:
    """What we know ourselves about a check; FAILED wins over what the identity port says."""
    details = check.details
    if check.type == "INSTRUMENT_FIT":
        return "PASSED" if details["instrument_suitability"]["suitability"] else "FAILED"
    if check.type == "US_WITHHOLDING_TAX_STATUS" and details["documentation_type"] != "UNDOCUMENTED":
        if residencies is None or residencies.status != "ACTIVE":
            return "FAILED"
        resident = any(residency.country == "US" for residency in residencies.residencies)
        return "PASSED" if resident == (details["person_type"] == "US_PERSON") else "FAILED"
    return "PASSED"


def last_decided(checks: list[Check]) -> dict[CheckType, Check]:
    """The newest check of each type that has a result. Shape: `checks` in order of creation."""
    return {check.type: check for check in checks if check.status != "IN_PROGRESS"}


def newest(checks: list[Check]) -> list[Check]:
    """The newest check of each type, in order of creation."""
    by_type = {check.type: check for check in checks}
    return [check for check in checks if by_type[check.type] is check]
