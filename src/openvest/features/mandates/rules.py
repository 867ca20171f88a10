"""Decisions about mandates: who may give one, how long it lasts, who collects; and the refusals."""

from __future__ import annotations

import re
from datetime import date

from openvest.core.countries import COUNTRIES
from openvest.core.problems import FieldError, InvalidRequest, NotFound, Unprocessable
from openvest.features.mandates.model import Creditor, Mandate
from openvest.features.users.model import User, UserStatus

YEARS_UNUSED = 3
"""After how long a mandate lapses under which nothing is collected. Source: SEPA Core Direct Debit Rulebook 4.1."""
SANDBOX_CREDITOR = Creditor(
    "Sandbox Securities Bank",
    "DE98ZZZ09999999999",
    {
        "address_line1": "Musterstrasse 1",
        "address_line2": None,
        "postcode": "10115",
        "city": "Berlin",
        "state": None,
        "country": "DE",
    },
)
"""Who collects in a sandbox that named nobody: the published example of an identifier."""
LONGEST_NAME = 70
"""How long a name may be at the banks. Source: ISO 20022, SEPA subset."""
_POSTCODE = re.compile("[a-zA-Z0-9 -]{1,10}")
_CREDITOR_ID = re.compile("([A-Z]{2})([0-9]{2})[A-Z0-9]{3}([A-Z0-9]{1,13})")


class MandateNotFound(NotFound):
    """No mandate has the id, or it is revoked, or it is somebody else's."""

    def __init__(self) -> None:
        super().__init__("There is no mandate of this id.")


class MandateLapsed(Unprocessable):
    """Nothing was collected under the mandate for 36 months."""

    def __init__(self) -> None:
        super().__init__("The mandate has lapsed, since nothing was collected under it for 36 months.")


class UserNotActive(Unprocessable):
    """Only a user who is ACTIVE gives a mandate."""

    def __init__(self, status: UserStatus) -> None:
        super().__init__(f"A user who is {status} gives no mandate; the user must be ACTIVE.")


class NoCreditor(Unprocessable):
    """The operator has not said yet who collects for the tenant."""

    def __init__(self) -> None:
        super().__init__("Nobody is named yet who collects direct debits for this client firm.")


def check_active(status: UserStatus) -> None:
    """Raises: UserNotActive."""
    if status != "ACTIVE":
        raise UserNotActive(status)


def payer_of(user: User) -> str:
    """What the banks call who pays."""
    return f"{user.first_name} {user.last_name}"[:LONGEST_NAME]


def last_day(mandate: Mandate) -> date:
    """The last day on which something can be collected under a mandate."""
    since = mandate.last_used_on or mandate.confirmed_at.date()
    try:
        return since.replace(year=since.year + YEARS_UNUSED)
    except ValueError:  # the 29th of February
        return since.replace(year=since.year + YEARS_UNUSED, day=28)


def is_in_force(mandate: Mandate, on: date) -> bool:
    """Whether something can be collected under it on this day."""
    return mandate.revoked_at is None and on <= last_day(mandate)


def check_creditor(creditor: Creditor) -> None:
    """Raises: InvalidRequest that names every part that does not fit."""
    address = creditor.creditor_address
    needed = {"creditor_name": creditor.creditor_name} | {name: address[name] for name in ("address_line1", "city")}
    unfit = [FieldError(name, "says something") for name, value in needed.items() if not value.strip()]
    if len(creditor.creditor_name) > LONGEST_NAME:
        unfit.append(FieldError("creditor_name", f"has at most {LONGEST_NAME} characters"))
    if not is_creditor_id(creditor.creditor_id):
        told = "is a SEPA creditor identifier of at most 20 characters, for example DE98ZZZ09999999999"
        unfit.append(FieldError("creditor_id", told))
    if _POSTCODE.fullmatch(address["postcode"]) is None:
        unfit.append(FieldError("postcode", "has up to ten letters, digits, blanks and hyphens"))
    if address["country"] not in COUNTRIES:
        unfit.append(FieldError("country", "is the ISO 3166-1 alpha-2 code of a country"))
    if unfit:
        raise InvalidRequest("Who collects is not described as it must be.", errors=unfit)


def is_creditor_id(value: str) -> bool:
    """Whether this is a SEPA creditor identifier; its business code is no part of the check digits.

    Source: EPC 262-08; ISO 7064 MOD 97-10.
    """
    found = _CREDITOR_ID.fullmatch(value)
    if found is None:
        return False
    country, check, national = found.groups()
    return int("".join(str(int(character, 36)) for character in national + country + check)) % 97 == 1
