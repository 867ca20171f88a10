"""Direct debits over HTTP and on a clock that stands still: their lives, what is refused, what a bank's word means."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from openvest import catalog
from openvest.core.banking import LineKind
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.events.log import events_of
from openvest.features.accounts import service as accounts
from openvest.features.bank import service as bank
from openvest.features.bank.model import BankLine
from openvest.features.direct_debits import rules
from openvest.features.direct_debits.model import DirectDebit
from openvest.features.mandates import service as mandates
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from tests.features.direct_debits.sample import DEBIT, LITE_DEBIT, collect
from tests.features.mandates.sample import IBAN, make_mandate
from tests.kit.banks import entry
from tests.kit.customers import Customer, make_customer
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.sample import filled

pytestmark = pytest.mark.anyio
AT = "/payments/direct_debits"
MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ID = UUID(int=9)
KNOWN = DirectDebit(ID, ID, ID, Decimal("250.00"), "EUR", None, None, ID, 1, MONDAY, MONDAY, "NEW", None, None)
LINE = BankLine(
    *(ID, "CREDIT", Decimal("250"), "EUR", MONDAY.date(), MONDAY.date(), ID.hex, "", None, "PMNT-IDDT-ESDD"),
    *(None, None, "direct debit", ID, b""),
)
SUSPENSE = Query(Decimal, "select balance from house_balances where tenant_id = $1 and bucket = 'suspense'")
INSTRUCTED = Query(str, "select mandate ->> 'sequence' from bank_instructions where tenant_id = $1 order by created_at")


@pytest.fixture
async def customer(assembled: Assembled, frozen_tenant_id: UUID) -> Customer:
    return await make_customer(assembled.database, frozen_tenant_id)


@pytest.fixture
async def ids(assembled: Assembled, customer: Customer) -> Mapping[str, str]:
    mandate = await assembled.database.write(customer.tenant_id, lambda unit: make_mandate(unit, customer.user_id))
    return {**customer.ids, "mandate_id": str(mandate.id)}


@pytest.fixture
async def api(assembled: Assembled, frozen_tenant_id: UUID) -> AsyncGenerator[Api]:
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    api = await make_apis(app, assembled.database, frozen_tenant_id)
    async with api.http:
        yield api


async def later(api: Api, by: str) -> None:
    assert (await api.send("POST", "/tests/clock/advance", {"by": by})).status_code == 200


async def told(world: Assembled, customer: Customer, object_id: str) -> list[str]:
    found = await world.database.read(customer.tenant_id, lambda unit: events_of(unit, [UUID(object_id)]))
    return [event.type for event in found]


async def moved(api: Api, customer: Customer) -> list[tuple[str, str]]:
    """What moved the group's money, oldest first."""
    found = (await api.get(f"/transactions/cash?account_group_id={customer.group_id}")).json()["data"]
    return [(one["type"], one["delta"]["amount"]) for one in found]


# Lives


async def test_a_debit_is_collected_on_the_days_of_banks(
    assembled: Assembled, api: Api, customer: Customer, ids: Mapping[str, str]
) -> None:
    answer = await api.post(AT, filled(DEBIT, ids) | {"cash_amount": "250.00", "remittance_information": "Deposit"})
    made = answer.json()
    assert (answer.status_code, made["status"], made["currency"]) == (200, "NEW", "EUR")
    assert (made["user_id"], "cancellation_reason" in made) == (str(customer.user_id), False)
    at, seen = f"{AT}/{made['id']}", list[str]()
    for by in ("PT3H", "PT1H", "PT16H", "PT2H"):  # 13:30, 14:30 in Berlin; 06:30 and 08:30 on the next morning
        await later(api, by)
        seen.append((await api.get(at)).json()["status"])
    assert seen == ["NEW", "PROCESSING", "PROCESSING", "CONFIRMED"]
    names = [f"DIRECT_DEBIT.{name}" for name in ("NEW", "PROCESSING", "CONFIRMED")]
    assert await told(assembled, customer, made["id"]) == names
    assert await moved(api, customer) == [("SEPA_DIRECT_DEBIT", "250.00")]
    listed = (await api.get(f"/account_groups/{customer.group_id}{AT}?sort=id")).json()
    assert listed["data"] == [made | {"status": "CONFIRMED"}]

    async def look(unit: Unit) -> None:
        await collect(unit, customer.group_id, UUID(ids["mandate_id"]), "1.00")
        assert await unit.rows(INSTRUCTED, unit.tenant_id) == ["FRST", "RCUR"]
        stored = Query(bytes, "select sealed_counterparty from bank_instructions where tenant_id = $1")
        assert all(IBAN.encode() not in sealed for sealed in await unit.rows(stored, unit.tenant_id))

    await assembled.database.write(customer.tenant_id, look)


@pytest.mark.parametrize(
    ("text", "status", "in_lite", "reason", "movements"),
    [
        ("direct-debit-rejected", "CANCELLED", "FAILED", "CANCELLED_BY_BANK", []),
        ("direct-debit-rejected-other", "CANCELLED", "FAILED", "OTHER", []),
        ("direct-debit-delayed", "CONFIRMED", "COMPLETED", None, ["SEPA_DIRECT_DEBIT"]),
        (
            *("direct-debit-returned", "CONFIRMED", "REVERSED", None),
            ["SEPA_DIRECT_DEBIT", "SEPA_DIRECT_DEBIT_CHARGE_BACK", "DD_REFUND_REJECT_FEE"],
        ),
    ],
)
async def test_what_the_bank_makes_of_a_debit_is_shown_by_both_contracts(
    api: Api,
    customer: Customer,
    ids: Mapping[str, str],
    text: str,
    status: str,
    in_lite: str,
    reason: str | None,
    movements: Sequence[str],
) -> None:
    lite = api.speaking("lite")
    answer = await lite.send("POST", "/direct_debits", filled(LITE_DEBIT, ids) | {"remittance_information": text})
    made = answer.json()
    assert (answer.status_code, made["status"]) == (201, "NEW")
    await later(api, "P5D")
    page = (await lite.get("/direct_debits")).json()
    assert (page["data"], page["meta"]["total"]) == ([made | {"status": in_lite}], 1)
    shown = (await api.get(f"{AT}/{made['id']}")).json()
    assert (shown["status"], shown.get("cancellation_reason")) == (status, reason)
    assert [kind for kind, _ in await moved(api, customer)] == movements


async def test_a_mandate_that_is_revoked_ends_what_has_not_left(
    assembled: Assembled, api: Api, customer: Customer, ids: Mapping[str, str]
) -> None:
    mandate_id = UUID(ids["mandate_id"])
    left, waits = filled(DEBIT, ids), filled(DEBIT, ids)
    first = (await api.post(AT, left)).json()["id"]
    await later(api, "PT5H")
    second = (await api.post(AT, waits)).json()["id"]
    await assembled.database.write(customer.tenant_id, lambda unit: mandates.revoke_mandate(unit, mandate_id))
    ended = (await api.get(f"{AT}/{second}")).json()
    assert (ended["status"], ended["cancellation_reason"]) == ("CANCELLED", "CANCELLED_BY_UPVEST")
    assert await told(assembled, customer, second) == ["DIRECT_DEBIT.NEW", "DIRECT_DEBIT.CANCELLED"]
    await later(api, "P4D")
    stands = [(await api.get(f"{AT}/{one}")).json()["status"] for one in (first, second)]
    assert stands == ["CONFIRMED", "CANCELLED"]
    assert (await api.post(AT, filled(DEBIT, ids))).status_code == 404


async def test_a_group_to_which_money_may_come_is_not_closed(
    api: Api, customer: Customer, ids: Mapping[str, str]
) -> None:
    group = f"/account_groups/{customer.group_id}"
    body = filled(DEBIT, ids) | {"remittance_information": "direct-debit-rejected"}
    assert (await api.post(AT, body)).status_code == 200
    for at in (f"/accounts/{customer.account_id}", group):
        assert (await api.send("DELETE", at)).status_code == 202
    await later(api, "PT6H")
    assert (await api.get(group)).json()["status"] == "CLOSING"
    assert (await api.post(AT, filled(DEBIT, ids))).status_code == 422
    await later(api, "P2D")
    assert (await api.get(group)).json()["status"] == "CLOSED"


# Refusals


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"cash_amount": "0"}, 400),
        ({"cash_amount": "1.234"}, 400),
        ({"cash_amount": "1234567890"}, 400),
        ({"currency": "CHF"}, 400),
        ({"purpose_code": "SALARY"}, 400),
        ({"remittance_information": "ü"}, 400),
        ({"currency": "GBP"}, 422),
        ({"mandate_id": "{user_id}"}, 404),
        ({"account_group_id": "{user_id}"}, 404),
        ({"user_id": "{account_id}"}, 404),
    ],
)
async def test_what_cannot_be_collected_is_refused(
    api: Api, ids: Mapping[str, str], changed: Mapping[str, str], status: int
) -> None:
    refused = await api.post(AT, filled({**DEBIT, **changed}, ids))
    assert refused.status_code == status, refused.text


async def test_neither_the_mandate_of_another_nor_of_another_group_serves(
    assembled: Assembled, customer: Customer
) -> None:
    other = await make_customer(assembled.database, customer.tenant_id)

    async def work(unit: Unit) -> None:
        mandate = await make_mandate(unit, other.user_id)
        with pytest.raises(Exception, match="no mandate of this id"):
            await collect(unit, customer.group_id, mandate.id, "1.00")
        given = await mandates.create_mandate(
            unit, mandates.NewMandate(other.user_id, None, customer.group_id, IBAN, "BYLADEM1001", unit.now)
        )
        with pytest.raises(rules.MandateOfOtherGroup):
            await collect(unit, other.group_id, given.id, "1.00")
        await accounts.lock_account_group(unit, other.group_id)
        with pytest.raises(rules.GroupNotActive):
            await collect(unit, other.group_id, mandate.id, "1.00")

    await assembled.database.write(customer.tenant_id, work)


# What a bank's word means


@pytest.mark.parametrize(
    ("debit", "line", "verbs"),
    [
        ({"status": "NEW"}, {"kind": "SENT"}, ["process"]),
        ({"status": "PROCESSING"}, {"kind": "SENT"}, None),
        ({"status": "NEW"}, {"kind": "REJECTED"}, ["cancel"]),
        ({"status": "PROCESSING"}, {"kind": "REJECTED"}, ["cancel"]),
        ({"status": "CONFIRMED"}, {"kind": "REJECTED"}, None),
        ({"status": "PROCESSING"}, {}, ["confirm"]),
        ({"status": "PROCESSING"}, {"amount": Decimal("250.01")}, None),
        ({"status": "PROCESSING"}, {"currency": "GBP"}, None),
        ({"status": "NEW"}, {}, None),
        ({"status": "CONFIRMED", "settled_on": date(2026, 3, 3)}, {}, None),
        ({"status": "CANCELLED"}, {}, None),
        ({"status": "CONFIRMED"}, {"kind": "DEBIT"}, ["charge back"]),
        ({"status": "CONFIRMED"}, {"kind": "DEBIT", "amount": Decimal(253)}, ["charge back"]),
        ({"status": "CONFIRMED"}, {"kind": "DEBIT", "amount": Decimal("249.99")}, None),
        ({"status": "CHARGED_BACK"}, {"kind": "DEBIT"}, None),
        ({"status": "CANCELLED"}, {"kind": "DEBIT"}, None),
        ({"status": "PROCESSING"}, {"kind": "DEBIT"}, ["confirm", "charge back"]),
        ({"status": "CHARGED_BACK"}, {}, []),
        ({"status": "CHARGED_BACK", "settled_on": date(2026, 3, 3)}, {}, None),
    ],
)
def test_a_line_of_the_bank_moves_the_debit_that_it_fits(
    debit: Mapping[str, Any], line: Mapping[str, Any], verbs: Sequence[str] | None
) -> None:
    assert rules.verbs_of(replace(KNOWN, **debit), replace(LINE, **line)) == verbs


async def test_files_that_come_late_twice_or_not_at_all_book_everything_once(
    assembled: Assembled, api: Api, customer: Customer, ids: Mapping[str, str]
) -> None:
    """What is taken back is told first, then its settlement, each of them twice; and a second charge-back of it."""
    debit = (await api.post(AT, filled(DEBIT, ids) | {"cash_amount": "250.00"})).json()

    async def tell(kind: LineKind, amount: str, name: str) -> None:
        reason = "MD06" if kind == "DEBIT" else None
        said = {"external_id": name, "kind": kind, "end_to_end_id": UUID(debit["id"]).hex, "return_reason": reason}

        async def work(unit: Unit) -> None:
            line = entry(unit, "", amount, transaction_code="PMNT-IDDT-ESDD", **said)
            await bank.receive(unit, [line, line])

        await assembled.database.write(customer.tenant_id, work)
        await later(api, "PT0S")

    await later(api, "PT5H")
    await tell("DEBIT", "253.00", "file 2, line 1")
    after = ["SEPA_DIRECT_DEBIT", "SEPA_DIRECT_DEBIT_CHARGE_BACK", "DD_REFUND_REJECT_FEE"]
    assert await moved(api, customer) == list(zip(after, ("250.00", "-250.00", "-3.00"), strict=True))
    await tell("CREDIT", "250.00", "file 1, line 1")
    assert [kind for kind, _ in await moved(api, customer)] == after
    assert (await api.get(f"{AT}/{debit['id']}")).json()["status"] == "CONFIRMED"
    held = await assembled.database.read(customer.tenant_id, lambda unit: unit.rows(SUSPENSE, unit.tenant_id))
    assert held == []
    await tell("DEBIT", "250.00", "file 3, line 1")
    held = await assembled.database.read(customer.tenant_id, lambda unit: unit.rows(SUSPENSE, unit.tenant_id))
    assert held == [Decimal("-250.00")]
    proof = await prove_tenant(assembled.database, customer.tenant_id, catalog.INVARIANTS)
    assert proof.clean, proof.findings
