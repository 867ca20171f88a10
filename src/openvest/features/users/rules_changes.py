"""Which data changes a client may ask for, with which evidence, and what they do to a user.

Source: reference (users).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openvest.core.problems import FieldError, InvalidRequest
from openvest.features.users.model import Licence, User

EVIDENCE = ("issuance_date", "data_download_link", "document_type")
_PERSONAL = ("PASSPORT", "ID_CARD")
_OF_RESIDENCE = (
    "UTILITY_BILL", "TELEPHONE_BILL", "INTERNET_BILL", "BANK_STATEMENT", "REGISTRATION_CERT", "RESIDENCE_PERMIT",
    "ID_CARD",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of change: its fields, and the documents that prove it (none: it needs no proof)."""

    name: str
    fields: tuple[str, ...]
    documents: tuple[str, ...] = ()


TOL_SHAPES: tuple[Shape, ...] = (
    Shape("name", ("first_name", "last_name"), _PERSONAL),
    Shape("nationality", ("nationalities",), _PERSONAL),
    Shape("address", ("address",), _OF_RESIDENCE),
    Shape(
        "other", ("email", "salutation", "title", "phone_number", "birth_name", "postal_address", "branch_id", "tags")
    ),
)
"""Under TOL a request is exactly one of these; fields of a documented shape come together."""

BYOL_FIELDS = frozenset(
    "first_name last_name salutation title birth_date birth_city birth_country birth_name nationalities address"
    " postal_address branch_id tags".split()
)
"""Under BYOL any of these, without documents."""


def field_errors(licence: Licence, changes: Mapping[str, Any], evidence: Mapping[str, Any] | None) -> list[FieldError]:
    """What is wrong with a request, field by field. Shape: both mappings have only what was sent."""
    proof = evidence or {}
    if not changes:
        return [FieldError("(root)", "changes nothing")]
    if licence == "BYOL":
        errors = [FieldError(name, "cannot be changed under BYOL") for name in changes if name not in BYOL_FIELDS]
        return errors + [FieldError(name, "cannot be given under BYOL") for name in proof]
    shapes = [shape for shape in TOL_SHAPES if any(name in changes for name in shape.fields)]
    known = {name for shape in shapes for name in shape.fields}
    errors = [FieldError(name, "cannot be changed under TOL") for name in changes if name not in known]
    for shape in shapes[1:]:
        names = [name for name in changes if name in shape.fields]
        errors += [FieldError(name, f"does not go together with a change of {shapes[0].name}") for name in names]
    if len(shapes) != 1:
        return errors
    shape = shapes[0]
    if not shape.documents:
        return errors + [FieldError(name, "belongs to changes that need proof") for name in proof]
    asked = (*shape.fields, *EVIDENCE)
    given = {**changes, **proof}
    errors += [FieldError(name, f"is required for a change of {shape.name}") for name in asked if name not in given]
    if "document_type" in proof and proof["document_type"] not in shape.documents:
        errors.append(FieldError("document_type", f"is one of {', '.join(shape.documents)}"))
    return errors


def check_data_change(licence: Licence, changes: Mapping[str, Any], evidence: Mapping[str, Any] | None) -> None:
    """Raises: InvalidRequest, naming every field error."""
    found = field_errors(licence, changes, evidence)
    if found:
        raise InvalidRequest("The data change request is none of the permitted kinds.", errors=found)


def divided(
    user: User, wanted: Mapping[str, Any], waiting: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Which fields of a change without documents are changed at once, and which wait, by kind of change.

    Under TOL what a document proves waits; a field also waits behind an earlier change of it (`waiting`, in order of
    receipt), so that the later one counts. What is as wanted, or will be, is in neither.
    """
    queued = {name: value for change in waiting for name, value in change.items()}
    new = {name: value for name, value in wanted.items() if value != queued.get(name, getattr(user, name))}
    proved = {name for shape in TOL_SHAPES if shape.documents for name in shape.fields if user.licence == "TOL"}
    at_once = {name: value for name, value in new.items() if name not in proved and name not in queued}
    kinds = ({name: new[name] for name in shape.fields if name in new and name not in at_once} for shape in TOL_SHAPES)
    return at_once, [kind for kind in kinds if kind]


def refusal(user: User, proved: bool, reason: str | None) -> str | None:
    """Why a change is not applied, or None. Units: at most 100 characters, as the contract has it."""
    if not proved:
        return (reason or "the evidence was not accepted")[:100]
    if user.status in ("OFFBOARDING", "OFFBOARDED"):
        return "the user is being offboarded"
    return None


def applied(user: User, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The fields to store. A postal address that was the same as the address moves along; null makes it the same."""
    fields = dict(changes)
    address = fields.get("address", user.address)
    if fields.get("postal_address", user.postal_address) in (None, user.address):
        fields["postal_address"] = address
    return fields
