"""What tests know of cash balance transfers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from openvest.db.unit import Database, Unit
from openvest.features.cash_transfers import service as transfers
from openvest.features.cash_transfers.model import NewTransfer, Transfer
from tests.features.virtual_cash.sample import lent
from tests.kit.customers import Customer, make_customer, make_next_group, top_up
from tests.kit.sample import Ask, Asked, Life, Sample, filled

if TYPE_CHECKING:
    from tests.gates.pauses import Field

TRANSFER = {
    "source_account_group_id": "{closing_group_id}",
    "target_account_group_id": "{account_group_id}",
    "amount": "10.00",
    "currency": "EUR",
}
MAKE_DUE = "update cash_balance_transfers set due_at = wire_now() where tenant_id = $1 and status = 'ISSUED'"


async def two_groups(database: Database, tenant_id: UUID, amount: str) -> tuple[Customer, UUID]:
    """A customer whose money stands in a group that closes, and her next group."""
    customer = await make_customer(database, tenant_id)
    await top_up(database, customer, amount)
    return customer, await make_next_group(database, customer)


async def issued(database: Database, customer: Customer, target_id: UUID, amount: str) -> Transfer:
    new = NewTransfer(customer.group_id, target_id, Decimal(amount), "EUR")
    return await database.write(customer.tenant_id, lambda unit: transfers.create_transfer(unit, new))


async def _a_transfer(life: Life) -> Mapping[str, str]:
    transfer = await life.write(lambda unit: transfers.create_transfer(unit, _of(life, "10.00")))
    return {"cash_balance_transfer_id": str(transfer.id)}


def _of(life: Life, amount: str) -> NewTransfer:
    source_id, target_id = UUID(life.ids["closing_group_id"]), UUID(life.ids["account_group_id"])
    return NewTransfer(source_id, target_id, Decimal(amount), "EUR")


async def _one_that_is_booked(life: Life) -> None:
    await life.post("/payments/cash_balance_transfers", filled(TRANSFER, life.ids))
    await life.post("/tests/clock/advance", {"by": "PT61S"})


async def _many(life: Life, count: int) -> None:
    new = _of(life, "1.00")

    async def transfer(unit: Unit, _: int) -> None:
        await transfers.create_transfer(unit, new)

    await life.write_many(transfer, count)


async def _transfers(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    customer, target_id = await two_groups(database, tenant_id, "1000000.00")
    ids = {"closing_group_id": str(customer.group_id), "account_group_id": str(target_id)}
    return [ask(ids).also(amount=f"{n + 1}.00") for n in range(count)]


async def _to_cancel(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    customer, target_id = await two_groups(database, tenant_id, f"{count}.00")
    made = [await issued(database, customer, target_id, "1.00") for _ in range(count)]
    return [ask({"cash_balance_transfer_id": str(transfer.id)}) for transfer in made]


async def _one_is_due(field: Field, number: int) -> None:
    customer = await make_customer(field.database, field.known.tenant_id)
    await lent(field.database, customer, "5.00")
    target_id = await make_next_group(field.database, customer)
    await issued(field.database, customer, target_id, "5.00")
    await field.superuser.execute(MAKE_DUE, field.known.tenant_id)


SAMPLE = Sample(
    bodies={"POST /payments/cash_balance_transfers": TRANSFER},
    makers={
        "POST /payments/cash_balance_transfers": _transfers,
        "DELETE /payments/cash_balance_transfers/{cash_balance_transfer_id}": _to_cancel,
    },
    objects=_a_transfer,
    lived=_one_that_is_booked,
    many=_many,
    whose={"source_account_group_id": "closing_group_id", "target_account_group_id": "account_group_id"},
    texts=frozenset({"amount"}),
    occasions={"cash_transfers.book": _one_is_due},
    refused_changes=(
        "cash_balance_transfers amount = 0",
        "cash_balance_transfers currency = 'XXX'",
        "cash_balance_transfers target_account_group_id = source_account_group_id",
        "cash_balance_transfers cancellation_reason = 'CANCELLED_BY_CLIENT' where status <> 'CANCELLED'",
    ),
)
