"""What tests know of banks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from openvest.core.banking import Party
from openvest.db.unit import Database, Unit
from openvest.features.bank import service as bank
from openvest.features.bank import service_files
from openvest.features.bank.model import NewBankAccount, NewInstruction
from tests.features.withdrawals.sample import pay_out
from tests.kit.sample import Ask, Asked, Life, Sample
from tests.repeat.life import transfer

if TYPE_CHECKING:
    from tests.gates.pauses import Field

IBANS = ("NL70ABNA0106295004", "DE95500105173934555844")
SOMEBODY = Party("Emil Beispiel", IBANS[1])
WIRE = {
    "account": {"iban": IBANS[0]},
    "amount": "1.00",
    "currency": "EUR",
    "client_reference": "wire",
    "counterparty_name": "A client firm",
    "counterparty_account": {"iban": IBANS[1]},
}

MAKE_DUE = "update bank_instructions set send_at = wire_now() where tenant_id = $1 and status = 'READY'"
"""The cut-off of what waits has come. Why it is said: a clock of wall time does not come to the end of a bank's day."""


async def _wires(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    return [ask({}).also(client_reference=f"number {n}") for n in range(count)]


async def _a_wire(field: Field, number: int) -> None:
    await field.steps.post("/tests/payments/transactions", transfer(f"wire {number}", f"{number + 1}.00"))


async def _a_payout(field: Field, number: int) -> None:
    await pay_out(field.database, field.known.tenant_id)
    await field.superuser.execute(MAKE_DUE, field.known.tenant_id)


async def _our_account(unit: Unit) -> None:
    if not await service_files.our_accounts(unit):
        account = NewBankAccount("EUR", "Beispielbank Kunden", "COBADEFFXXX", "DE89370400440532013000")
        await service_files.add_account(unit, account)


async def _an_instruction(life: Life) -> Mapping[str, str]:
    """A payment that nobody above asked for, and the account that it would leave from by file."""
    given = NewInstruction("CREDIT_TRANSFER", "gift", uuid4(), None, Decimal("1.00"), "EUR", SOMEBODY, "for you")
    await life.write(lambda unit: bank.instruct(unit, [given]))
    await life.write(_our_account)
    return {}


SAMPLE = Sample(
    bodies={"POST /tests/payments/transactions": WIRE},
    makers={"POST /tests/payments/transactions": _wires},
    references={"client_reference": "client_reference", "remittance_information": "settlement_text"},
    texts=frozenset("amount bic counterparty_name iban purpose_code".split()),
    no_names=frozenset({"client_reference"}),
    objects=_an_instruction,
    takes_any={
        "POST /tests/payments/transactions body virtual_bank_account_id": "none of ours: in suspense",
    },
    others=IBANS,
    occasions={"bank.book": _a_wire, "bank.send": _a_payout},
    untold={
        "bank_lines.status": "what the bank said; what it means is told of the object it was booked on",
        "bank_instructions.status": "what the bank was told; what it means is told of the object it is for",
    },
    sound={"bank_accounts_tenant_id_fkey": {"currency": "EUR"}},
    refused_changes=(
        "bank_lines amount = -1",
        "bank_lines matched_id = id where status = 'UNMATCHED'",
        "bank_lines kind = 'RUMOUR'",
        "bank_instructions amount = 0",
        "bank_instructions mandate = '{}'",
    ),
)
