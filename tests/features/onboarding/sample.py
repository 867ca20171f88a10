"""What tests know of checks, identifiers and tax residencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from openvest.db.unit import Database, Unit
from openvest.features.onboarding import service as checks
from openvest.features.onboarding import service_identifiers as identifiers
from tests.kit.customers import make_user, make_users
from tests.kit.people import FIT, USER
from tests.kit.sample import Ask, Asked, Life, Sample
from tests.repeat.life import onboard

if TYPE_CHECKING:
    from tests.gates.pauses import Field

IDENTIFIER = {"type": "NATIONAL_ID", "issuing_country": "DE", "identifier": ""}
_TEXTS = """
additional_line address_line1 address_line2 city country identifier_standard issuing_country nationality postal_code
postcode provider state street tax_identification_number tax_identifier_number
"""
_NO_KEY = "the contract lists no key, and a second request meets what the first one left"
_OF_ONE = "what one user has, and the contract gives it no pages"


async def _a_check_and_an_identifier(life: Life) -> Mapping[str, str]:
    user = f"/users/{life.ids['user_id']}"
    check = await life.post(f"{user}/checks", FIT)
    identifier = await life.post(f"{user}/identifiers", IDENTIFIER)
    return {"check_id": check["id"], "identifier_id": identifier["id"]}


async def _names(life: Life) -> Mapping[str, str]:
    return {"identifier": "T22000129"}


async def _by_hand(life: Life) -> None:
    """Checks that wait to be decided, an identifier by its own rule, and one that is sealed."""
    user_id = life.ids["user_id"]
    await life.post("/tests/scenarios", {"name": "check_pending", "on": {"user_id": user_id}, "times": 2})
    for verdict in ("fail", "pass"):
        check = await life.post(f"/users/{user_id}/checks", FIT)
        await life.post(f"/tests/users/{user_id}/checks/{check['id']}/{verdict}")
    at = f"/users/{user_id}/identifiers/{life.ids['identifier_id']}"
    await life.send("PATCH", at, {"identifier": "DE19900517ERIKABEISP"})
    user = await life.post("/users", USER | {"nationalities": ["PL"]})
    number = {"type": "NATIONAL_ID", "issuing_country": "PL", "identifier": "02070803628"}
    await life.post(f"/users/{user['id']}/identifiers", number)


async def _residencies(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    """The answer has no id, and instants that two may share: each number is another, so that it tells whose it is.

    The country is one whose numbers have no published form.
    """
    people = await make_users(database, tenant_id, count, active=False)
    return [
        ask({"user_id": str(user_id)}).also(tax_residencies=[{"country": "LI", "tax_identifier_number": f"number {n}"}])
        for n, user_id in enumerate(people)
    ]


async def _of_one_user_each(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    people = await make_users(database, tenant_id, count, active=False)
    return [ask({"user_id": str(user_id)}) for user_id in people]


async def _corrections(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    people = await make_users(database, tenant_id, count)

    async def work(unit: Unit) -> list[Asked]:
        made = {user_id: (await identifiers.list_identifiers(unit, user_id))[0].id for user_id in people}
        return [ask({"user_id": str(user), "identifier_id": str(one)}) for user, one in made.items()]

    return await database.read(tenant_id, work)


async def _decided_checks(database: Database, tenant_id: UUID, ask: Ask, count: int, *, failed: bool) -> list[Asked]:
    details = {"instrument_suitability": {"suitability": True}}

    async def work(unit: Unit) -> list[Asked]:
        user_id = await make_user(unit, active=False)
        made = [await checks.create_check(unit, user_id, "INSTRUMENT_FIT", unit.now, details) for _ in range(count)]
        for check in made:
            await (checks.fail_check if failed else checks.pass_check)(unit, user_id, check.id)
        return [ask({"user_id": str(user_id), "check_id": str(check.id)}) for check in made]

    return await database.write(tenant_id, work)


async def _to_pass(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    return await _decided_checks(database, tenant_id, ask, count, failed=True)


async def _to_fail(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    return await _decided_checks(database, tenant_id, ask, count, failed=False)


async def _a_user(field: Field, number: int) -> None:
    await onboard(field.steps, f"User{number}")


SAMPLE = Sample(
    bodies={
        "POST /users/{user_id}/checks": FIT,
        "POST /users/{user_id}/identifiers": IDENTIFIER,
        "PATCH /users/{user_id}/identifiers/{identifier_id}": {"identifier": "x"},
        "POST /users/{user_id}/tax_residencies": {
            "tax_residencies": [{"country": "DE", "tax_identifier_number": "12345678911"}]
        },
        "lite POST /users/{user_id}/identifiers": {"type": "NATIONAL_ID", "value": ""},
        "lite PATCH /users/{user_id}/identifiers/{identifier_id}": {"value": "DE19900517ERIKABEISP"},
        "lite POST /users/{user_id}/tax_residencies": {"country": "LI", "tax_identification_number": "number 1"},
    },
    makers={
        "POST /users/{user_id}/tax_residencies": _residencies,
        "lite POST /users/{user_id}/tax_residencies": _of_one_user_each,
        "lite POST /users/{user_id}/identifiers": _of_one_user_each,
        "lite PATCH /users/{user_id}/identifiers/{identifier_id}": _corrections,
        "lite POST /users/{user_id}/checks": _of_one_user_each,
        "lite POST /tests/users/{user_id}/checks/{check_id}/pass": _to_pass,
        "lite POST /tests/users/{user_id}/checks/{check_id}/fail": _to_fail,
    },
    objects=_a_check_and_an_identifier,
    lived=_by_hand,
    names=_names,
    references={"identifier": "identifier", "value": "identifier"},
    texts=frozenset(_TEXTS.split()),
    no_names=frozenset(
        {"identifier", "identifier_standard", "tax_identification_number", "tax_identifier_number", "value"}
    ),
    whose={"role_id": "user_id"},
    variants={
        "POST /users/{user_id}/checks body role_id": {
            "type": "GUARDIAN",
            "document_type": "BIRTH_CERTIFICATE",
            "data_download_link": "https://documents.example.org/proof.zip",
            "instrument_suitability": None,
        },
    },
    unkeyed={
        "POST /users/{user_id}/checks": _NO_KEY,
        "POST /users/{user_id}/identifiers": _NO_KEY,
        "POST /tests/users/{user_id}/checks/{check_id}/pass": _NO_KEY,
        "POST /tests/users/{user_id}/checks/{check_id}/fail": _NO_KEY,
    },
    whole={
        "GET /users/{user_id}/checks data": _OF_ONE,
        "lite GET /users/{user_id}/checks data": _OF_ONE,
        "GET /users/{user_id}/identifiers data": _OF_ONE,
        "lite GET /users/{user_id}/identifiers data": _OF_ONE,
        "lite GET /users/{user_id}/tax_residencies data": _OF_ONE,
        "GET /users/{user_id}/tax_residencies tax_residencies": _OF_ONE,
    },
    personal=("12345678911",),
    occasions={"onboarding.check": _a_user},
    without_life={
        "tax_residencies.status": "declared anew as a whole; nothing leads from one state to the other",
    },
)
