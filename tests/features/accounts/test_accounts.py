"""Account groups and accounts over HTTP: opening, approval, locks, closing, lists, and the facts orders decide by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from openvest.core.lifecycle import WrongState
from openvest.db.unit import Database, Unit
from openvest.events.log import LoggedEvent
from openvest.features.accounts import service
from openvest.features.accounts.model import AccountOwner
from openvest.features.onboarding import service as checks
from openvest.ledger.chart import Leg
from openvest.ledger.posting import post
from openvest.ledger.posting_rules import Journal
from tests.features.users.people import ENDPOINTS, check, held, made, news, settle
from tests.kit.cluster import Cluster
from tests.kit.http import Api, make_api, make_test_app
from tests.kit.people import FIT, KYC, RESIDENCIES, Customer, make_customer
from tests.kit.world import make_tenant, opened

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api(database: Database, tenant_id: UUID) -> AsyncGenerator[Api]:
    app = make_test_app(database, ENDPOINTS)
    api = await make_api(app, database, tenant_id)
    async with api.http:
        yield held(api)


@pytest.fixture
async def customer(database: Database, tenant_id: UUID) -> Customer:
    return await make_customer(database, tenant_id)


async def told(database: Database, tenant_id: UUID, noun: str = "ACCOUNT") -> list[LoggedEvent]:
    return [event for event in await news(database, tenant_id) if event.type.startswith(noun)]


async def made_user(api: Api) -> str:
    return (await made(api))["id"]


async def status(api: Api, path: str) -> str:
    return (await api.get(path)).json()["status"]


async def book(database: Database, tenant_id: UUID, owner_id: UUID, asset: str, amount: str) -> None:
    """Give or take value, against the house."""
    value = Decimal(amount)
    other = "client_funding" if len(asset) == 3 else "issuer"
    legs = (Leg(owner_id, asset, "available", value), Leg(None, asset, other, -value))
    today = date(2026, 3, 2)

    async def work(unit: Unit) -> None:
        await post(unit, [Journal("CREDIT_FUNDING", uuid4(), today, today, legs)])

    await database.write(tenant_id, work)


async def test_accounts_wait_for_their_owner_and_follow_at_once(api: Api, database: Database, tenant_id: UUID) -> None:
    user_id = await made_user(api)
    group = (await api.post("/account_groups", {"user_id": user_id, "type": "PERSONAL"})).json()
    assert set(group) == {
        "id", "created_at", "updated_at", "users", "status", "type", "securities_account_number",
    }  # fmt: skip
    assert (group["status"], group["users"]) == ("PENDING_APPROVAL", [{"id": user_id, "type": "OWNER"}])
    assert len(group["securities_account_number"]) == 9
    body = {"user_id": user_id, "account_group_id": group["id"], "type": "TRADING", "name": "Depot"}
    first = (await api.post("/accounts", body)).json()
    second = (await api.post("/accounts", {**body, "type": "PORTFOLIO", "name": ""})).json()
    assert set(first) == {
        "id", "created_at", "updated_at", "account_group_id", "type", "users", "account_number", "name", "status",
    }  # fmt: skip
    assert (first["status"], first["account_number"], first["name"]) == ("PENDING_APPROVAL", 1, "Depot")
    assert (second["type"], second["account_number"], second["name"]) == ("PORTFOLIO", 2, "Account 2")

    for evidence in (KYC, FIT):
        await check(api, user_id, evidence)
    await settle(database, tenant_id)
    assert await status(api, f"/accounts/{first['id']}") == "PENDING_APPROVAL"
    await api.post(f"/users/{user_id}/tax_residencies", RESIDENCIES)
    assert await status(api, f"/users/{user_id}") == "ACTIVE"
    assert await status(api, f"/account_groups/{group['id']}") == "ACTIVE"
    for account in (first, second):
        assert await status(api, f"/accounts/{account['id']}") == "ACTIVE"
    assert [event.type for event in await told(database, tenant_id)] == [
        "ACCOUNT_GROUP.CREATED",
        "ACCOUNT.CREATED",
        "ACCOUNT.CREATED",
        "ACCOUNT_GROUP.ACTIVATED",
        "ACCOUNT.ACTIVATED",
        "ACCOUNT.ACTIVATED",
    ]
    third = (await api.post("/accounts", body)).json()
    assert (third["status"], third["account_number"]) == ("ACTIVE", 3)


async def test_refusals_of_new_groups(api: Api, customer: Customer) -> None:
    user_id = await made_user(api)
    cases: list[tuple[dict[str, Any], int]] = [
        ({"user_id": str(uuid4()), "type": "PERSONAL"}, 404),
        ({"user_id": user_id}, 400),
        ({"user_id": user_id, "type": "OWNED"}, 400),
        ({"user_id": user_id, "type": "PERSONAL", "securities_account_number": "123456"}, 400),
        ({"user_id": str(customer.user_id), "type": "PERSONAL"}, 422),
        ({"user_id": user_id, "type": "LEGAL_ENTITY"}, 422),
        ({"user_id": user_id, "type": "JOINT"}, 422),
    ]
    for body, code in cases:
        assert (await api.post("/account_groups", body)).status_code == code, body
    body = {"user_id": user_id, "type": "PERSONAL", "securities_account_number": "7654321"}
    assert (await api.post("/account_groups", body)).json()["securities_account_number"] == "7654321"
    taken = await api.post("/account_groups", {**body, "user_id": await made_user(api)})
    assert (taken.status_code, taken.json()["errors"][0]["field"]) == (422, "securities_account_number")


async def test_refusals_of_new_accounts(api: Api, customer: Customer) -> None:
    user_id, group_id = str(customer.user_id), str(customer.group_id)
    body = {"user_id": user_id, "account_group_id": group_id, "type": "TRADING"}
    for changes, code in (
        ({"user_id": str(uuid4())}, 404),
        ({"account_group_id": str(uuid4())}, 404),
        ({"user_id": await made_user(api)}, 404),
        ({"type": "SAVINGS"}, 400),
        ({"name": "x" * 101}, 400),
        ({"name": "   "}, 400),
        ({"number": 1}, 400),
    ):
        assert (await api.post("/accounts", {**body, **changes})).status_code == code, changes
    await api.send("DELETE", f"/account_groups/{group_id}")
    assert (await api.post("/accounts", body)).status_code == 422


async def test_only_the_name_changes(api: Api, database: Database, tenant_id: UUID, customer: Customer) -> None:
    path = f"/accounts/{customer.account_id}"
    before = (await api.get(path)).json()
    assert (await api.send("PATCH", path, {})).json() == before
    assert (await api.send("PATCH", path, {"name": before["name"]})).json() == before
    after = (await api.send("PATCH", path, {"name": "Depot Süd"})).json()
    assert {**after, "updated_at": ""} == {**before, "name": "Depot Süd", "updated_at": ""}
    assert after["updated_at"] > before["updated_at"]
    assert (await api.send("PATCH", path, {"type": "PORTFOLIO"})).status_code == 400
    assert (await api.send("PATCH", f"/accounts/{uuid4()}", {"name": "x"})).status_code == 404
    assert [event.type for event in await told(database, tenant_id)][-1] == "ACCOUNT.UPDATED"
    await api.send("POST", f"/tests{path}/lock")
    assert (await api.send("PATCH", path, {"name": "x"})).status_code == 409


async def test_locks(api: Api, database: Database, tenant_id: UUID, customer: Customer) -> None:
    path = f"/tests/accounts/{customer.account_id}"
    for verb, code, after in (
        ("unlock", 409, "ACTIVE"),
        ("lock", 200, "LOCKED"),
        ("lock", 409, "LOCKED"),
        ("unlock", 200, "ACTIVE"),
    ):
        answer = await api.send("POST", f"{path}/{verb}")
        assert answer.status_code == code, answer.text
        assert await status(api, f"/accounts/{customer.account_id}") == after
    await api.send("POST", f"{path}/lock")
    assert (await api.send("DELETE", f"/accounts/{customer.account_id}")).status_code == 409
    assert (await api.send("POST", f"/tests/accounts/{uuid4()}/lock")).status_code == 404
    kinds = [event.type for event in await told(database, tenant_id)][-3:]
    assert kinds == ["ACCOUNT.LOCKED", "ACCOUNT.ACTIVATED", "ACCOUNT.LOCKED"]


async def test_a_locked_group_holds_new_accounts_until_it_is_unlocked(
    api: Api, database: Database, tenant_id: UUID, customer: Customer
) -> None:
    async def compliance(unit: Unit, passes: bool) -> None:
        check = (await checks.list_checks(unit, customer.user_id, history=False, kind="COMPLIANCE"))[0]
        await (checks.pass_check if passes else checks.fail_check)(unit, customer.user_id, check.id)

    group_id = customer.group_id
    await database.write(tenant_id, lambda unit: compliance(unit, False))
    body = {"user_id": str(customer.user_id), "account_group_id": str(group_id), "type": "TRADING"}
    account = (await api.post("/accounts", body)).json()
    assert account["status"] == "PENDING_APPROVAL"
    await database.write(tenant_id, lambda unit: service.lock_account_group(unit, group_id))
    assert await status(api, f"/account_groups/{group_id}") == "LOCKED"
    assert (await api.send("DELETE", f"/account_groups/{group_id}")).status_code == 409
    assert (await api.post("/accounts", body)).status_code == 422
    await database.write(tenant_id, lambda unit: compliance(unit, True))
    assert await status(api, f"/accounts/{account['id']}") == "PENDING_APPROVAL"
    await database.write(tenant_id, lambda unit: service.unlock_account_group(unit, group_id))
    assert await status(api, f"/account_groups/{group_id}") == "ACTIVE"
    assert await status(api, f"/accounts/{account['id']}") == "ACTIVE"
    with pytest.raises(WrongState):
        await database.write(tenant_id, lambda unit: service.unlock_account_group(unit, group_id))


async def test_closing_waits_until_nothing_is_left(
    api: Api, database: Database, tenant_id: UUID, customer: Customer
) -> None:
    unit_asset = str(uuid4())
    account, group = f"/accounts/{customer.account_id}", f"/account_groups/{customer.group_id}"
    await book(database, tenant_id, customer.group_id, "EUR", "10.00")
    await book(database, tenant_id, customer.account_id, unit_asset, "2")
    for path in (account, group):
        answer = await api.send("DELETE", path)
        assert (answer.status_code, answer.content) == (202, b"")
        assert (await api.send("DELETE", path)).status_code == 409
    await settle(database, tenant_id)
    assert (await status(api, account), await status(api, group)) == ("CLOSING", "CLOSING")
    assert (await api.send("PATCH", account, {"name": "To be closed"})).json()["status"] == "CLOSING"
    await book(database, tenant_id, customer.group_id, "EUR", "-10.00")
    await settle(database, tenant_id)
    assert (await status(api, account), await status(api, group)) == ("CLOSING", "CLOSING")
    await book(database, tenant_id, customer.account_id, unit_asset, "-2")
    await settle(database, tenant_id)
    assert (await status(api, account), await status(api, group)) == ("CLOSED", "CLOSED")
    assert (await api.send("DELETE", account)).status_code == 409
    assert (await api.send("PATCH", account, {"name": "x"})).status_code == 409
    assert [event.type for event in await told(database, tenant_id)][-5:] == [
        "ACCOUNT.CLOSING_INITIATED",
        "ACCOUNT_GROUP.CLOSING_INITIATED",
        "ACCOUNT.UPDATED",
        "ACCOUNT.CLOSED",
        "ACCOUNT_GROUP.CLOSED",
    ]
    body = {"user_id": str(customer.user_id), "type": "PERSONAL"}
    assert (await api.post("/account_groups", body)).json()["status"] == "ACTIVE", "a closed group makes room"


@pytest.mark.parametrize("bucket", ["locked", "unsettled_in", "withdrawing"])
async def test_what_is_locked_or_unsettled_keeps_a_group_open(
    api: Api, database: Database, tenant_id: UUID, customer: Customer, bucket: str
) -> None:
    lock_id = uuid4() if bucket == "locked" else None
    house = "memo" if bucket == "unsettled_in" else "client_funding"
    legs = (Leg(customer.group_id, "EUR", bucket, Decimal(5)), Leg(None, "EUR", house, Decimal(-5)))
    today = date(2026, 3, 2)

    async def work(unit: Unit, legs: tuple[Leg, ...]) -> None:
        await post(unit, [Journal("CREDIT_FUNDING", uuid4(), today, today, legs, lock_id)])

    await database.write(tenant_id, lambda unit: work(unit, legs))
    for path in (f"/accounts/{customer.account_id}", f"/account_groups/{customer.group_id}"):
        await api.send("DELETE", path)
    await settle(database, tenant_id)
    assert await status(api, f"/account_groups/{customer.group_id}") == "CLOSING"
    await database.write(tenant_id, lambda unit: work(unit, tuple(leg._replace(amount=-leg.amount) for leg in legs)))
    await settle(database, tenant_id)
    assert await status(api, f"/account_groups/{customer.group_id}") == "CLOSED"


async def test_a_group_waits_for_its_accounts(
    api: Api, database: Database, tenant_id: UUID, customer: Customer
) -> None:
    group = f"/account_groups/{customer.group_id}"
    announced = await api.send("DELETE", f"{group}?notification_only=true&closure_reason=user_initiated")
    assert (announced.status_code, await status(api, group)) == (202, "ACTIVE")
    assert (await api.send("DELETE", f"{group}?closure_reason=AML")).status_code == 400
    assert (await api.send("DELETE", f"{group}?closure_reason=aml")).status_code == 202
    await settle(database, tenant_id)
    assert await status(api, group) == "CLOSING"
    another = await api.post("/account_groups", {"user_id": str(customer.user_id), "type": "PERSONAL"})
    assert (another.status_code, another.json()["status"]) == (200, "ACTIVE")
    await api.send("DELETE", f"/accounts/{customer.account_id}")
    await settle(database, tenant_id)
    assert await status(api, group) == "CLOSED"


async def test_what_was_never_approved_can_be_closed(api: Api, database: Database, tenant_id: UUID) -> None:
    user_id = await made_user(api)
    group = (await api.post("/account_groups", {"user_id": user_id, "type": "PERSONAL"})).json()
    body = {"user_id": user_id, "account_group_id": group["id"], "type": "TRADING"}
    account = (await api.post("/accounts", body)).json()
    renamed = await api.send("PATCH", f"/accounts/{account['id']}", {"name": "Not yet"})
    assert (renamed.json()["name"], renamed.json()["status"]) == ("Not yet", "PENDING_APPROVAL")
    await api.send("DELETE", f"/accounts/{account['id']}")
    await api.send("DELETE", f"/account_groups/{group['id']}")
    await settle(database, tenant_id)
    assert await status(api, f"/account_groups/{group['id']}") == "CLOSED"


async def test_a_user_has_left_when_the_last_group_is_closed(
    api: Api, database: Database, tenant_id: UUID, customer: Customer
) -> None:
    user = f"/users/{customer.user_id}"
    assert (await api.send("DELETE", user)).status_code == 202
    assert await status(api, user) == "OFFBOARDING"
    body = {"user_id": str(customer.user_id), "account_group_id": str(customer.group_id), "type": "TRADING"}
    assert (await api.post("/accounts", body)).status_code == 422
    await api.send("DELETE", f"/accounts/{customer.account_id}")
    await api.send("DELETE", f"/account_groups/{customer.group_id}")
    await settle(database, tenant_id)
    assert await status(api, user) == "OFFBOARDED"
    body = {"user_id": str(customer.user_id), "type": "PERSONAL"}
    assert (await api.post("/account_groups", body)).status_code == 422
    kinds = [event.type for event in await told(database, tenant_id, "USER.")]
    assert kinds == ["USER.CREATED", "USER.ACTIVATED", "USER.OFFBOARDING_INITIATED", "USER.OFFBOARDED"]


async def test_lists(api: Api, customer: Customer) -> None:
    user_id, group_id = str(customer.user_id), str(customer.group_id)
    other = await made_user(api)
    body = {"user_id": user_id, "account_group_id": group_id, "type": "TRADING"}
    second = (await api.post("/accounts", body)).json()["id"]
    other_group = (await api.post("/account_groups", {"user_id": other, "type": "PERSONAL"})).json()["id"]
    first = str(customer.account_id)
    for path, ids in (
        ("/accounts", [first, second]),
        ("/accounts?sort=created_at&order=DESC&limit=1", [second]),
        (f"/users/{user_id}/accounts", [first, second]),
        (f"/users/{user_id}/accounts?offset=1", [second]),
        (f"/users/{other}/accounts", []),
        ("/accounts?limit=0", []),
        ("/account_groups", [group_id, other_group]),
        ("/account_groups?order=DESC&sort=updated_at", [other_group, group_id]),
        (f"/users/{other}/account_groups", [other_group]),
    ):
        found = (await api.get(path)).json()
        assert [item["id"] for item in found["data"]] == ids, path
        assert found["meta"]["count"] == len(ids)
    for path in (f"/users/{uuid4()}/accounts", f"/users/{uuid4()}/account_groups", f"/accounts/{uuid4()}"):
        assert (await api.get(path)).status_code == 404
    for query in ("sort=name", "limit=1001", "offset=-1", "order=UP", "user_id=1"):
        assert (await api.get(f"/accounts?{query}")).status_code == 400, query


async def test_facts_of_a_set_of_accounts(database: Database, tenant_id: UUID, customer: Customer) -> None:
    unfit = await make_customer(database, tenant_id, suitable=False)
    ids = [customer.account_id, unfit.account_id, uuid4()]
    of = dict(zip(ids, (customer.user_id, unfit.user_id, uuid4()), strict=True))
    found = await database.write(tenant_id, lambda unit: service.account_facts_for_share(unit, of), n=0)
    assert set(found) == set(ids[:2])
    facts = found[customer.account_id]
    assert (facts.user_id, facts.group_id) == (customer.user_id, customer.group_id)
    assert (facts.user_status, facts.group_status, facts.account_status) == ("ACTIVE",) * 3
    assert (facts.approved, facts.fit_failed, facts.instrument_fit) == (True, False, "PASSED")
    assert found[unfit.account_id].fit_failed
    assert replace(found[unfit.account_id], instrument_fit=None).fit_failed is False


async def test_whose_accounts_are_is_remembered_by_tenant(
    database: Database, tenant_id: UUID, customer: Customer
) -> None:
    ids = [customer.account_id, uuid4()]
    owner = AccountOwner(customer.account_id, customer.user_id, customer.group_id)
    for _ in range(2):
        assert await database.read(tenant_id, lambda unit: service.owners(unit, ids)) == {owner.account_id: owner}
    other = await make_tenant(database, "Tenant B")
    assert await database.read(other, lambda unit: service.owners(unit, ids)) == {}


async def test_one_group_and_numbered_accounts_under_haste(api: Api) -> None:
    user_id = await made_user(api)
    body = {"user_id": user_id, "type": "PERSONAL"}
    answers = await asyncio.gather(*(api.post("/account_groups", body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 5
    group_id = next(answer.json()["id"] for answer in answers if answer.status_code == 200)
    body = {"user_id": user_id, "account_group_id": group_id, "type": "TRADING"}
    answers = await asyncio.gather(*(api.post("/accounts", body) for _ in range(8)))
    assert sorted(answer.json()["account_number"] for answer in answers) == list(range(1, 9))


async def test_a_frozen_tenant_repeats_itself(cluster: Cluster) -> None:
    lives: list[tuple[Customer, str, list[Any]]] = []
    for _ in range(2):
        name = await cluster.create()
        try:
            async with opened(cluster, name) as assembled:
                database = assembled.database
                tenant_id = await make_tenant(database, "F", frozen_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
                made = await make_customer(database, tenant_id)
                read = partial(service.get_account_group, group_id=made.group_id)
                group = await database.read(tenant_id, read)
                found = await told(database, tenant_id, "")
                lives.append((made, group.securities_account_number, found))
        finally:
            await cluster.drop(name)
    assert lives[0] == lives[1]
    assert lives[0][0].account_id.version == 5
    assert len(lives[0][2]) == 12
