"""What tests know of virtual cash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from openvest.db.unit import Database, Unit
from openvest.features.virtual_cash import service as virtual_cash
from openvest.features.virtual_cash.model import Decrease, Increase, NewVirtualCash
from tests.kit.customers import Customer, make_customer
from tests.kit.sample import Ask, Asked, Life, Sample, filled

if TYPE_CHECKING:
    from tests.gates.pauses import Field

CHANGE = {"account_group_id": "{account_group_id}", "amount": "1.00", "currency": "USD"}


async def _both(life: Life) -> Mapping[str, str]:
    """The decrease is of more than there is, so it waits and can be cancelled."""
    group_id = UUID(life.ids["account_group_id"])

    async def work(unit: Unit) -> Mapping[str, str]:
        increase = await virtual_cash.create_increase(unit, NewVirtualCash(group_id, Decimal("10.00"), "USD"))
        decrease = await virtual_cash.create_decrease(unit, NewVirtualCash(group_id, Decimal("99.00"), "USD"))
        return {"virtual_cash_increase_id": str(increase.id), "virtual_cash_decrease_id": str(decrease.id)}

    return await life.write(work)


async def _both_booked(life: Life) -> None:
    for way in ("increases", "decreases"):
        await life.post(f"/virtual_cash_balances/{way}", filled(CHANGE, life.ids))
    await life.rest()


async def _changes(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    customer = await make_customer(database, tenant_id)
    return [ask(customer.ids).also(amount=f"{n + 1}.00") for n in range(count)]


async def queued(database: Database, customer: Customer, amount: str) -> Decrease:
    new = NewVirtualCash(customer.group_id, Decimal(amount), "EUR")
    return await database.write(customer.tenant_id, lambda unit: virtual_cash.create_decrease(unit, new))


async def increased(database: Database, customer: Customer, amount: str) -> Increase:
    new = NewVirtualCash(customer.group_id, Decimal(amount), "EUR")
    return await database.write(customer.tenant_id, lambda unit: virtual_cash.create_increase(unit, new))


async def lent(database: Database, customer: Customer, amount: str) -> None:
    """Money at once, by none of the top-ups that a client remembers."""
    new = NewVirtualCash(customer.group_id, Decimal(amount), "EUR")

    async def work(unit: Unit) -> None:
        await virtual_cash.move_increases(unit, [(await virtual_cash.create_increase(unit, new), "confirm")])

    await database.write(customer.tenant_id, work)


async def _to_cancel(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    customer = await make_customer(database, tenant_id)
    made = [await queued(database, customer, "1.00") for _ in range(count)]
    return [ask({"virtual_cash_decrease_id": str(decrease.id)}) for decrease in made]


async def _an_increase(field: Field, number: int) -> None:
    await increased(field.database, await make_customer(field.database, field.known.tenant_id), "1.00")


async def _a_decrease(field: Field, number: int) -> None:
    await queued(field.database, await make_customer(field.database, field.known.tenant_id), "1.00")


SAMPLE = Sample(
    bodies={
        "POST /virtual_cash_balances/increases": CHANGE,
        "POST /virtual_cash_balances/decreases": CHANGE,
    },
    makers={
        "POST /virtual_cash_balances/increases": _changes,
        "POST /virtual_cash_balances/decreases": _changes,
        "DELETE /virtual_cash_balances/decreases/{virtual_cash_decrease_id}": _to_cancel,
    },
    objects=_both,
    lived=_both_booked,
    texts=frozenset({"amount"}),
    occasions={"virtual_cash.increase": _an_increase, "virtual_cash.decrease": _a_decrease},
    refused_changes=(
        "virtual_cash_increases amount = 0",
        "virtual_cash_decreases amount = -1",
        "virtual_cash_decreases currency = 'XXX'",
        "virtual_cash_decreases set_apart = true where status <> 'ISSUED'",
    ),
)
