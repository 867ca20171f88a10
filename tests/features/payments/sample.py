"""What tests know of top-ups and what arrives at the bank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from openvest.db.unit import Database, Unit
from openvest.features.payments import service as payments
from openvest.features.payments.model import NewTopup
from tests.kit.customers import make_customer, top_up
from tests.kit.sample import Ask, Asked, Life, Sample
from tests.repeat.life import transfer

if TYPE_CHECKING:
    from tests.gates.pauses import Field

IBANS = ("NL70ABNA0106295004", "DE95500105173934555844")
TOPUP = {"account_group_id": "{account_group_id}", "cash_amount": "1.00", "currency": "EUR"}
WIRE = {
    "account": {"iban": IBANS[0]},
    "amount": "1.00",
    "currency": "EUR",
    "client_reference": "wire",
    "counterparty_name": "A client firm",
    "counterparty_account": {"iban": IBANS[1]},
}


async def _a_topup(life: Life) -> Mapping[str, str]:
    group_id = UUID(life.ids["account_group_id"])
    await life.write(lambda unit: payments.create_topup(unit, NewTopup(group_id, Decimal("100.00"), "EUR")))
    # One that is not spent, so that it can be cancelled.
    topup = await life.write(lambda unit: payments.create_topup(unit, NewTopup(group_id, Decimal("20.00"), "EUR")))
    return {"topup_id": str(topup.id)}


async def _names(life: Life) -> Mapping[str, str]:
    topup = await life.get(f"/payments/topups/{life.ids['topup_id']}")
    return {"settlement_text": f"topup {topup['settlement_reference']}"}


async def _a_wire_that_fits(life: Life) -> None:
    wanted = {**TOPUP, "account_group_id": life.ids["account_group_id"], "cash_amount": "25.00"}
    topup = await life.post("/payments/topups", wanted)
    told = await life.get(f"/payments/topups/{topup['id']}")
    wire = {**WIRE, "amount": "25.00", "remittance_information": told["settlement_reference"]}
    await life.post("/tests/payments/transactions", wire)


async def _many(life: Life, count: int) -> None:
    group_id = UUID(life.ids["account_group_id"])

    async def topup(unit: Unit, _: int) -> None:
        await payments.create_topup(unit, NewTopup(group_id, Decimal("20.00"), "EUR"))

    await life.write_many(topup, count)


async def _topups(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    customer = await make_customer(database, tenant_id)
    return [ask(customer.ids).also(cash_amount=f"{n + 1}.00") for n in range(count)]


async def _topups_to_cancel(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    customer = await make_customer(database, tenant_id)
    made = [await top_up(database, customer, "1.00") for _ in range(count)]
    return [ask({"topup_id": str(topup.id)}) for topup in made]


async def _wires(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    return [ask({}).also(client_reference=f"number {n}") for n in range(count)]


async def _a_wire(field: Field, number: int) -> None:
    await field.steps.post("/tests/payments/transactions", transfer(f"wire {number}", f"{number + 1}.00"))


SAMPLE = Sample(
    bodies={"POST /payments/topups": TOPUP, "POST /tests/payments/transactions": WIRE},
    makers={
        "POST /payments/topups": _topups,
        "DELETE /payments/topups/{topup_id}": _topups_to_cancel,
        "POST /tests/payments/transactions": _wires,
    },
    objects=_a_topup,
    lived=_a_wire_that_fits,
    many=_many,
    names=_names,
    references={"client_reference": "client_reference", "remittance_information": "settlement_text"},
    texts=frozenset("amount bic cash_amount counterparty_name iban purpose_code".split()),
    no_names=frozenset({"client_reference"}),
    whose={"virtual_bank_account_id": "account_id"},
    takes_any={
        "POST /tests/payments/transactions body virtual_bank_account_id": "kept as a text of the client's own",
    },
    others=IBANS,
    occasions={"payments.match": _a_wire},
    untold={"bank_lines.status": "what the bank said; what it means is told of the top-up"},
    refused_changes=(
        "topups cash_amount = 0",
        "topups currency = 'XXX'",
        "bank_lines amount = -1",
        "bank_lines topup_id = id where status <> 'MATCHED'",
    ),
    sound={"bank_lines_tenant_id_topup_id_fkey": {"status": "MATCHED", "booked_at": "2026-03-02T09:30:00Z"}},
)
