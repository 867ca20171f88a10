"""What tests know of users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from openvest.db.unit import Database
from tests.kit.customers import make_user, make_users
from tests.kit.people import LITE_USER, USER
from tests.kit.sample import Ask, Asked, Life, Sample

if TYPE_CHECKING:
    from tests.gates.pauses import Field

_TEXTS = """
additional_line address_line1 address_line2 birth_city birth_country birth_name city country first_name last_name
nationalities nationality phone_number postal_code postcode social_security_number state street
"""
_KEPT = "kept as a text of the client's own"


async def _a_user(life: Life) -> Mapping[str, str]:
    return {"user_id": str(await life.write(make_user))}


async def _one_with_a_sealed_number(life: Life) -> None:
    await life.post("/users", USER | {"nationalities": ["PL"], "social_security_number": "65170839J003"})


async def _users(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    return [ask({}).also(birth_city=f"Place {n}") for n in range(count)]


async def _lite_users(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    return [ask({}).also(last_name=f"Number {n}") for n in range(count)]


async def _new_addresses(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    people = await make_users(database, tenant_id, count)
    return [ask({"user_id": str(user_id)}).also(email=f"number{n}@example.org") for n, user_id in enumerate(people)]


async def _a_change(field: Field, number: int) -> None:
    user = field.load.people[0].user_id
    await field.steps.post(f"/users/{user}/data_change_requests", {"email": f"new{number}@example.org"})


SAMPLE = Sample(
    bodies={
        "POST /users": USER,
        "POST /users/{user_id}/data_change_requests": {"title": "DR"},
        "lite POST /users": LITE_USER,
        "lite PATCH /users/{user_id}": {"email": "greta@example.org"},
    },
    makers={"POST /users": _users, "lite POST /users": _lite_users, "lite PATCH /users/{user_id}": _new_addresses},
    objects=_a_user,
    lived=_one_with_a_sealed_number,
    texts=frozenset(_TEXTS.split()),
    whose={"branch_id": "user_id", "consent_document_id": "user_id"},
    variants={"POST /users/{user_id}/data_change_requests body branch_id": {}},
    takes_any={
        "POST /users body branch_id": _KEPT,
        "POST /users body data_privacy_and_sharing_agreement.consent_document_id": _KEPT,
        "POST /users body terms_and_conditions.consent_document_id": _KEPT,
        "POST /users/{user_id}/data_change_requests body branch_id": _KEPT,
    },
    unkeyed={
        "POST /users/{user_id}/data_change_requests": (
            "the contract lists no key, and a second request meets what the first one left"
        ),
    },
    personal=("Unter den Linden", "Hafenstrasse", "greta.lindner", "Beispiel"),
    occasions={"users.review_changes": _a_change},
    untold={"data_changes.status": "that it fails is told; what it changed is told of the user"},
    no_rows={"data_changes": "a wish that became a change of the user; no operation shows one"},
    refused_changes=("users licence = 'NONE'",),
)
