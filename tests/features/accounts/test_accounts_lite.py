"""Groups and accounts over lite: the same states under fewer names, and when an account gets another type."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import pytest

from openvest import catalog
from openvest.db.unit import Database
from openvest.events.log import events_of
from openvest.main import Assembled
from tests.features.accounts.test_accounts import book
from tests.features.users.people import check, fields, made, make_both, sent, settle, told_in_lite
from tests.kit.customers import make_customer as make_trader
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.orders import Trader
from tests.kit.people import FIT, KYC, RESIDENCIES, Customer, make_customer

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api(database: Database, tenant_id: UUID) -> AsyncGenerator[Api]:
    """The client of v1, which knows the one of lite."""
    api = await make_both(database, tenant_id)
    async with api.http:
        yield api


@pytest.fixture
def slim(api: Api) -> Api:
    return api.speaking("lite")


@pytest.fixture
async def customer(database: Database, tenant_id: UUID) -> Customer:
    return await make_customer(database, tenant_id)


async def told(database: Database, tenant_id: UUID) -> list[str]:
    return await told_in_lite(database, tenant_id, "ACCOUNT")


async def test_a_group_and_an_account_wait_for_their_owner_and_are_opened(
    api: Api, slim: Api, database: Database, tenant_id: UUID
) -> None:
    user_id = (await made(api))["id"]
    group = await sent(slim, "POST", "/account_groups", {"user_id": user_id})
    body = {"user_id": user_id, "account_group_id": group["id"]}
    account = await sent(slim, "POST", "/accounts", body)
    portfolio = await sent(slim, "POST", "/accounts", body | {"type": "PORTFOLIO"})
    assert (group["type"], group["user_id"], group["status"]) == ("PERSONAL", user_id, "PENDING")
    named = {name: account[name] for name in ("id", "created_at", "updated_at")}
    assert account == body | named | {"type": "TRADING", "status": "PENDING"}
    seen = (await api.get(f"/accounts/{account['id']}")).json()
    assert (seen["type"], seen["status"], seen["name"]) == ("TRADING", "PENDING_APPROVAL", "Account 1")

    for evidence in (KYC, FIT):
        await check(api, user_id, evidence)
    await settle(database, tenant_id)
    await api.post(f"/users/{user_id}/tax_residencies", RESIDENCIES)
    for at in (f"/account_groups/{group['id']}", f"/accounts/{account['id']}", f"/accounts/{portfolio['id']}"):
        assert (await sent(slim, "GET", at))["status"] == "OPEN"
    page = await sent(slim, "GET", "/accounts?limit=1&offset=1")
    assert [one["id"] for one in page["data"]] == [portfolio["id"]]
    assert page["meta"] == {"offset": 1, "limit": 1, "count": 1, "total": 2}
    assert [one["id"] for one in (await sent(slim, "GET", "/account_groups"))["data"]] == [group["id"]]
    assert await told(database, tenant_id) == [
        "ACCOUNT_GROUP.CREATED", "ACCOUNT.CREATED", "ACCOUNT.CREATED",
        "ACCOUNT_GROUP.OPENED", "ACCOUNT.OPENED", "ACCOUNT.OPENED",
    ]  # fmt: skip


async def test_a_lock_and_a_closing_are_seen(
    api: Api, slim: Api, database: Database, tenant_id: UUID, customer: Customer
) -> None:
    account, group = f"/accounts/{customer.account_id}", f"/account_groups/{customer.group_id}"

    async def seen(at: str) -> tuple[str, str]:
        return (await api.get(at)).json()["status"], (await sent(slim, "GET", at))["status"]

    await api.send("POST", f"/tests{account}/lock")
    assert await seen(account) == ("LOCKED", "PENDING")
    refused = [await slim.send("DELETE", account), await slim.send("PATCH", account, {"type": "PORTFOLIO"})]
    assert [(one.status_code, one.json()["detail"]) for one in refused] == [
        (409, f"An account that is PENDING cannot {verb}.") for verb in ("close", "change type")
    ]
    await api.send("POST", f"/tests{account}/unlock")
    assert await seen(account) == ("ACTIVE", "OPEN")
    for at in (account, group):
        assert await sent(slim, "DELETE", at) is None
        assert await seen(at) == ("CLOSING", "CLOSING")
        assert (await slim.send("DELETE", at)).status_code == 409
        await settle(database, tenant_id)
        assert await seen(at) == ("CLOSED", "CLOSED")
        assert (await slim.send("DELETE", at)).status_code == 409
    steps = ["UPDATED", "OPENED", "UPDATED", "CLOSED"]
    assert (await told(database, tenant_id))[4:] == [
        *(f"ACCOUNT.{one}" for one in steps), "ACCOUNT_GROUP.UPDATED", "ACCOUNT_GROUP.CLOSED",
    ]  # fmt: skip


async def test_the_accounts_of_a_user_are_listed(
    slim: Api, database: Database, tenant_id: UUID, customer: Customer
) -> None:
    await make_customer(database, tenant_id)
    page = await sent(slim, "GET", f"/users/{customer.user_id}/accounts")
    assert [one["id"] for one in page["data"]] == [str(customer.account_id)]
    assert page["meta"] == {"offset": 0, "limit": 20, "count": 1, "total": 1}
    assert (await slim.send("GET", f"/users/{uuid4()}/accounts")).status_code == 404


async def test_what_does_not_fit_is_refused_in_the_words_of_lite(slim: Api, api: Api, customer: Customer) -> None:
    body = {"user_id": str(customer.user_id), "account_group_id": str(customer.group_id)}
    other = (await made(api))["id"]
    cases: list[tuple[str, dict[str, Any], int, set[str]]] = [
        ("/accounts", body | {"type": "standard", "name": "Depot"}, 400, {"type", "name"}),
        ("/accounts", {}, 400, {"user_id", "account_group_id"}),
        ("/accounts", body | {"user_id": str(uuid4())}, 404, set()),
        ("/accounts", body | {"user_id": other}, 404, set()),
        ("/account_groups", {"user_id": other, "type": "PERSONAL"}, 400, {"type"}),
        ("/account_groups", {"user_id": str(customer.user_id)}, 422, set()),
    ]
    for at, wanted, code, named in cases:
        answer = await slim.send("POST", at, wanted)
        assert (answer.status_code, {one["field"] for one in answer.json().get("errors", [])}) == (code, named)
    answer = await slim.send("PATCH", f"/accounts/{customer.account_id}", {"type": "standard", "name": "Depot"})
    assert (answer.status_code, fields(answer)) == (400, {"type", "name"})


async def test_an_account_that_was_never_used_gets_another_type(
    api: Api, slim: Api, database: Database, tenant_id: UUID, customer: Customer
) -> None:
    at = f"/accounts/{customer.account_id}"
    before = await sent(slim, "GET", at)
    for same in ({}, {"type": "TRADING"}):
        assert await sent(slim, "PATCH", at, same) == before
    changed = await sent(slim, "PATCH", at, {"type": "PORTFOLIO"})
    assert changed == before | {"type": "PORTFOLIO", "updated_at": changed["updated_at"]}
    assert (await api.get(at)).json()["type"] == "PORTFOLIO"
    assert (await told(database, tenant_id))[4:] == ["ACCOUNT.UPDATED"]
    await api.send("DELETE", at)
    refused = await slim.send("PATCH", at, {"type": "TRADING"})
    assert (refused.status_code, refused.json()["detail"]) == (409, "An account that is CLOSING cannot change type.")
    assert (await slim.send("PATCH", f"/accounts/{uuid4()}", {"type": "TRADING"})).status_code == 404


async def test_an_account_that_held_something_keeps_its_type(
    slim: Api, database: Database, tenant_id: UUID, customer: Customer
) -> None:
    at, units = f"/accounts/{customer.account_id}", str(uuid4())
    for amount in ("3", "-3"):
        await book(database, tenant_id, customer.account_id, units, amount)
        refused = await slim.send("PATCH", at, {"type": "PORTFOLIO"})
        assert (refused.status_code, "has held" in refused.json()["detail"]) == (409, True)
    assert (await sent(slim, "PATCH", at, {"type": "TRADING"}))["type"] == "TRADING"


async def test_an_account_for_which_something_was_ordered_keeps_its_type(
    assembled: Assembled, frozen_tenant_id: UUID
) -> None:
    trader = Trader(assembled, await make_trader(assembled.database, frozen_tenant_id))
    order = await trader.place(quantity="1")
    assert order.status == "CANCELLED", "there is no money, so nothing is locked and nothing held"
    app = make_test_app(assembled.database, catalog.CONTRACTS)
    api = await make_apis(app, assembled.database, frozen_tenant_id)
    async with api.http:
        at = f"/accounts/{trader.customer.account_id}"
        refused = await api.speaking("lite").send("PATCH", at, {"type": "PORTFOLIO"})
        assert (refused.status_code, "ordered" in refused.json()["detail"]) == (409, True)
        assert (await api.get(at)).json()["type"] == "TRADING"
    found = await assembled.database.read(frozen_tenant_id, lambda unit: events_of(unit, [trader.customer.account_id]))
    assert "ACCOUNT.TYPE_CHANGED" not in [event.type for event in found]
