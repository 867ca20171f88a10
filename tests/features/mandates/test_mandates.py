"""Mandates over HTTP and on a clock: who gives one, who collects, how long it lasts."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from openvest import catalog
from openvest.core.problems import InvalidRequest, NotFound, Problem
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.events.log import events_of
from openvest.features.mandates import rules, service
from openvest.features.mandates.model import Creditor, Mandate
from openvest.features.tenants import service as tenants
from openvest.main import Assembled
from tests.features.mandates.sample import BIC, IBAN, LITE_MANDATE, MANDATE, make_mandate
from tests.kit.customers import Customer, make_customer, make_user
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.sample import filled

pytestmark = pytest.mark.anyio
AT = "/payments/mandates"
GIVEN = datetime(2024, 2, 29, 10, tzinfo=UTC)
KNOWN = Mandate(
    *("Bank", "DE98ZZZ09999999999", {}), UUID(int=7), 1, GIVEN, GIVEN, UUID(int=1), None, None, GIVEN, None,
    "Erika Beispiel", IBAN, BIC, None,
)  # fmt: skip


@pytest.fixture
async def customer(assembled: Assembled, frozen_tenant_id: UUID) -> Customer:
    return await make_customer(assembled.database, frozen_tenant_id)


@pytest.fixture
async def api(assembled: Assembled, frozen_tenant_id: UUID) -> AsyncGenerator[Api]:
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    api = await make_apis(app, assembled.database, frozen_tenant_id)
    async with api.http:
        yield api


async def test_a_mandate_names_who_collects_and_masks_who_pays(
    assembled: Assembled, api: Api, customer: Customer
) -> None:
    answer = await api.post(AT, filled(MANDATE, customer.ids))
    made = answer.json()
    assert (answer.status_code, made["iban"], made["type"]) == (200, "DE0212**********2051", "RECURRENT")
    assert (made["creditor_id"], made["creditor_address"]["city"]) == ("DE98ZZZ09999999999", "Berlin")
    named = replace(rules.SANDBOX_CREDITOR, creditor_name="Another Bank", creditor_id="AT61ZZZ01234567890")
    await assembled.database.write(customer.tenant_id, lambda unit: service.name_creditor(unit, named))
    assert (await api.get(f"{AT}/{made['id']}")).json() == made
    later = (await api.post(AT, filled(MANDATE, customer.ids))).json()
    assert (later["creditor_name"], later["creditor_id"]) == ("Another Bank", "AT61ZZZ01234567890")
    listed = (await api.get(f"/users/{customer.user_id}{AT}?order=DESC")).json()
    assert listed["data"] == [later, made]

    async def look(unit: Unit) -> None:
        stored = Query(bytes, "select sealed_account from mandates where tenant_id = $1 and id = $2")
        assert IBAN.encode() not in await unit.one(stored, unit.tenant_id, UUID(made["id"]))
        [told] = await events_of(unit, [UUID(made["id"])])
        assert (told.type, IBAN in str(told)) == ("MANDATE.CREATED", False)

    await assembled.database.read(customer.tenant_id, look)


async def test_a_revoked_mandate_permits_nothing_and_stays_in_lite(
    assembled: Assembled, api: Api, customer: Customer
) -> None:
    lite = api.speaking("lite")
    answer = await lite.send("POST", "/mandates", filled(LITE_MANDATE, customer.ids))
    made = answer.json()
    assert (answer.status_code, made["status"], made["account_group_id"]) == (201, "ACTIVE", str(customer.group_id))
    assert (await lite.send("DELETE", f"/mandates/{made['id']}")).status_code == 204
    assert (await lite.send("DELETE", f"/mandates/{made['id']}")).status_code == 404
    assert [(await api.send(how, f"{AT}/{made['id']}")).status_code for how in ("GET", "DELETE")] == [404, 404]
    assert (await api.get(f"/users/{customer.user_id}{AT}")).json()["data"] == []
    assert (await lite.get(f"/mandates/{made['id']}")).json() == made | {"status": "REVOKED"}
    assert (await lite.get("/mandates")).json()["data"] == [made | {"status": "REVOKED"}]

    async def look(unit: Unit) -> None:
        told = await events_of(unit, [UUID(made["id"])])
        assert [event.type for event in told] == ["MANDATE.CREATED", "MANDATE.REVOKED"]
        with pytest.raises(NotFound):
            await service.usable_mandate(unit, UUID(made["id"]), customer.user_id)

    await assembled.database.write(customer.tenant_id, look)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"iban": "DE02120300000000202052"}, 400),
        ({"bic": "BYLADEM"}, 400),
        ({"business_id": "{user_id}"}, 400),
        ({"user_id": None}, 400),
        ({"confirmed_at": "2100-01-01T00:00:00Z"}, 422),
        ({"user_id": None, "business_id": "{user_id}"}, 404),
    ],
)
async def test_what_does_not_fit_is_refused(api: Api, customer: Customer, changed: dict[str, str], status: int) -> None:
    assert (await api.post(AT, filled(MANDATE | changed, customer.ids))).status_code == status


async def test_a_mandate_serves_its_user_alone_and_lapses(assembled: Assembled, frozen_tenant_id: UUID) -> None:
    async def work(unit: Unit) -> None:
        user_id, other = await make_user(unit), await make_user(unit)
        mandate = await make_mandate(unit, user_id)
        assert (await service.usable_mandate(unit, mandate.id, user_id)).iban == IBAN
        with pytest.raises(NotFound):
            await service.usable_mandate(unit, mandate.id, other)
        old = await make_mandate(unit, user_id, unit.now.replace(year=unit.now.year - 4))
        with pytest.raises(rules.MandateLapsed):
            await service.usable_mandate(unit, old.id, user_id)
        await service.note_use(unit, old.id, unit.now.date())
        assert (await service.usable_mandate(unit, old.id, user_id)).last_used_on == unit.now.date()
        with pytest.raises(rules.UserNotActive):
            await make_mandate(unit, await make_user(unit, active=False))

    await assembled.database.write(frozen_tenant_id, work)


@pytest.mark.parametrize(
    ("changes", "on", "status"),
    [
        ({}, date(2027, 2, 28), "ACTIVE"),
        ({}, date(2027, 3, 1), "REVOKED"),
        ({"last_used_on": date(2025, 6, 30)}, date(2028, 6, 30), "ACTIVE"),
        ({"last_used_on": date(2025, 6, 30)}, date(2028, 7, 1), "REVOKED"),
        ({"revoked_at": GIVEN}, date(2024, 3, 1), "REVOKED"),
    ],
)
def test_a_mandate_is_in_force_for_36_months_after_its_last_use(
    changes: dict[str, date], on: date, status: str
) -> None:
    assert rules.status_on(replace(KNOWN, **changes), on) == status


@pytest.mark.parametrize("value", ["DE98ZZZ09999999999", "AT61ZZZ01234567890", "AT61ABC01234567890"])
def test_a_creditor_identifier_is_known_by_its_check_digits(value: str) -> None:
    assert rules.is_creditor_id(value)


@pytest.mark.parametrize("value", ["", "DE97ZZZ09999999999", "DE98ZZZ0999999999", "de98zzz09999999999", "DE98ZZZ", "X"])
def test_any_other_is_refused(value: str) -> None:
    assert not rules.is_creditor_id(value)


def test_all_that_is_wrong_with_a_creditor_is_told_at_once() -> None:
    address = {"address_line1": " ", "postcode": "1" * 11, "city": "Berlin", "country": "XX"}
    with pytest.raises(InvalidRequest) as refused:
        rules.check_creditor(Creditor("B" * 71, "DE97ZZZ09999999999", address))
    told = [error.field for error in refused.value.errors]
    assert told == ["address_line1", "creditor_name", "creditor_id", "postcode", "country"]


async def test_in_production_somebody_is_named_first(assembled: Assembled) -> None:
    database = assembled.database
    tenant_id = await tenants.create_tenant(database, "earnest", mode="production")
    with pytest.raises(Problem, match="Nobody is named yet"):
        await database.read(tenant_id, service.get_creditor)
    await database.write(tenant_id, lambda unit: service.name_creditor(unit, rules.SANDBOX_CREDITOR))
    assert await database.read(tenant_id, service.get_creditor) == rules.SANDBOX_CREDITOR
