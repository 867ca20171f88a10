"""Virtual accounts and credit fundings: which transfers are whose, recalls, and money whose owner is not known."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest
from schwifty import IBAN

from openvest import catalog
from openvest.core.problems import InvalidRequest, Problem
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.events.log import events_of
from openvest.features.accounts import service as accounts
from openvest.features.bank import service as bank
from openvest.features.fundings import rules, service, service_suspense
from openvest.features.fundings.model import BankCode
from openvest.features.tenants import service as tenants
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from openvest.ports.bank import Entry
from tests.features.bank.sample import WIRE
from tests.features.fundings.sample import ACCOUNT, arrived
from tests.kit.customers import Customer, make_customer, top_up
from tests.kit.http import Api, make_apis, make_test_app
from tests.kit.sample import filled

pytestmark = pytest.mark.anyio

POOLED = "NL70ABNA0106295004"
SUSPENSE = Query(
    Decimal,
    "select coalesce(sum(balance), 0) from house_balances where tenant_id = $1 and bucket = 'suspense'",
)
LINES = Query(
    str, "select status from bank_lines where tenant_id = $1 and kind = 'CREDIT' order by due_at, ordinal, id"
)
UNMATCHED = Query(UUID, "select id from bank_lines where tenant_id = $1 and status = 'UNMATCHED' order by created_at")


@dataclass
class Desk:
    """A client of both contracts, and a customer of a frozen tenant with a virtual account."""

    world: Assembled
    api: Api
    customer: Customer
    account: dict[str, Any]

    @property
    def iban(self) -> str:
        return str(self.account["identification"]["swift"]["iban"])

    @property
    def group(self) -> str:
        return f"/account_groups/{self.customer.group_id}"

    async def write(self, work: Any, *args: Any) -> Any:
        return await self.world.database.write(self.customer.tenant_id, lambda unit: work(unit, *args))

    async def one(self, query: Query[Any]) -> Any:
        return await self.world.database.read(
            self.customer.tenant_id, lambda unit: unit.one(query, self.customer.tenant_id)
        )

    async def lines(self) -> Sequence[str]:
        tenant_id = self.customer.tenant_id
        return await self.world.database.read(tenant_id, lambda unit: unit.rows(LINES, tenant_id))

    async def tell(self, name: str, iban: str | None = None, **more: Any) -> None:
        """Let the bank tell of a transfer, and book it."""

        async def told(unit: Unit) -> None:
            entries: list[Entry] = [arrived(unit, iban or self.iban, name, **more)]
            await bank.receive(unit, entries)

        await self.write(told)
        await self.world.runner.drain(self.customer.tenant_id)

    async def later(self, days: int) -> None:
        await self.api.send("POST", "/tests/clock/advance", {"by": f"P{days}D"})

    async def fundings(self) -> list[dict[str, Any]]:
        return (await self.api.get(f"{self.group}/payments/credit_fundings")).json()["data"]

    async def balance(self) -> str:
        return (await self.api.get(f"{self.group}/payments/cash_balance")).json()["balance"]

    async def is_sound(self) -> bool:
        return (await prove_tenant(self.world.database, self.customer.tenant_id, catalog.INVARIANTS)).clean


@pytest.fixture
async def desk(assembled: Assembled, frozen_tenant_id: UUID) -> AsyncGenerator[Desk]:
    app = make_test_app(assembled.database, catalog.CONTRACTS, services=assembled)
    api = await make_apis(app, assembled.database, frozen_tenant_id)
    customer = await make_customer(assembled.database, frozen_tenant_id)
    async with api.http:
        answer = await api.post("/payments/virtual_bank_accounts", filled(ACCOUNT, customer.ids))
        assert answer.status_code == 200, answer.text
        yield Desk(assembled, api, customer, answer.json())


async def test_a_group_has_an_iban_of_its_own(desk: Desk) -> None:
    iban = IBAN(desk.iban, validate_bban=True)
    assert (iban.country_code, iban.bank_code) == ("DE", "90000000")
    assert desk.account == {
        "id": desk.account["id"],
        "created_at": desk.account["created_at"],
        "account_group_id": str(desk.customer.group_id),
        "name": "Savings",
        "owner": {"name": "Erika Beispiel"},
        "identification": {"swift": {"iban": desk.iban, "bic": "OPVTDEFFXXX"}},
    }
    assert (await desk.api.get(f"/payments/virtual_bank_accounts/{desk.account['id']}")).json() == desk.account
    listed = (await desk.api.get(f"{desk.group}/payments/virtual_bank_accounts?sort=id")).json()
    assert (listed["data"], listed["meta"]["total_count"]) == ([desk.account], 1)
    [details] = (await desk.api.get(f"{desk.group}/payments/credit_funding_details")).json()["data"]
    assert details == {
        "virtual_bank_account_id": desk.account["id"],
        "currency": "EUR",
        **{name: desk.account[name] for name in ("name", "owner", "identification")},
    }
    found = await desk.world.database.read(
        desk.customer.tenant_id, lambda unit: events_of(unit, [UUID(desk.account["id"])])
    )
    assert [event.type for event in found] == ["VIRTUAL_BANK_ACCOUNT.CREATED"]


async def test_what_is_sent_to_it_is_credited(desk: Desk) -> None:
    await desk.tell("salary", remittance_information="for August", purpose_code="SALA")
    [funding] = await desk.fundings()
    assert funding == {
        "id": funding["id"],
        "created_at": funding["created_at"],
        "account_group_id": str(desk.customer.group_id),
        "cash_amount": "500.00",
        "currency": "EUR",
        "remittance_information": "for August",
        "counterparty": {
            "identification": {"name": "Erika Beispiel"},
            "account": {"identification": {"iban": "DE9550**********5844"}},
        },
        "status": "CONFIRMED",
        "purpose_code": "SALA",
        "virtual_bank_account_id": desk.account["id"],
    }
    assert (await desk.api.get(f"/payments/credit_fundings/{funding['id']}")).json() == funding
    assert (await desk.balance(), await desk.lines()) == ("500.00", ["MATCHED"])
    [booked] = (await desk.api.get("/transactions/cash")).json()["data"]
    assert (booked["type"], booked["delta"]["amount"], booked["references"]) == (
        "CREDIT_FUNDING",
        "500.00",
        [{"id": funding["id"], "type": "CREDIT_FUNDING"}],
    )
    await desk.tell("salary")
    assert len(await desk.fundings()) == 1, "a line told twice is booked once"
    assert await desk.is_sound()


async def test_by_its_id_and_by_the_number_in_its_text(desk: Desk) -> None:
    """And a top-up by its own reference; what names nobody stands in suspense."""
    number = (await desk.api.get(desk.group)).json()["securities_account_number"]
    topup = await top_up(desk.world.database, desk.customer, "20.00")
    for more in (
        {"virtual_bank_account_id": desk.account["id"]},
        {"remittance_information": f"CF{number} thank you"},
        {"remittance_information": f"topup {topup.settlement_reference}", "amount": "20.00"},
        {"remittance_information": f"topup {topup.settlement_reference}", "amount": "20.00"},
        {"remittance_information": "CF000000000", "virtual_bank_account_id": str(uuid4())},
    ):
        answer = await desk.api.post("/tests/payments/transactions", WIRE | {"amount": "1.00"} | more)
        assert answer.status_code == 200, answer.text
        await desk.world.runner.drain(desk.customer.tenant_id)
    assert await desk.lines() == ["MATCHED", "MATCHED", "MATCHED", "UNMATCHED", "UNMATCHED"]
    assert (await desk.balance(), await desk.one(SUSPENSE)) == ("22.00", Decimal("21.00"))
    assert (await desk.api.get(f"/payments/topups/{topup.id}")).json()["status"] == "SETTLED"
    first, second = await desk.fundings()
    assert (first["virtual_bank_account_id"], "virtual_bank_account_id" in second) == (desk.account["id"], False)
    assert await desk.is_sound()


async def test_what_a_group_does_not_take(desk: Desk) -> None:
    await desk.tell("pounds", currency="GBP")
    await desk.write(accounts.lock_account_group, desk.customer.group_id)
    await desk.tell("locked")
    refused = await desk.api.post("/payments/virtual_bank_accounts", filled(ACCOUNT, desk.customer.ids))
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "account_group_id")
    assert (await desk.lines(), await desk.fundings()) == (["UNMATCHED", "UNMATCHED"], [])


async def test_a_recall_takes_back_what_is_spent_too(desk: Desk) -> None:
    """By the payer and the end-to-end id; any other debit stands in suspense."""
    await desk.tell("mistake")
    [funding] = await desk.fundings()
    moved = {"account_group_id": str(desk.customer.group_id), "amount": "400.00", "currency": "EUR"}
    assert (await desk.api.post("/virtual_cash_balances/decreases", moved)).status_code == 202
    recall = {"kind": "DEBIT", "external_id": "recall", "return_reason": "FOCR"}
    for number, other in enumerate(({"amount": "499.99"}, {"return_reason": None}, {"counterparty": None})):
        await desk.tell("mistake", **(recall | {"external_id": f"other {number}"} | other))
    assert (await desk.fundings(), await desk.one(SUSPENSE)) == ([funding], Decimal("-1499.99"))
    await desk.tell("mistake", **recall)
    assert await desk.fundings() == [funding | {"status": "CANCELLED"}]
    assert await desk.balance() == "-400.00"
    await desk.tell("mistake", **(recall | {"external_id": "again"}))
    assert (await desk.balance(), await desk.one(SUSPENSE)) == ("-400.00", Decimal("-1999.99"))
    kinds = [one["type"] for one in (await desk.api.get("/transactions/cash")).json()["data"]]
    assert sorted(kinds) == ["CREDIT_FUNDING", "CREDIT_FUNDING_CHARGE_BACK", "VIRTUAL_CASH_DECREASE"]
    await desk.tell("repaid")
    assert (await desk.balance(), await desk.is_sound()) == ("100.00", True)


async def test_the_simulated_bank_recalls_a_transfer_that_says_so(desk: Desk) -> None:
    wire = WIRE | {"account": {"iban": desk.iban}, "remittance_information": "credit-funding-recalled"}
    assert (await desk.api.post("/tests/payments/transactions", wire)).status_code == 200
    await desk.later(0)
    assert [one["status"] for one in await desk.fundings()] == ["CONFIRMED"]
    await desk.later(4)
    assert ([one["status"] for one in await desk.fundings()], await desk.balance()) == (["CANCELLED"], "0.00")


async def unmatched(desk: Desk) -> UUID:
    await desk.tell("unknown", POOLED)
    return await desk.one(UNMATCHED)


async def test_an_operator_finds_the_owner(desk: Desk) -> None:
    line_id = await unmatched(desk)
    listed = await desk.write(bank.list_unmatched, 10)
    assert [line.id for line in listed] == [line_id]
    funding = await desk.write(service_suspense.assign_payment, line_id, desk.customer.group_id)
    assert [one["id"] for one in await desk.fundings()] == [str(funding.id)]
    assert (await desk.balance(), await desk.one(SUSPENSE), await desk.lines()) == ("500.00", 0, ["ASSIGNED"])
    with pytest.raises(Problem, match="no unmatched bank line"):
        await desk.write(service_suspense.assign_payment, line_id, desk.customer.group_id)
    assert await desk.is_sound()


RECALL: dict[str, Any] = {"kind": "DEBIT", "external_id": "bank recall", "return_reason": "FOCR"}


async def test_a_recall_that_is_told_before_its_transfer(desk: Desk) -> None:
    """It waits in suspense, with its reason, until the transfer comes."""
    await desk.tell("mistake", **RECALL)
    [waiting] = await desk.write(bank.list_unmatched, 10)
    assert (waiting.why_unmatched, await desk.one(SUSPENSE)) == ("takes back what we do not know (FOCR)", -500)
    assert await desk.is_sound()
    await desk.tell("mistake")
    [funding] = await desk.fundings()
    assert (funding["status"], await desk.balance(), await desk.one(SUSPENSE)) == ("CANCELLED", "0.00", 0)
    kinds = [one["type"] for one in (await desk.api.get("/transactions/cash")).json()["data"]]
    assert sorted(kinds) == ["CREDIT_FUNDING", "CREDIT_FUNDING_CHARGE_BACK"]
    assert await desk.write(bank.list_unmatched, 10) == []
    assert await desk.is_sound()


@pytest.mark.parametrize("recall_first", [False, True])
async def test_what_is_nobodys_and_recalled_leaves_suspense(desk: Desk, recall_first: bool) -> None:
    """So that nobody assigns money that is gone; another amount's recall stays."""
    told: list[dict[str, Any]] = [{}, RECALL]
    for more in reversed(told) if recall_first else told:
        await desk.tell("nobody", POOLED, **more)
    assert (await desk.write(bank.list_unmatched, 10), await desk.one(SUSPENSE)) == ([], 0)
    await desk.tell("nobody", POOLED, external_id="bank again", amount="499.00")
    await desk.tell("nobody", POOLED, **RECALL | {"external_id": "bank recall again"})
    assert [line.why_unmatched for line in await desk.write(bank.list_unmatched, 10)] == [
        "is no active group's, and settles no top-up",
        "takes back what we do not know (FOCR)",
    ]
    assert await desk.one(SUSPENSE) == -1
    assert await desk.is_sound()


async def test_an_operator_sends_it_back(desk: Desk) -> None:
    line_id = await unmatched(desk)
    await desk.write(service_suspense.return_payment, line_id)
    assert (await desk.one(SUSPENSE), await desk.lines()) == (Decimal("500.00"), ["RETURNED"])
    await desk.later(5)
    assert (await desk.one(SUSPENSE), await desk.lines()) == (0, ["PAID_BACK"])
    assert await desk.is_sound()


async def test_a_return_that_the_bank_refuses_waits_for_the_operator_again(desk: Desk) -> None:
    await desk.tell("payout-rejected", POOLED)
    line_id = await desk.one(UNMATCHED)
    for _ in range(2):
        await desk.write(service_suspense.return_payment, line_id)
        assert await desk.lines() == ["RETURNED"]
        await desk.later(5)
        assert (await desk.one(SUSPENSE), await desk.lines()) == (Decimal("500.00"), ["UNMATCHED"])
    assert await desk.is_sound()


async def test_what_an_operator_cannot_do(desk: Desk) -> None:
    await desk.tell("taken", POOLED, kind="DEBIT")
    with pytest.raises(rules.NothingToResolve):
        await desk.write(service_suspense.return_payment, await desk.one(UNMATCHED))


async def test_money_without_a_sender_is_assigned_but_not_returned(desk: Desk) -> None:
    await desk.tell("anonymous", POOLED, counterparty=None)
    line_id = await desk.one(UNMATCHED)
    with pytest.raises(rules.NobodyToPay):
        await desk.write(service_suspense.return_payment, line_id)
    await desk.write(accounts.lock_account_group, desk.customer.group_id)
    with pytest.raises(rules.GroupTakesNoFunding):
        await desk.write(service_suspense.assign_payment, line_id, desk.customer.group_id)
    await desk.write(accounts.unlock_account_group, desk.customer.group_id)
    await desk.write(service_suspense.assign_payment, line_id, desk.customer.group_id)
    [funding] = await desk.fundings()
    assert funding["counterparty"] == {
        "identification": {"name": ""},
        "account": {"identification": {"iban": ""}},
    }


async def test_a_tenant_numbers_its_accounts_at_its_own_bank(desk: Desk) -> None:
    await desk.write(service.name_bank_code, BankCode("AT", "12000", "BKAUATWWXXX"))
    second = (await desk.api.post("/payments/virtual_bank_accounts", filled(ACCOUNT, desk.customer.ids))).json()
    named = second["identification"]["swift"]
    assert (IBAN(named["iban"]).bank_code, named["iban"][:2], named["bic"]) == ("12000", "AT", "BKAUATWWXXX")
    await desk.tell("to the first")
    await desk.tell("to the second", named["iban"])
    assert [one["virtual_bank_account_id"] for one in await desk.fundings()] == [desk.account["id"], second["id"]]


async def test_a_number_that_is_taken_is_not_given_again(desk: Desk) -> None:
    """Its neighbour is, as long as there is one."""
    again = iter([desk.iban, "DE87900000000000000001"])
    with patch.object(rules, "ibans", lambda *_: again):
        other = await desk.api.post("/payments/virtual_bank_accounts", filled(ACCOUNT, desk.customer.ids))
    assert other.json()["identification"]["swift"]["iban"] == "DE87900000000000000001"


async def test_in_production_a_bank_is_named_first(assembled: Assembled) -> None:
    tenant_id = await tenants.create_tenant(assembled.database, "In production", mode="production")
    with pytest.raises(rules.NoBankCode):
        await assembled.database.write(tenant_id, service.get_bank_code)


async def test_lite_opens_and_reads_the_same(desk: Desk) -> None:
    lite = desk.api.speaking("lite")
    made = await lite.send("POST", "/payments/virtual_bank_accounts", filled(ACCOUNT, desk.customer.ids))
    assert made.status_code == 201
    await desk.tell("salary", made.json()["identification"]["swift"]["iban"])
    for path, count in (("virtual_bank_accounts", 2), ("credit_funding_details", 2), ("credit_fundings", 1)):
        page = (await lite.get(f"{desk.group}/payments/{path}")).json()
        assert (path, len(page["data"]), page["meta"]["total"]) == (path, count, count)
    [funding] = await desk.fundings()
    assert (await lite.get(f"/payments/credit_fundings/{funding['id']}")).json() == funding
    for path in (f"/payments/credit_fundings/{uuid4()}", f"/payments/virtual_bank_accounts/{uuid4()}"):
        assert (await lite.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("bank", "fields"),
    [
        (BankCode("DE", "90000000", "OPVTDEFFXXX"), []),
        (BankCode("NL", "ABNA", "ABNANL2A"), []),
        (BankCode("DE", "9000000", "OPVTDEFFXXX"), ["bank_code"]),
        (BankCode("DE", "900000000", "OPVTDEFFXXX"), ["bank_code"]),
        (BankCode("XX", "90000000", "OPVTDEFFXXX"), ["bank_code"]),
        (BankCode("DE", "ABNANL2A", "X"), ["bank_code", "bic"]),
    ],
)
def test_which_bank_codes_fit(bank: BankCode, fields: list[str]) -> None:
    try:
        rules.check_bank_code(bank)
        said: list[str] = []
    except InvalidRequest as refused:
        said = [error.field for error in refused.errors]
    assert said == fields


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("CF960253053", "960253053"),
        ("for me: cf 960253053.", "960253053"),
        ("CF960253053 CF960253053", "960253053"),
        ("CF960253053 CF960253054", None),
        ("CF96025", None),
        ("CF9602530531234", None),
        ("ACF960253053", None),
        ("", None),
    ],
)
def test_the_number_that_a_text_names(text: str, number: str | None) -> None:
    assert rules.named_number(text) == number
