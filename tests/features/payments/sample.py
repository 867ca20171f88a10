"""What tests know of top-ups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from openvest.db.unit import Database, Unit
from openvest.features.payments import service as payments
from openvest.features.payments.model import NewTopup
from tests.features.bank.sample import WIRE
from tests.kit.customers import make_customer, top_up
from tests.kit.sample import Ask, Asked, Life, Sample

TOPUP = {"account_group_id": "{account_group_id}", "cash_amount": "1.00", "currency": "EUR"}


async def _a_topup(life: Life) -> Mapping[str, str]:
    group_id = UUID(life.ids["account_group_id"])
    await life.write(lambda unit: payments.create_topup(unit, NewTopup(group_id, Decimal("100.00"), "EUR")))
    # The second is not spent, so it can be cancelled.
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


SAMPLE = Sample(
    bodies={"POST /payments/topups": TOPUP},
    makers={
        "POST /payments/topups": _topups,
        "DELETE /payments/topups/{topup_id}": _topups_to_cancel,
    },
    objects=_a_topup,
    lived=_a_wire_that_fits,
    many=_many,
    names=_names,
    texts=frozenset({"cash_amount"}),
    refused_changes=("topups cash_amount = 0", "topups currency = 'XXX'"),
)
