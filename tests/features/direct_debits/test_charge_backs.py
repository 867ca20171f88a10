"""Charge-backs of money that is spent: what is due, what ends, and what repays it. Figures: POSTINGS.md section 2.6."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from openvest import catalog
from openvest.core.banking import LineKind
from openvest.db.query import Query
from openvest.db.unit import Unit
from openvest.features.bank import service as bank
from openvest.features.direct_debits import service as direct_debits
from openvest.features.orders import service as orders
from openvest.ledger.audit import prove_tenant
from openvest.main import Assembled
from openvest.ports.bank import Entry
from tests.features.direct_debits.sample import collect
from tests.features.mandates.sample import make_mandate
from tests.kit.banks import entry
from tests.kit.customers import make_customer, top_up
from tests.kit.elsewhere import elsewhere
from tests.kit.orders import Trader, make_trader
from tests.kit.world import make_tenant
from tests.stateful.storms import below_zero

pytestmark = pytest.mark.anyio
MONDAY_MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DUE = Query(
    Decimal,
    "select due from balances where tenant_id = $1 and owner_id = $2 and asset = 'EUR'",
)
ENDED = Query(str, "select distinct status from orders where tenant_id = $1 order by status")
REPAID = Query(
    str,
    "select string_agg(e.bucket || ' ' || e.amount, ', ' order by e.line) from journals j"
    " join entries e on e.tenant_id = j.tenant_id and e.journal_id = j.id"
    " where j.tenant_id = $1 and j.kind = $2 and e.balance_id is not null group by j.id order by j.id desc limit 1",
)


async def debit_of(trader: Trader, amount: str, text: str | None = None) -> UUID:
    """A direct debit of the trader, whose mandate is new."""

    async def work(unit: Unit) -> UUID:
        mandate = await make_mandate(unit, trader.customer.user_id)
        return (await collect(unit, trader.customer.group_id, mandate.id, amount, text)).id

    return await trader.world.database.write(trader.customer.tenant_id, work)


async def assert_proved(trader: Trader) -> None:
    proof = await prove_tenant(trader.world.database, trader.customer.tenant_id, catalog.INVARIANTS)
    assert proof.clean, proof.findings


async def test_money_that_is_spent_is_due_and_the_next_credit_repays_it(assembled: Assembled) -> None:
    """As the posting catalogue has it, to the cent and to the entry."""
    tenant_id = await make_tenant(assembled.database, "Debts", pace="instant", frozen_at=MONDAY_MORNING)
    trader = await make_trader(assembled, tenant_id, money="")
    await debit_of(trader, "250.00", "direct-debit-charged-back")
    await trader.advance_to(MONDAY_MORNING + timedelta(days=2))
    assert await trader.cash() == "250.00 / 0.00 / 0.00 / 250.00 / 250.00"
    bought = await trader.place(cash_amount="240.00")
    assert bought.status == "FILLED"
    await trader.advance_to(MONDAY_MORNING + timedelta(days=35))
    assert await trader.cash() == "10.00 / 0.00 / 0.00 / 10.00 / 10.00"
    await trader.advance_to(MONDAY_MORNING + timedelta(days=38))
    assert await trader.cash() == "-243.00 / 0.00 / 0.00 / -243.00 / -243.00"

    async def entries_of(kind: str) -> str:
        return await assembled.database.read(tenant_id, lambda unit: unit.one(REPAID, unit.tenant_id, kind))

    assert await entries_of("SEPA_DIRECT_DEBIT_CHARGE_BACK") == "available -10.00, due -240.00"
    assert await entries_of("DD_REFUND_REJECT_FEE") == "due -3.00"
    refused = await trader.place(cash_amount="1.00")
    assert (refused.status, refused.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_UPVEST_PLATFORM")
    await top_up(assembled.database, trader.customer, "300.00")
    assert await trader.cash() == "57.00 / 0.00 / 0.00 / 57.00 / 57.00"
    assert await entries_of("TOPUP") == "available 57.00, due 243.00"
    assert (await trader.place(cash_amount="50.00")).status == "FILLED"
    await assert_proved(trader)


async def test_what_new_buys_give_back_repays_the_debt_and_sales_go_on(assembled: Assembled) -> None:
    """Orders wait for the opening with their money locked; the charge-back comes before it."""
    tenant_id = await make_tenant(assembled.database, "Debts", pace="calendar", frozen_at=MONDAY_MORNING)
    trader = await make_trader(assembled, tenant_id, money="100.00")
    held = await trader.place(cash_amount="100.00")
    await debit_of(trader, "250.00", "direct-debit-returned")
    await trader.advance_to(datetime(2026, 3, 4, 20, 0, tzinfo=UTC))  # two days after, on the eve of the return
    waiting = await trader.place(cash_amount="200.00")
    sale = await trader.place(side="SELL", quantity="0.1")
    assert [(await trader.read(one.id)).status for one in (held, waiting, sale)] == ["FILLED", "NEW", "NEW"]
    assert await trader.cash() == "250.00 / 200.00 / 0.00 / 50.00 / 50.00"
    await trader.advance_to(datetime(2026, 3, 5, 7, 30, tzinfo=UTC))
    ended = await trader.read(waiting.id)
    assert (ended.status, ended.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_UPVEST_PLATFORM")
    assert await trader.cash() == "-3.00 / 0.00 / 0.00 / -3.00 / -3.00"
    assert (await trader.read(sale.id)).status == "NEW"
    await trader.advance_to(datetime(2026, 3, 5, 12, 0, tzinfo=UTC))
    assert (await trader.read(sale.id)).status == "FILLED"
    assert not (await trader.cash()).startswith("-")
    await assert_proved(trader)


def told(unit: Unit, debit_id: UUID, kind: LineKind, amount: str, reason: str | None = None) -> Entry:
    return entry(
        unit, "", amount, kind=kind, end_to_end_id=debit_id.hex, return_reason=reason, transaction_code="PMNT-IDDT-ESDD"
    )


async def test_no_bucket_falls_below_its_floor_where_orders_fill_meanwhile(assembled: Assembled) -> None:
    """A storm: of several groups everything is charged back while their orders are accepted, checked and filled.

    Then every group is paid more than it owes: nobody owes anything, and the books are proved.
    """
    tenant_id = await make_tenant(assembled.database, "Storm", pace="instant")
    database, runner = assembled.database, assembled.runner
    traders = [Trader(assembled, await make_customer(database, tenant_id)) for _ in range(6)]
    debits = {trader.customer.group_id: await debit_of(trader, "100.00") for trader in traders}

    async def tell(kind: LineKind, amount: str, debit_ids: Sequence[UUID], reason: str | None = None) -> None:
        async def work(unit: Unit) -> None:
            await bank.receive(unit, [told(unit, one, kind, amount, reason) for one in debit_ids])

        await database.write(tenant_id, work)

    async def buy(trader: Trader) -> None:
        for _ in range(2):
            wants = [trader.wanted(cash_amount="5.00") for _ in range(4)]
            await database.write(tenant_id, lambda unit, wants=wants: orders.place_orders(unit, wants), n=len(wants))

    async def lives(trader: Trader) -> None:
        """Some orders are filled; then more come while the debit is charged back."""
        await buy(trader)
        await runner.run_until_quiet(tenant_id)
        taken_back = tell("DEBIT", "103.00", [debits[trader.customer.group_id]], "MD06")
        await asyncio.gather(
            elsewhere(buy(trader)), elsewhere(taken_back), elsewhere(runner.run_until_quiet(tenant_id))
        )
        await runner.run_until_quiet(tenant_id)

    await tell("SENT", "100.00", list(debits.values()))
    await tell("CREDIT", "100.00", list(debits.values()))
    await runner.run_until_quiet(tenant_id)
    await asyncio.gather(*(elsewhere(lives(trader)) for trader in traders))
    await runner.run_until_quiet(tenant_id)
    ended = await database.read(tenant_id, lambda unit: unit.rows(ENDED, unit.tenant_id))
    assert ended == ["CANCELLED", "FILLED"], "the charge-backs came before all orders, or after them"
    assert await below_zero(database, tenant_id) == []

    async def owed(trader: Trader) -> Decimal:
        return await database.read(tenant_id, lambda unit: unit.one(DUE, unit.tenant_id, trader.customer.group_id))

    async def status(debit_id: UUID) -> str:
        return (await database.read(tenant_id, lambda unit: direct_debits.get_direct_debit(unit, debit_id))).status

    assert [await status(one) for one in debits.values()] == ["CHARGED_BACK"] * len(debits)
    assert all([await owed(trader) < 0 for trader in traders])
    for trader in traders:
        await top_up(database, trader.customer, "200.00")
    await runner.run_until_quiet(tenant_id)
    assert [await owed(trader) for trader in traders] == [0] * len(traders)
    await assert_proved(traders[0])
