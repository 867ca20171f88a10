"""Users over lite: the same people under other names, and changes that are done at once or wait for their proof."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvest.core.lite_people import Address, address_lite, address_of
from openvest.core.schema_people import Address as AddressOfV1
from openvest.db.unit import Database
from openvest.features.onboarding import service as checks
from openvest.features.users import rules_changes
from openvest.simulation.scenarios import lay
from tests.features.users.people import fields, made, make_both, sent, settle, status, told_in_lite
from tests.features.users.test_users_rules import USER as KNOWN
from tests.kit.http import Api
from tests.kit.people import ADDRESS, LITE_ADDRESS, LITE_USER, make_customer
from tests.kit.world import make_tenant

pytestmark = pytest.mark.anyio

FULL = LITE_ADDRESS | {"additional_line": "2. OG", "state": "SH"}
ELSEWHERE = LITE_ADDRESS | {"city": "Bonn", "postal_code": "53111"}


@pytest.fixture
async def api(database: Database, tenant_id: UUID) -> AsyncGenerator[Api]:
    """The client of v1, which knows the one of lite."""
    api = await make_both(database, tenant_id)
    async with api.http:
        yield api


@pytest.fixture
def slim(api: Api) -> Api:
    return api.speaking("lite")


async def told(database: Database, tenant_id: UUID) -> list[str]:
    return await told_in_lite(database, tenant_id, "USER.")


async def test_v1_reads_what_lite_made(api: Api, slim: Api) -> None:
    user = await sent(slim, "POST", "/users", LITE_USER | {"address": FULL})
    given_by_us = {name: user.pop(name) for name in ("id", "created_at", "updated_at")}
    assert user == LITE_USER | {"address": FULL, "status": "PENDING"}
    seen = (await api.get(f"/users/{given_by_us['id']}")).json()
    home = ADDRESS | {"address_line2": "2. OG", "state": "SH"}
    assert (seen["address"], seen["postal_address"], seen["nationalities"]) == (home, home, ["DE"])
    assert (seen["birth_date"], seen["status"]) == (LITE_USER["date_of_birth"], "INACTIVE")
    assert not {"fatca", "terms_and_conditions", "data_privacy_and_sharing_agreement", "phone_number"} & set(seen)
    page = await sent(slim, "GET", "/users")
    assert page == {"data": [user | given_by_us], "meta": {"offset": 0, "limit": 20, "count": 1, "total": 1}}


async def test_lite_reads_what_v1_made(api: Api, slim: Api) -> None:
    user = await made(api, nationalities=["FR", "AT"], address=ADDRESS | {"state": "SH"}, gender="FEMALE")
    seen = await sent(slim, "GET", f"/users/{user['id']}")
    same = {name: user[name] for name in ("id", "first_name", "last_name", "email", "created_at", "updated_at")}
    named = {"date_of_birth": user["birth_date"], "nationality": "FR", "address": LITE_ADDRESS | {"state": "SH"}}
    assert seen == same | named | {"status": "PENDING"}


async def test_a_user_without_an_address_for_mail_is_shown_without(database: Database) -> None:
    api = await make_both(database, await make_tenant(database, "Own licence", licence="BYOL"))
    async with api.http:
        asked = {name: LITE_USER[name] for name in ("first_name", "last_name")}
        more = {"birth_date": "1991-03-14", "nationalities": ["DE"], "address": ADDRESS}
        user = (await api.post("/users", asked | more)).json()
        assert "email" not in await sent(api.speaking("lite"), "GET", f"/users/{user['id']}")


async def test_lite_tells_one_who_is_stopped_from_one_who_has_not_begun(
    api: Api, slim: Api, database: Database, tenant_id: UUID
) -> None:
    begun = await made(api)
    customer = await make_customer(database, tenant_id)
    at = f"/users/{customer.user_id}"

    async def shown() -> tuple[str, str]:
        return (await status(api, str(customer.user_id)), (await sent(slim, "GET", at))["status"])

    assert await shown() == ("ACTIVE", "ACTIVE")
    kyc = next(one for one in (await sent(slim, "GET", f"{at}/checks"))["data"] if one["type"] == "KYC")
    await database.write(tenant_id, lambda unit: checks.fail_check(unit, customer.user_id, UUID(kyc["id"])))
    assert await shown() == ("INACTIVE", "BLOCKED")
    assert (await sent(slim, "GET", f"/users/{begun['id']}"))["status"] == "PENDING"
    await database.write(tenant_id, lambda unit: checks.pass_check(unit, customer.user_id, UUID(kyc["id"])))
    assert await shown() == ("ACTIVE", "ACTIVE")
    await api.send("DELETE", at)
    assert await shown() == ("OFFBOARDING", "CLOSED")
    for path in (f"/accounts/{customer.account_id}", f"/account_groups/{customer.group_id}"):
        await api.send("DELETE", path)
        await settle(database, tenant_id)
    assert await shown() == ("OFFBOARDED", "CLOSED")
    steps = ["ACTIVATED", "BLOCKED", "ACTIVATED", "CLOSED"]
    assert await told(database, tenant_id) == [f"USER.{one}" for one in ("CREATED", "CREATED", *steps)]


async def test_what_needs_no_proof_is_changed_at_once_and_told_once(
    slim: Api, database: Database, tenant_id: UUID
) -> None:
    user = await sent(slim, "POST", "/users", LITE_USER)
    at = f"/users/{user['id']}"
    changed = await sent(slim, "PATCH", at, {"email": "greta@example.org"})
    assert changed["updated_at"] > user["updated_at"]
    assert changed == user | {"email": "greta@example.org", "updated_at": changed["updated_at"]}
    for same in ({"email": "greta@example.org"}, {"first_name": user["first_name"], "address": LITE_ADDRESS}, {}):
        assert await sent(slim, "PATCH", at, same) == changed
    await settle(database, tenant_id)
    assert await sent(slim, "GET", at) == changed
    assert await told(database, tenant_id) == ["USER.CREATED", "USER.UPDATED"]


async def test_a_name_and_a_home_wait_for_their_proof(api: Api, slim: Api, database: Database, tenant_id: UUID) -> None:
    user = await sent(slim, "POST", "/users", LITE_USER)
    at = f"/users/{user['id']}"
    wanted = {"email": "berg@example.org", "last_name": "Berg", "address": ELSEWHERE}
    changed = await sent(slim, "PATCH", at, wanted)
    assert changed == user | {"email": "berg@example.org", "updated_at": changed["updated_at"]}
    # What waits already is not asked for a second time, and not told either.
    assert await sent(slim, "PATCH", at, wanted) == changed
    await settle(database, tenant_id)
    assert await told(database, tenant_id) == ["USER.CREATED", *3 * ["USER.UPDATED"]]
    seen = await sent(slim, "GET", at)
    assert seen == user | wanted | {"updated_at": seen["updated_at"]}
    assert (await api.get(at)).json()["postal_address"] == ADDRESS | {"city": "Bonn", "postcode": "53111"}


async def test_a_change_that_is_not_proved_changes_nothing(slim: Api, database: Database, tenant_id: UUID) -> None:
    user = await sent(slim, "POST", "/users", LITE_USER)
    at = f"/users/{user['id']}"
    await database.write(tenant_id, lambda unit: lay(unit, "data_change_fails", 1, user_id=UUID(user["id"])))
    await sent(slim, "PATCH", at, {"address": ELSEWHERE})
    await settle(database, tenant_id)
    assert await sent(slim, "GET", at) == user
    assert await told(database, tenant_id) == ["USER.CREATED"]


async def test_a_field_waits_behind_an_earlier_change_of_it(
    api: Api, slim: Api, database: Database, tenant_id: UUID
) -> None:
    at = f"/users/{(await made(api))['id']}"
    await api.send("POST", f"{at}/data_change_requests", {"email": "first@example.org", "title": "DR"})
    await sent(slim, "PATCH", at, {"email": "second@example.org"})
    await settle(database, tenant_id)
    seen = (await api.get(at)).json()
    assert (seen["email"], seen["title"]) == ("second@example.org", "DR")


async def test_nothing_needs_proof_under_the_firms_own_licence(database: Database) -> None:
    tenant_id = await make_tenant(database, "Own licence", licence="BYOL")
    api = await make_both(database, tenant_id)
    async with api.http:
        slim = api.speaking("lite")
        user = await sent(slim, "POST", "/users", LITE_USER)
        wanted = {"first_name": "Grete", "last_name": "Berg", "email": "g@example.org", "address": ELSEWHERE}
        changed = await sent(slim, "PATCH", f"/users/{user['id']}", wanted)
        assert changed == user | wanted | {"updated_at": changed["updated_at"]}
        assert await told(database, tenant_id) == ["USER.CREATED", "USER.UPDATED"]


@pytest.mark.parametrize(
    ("changes", "code", "named"),
    [
        ({"email": None}, 400, {"email"}),
        ({"birth_date": "1991-03-14", "nationalities": ["DE"]}, 400, {"birth_date", "nationalities"}),
        ({"first_name": "G", "nationality": "XX"}, 400, {"first_name", "nationality"}),
        ({"address": ADDRESS}, 400, {f"address.{one}" for one in "street postal_code address_line1 postcode".split()}),
        ({"date_of_birth": "14.03.1991", "email": "greta@"}, 400, {"date_of_birth", "email"}),
        ({"date_of_birth": "2091-03-14"}, 422, {"date_of_birth"}),
    ],
)
async def test_errors_are_named_as_lite_names_fields(
    slim: Api, changes: dict[str, Any], code: int, named: set[str]
) -> None:
    answer = await slim.send("POST", "/users", LITE_USER | changes)
    assert (answer.status_code, fields(answer)) == (code, named)
    assert any(name in answer.json()["detail"] for name in named)
    assert (await sent(slim, "GET", "/users"))["meta"]["total"] == 0


async def test_who_is_unknown_or_leaves_is_not_changed(api: Api, slim: Api) -> None:
    assert (await slim.send("PATCH", f"/users/{uuid4()}", {"email": "a@b.example"})).status_code == 404
    at = f"/users/{(await made(api))['id']}"
    await api.send("DELETE", at)
    assert (await slim.send("PATCH", at, {"email": "a@b.example"})).status_code == 422
    named = fields(await slim.send("PATCH", at, {"date_of_birth": "1991-03-14", "status": "ACTIVE"}))
    assert named == {"date_of_birth", "status"}


@pytest.mark.parametrize(
    ("licence", "wanted", "waiting", "at_once", "later"),
    [
        ("TOL", "email=a", [], "email=a", []),
        ("TOL", "first_name=A last_name=B email=c", [], "email=c", ["first_name=A last_name=B"]),
        ("TOL", "last_name=B address=C", [], "", ["last_name=B", "address=C"]),
        ("TOL", "last_name=B", ["last_name=B"], "", []),
        ("TOL", "last_name=Lindner", ["last_name=B"], "", ["last_name=Lindner"]),
        ("TOL", "last_name=C", ["last_name=C", "last_name=D"], "", ["last_name=C"]),
        ("TOL", "email=b last_name=Lindner", ["email=a"], "", ["email=b"]),
        ("BYOL", "last_name=B email=b", [], "last_name=B email=b", []),
        ("BYOL", "last_name=B email=b", ["last_name=A"], "email=b", ["last_name=B"]),
    ],
)
def test_what_is_changed_at_once_and_what_waits(
    licence: Any, wanted: str, waiting: list[str], at_once: str, later: list[str]
) -> None:
    def said(text: str) -> dict[str, str]:
        return dict(one.split("=") for one in text.split())

    divided = rules_changes.divided(replace(KNOWN, licence=licence), said(wanted), [said(one) for one in waiting])
    assert divided == (said(at_once), [said(one) for one in later])


_LINE = st.text("abcdefghijklmnopqrstuvwxyzÄöüß 0123456789", min_size=1, max_size=50).filter(lambda text: text.strip())
_ADDRESSES = st.fixed_dictionaries(
    {"street": _LINE, "city": _LINE, "postal_code": st.from_regex("[A-Z0-9]{1,10}", fullmatch=True)}
    | {"country": st.sampled_from(["DE", "FR", "GB"])},
    optional={"additional_line": _LINE, "state": _LINE},
)


@given(_ADDRESSES)
def test_an_address_of_lite_is_one_of_v1_and_back(said: dict[str, str]) -> None:
    kept = address_of(Address(**said))
    assert AddressOfV1(**kept).model_dump(exclude_none=True) == kept
    assert address_lite(kept) == Address(**said).model_dump(exclude_none=True)
