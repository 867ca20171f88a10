"""What tests know of withdrawals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from openvest.db.unit import Database, Unit
from openvest.features.withdrawals import service as withdrawals
from openvest.features.withdrawals.model import NewWithdrawal, Withdrawal
from tests.features.reference_accounts.sample import make_reference_account
from tests.features.virtual_cash.sample import lent
from tests.kit.customers import make_customer, top_up
from tests.kit.sample import Ask, Asked, Life, Sample

WITHDRAWAL = {
    "reference_account_id": "{reference_account_id}",
    "account_group_id": "{account_group_id}",
    "amount": "1.00",
    "currency": "EUR",
}
LITE_WITHDRAWAL = {"account_id": "{account_id}", "cash_amount": "1.00", "currency": "EUR"}


async def make_withdrawal(unit: Unit, group_id: UUID, reference_account_id: UUID, amount: str = "0.01") -> Withdrawal:
    """A payout that waits for the bank's cut-off."""
    new = NewWithdrawal(reference_account_id, group_id, None, None, Decimal(amount), "EUR", "pocket money", "OTHR")
    return await withdrawals.create_withdrawal(unit, new)


def _places(life: Life) -> tuple[UUID, UUID]:
    return UUID(life.ids["account_group_id"]), UUID(life.ids["reference_account_id"])


async def _a_withdrawal(life: Life) -> Mapping[str, str]:
    group_id, paid_to = _places(life)
    withdrawal = await life.write(lambda unit: make_withdrawal(unit, group_id, paid_to))
    return {"withdrawal_id": str(withdrawal.id)}


async def _one_is_paid_one_refused_one_cancelled(life: Life) -> None:
    """The bank's day comes with the direct debits, whose life moves the clock."""
    group_id, paid_to = _places(life)

    async def order(unit: Unit) -> list[Withdrawal]:
        return [await make_withdrawal(unit, group_id, paid_to) for _ in range(3)]

    _, refused, cancelled = await life.write(order)
    laid = {"name": "payout_rejected", "on": {"client_reference": str(refused.id)}}
    await life.post("/tests/scenarios", laid)
    await life.write(lambda unit: withdrawals.cancel_withdrawal(unit, cancelled.id))


async def _many(life: Life, count: int) -> None:
    group_id, paid_to = _places(life)

    async def withdrawal(unit: Unit, _: int) -> None:
        await make_withdrawal(unit, group_id, paid_to)

    await life.write_many(withdrawal, count)


async def _places_of(database: Database, tenant_id: UUID) -> dict[str, str]:
    customer = await make_customer(database, tenant_id)
    await top_up(database, customer, "5000.00")
    account = await database.write(tenant_id, lambda unit: make_reference_account(unit, customer.user_id))
    return {**customer.ids, "reference_account_id": str(account.id)}


async def pay_out(database: Database, tenant_id: UUID) -> None:
    """A payout of somebody new; it waits for the bank's cut-off."""
    customer = await make_customer(database, tenant_id)
    await lent(database, customer, "1.00")

    async def work(unit: Unit) -> None:
        account = await make_reference_account(unit, customer.user_id)
        await make_withdrawal(unit, customer.group_id, account.id)

    await database.write(tenant_id, work)


async def _withdrawals(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    ids = await _places_of(database, tenant_id)
    return [ask(ids).also(amount=f"{n + 1}.00") for n in range(count)]


async def _of_accounts(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    ids = await _places_of(database, tenant_id)
    return [ask(ids).also(cash_amount=f"{n + 1}.00") for n in range(count)]


async def _to_cancel(database: Database, tenant_id: UUID, ask: Ask, count: int) -> Sequence[Asked]:
    ids = await _places_of(database, tenant_id)
    group_id, paid_to = UUID(ids["account_group_id"]), UUID(ids["reference_account_id"])

    async def work(unit: Unit) -> list[str]:
        return [str((await make_withdrawal(unit, group_id, paid_to)).id) for _ in range(count)]

    return [ask({"withdrawal_id": one}) for one in await database.write(tenant_id, work)]


SAMPLE = Sample(
    bodies={"POST /payments/withdrawals": WITHDRAWAL, "lite POST /withdrawals": LITE_WITHDRAWAL},
    makers={
        "POST /payments/withdrawals": _withdrawals,
        "DELETE /payments/withdrawals/{withdrawal_id}": _to_cancel,
        "lite POST /withdrawals": _of_accounts,
    },
    objects=_a_withdrawal,
    lived=_one_is_paid_one_refused_one_cancelled,
    many=_many,
    texts=frozenset("amount cash_amount purpose_code remittance_information".split()),
    whole={"GET /payments/withdrawals/{withdrawal_id} taxes": "all taxes of one payout are one total"},
    refused_changes=(
        "withdrawals amount = 0",
        "withdrawals currency = 'GBP'",
        "withdrawals cancellation_reason = 'OTHER' where status <> 'CANCELLED'",
        "withdrawals returned_at = created_at where status <> 'CONFIRMED'",
    ),
)
