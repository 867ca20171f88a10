"""Which standard an identifier follows, and whether declared tax residencies are sound.

Source: reference (users).
"""

from __future__ import annotations

import re

from openvest.core.national_numbers import TAX_NUMBERS, any_number, standards
from openvest.core.problems import FieldError, InvalidRequest
from openvest.features.onboarding.model import IdentifierType, Residency, ResidencyStatus
from openvest.features.onboarding.rules import CONCAT_COUNTRIES

CONCAT = "CONCAT"
_CONCAT_TEXT = re.compile(r"[A-Z]{2}[0-9]{8}[A-Z#]{10}")


class InvalidIdentifier(InvalidRequest):
    """The identifier is none of the country's."""

    def __init__(self, message: str, field: str = "identifier"):
        super().__init__(f"The {field.replace('_', ' ')} {message}.", errors=[FieldError(field, message)])


def find_standard(kind: IdentifierType, country: str, identifier: str, wanted: str | None) -> str:
    """The standard an identifier follows. Raises: InvalidIdentifier."""
    if kind == "NATIONAL_ID" and wanted in (None, CONCAT):
        if _CONCAT_TEXT.fullmatch(identifier) and identifier.startswith(country):
            return CONCAT
        if identifier == "" and country in CONCAT_COUNTRIES:
            return CONCAT
        if wanted == CONCAT:
            raise InvalidIdentifier("has country, birth date and twice five letters under the standard CONCAT")
    known = standards(kind, country)
    if wanted is not None and wanted not in {standard.name for standard in known}:
        raise InvalidIdentifier(f"names none of {', '.join(s.name for s in known)} and CONCAT", "identifier_standard")
    if identifier == "":
        raise InvalidIdentifier(f"is required, because no identifier is made for nationals of {country}")
    for standard in known:
        if wanted in (None, standard.name) and standard.valid(identifier):
            return standard.name
    names = wanted or " or ".join(standard.name for standard in known)
    raise InvalidIdentifier(f"does not fit {names} of {country}")


def number_errors(country: str, number: str | None) -> list[str]:
    """Why a number is none of the country; nothing of no number, and of any text where its numbers are not known."""
    valid = TAX_NUMBERS.get(country, any_number)
    return [] if number is None or valid(number) else [f"does not fit the tax numbers of {country}"]


def check_residencies(residencies: tuple[Residency, ...]) -> None:
    """Raises: InvalidRequest, naming every residency whose number is not one of its country or that is repeated."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for position, residency in enumerate(residencies):
        field = f"tax_residencies.{position}"
        for message in number_errors(residency.country, residency.tax_identifier_number):
            errors.append(FieldError(f"{field}.tax_identifier_number", message))
        if residency.country in seen:
            errors.append(FieldError(f"{field}.country", "cannot be given twice"))
        seen.add(residency.country)
    if errors:
        raise InvalidRequest("The tax residencies do not fit.", errors=errors)


def residency_status(residencies: tuple[Residency, ...]) -> ResidencyStatus:
    """PENDING while a number is still to be assigned."""
    waiting = any(residency.missing_tin_reason == "TIN_NOT_YET_ASSIGNED" for residency in residencies)
    return "PENDING" if waiting else "ACTIVE"
