"""Decisions about users: their lives, what a licence asks of a new one, and the refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from openvest.core.clock import lies_ahead, parse_day, parse_instant
from openvest.core.lifecycle import Lifecycle
from openvest.core.problems import FieldError, NotFound, Unprocessable
from openvest.features.users.model import Licence

USER = Lifecycle(
    noun="user",
    table="users.status",
    born=("INACTIVE",),
    ends=frozenset({"OFFBOARDED"}),
    moves={
        ("INACTIVE", "activate"): "ACTIVE",
        ("ACTIVE", "deactivate"): "INACTIVE",
        ("INACTIVE", "offboard"): "OFFBOARDING",
        ("ACTIVE", "offboard"): "OFFBOARDING",
        ("OFFBOARDING", "finish offboarding"): "OFFBOARDED",
    },
)

DATA_CHANGE = Lifecycle(
    noun="data change",
    table="data_changes.status",
    born=("RECEIVED",),
    ends=frozenset({"APPLIED", "FAILED"}),
    moves={("RECEIVED", "apply"): "APPLIED", ("RECEIVED", "fail"): "FAILED"},
)


class UserNotFound(NotFound):
    """No user of this tenant has the id."""

    def __init__(self) -> None:
        super().__init__("There is no user of this id.")


class BusinessNotFound(NotFound):
    """There are no businesses yet, so no id names one."""

    def __init__(self) -> None:
        super().__init__("There is no business of this id.")


class UserOffboarded(Unprocessable):
    """The user is leaving or has left; nothing about them changes any more."""

    def __init__(self) -> None:
        super().__init__("The user is being offboarded or has left, so nothing about them can change.")


class NotYet(Unprocessable):
    """What is said to have happened is yet to come."""

    def __init__(self, fields: Sequence[str]) -> None:
        errors = [FieldError(name, "has not come yet") for name in fields]
        super().__init__(f"What has happened lies in the past, but {fields[0]} has not come yet.", errors=errors)


def check_past(fields: Mapping[str, Any], now: datetime) -> None:
    """Nobody is born, declares, agrees or is given a document in the future. Raises: NotYet.

    Shape: `fields` as a new user or a data change has them, in snapshot form; a birth date may be a day already.
    """
    said: dict[str, date] = {}
    for name in ("birth_date", "issuance_date"):
        day = fields.get(name)
        if day is not None:
            said[name] = parse_day(day) if isinstance(day, str) else day
    for name in ("fatca", "terms_and_conditions", "data_privacy_and_sharing_agreement"):
        declared = fields.get(name)
        if declared is not None:
            said[f"{name}.confirmed_at"] = parse_instant(declared["confirmed_at"])
    ahead = [name for name, at in said.items() if lies_ahead(at, now)]
    if ahead:
        raise NotYet(ahead)


REQUIRED_FIELDS: Mapping[Licence, tuple[str, ...]] = {
    "TOL": ("email", "fatca", "terms_and_conditions", "data_privacy_and_sharing_agreement"),
    "BYOL": (),
}
"""What the licence asks in v1 of a new user beyond name, birth date, nationalities and address.

Lite has no place for the declaration and the consents: its client firm keeps them. (docs/adr/0024)

Source: reference (users), whose texts disagree here. The two consents may only be missing for children and for people
with a role in a business; until those exist they are asked of everyone.
"""


UNKNOWN_FIELDS: Mapping[Licence, tuple[str, ...]] = {"TOL": (), "BYOL": ("phone_number", "fatca")}
"""What a new user cannot have under the licence: its form, which is closed, has no such field.

Source: reference (users).
"""


def field_errors(licence: Licence, fields: Mapping[str, Any]) -> list[FieldError]:
    """Each field that the licence asks for and a new user does not have, and each that it does not know."""
    missing = [name for name in REQUIRED_FIELDS[licence] if fields.get(name) is None]
    unknown = [name for name in UNKNOWN_FIELDS[licence] if fields.get(name) is not None]
    return [
        *(FieldError(name, f"is required under the licence model {licence}") for name in missing),
        *(FieldError(name, f"is not a known field under the licence model {licence}") for name in unknown),
    ]
