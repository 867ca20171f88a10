"""Reference accounts over HTTP: what is shown of them, who finds them, and what is left of deleted ones."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from uuid import UUID

import pytest

from openvest import catalog
from openvest.core.problems import NotFound
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.features.reference_accounts import service
from openvest.features.reference_accounts.rules import default_name
from openvest.features.users import service as users
from openvest.main import Assembled
from tests.features.reference_accounts.sample import ACCOUNT, BIC, IBAN, LITE_ACCOUNT, make_reference_account
from tests.kit.customers import Customer, make_customer, make_user
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.sample import filled

pytestmark = pytest.mark.anyio
AT = "/payments/reference_accounts"
STORED = Query(bytes, "select sealed_account from reference_accounts where tenant_id = $1 and id = $2")


@pytest.fixture
async def customer(assembled: Assembled, frozen_tenant_id: UUID) -> Customer:
    return await make_customer(assembled.database, frozen_tenant_id)


@pytest.fixture
async def api(assembled: Assembled, frozen_tenant_id: UUID) -> AsyncGenerator[Api]:
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    api = await make_apis(app, assembled.database, frozen_tenant_id)
    async with api.http:
        yield api


async def test_an_account_is_shown_masked_and_stands_sealed(assembled: Assembled, api: Api, customer: Customer) -> None:
    answer = await api.post(AT, filled(ACCOUNT, customer.ids))
    made = answer.json()
    assert (answer.status_code, made["iban"], made["name"]) == (200, "DE0210**********8603", ACCOUNT["account_owner"])
    assert (await api.get(f"{AT}/{made['id']}")).json() == made
    assert (await api.get(f"/users/{customer.user_id}{AT}")).json()["data"] == [made]

    async def look(unit: Unit) -> None:
        account_id = UUID(made["id"])
        sealed = await unit.one(STORED, unit.tenant_id, account_id)
        assert IBAN.encode() not in sealed
        opened = await service.usable_account(unit, account_id, customer.user_id)
        assert (opened.iban, IBAN in repr(opened)) == (IBAN, False)

    await assembled.database.read(customer.tenant_id, look)


@pytest.mark.parametrize(
    ("changed", "status", "field"),
    [
        ({"iban": "DE02100100109307118604"}, 400, "iban"),
        ({"iban": "DE021001001093071186"}, 400, "iban"),
        ({"bic": "PBNKXXFF"}, 400, "bic"),
        ({"business_id": "{user_id}"}, 400, "business_id"),
        ({"user_id": None}, 400, "(root)"),
        ({"account_owner": " "}, 400, "account_owner"),
        ({"confirmed_at": "2100-01-01T00:00:00Z"}, 422, "confirmed_at"),
        ({"user_id": None, "business_id": "{user_id}"}, 404, None),
    ],
)
async def test_what_does_not_fit_is_refused(
    api: Api, customer: Customer, changed: dict[str, str], status: int, field: str | None
) -> None:
    refused = await api.post(AT, filled(ACCOUNT | changed, customer.ids))
    assert refused.status_code == status, refused.text
    assert [error["field"] for error in refused.json().get("errors", [])] == ([] if field is None else [field])


async def test_longer_ibans_and_those_of_kosovo_are_taken(api: Api, customer: Customer) -> None:
    for iban, bic in (("XK051212012345678906", "NCBVXKPR"), ("MT84MALT011000012345MTLCAST001S", "MALTMTMT")):
        answer = await api.post(AT, filled(ACCOUNT | {"iban": iban, "bic": bic}, customer.ids))
        assert (answer.status_code, answer.json()["iban"]) == (200, f"{iban[:6]}**********{iban[-4:]}")


async def test_a_deleted_account_pays_nobody_and_keeps_its_history(
    assembled: Assembled, api: Api, customer: Customer
) -> None:
    old = await assembled.database.write(
        customer.tenant_id, lambda unit: make_reference_account(unit, customer.user_id)
    )
    lite, of_account = api.speaking("lite"), f"/accounts/{customer.account_id}/reference_accounts"
    made = await lite.send("POST", of_account, LITE_ACCOUNT)
    new = made.json()
    assert (made.status_code, new["status"], new["account_holder"]) == (201, "ACTIVE", LITE_ACCOUNT["account_holder"])
    assert (await api.send("DELETE", f"{AT}/{old.id}")).status_code == 204
    assert [(await api.send(how, f"{AT}/{old.id}")).status_code for how in ("GET", "DELETE")] == [404, 404]
    assert [one["id"] for one in (await api.get(f"/users/{customer.user_id}{AT}")).json()["data"]] == [new["id"]]
    shown = (await lite.get(of_account)).json()["data"]
    assert [(one["id"], one["status"]) for one in shown] == [(str(old.id), "INACTIVE"), (new["id"], "ACTIVE")]

    # Whose it is decides, and a deleted one is deleted no more.
    other = await make_customer(assembled.database, customer.tenant_id)
    of_another = f"/accounts/{other.account_id}/reference_accounts"
    gone = [await lite.send("DELETE", f"{at}/{new['id']}") for at in (of_another, of_account, of_account)]
    assert [answer.status_code for answer in gone] == [404, 204, 404]

    async def look(unit: Unit) -> None:
        with pytest.raises(NotFound):
            await service.usable_account(unit, old.id, customer.user_id)
        kept = await service.reference_accounts_of(unit, [old.id])
        assert kept[old.id].iban == IBAN

    await assembled.database.read(customer.tenant_id, look)


async def test_the_account_of_another_user_is_not_found(assembled: Assembled, customer: Customer) -> None:
    async def work(unit: Unit) -> None:
        other = await make_user(unit)
        account = await make_reference_account(unit, other)
        assert (await service.usable_account(unit, account.id, other)).bic == BIC
        with pytest.raises(NotFound):
            await service.usable_account(unit, account.id, customer.user_id)

    await assembled.database.write(customer.tenant_id, work)


async def test_who_is_leaving_registers_none(assembled: Assembled, api: Api, customer: Customer) -> None:
    await assembled.database.write(customer.tenant_id, lambda unit: users.offboard_user(unit, customer.user_id))
    assert (await api.post(AT, filled(ACCOUNT, customer.ids))).status_code == 422


def test_an_account_without_a_name_is_called_as_its_owner() -> None:
    assert default_name("A" * 140) == "A" * 100
