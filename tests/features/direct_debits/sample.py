"""What tests know of direct debits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from openvest.db.unit import Database, Unit
from openvest.features.direct_debits import service as direct_debits
from openvest.features.direct_debits.model import DirectDebit, NewDirectDebit
from tests.features.mandates.sample import make_mandate
from tests.kit.customers import make_customer
from tests.kit.sample import Ask, Asked, Life, Sample

DEBIT = {"account_group_id": "{account_group_id}", "mandate_id": "{mandate_id}", "cash_amount": "1.00"}
LITE_DEBIT = DEBIT | {"user_id": "{user_id}", "currency": "EUR"}


async def collect(unit: Unit, group_id: UUID, mandate_id: UUID, amount: str, text: str | None = None) -> DirectDebit:
    """Money is to be collected for a group."""
    new = NewDirectDebit(None, group_id, mandate_id, Decimal(amount), "EUR", text, None)
    return await direct_debits.create_direct_debit(unit, new)


async def _a_debit(life: Life) -> Mapping[str, str]:
    group_id, mandate_id = UUID(life.ids["account_group_id"]), UUID(life.ids["mandate_id"])
    debit = await life.write(lambda unit: collect(unit, group_id, mandate_id, "100.00"))
    return {"direct_debit_id": str(debit.id)}


async def _every_end(life: Life) -> None:
    """One that is refused, one that is taken back, and one whose mandate is revoked before it leaves."""
    customer = await make_customer(life.world.database, life.tenant_id)

    async def work(unit: Unit) -> UUID:
        mandate, revoked = [await make_mandate(unit, customer.user_id) for _ in range(2)]
        for text in ("direct-debit-rejected", "direct-debit-returned"):
            await collect(unit, customer.group_id, mandate.id, "10.00", text)
        await collect(unit, customer.group_id, revoked.id, "10.00")
        return revoked.id

    revoked_id = await life.write(work)
    await life.send("DELETE", f"/payments/mandates/{revoked_id}")
    await life.post("/tests/clock/advance", {"by": "P8D"})


async def _many(life: Life, count: int) -> None:
    group_id, mandate_id = UUID(life.ids["account_group_id"]), UUID(life.ids["mandate_id"])

    async def debit(unit: Unit, _: int) -> None:
        await collect(unit, group_id, mandate_id, "1.00")

    await life.write_many(debit, count)


async def _debits(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    customer = await make_customer(database, tenant_id)
    mandate = await database.write(tenant_id, lambda unit: make_mandate(unit, customer.user_id))
    ids = {**customer.ids, "mandate_id": str(mandate.id)}
    return [ask(ids).also(cash_amount=f"{n + 1}.00") for n in range(count)]


SAMPLE = Sample(
    bodies={"POST /payments/direct_debits": DEBIT, "lite POST /direct_debits": LITE_DEBIT},
    makers={"POST /payments/direct_debits": _debits, "lite POST /direct_debits": _debits},
    objects=_a_debit,
    lived=_every_end,
    many=_many,
    texts=frozenset({"cash_amount", "purpose_code", "remittance_information"}),
    refused_changes=(
        "direct_debits cash_amount = 0",
        "direct_debits currency = 'GBP'",
        "direct_debits cancellation_reason = 'CANCELLED_BY_BANK' where status <> 'CANCELLED'",
    ),
)
