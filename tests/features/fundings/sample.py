"""What tests know of virtual bank accounts and credit fundings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from openvest.core.banking import Party
from openvest.core.paging import PageRequest
from openvest.db.unit import Database, Unit
from openvest.features.bank import service as bank
from openvest.features.fundings import rules, service_suspense
from openvest.features.fundings import service as fundings
from openvest.features.fundings.model import NewVirtualAccount, VirtualAccount
from openvest.ports.bank import Entry
from tests.kit.customers import make_customer
from tests.kit.sample import AT_ONCE, Ask, Asked, Life, Sample

ACCOUNT = {"account_group_id": "{account_group_id}", "name": "Savings"}
PAYER = Party("Erika Beispiel", "DE95500105173934555844", "DEUTDEFF")


def arrived(unit: Unit, iban: str, name: str, amount: str = "500.00", **more: Any) -> Entry:
    """A transfer to an account of ours, as a bank tells of it."""
    said: dict[str, Any] = {
        "external_id": f"bank {name}",
        "received_at": unit.now,
        "kind": "CREDIT",
        "account_iban": iban,
        "amount": Decimal(amount),
        "currency": "EUR",
        "booking_on": unit.now.date(),
        "value_on": unit.now.date(),
        "end_to_end_id": name,
        "counterparty": PAYER,
        "transaction_code": "PMNT-RCDT-ESCT",
    }
    return Entry(**(said | more))


async def opened(database: Database, tenant_id: UUID, group_id: UUID) -> VirtualAccount:
    new = NewVirtualAccount(group_id, "Savings")
    return await database.write(tenant_id, lambda unit: fundings.create_virtual_account(unit, new))


async def _an_account_and_a_funding(life: Life) -> Mapping[str, str]:
    group_id = UUID(life.ids["account_group_id"])
    await life.write(lambda unit: fundings.name_bank_code(unit, rules.SANDBOX_BANK))
    account = await opened(life.world.database, life.tenant_id, group_id)
    await life.write(lambda unit: bank.receive(unit, [arrived(unit, account.iban, f"salary {group_id}")]))
    await life.rest()
    found = await life.write(lambda unit: fundings.list_fundings(unit, PageRequest(limit=1), group_id))
    return {"virtual_bank_account_id": str(account.id), "credit_funding_id": str(found.rows[0].id)}


async def _one_is_recalled(life: Life) -> None:
    """And one that nobody knows, which an operator sends back."""
    account = await life.get(f"/payments/virtual_bank_accounts/{life.ids['virtual_bank_account_id']}")
    iban = account["identification"]["swift"]["iban"]

    async def told(unit: Unit) -> None:
        again = {"kind": "DEBIT", "external_id": "bank recall", "return_reason": "FOCR"}
        await bank.receive(unit, [arrived(unit, iban, "mistake"), arrived(unit, iban, "mistake", **again)])
        await bank.receive(unit, [arrived(unit, "NL70ABNA0106295004", "nobody")])

    await life.write(told)
    await life.rest()
    unmatched = await life.write(lambda unit: bank.list_unmatched(unit, 1))
    await life.write(lambda unit: service_suspense.return_payment(unit, unmatched[0].id))
    await life.rest()


async def _many(life: Life, count: int) -> None:
    group_id = UUID(life.ids["account_group_id"])

    async def account(unit: Unit, _: int) -> None:
        await fundings.create_virtual_account(unit, NewVirtualAccount(group_id, "Savings"))

    await life.write_many(account, count)
    taken = await opened(life.world.database, life.tenant_id, group_id)
    for first in range(0, count, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, count))

        async def told(unit: Unit, numbers: Sequence[int] = numbers) -> None:
            await bank.receive(unit, [arrived(unit, taken.iban, f"number {n}", "1.00") for n in numbers])

        await life.write(told)
    await life.rest()


async def _accounts(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    customer = await make_customer(database, tenant_id)
    return [ask(customer.ids).also(name=f"number {n}") for n in range(count)]


SAMPLE = Sample(
    bodies={"POST /payments/virtual_bank_accounts": ACCOUNT},
    makers={"POST /payments/virtual_bank_accounts": _accounts},
    objects=_an_account_and_a_funding,
    lived=_one_is_recalled,
    many=_many,
    texts=frozenset({"name"}),
    published={
        "credit_fundings": "events of the contract say who paid; from which account is masked",
        "virtual_bank_accounts": "an IBAN of ours, which is told so that somebody pays to it, and its owner",
    },
    refused_changes=(
        "credit_fundings cash_amount = 0",
        "credit_fundings currency = 'USD'",
        "credit_fundings status = 'LOST'",
    ),
)
