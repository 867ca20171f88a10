"""Withdrawals over both contracts: codes, bodies, words."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import pytest

from openvest import catalog
from openvest.main import Assembled
from tests.features.reference_accounts.sample import make_reference_account
from tests.features.withdrawals.sample import LITE_WITHDRAWAL, WITHDRAWAL
from tests.kit.customers import Customer, make_customer, top_up
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.sample import filled

pytestmark = pytest.mark.anyio


@pytest.fixture
async def customer(assembled: Assembled, frozen_tenant_id: UUID) -> Customer:
    customer = await make_customer(assembled.database, frozen_tenant_id)
    await top_up(assembled.database, customer, "10.00")
    return customer


@pytest.fixture
async def paid_to(assembled: Assembled, customer: Customer) -> str:
    make = make_reference_account
    account = await assembled.database.write(customer.tenant_id, lambda unit: make(unit, customer.user_id))
    return str(account.id)


@pytest.fixture
async def api(assembled: Assembled, frozen_tenant_id: UUID) -> AsyncGenerator[Api]:
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    api = await make_apis(app, assembled.database, frozen_tenant_id)
    async with api.http:
        yield api


def wanted(customer: Customer, paid_to: str, **changed: Any) -> dict[str, Any]:
    return filled(WITHDRAWAL, {**customer.ids, "reference_account_id": paid_to}) | changed


async def test_v1_shows_a_withdrawal_and_how_it_ends(api: Api, customer: Customer, paid_to: str) -> None:
    body = wanted(customer, paid_to, remittance_information="for_Erika", purpose_code="OTHR", user_id="")
    answer = await api.post("/payments/withdrawals", body)
    made = answer.json()
    assert (answer.status_code, made) == (
        200,
        {
            "id": made["id"],
            "created_at": made["created_at"],
            "updated_at": made["created_at"],
            "reference_account_id": paid_to,
            "account_group_id": str(customer.group_id),
            "user_id": str(customer.user_id),
            "amount": "1.00",
            "currency": "EUR",
            "remittance_information": "for_Erika",
            "purpose_code": "OTHR",
            "status": "NEW",
        },
    )
    at = f"/payments/withdrawals/{made['id']}"
    assert (await api.get(at)).json() == made
    gone = await api.send("DELETE", at)
    assert (gone.status_code, gone.content) == (204, b"")
    ended = (await api.get(at)).json()
    assert (ended["status"], ended["cancellation_reason"]) == ("CANCELLED", "CANCELLED_BY_CLIENT")
    assert (await api.send("DELETE", at)).status_code == 422
    page = (await api.get(f"/account_groups/{customer.group_id}/payments/withdrawals?sort=id")).json()
    assert (page["data"], page["meta"]["total_count"]) == ([ended], 1)


async def test_what_a_withdrawal_may_not_be(api: Api, customer: Customer, paid_to: str) -> None:
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"amount": "0.00"}, ["amount"]),
        ({"amount": "1.234"}, ["amount"]),
        ({"amount": "1234567890"}, ["amount"]),
        ({"currency": "CHF", "taxes": []}, ["currency", "taxes"]),
        ({"remittance_information": "50 %", "purpose_code": "OTHER"}, ["remittance_information", "purpose_code"]),
    ]
    for changed, fields in cases:
        refused = await api.post("/payments/withdrawals", wanted(customer, paid_to, **changed))
        assert refused.status_code == 400, refused.text
        assert [error["field"] for error in refused.json()["errors"]] == fields
    short = await api.post("/payments/withdrawals", wanted(customer, paid_to, amount="10.01"))
    assert (short.status_code, short.json()["detail"]) == (422, "10.00 EUR can be withdrawn, and not 10.01 EUR.")


async def test_lite_pays_to_the_newest_account_in_its_own_words(api: Api, customer: Customer, paid_to: str) -> None:
    lite, body = api.speaking("lite"), filled(LITE_WITHDRAWAL, customer.ids)
    answer = await lite.post("/withdrawals", body)
    made = answer.json()
    assert (answer.status_code, made) == (
        201,
        {
            "id": made["id"],
            "account_id": str(customer.account_id),
            "cash_amount": "1.00",
            "currency": "EUR",
            "status": "NEW",
            "created_at": made["created_at"],
        },
    )
    seen = (await api.get(f"/payments/withdrawals/{made['id']}")).json()
    assert seen["reference_account_id"] == paid_to
    by_group = (await api.post("/payments/withdrawals", wanted(customer, paid_to))).json()
    await api.send("POST", "/tests/clock/advance", {"by": "P2D"})
    listed = (await lite.get("/withdrawals")).json()
    assert listed["data"] == [
        made | {"status": "COMPLETED"},
        {name: value for name, value in made.items() if name != "account_id"}
        | {"id": by_group["id"], "created_at": by_group["created_at"], "status": "COMPLETED"},
    ]


async def test_lite_without_a_reference_account_pays_nothing(api: Api, customer: Customer) -> None:
    refused = await api.speaking("lite").post("/withdrawals", filled(LITE_WITHDRAWAL, customer.ids))
    assert (refused.status_code, "no reference account" in refused.json()["detail"]) == (422, True)
