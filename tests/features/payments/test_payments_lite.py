"""Top-ups and simulated transfers over lite: its codes, pages and keys."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from uuid import UUID, uuid4

import pytest

from openvest import catalog
from openvest.main import Assembled
from tests.features.payments.sample import TOPUP, WIRE
from tests.kit.customers import Customer, make_customer
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.sample import filled

pytestmark = pytest.mark.anyio


@pytest.fixture
async def customer(assembled: Assembled, frozen_tenant_id: UUID) -> Customer:
    return await make_customer(assembled.database, frozen_tenant_id)


@pytest.fixture
async def lite(assembled: Assembled, frozen_tenant_id: UUID) -> AsyncGenerator[Api]:
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    api = (await make_apis(app, assembled.database, frozen_tenant_id)).speaking("lite")
    async with api.http:
        yield api


async def test_a_topup_is_settled_by_its_wire(lite: Api, customer: Customer) -> None:
    made = await lite.send("POST", "/payments/topups", filled(TOPUP, customer.ids))
    topup = made.json()
    assert (made.status_code, topup["status"]) == (201, "CONFIRMED")
    wire = WIRE | {"remittance_information": f"topup {topup['settlement_reference']}"}
    arrived = await lite.send("POST", "/tests/payments/transactions", wire)
    assert (arrived.status_code, sorted(arrived.json())) == (201, ["bank_reference", "id"])
    await lite.send("POST", "/tests/clock/advance", {"by": "PT1M"})
    assert (await lite.get(f"/payments/topups/{topup['id']}")).json() == topup | {"status": "SETTLED"}
    assert (await lite.send("DELETE", f"/payments/topups/{topup['id']}")).status_code == 422


async def test_a_key_is_not_needed_and_honoured(lite: Api, customer: Customer) -> None:
    key, wanted = uuid4(), filled(TOPUP, customer.ids)
    first, again = [await lite.post("/payments/topups", wanted, key) for _ in range(2)]
    assert (first.status_code, first.content) == (201, again.content)
    unnamed = await lite.send("POST", "/payments/topups", wanted)
    page = (await lite.get(f"/account_groups/{customer.group_id}/payments/topups?limit=1")).json()
    assert page == {"data": [first.json()], "meta": {"offset": 0, "limit": 1, "count": 1, "total": 2}}
    gone = await lite.send("DELETE", f"/payments/topups/{unnamed.json()['id']}")
    assert (gone.status_code, gone.content) == (204, b"")


async def test_what_is_wrong_with_a_body_is_said_at_once(lite: Api, customer: Customer) -> None:
    wrong = filled(TOPUP, customer.ids) | {"cash_amount": 10, "currency": "USD", "note": "for Erika"}
    refused = await lite.send("POST", "/payments/topups", wrong)
    assert refused.status_code == 400
    assert [error["field"] for error in refused.json()["errors"]] == ["cash_amount", "currency", "note"]
    unknown = await lite.send("POST", "/payments/topups", filled(TOPUP, {"account_group_id": str(uuid4())}))
    assert unknown.status_code == 404


async def test_a_group_that_waits_for_its_owner_is_called_as_lite_shows_it(lite: Api) -> None:
    address = {"street": "Lindenstrasse 12", "city": "Berlin", "postal_code": "10969", "country": "DE"}
    names = {"first_name": "Clara", "last_name": "Sandkamp", "email": "clara@client.example"}
    person = {**names, "date_of_birth": "1988-08-21", "nationality": "DE", "address": address}
    user = (await lite.send("POST", "/users", person)).json()
    group = (await lite.send("POST", "/account_groups", {"user_id": user["id"]})).json()
    refused = await lite.send("POST", "/payments/topups", filled(TOPUP, {"account_group_id": group["id"]}))
    told = "An account group that is PENDING cannot be topped up; it must be OPEN."
    assert (group["status"], refused.status_code, refused.json()["detail"]) == ("PENDING", 422, told)
