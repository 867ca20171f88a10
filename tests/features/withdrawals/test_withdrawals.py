"""Withdrawals at the service, with what the bank tells: money, events and refusals of each step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from openvest import catalog
from openvest.core.paging import PageRequest
from openvest.core.problems import Problem
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.events.log import events_of
from openvest.features.accounts import service as accounts
from openvest.features.bank import service as bank
from openvest.features.cash import service as cash
from openvest.features.reference_accounts import service as reference_accounts
from openvest.features.withdrawals import service
from openvest.features.withdrawals.model import NewWithdrawal, Withdrawal
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from openvest.simulation.scenarios import Name, lay
from tests.features.reference_accounts.sample import make_reference_account
from tests.kit.banks import book, entry
from tests.kit.customers import Customer, make_customer, top_up

pytestmark = pytest.mark.anyio

HOUSE = Query(
    Decimal,
    "select coalesce(sum(balance), 0) from house_balances where tenant_id = $1 and asset = 'EUR'"
    " and (bucket = $2 or $2 = 'bank' and bucket = 'own_bank')",
)


class Holder:
    """A customer with money and a reference account, on Monday, 2 March 2026, 09:30 UTC."""

    def __init__(self, assembled: Assembled, customer: Customer, paid_to: UUID) -> None:
        self.assembled, self.customer, self.paid_to = assembled, customer, paid_to
        self.database, self.tenant_id, self.group_id = assembled.database, customer.tenant_id, customer.group_id

    def wanted(self, amount: str = "200.00") -> NewWithdrawal:
        return NewWithdrawal(self.paid_to, self.group_id, None, None, Decimal(amount), "EUR", "Payout", None)

    async def order(self, new: NewWithdrawal | None = None) -> Withdrawal:
        wanted = new or self.wanted()
        return await self.database.write(self.tenant_id, lambda unit: service.create_withdrawal(unit, wanted))

    async def cancel(self, withdrawal: Withdrawal) -> Withdrawal:
        return await self.database.write(self.tenant_id, lambda unit: service.cancel_withdrawal(unit, withdrawal.id))

    async def until(self, day: int, hour: int = 12) -> None:
        target = datetime(2026, 3, day, hour, 30, tzinfo=UTC)
        await self.assembled.clockwork.set_target(self.tenant_id, lambda _: target)
        await self.assembled.clockwork.advance(self.tenant_id, to=target, wait_s=60)

    async def lay(self, name: Name, withdrawal: Withdrawal) -> None:
        await self.database.write(self.tenant_id, lambda unit: lay(unit, name, 1, client_reference=str(withdrawal.id)))

    async def state(self, withdrawal: Withdrawal) -> tuple[str, str | None]:
        found = await self.database.read(self.tenant_id, lambda unit: service.get_withdrawal(unit, withdrawal.id))
        return found.status, found.cancellation_reason

    async def figures(self) -> str:
        """The published figures: balance / withdrawable / tradable."""
        balance = await self.database.read(self.tenant_id, lambda unit: cash.get_balance(unit, self.group_id, "EUR"))
        three = (balance.balance, balance.available_for_withdrawal, balance.available_for_trading)
        return " / ".join(format(figure, ".2f") for figure in three)

    async def house(self, bucket: str) -> Decimal:
        """What the house has in a bucket; `bank` is all that is at banks, whoever's it is."""
        return await self.database.read(self.tenant_id, lambda unit: unit.one(HOUSE, self.tenant_id, bucket))

    async def moved(self) -> list[tuple[str, Decimal]]:
        async def work(unit: Unit) -> list[tuple[str, Decimal]]:
            found = await cash.list_transactions(unit, PageRequest(limit=100), account_group_id=self.group_id)
            return [(row.type, row.delta.amount) for row in found.rows if row.type != "TOPUP"]

        return await self.database.read(self.tenant_id, work)

    async def events(self, withdrawal: Withdrawal) -> list[str]:
        told = await self.database.read(self.tenant_id, lambda unit: events_of(unit, [withdrawal.id]))
        return [event.type.removeprefix("WITHDRAWAL.") for event in told]

    async def prove(self) -> None:
        proof = await prove_tenant(self.database, self.tenant_id, catalog.INVARIANTS)
        assert proof.clean, proof.findings


@pytest.fixture
async def holder(assembled: Assembled, frozen_tenant_id: UUID) -> Holder:
    customer = await make_customer(assembled.database, frozen_tenant_id)
    await top_up(assembled.database, customer, "200.00")
    account = await assembled.database.write(
        frozen_tenant_id, lambda unit: make_reference_account(unit, customer.user_id)
    )
    return Holder(assembled, customer, account.id)


async def test_the_life_of_a_withdrawal(holder: Holder) -> None:
    assert await holder.figures() == "200.00 / 200.00 / 200.00"
    withdrawal = await holder.order()
    assert (withdrawal.status, withdrawal.user_id) == ("NEW", holder.customer.user_id)
    assert await holder.figures() == "200.00 / 0.00 / 0.00"
    await holder.until(2, 13)
    assert await holder.state(withdrawal) == ("PROCESSING", None)
    assert (await holder.figures(), await holder.moved()) == ("200.00 / 0.00 / 0.00", [])
    await holder.until(3)
    assert await holder.state(withdrawal) == ("CONFIRMED", None)
    assert (await holder.figures(), await holder.moved()) == ("0.00 / 0.00 / 0.00", [("WITHDRAWAL", -200)])
    assert await holder.house("bank") == 200
    assert await holder.events(withdrawal) == ["NEW", "PROCESSING", "CONFIRMED"]
    await holder.prove()


async def test_a_new_withdrawal_is_cancelled_and_never_paid(holder: Holder) -> None:
    withdrawal = await holder.order()
    await holder.cancel(withdrawal)
    assert await holder.state(withdrawal) == ("CANCELLED", "CANCELLED_BY_CLIENT")
    assert (await holder.figures(), await holder.moved()) == ("200.00 / 200.00 / 200.00", [])
    with pytest.raises(Problem, match=r"A withdrawal that is CANCELLED cannot be cancelled; it must be NEW\."):
        await holder.cancel(withdrawal)
    await holder.until(4)
    assert await holder.house("bank") == 0
    assert await holder.events(withdrawal) == ["NEW", "CANCELLED"]
    await holder.prove()


async def test_what_a_bank_has_is_not_cancelled(holder: Holder) -> None:
    withdrawal = await holder.order()
    await holder.until(2, 13)
    with pytest.raises(Problem) as refused:
        await holder.cancel(withdrawal)
    assert (refused.value.status, "PROCESSING" in refused.value.detail) == (422, True)


@pytest.mark.parametrize(
    ("name", "reason"), [("payout_rejected", "CANCELLED_BY_BANK"), ("payout_rejected_other", "OTHER")]
)
async def test_what_the_bank_refuses_is_free_again(holder: Holder, name: Name, reason: str) -> None:
    withdrawal = await holder.order()
    await holder.lay(name, withdrawal)
    await holder.until(3)
    assert await holder.state(withdrawal) == ("CANCELLED", reason)
    assert (await holder.figures(), await holder.moved()) == ("200.00 / 200.00 / 200.00", [])
    assert await holder.events(withdrawal) == ["NEW", "PROCESSING", "CANCELLED"]
    await holder.prove()


async def test_what_we_refuse_ourselves_never_left(holder: Holder) -> None:
    withdrawal = await holder.order()

    async def refuse(unit: Unit) -> None:
        assert await bank.recall(unit, [withdrawal.id])
        mine = bank.end_to_end_id(withdrawal.id)
        await bank.receive(unit, [entry(unit, kind="REJECTED", amount="200.00", end_to_end_id=mine)])

    await holder.database.write(holder.tenant_id, refuse)
    await book(holder.database, holder.tenant_id)
    assert await holder.state(withdrawal) == ("CANCELLED", "CANCELLED_BY_UPVEST")
    assert await holder.events(withdrawal) == ["NEW", "CANCELLED"]
    await holder.prove()


async def test_what_comes_back_is_credited_once(holder: Holder) -> None:
    withdrawal = await holder.order()
    await holder.lay("payout_returned", withdrawal)
    await holder.until(3)
    assert await holder.figures() == "0.00 / 0.00 / 0.00"
    await holder.until(5)
    assert await holder.state(withdrawal) == ("CONFIRMED", None)
    assert await holder.figures() == "200.00 / 200.00 / 200.00"
    assert await holder.moved() == [("WITHDRAWAL", -200), ("WITHDRAWAL_CANCELLATION", 200)]
    await _arrives(holder, withdrawal, "200.00")
    assert (await holder.figures(), await holder.house("suspense")) == ("200.00 / 200.00 / 200.00", 200)
    assert await holder.events(withdrawal) == ["NEW", "PROCESSING", "CONFIRMED"]
    await holder.prove()


async def _arrives(holder: Holder, withdrawal: Withdrawal, amount: str) -> None:
    """The bank says that this much of the payout came back."""

    async def arrive(unit: Unit) -> None:
        mine = bank.end_to_end_id(withdrawal.id)
        await bank.receive(unit, [entry(unit, amount=amount, end_to_end_id=mine, return_reason="AC04")])

    await holder.database.write(holder.tenant_id, arrive)
    await book(holder.database, holder.tenant_id)


async def test_what_comes_back_before_it_was_told_as_paid(holder: Holder) -> None:
    """Files in any order: the payout and its return are booked by the return, and the payout is then known."""
    withdrawal = await holder.order()
    await holder.until(2, 13)
    await _arrives(holder, withdrawal, "200.00")
    assert (await holder.figures(), await holder.house("bank")) == ("200.00 / 200.00 / 200.00", 0)
    assert await holder.moved() == [("WITHDRAWAL", -200), ("WITHDRAWAL_CANCELLATION", 200)]
    await holder.until(3)
    assert (await holder.house("suspense"), await holder.house("bank")) == (0, 0)
    assert await holder.events(withdrawal) == ["NEW", "PROCESSING", "CONFIRMED"]
    await holder.prove()

    async def pay_again(unit: Unit) -> None:
        mine = bank.end_to_end_id(withdrawal.id)
        await bank.receive(unit, [entry(unit, amount="200.00", end_to_end_id=mine, kind="DEBIT")])

    await holder.database.write(holder.tenant_id, pay_again)
    await book(holder.database, holder.tenant_id)
    assert await holder.house("suspense") == -200, "it is paid once"
    await holder.prove()


async def test_what_does_not_fit_stands_in_suspense(holder: Holder) -> None:
    """Another amount."""
    withdrawal = await holder.order()
    await holder.until(2, 13)
    await _arrives(holder, withdrawal, "199.99")
    assert await holder.house("suspense") == Decimal("199.99")
    assert await holder.state(withdrawal) == ("PROCESSING", None)
    await holder.prove()


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"amount": Decimal("200.01")}, 422, "200.00 EUR can be withdrawn, and not 200.01 EUR."),
        ({"currency": "GBP"}, 422, "GBP is not paid out"),
        ({"user_id": UUID(int=7)}, 404, "The user has no account group of this id."),
        ({"account_group_id": UUID(int=7)}, 404, "account group"),
        ({"reference_account_id": UUID(int=7)}, 404, "There is no reference account of this id."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
async def test_what_is_refused(holder: Holder, changed: dict[str, object], status: int, said: str) -> None:
    with pytest.raises(Problem) as refused:
        await holder.order(replace(holder.wanted(), **changed))  # pyright: ignore[reportArgumentType] - from a table
    assert (refused.value.status, said in refused.value.detail) == (status, True), refused.value.detail
    assert await holder.figures() == "200.00 / 200.00 / 200.00"


async def test_nothing_is_paid_to_an_account_of_somebody_else_or_a_deleted_one(holder: Holder) -> None:
    other = await make_customer(holder.database, holder.tenant_id)
    strange = await holder.database.write(holder.tenant_id, lambda unit: make_reference_account(unit, other.user_id))
    with pytest.raises(Problem) as refused:
        await holder.order(replace(holder.wanted(), reference_account_id=strange.id))
    assert refused.value.status == 404
    withdrawal = await holder.order(holder.wanted("1.00"))
    delete = reference_accounts.delete_reference_account
    await holder.database.write(holder.tenant_id, lambda unit: delete(unit, holder.paid_to))
    with pytest.raises(Problem) as refused:
        await holder.order(holder.wanted("1.00"))
    assert refused.value.status == 404
    await holder.until(3)
    assert await holder.state(withdrawal) == ("CONFIRMED", None), "what was ordered before is paid all the same"


async def test_a_closing_group_pays_out_and_waits_for_it(holder: Holder) -> None:
    await holder.database.write(holder.tenant_id, lambda unit: accounts.close_account(unit, holder.customer.account_id))
    await holder.database.write(holder.tenant_id, lambda unit: accounts.close_account_group(unit, holder.group_id))
    await holder.order()
    await holder.until(2, 13)
    assert await _status(holder) == "CLOSING"
    await holder.until(3)
    assert await _status(holder) == "CLOSED"
    with pytest.raises(Problem, match="An account group that is CLOSED pays nothing out"):
        await holder.order(holder.wanted("1.00"))


async def test_what_comes_back_to_a_closed_group_stands_in_suspense(holder: Holder) -> None:
    withdrawal = await holder.order()
    await holder.lay("payout_returned", withdrawal)
    await holder.database.write(holder.tenant_id, lambda unit: accounts.close_account(unit, holder.customer.account_id))
    await holder.database.write(holder.tenant_id, lambda unit: accounts.close_account_group(unit, holder.group_id))
    await holder.until(6)
    assert (await _status(holder), await holder.house("suspense")) == ("CLOSED", 200)
    await holder.prove()


async def _status(holder: Holder) -> str:
    group = await holder.database.read(holder.tenant_id, lambda unit: accounts.get_account_group(unit, holder.group_id))
    return group.status
