"""The posting catalogue of money: entries as written there, published figures after each, books sound.

Figures are those of POSTINGS.md section 2; orders and their corrections stand in `test_postings_of_orders`.
"""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from openvest.db.unit import Database
from openvest.ledger import posting_rules
from openvest.ledger.apply import InsufficientFunds
from openvest.ledger.trades import (
    Taxes,
    order_execution,
    settlement,
)
from tests.kit.ledger import DAY, NEXT_DAY, Desk, figures

pytestmark = pytest.mark.anyio

SALE_TAXES = Taxes(Decimal("162.33"), Decimal("8.92"))


@pytest.fixture
def desk(database: Database, tenant_id: UUID) -> Desk:
    return Desk(database, tenant_id)


async def test_top_up_and_its_settlement(desk: Desk) -> None:
    amount = Decimal("1000.00")
    [posted] = await desk.post(posting_rules.topup(desk.id("topup"), desk.id("G"), "EUR", amount, DAY))
    text = "G.available EUR +1000.00\nH.client_funding EUR -1000.00"
    await desk.check(posted, text, cash="1000.00 / 0 / 0 / 1000.00 / 1000.00")
    [posted] = await desk.post(posting_rules.topup_settled(desk.id("topup"), "EUR", amount, NEXT_DAY))
    text = "H.client_funding EUR +1000.00\nH.bank EUR -1000.00"
    await desk.check(posted, text, cash="1000.00 / 0 / 0 / 1000.00 / 1000.00")


async def test_a_top_up_taken_back(desk: Desk) -> None:
    amount, group = Decimal("1000.00"), desk.id("G")
    await desk.post(posting_rules.topup(desk.id("topup"), group, "EUR", amount, DAY))
    [posted] = await desk.post(posting_rules.topup_cancellation(desk.id("topup"), group, "EUR", amount, DAY))
    text = "G.available EUR -1000.00\nH.client_funding EUR +1000.00"
    await desk.check(posted, text, cash="0 / 0 / 0 / 0 / 0")


async def test_a_spent_top_up_is_not_taken_back(desk: Desk) -> None:
    amount, group = Decimal("1000.00"), desk.id("G")
    await desk.post(posting_rules.topup(desk.id("topup"), group, "EUR", amount, DAY))
    await desk.lock("order", "600.00")
    with pytest.raises(InsufficientFunds) as refused:
        await desk.post(posting_rules.topup_cancellation(desk.id("topup"), group, "EUR", amount, DAY))
    assert (refused.value.bucket, refused.value.missing, refused.value.status) == ("available", Decimal(600), 422)
    assert await desk.cash() == figures("1000 / 600 / 0 / 400 / 400")


async def test_withdrawal(desk: Desk) -> None:
    await desk.fund("200")
    assert await desk.cash() == figures("200 / 0 / 0 / 200 / 200")
    wanted = (desk.id("withdrawal"), desk.id("G"), "EUR", Decimal("200.00"), DAY)
    text = "G.available EUR -200.00\nG.withdrawing EUR +200.00"
    await desk.check(
        await desk.post(posting_rules.reserve_withdrawal(*wanted)), text, cash="200.00 / 0 / 0 / 0.00 / 0.00"
    )
    text = "G.withdrawing EUR -200.00\nH.bank EUR +200.00"
    await desk.check(await desk.post(posting_rules.withdrawal(*wanted)), text, cash="0.00 / 0 / 0 / 0.00 / 0.00")
    text = "H.bank EUR -200.00\nG.available EUR +200.00"
    returned = await desk.post(posting_rules.withdrawal_cancellation(*wanted))
    await desk.check(returned, text, cash="200 / 0 / 0 / 200 / 200")


async def test_a_withdrawal_given_up_and_one_with_tax(desk: Desk) -> None:
    await desk.fund("200")
    first = (desk.id("first"), desk.id("G"), "EUR", Decimal("200.00"), DAY)
    await desk.post(posting_rules.reserve_withdrawal(*first))
    text = "G.withdrawing EUR -200.00\nG.available EUR +200.00"
    await desk.check(await desk.post(posting_rules.release_withdrawal(*first)), text, cash="200 / 0 / 0 / 200 / 200")
    second = (desk.id("second"), desk.id("G"), "EUR", Decimal("200.00"), DAY)
    await desk.post(posting_rules.reserve_withdrawal(*second))
    posted = await desk.post(posting_rules.withdrawal(*second, tax=Decimal("12.50")))
    text = "G.withdrawing EUR -200.00\nH.tax_income EUR +12.50\nH.bank EUR +187.50"
    await desk.check(posted, text, cash="0 / 0 / 0 / 0 / 0")


async def test_a_transfer_between_two_groups(desk: Desk) -> None:
    """POSTINGS.md 2.7: set apart, then moved in one journal; what is given up comes back."""
    await desk.fund("200")
    source, amount = desk.id("G"), Decimal("100.00")
    first, second = [(desk.id(name), source, "EUR", amount, DAY) for name in ("transfer", "another")]
    for wanted in (first, second):
        posted = await desk.post(posting_rules.reserve_transfer(*wanted))
        await desk.check(posted, "G.available EUR -100.00\nG.withdrawing EUR +100.00")
    assert await desk.cash() == figures("200 / 0 / 0 / 0 / 0")
    with pytest.raises(InsufficientFunds):
        await desk.post(posting_rules.reserve_transfer(desk.id("third"), source, "EUR", Decimal("0.01"), DAY))
    moved = posting_rules.cash_balance_transfer(desk.id("transfer"), source, desk.id("G2"), "EUR", amount, DAY)
    text = "G.withdrawing EUR -100.00\nG2.available EUR +100.00"
    await desk.check(await desk.post(moved), text, cash="100.00 / 0 / 0 / 0.00 / 0.00")
    text = "G.withdrawing EUR -100.00\nG.available EUR +100.00"
    await desk.check(await desk.post(posting_rules.release_transfer(*second)), text, cash="100 / 0 / 0 / 100 / 100")


async def test_virtual_cash(desk: Desk) -> None:
    """POSTINGS.md 2.7: a claim on the client firm, which it takes back as far as it is withdrawable."""
    increase = (desk.id("increase"), desk.id("G"), "EUR", Decimal("200.00"), DAY)
    posted = await desk.post(posting_rules.virtual_cash_increase(*increase))
    text = "G.available EUR +200.00\nH.client_funding EUR -200.00"
    await desk.check(posted, text, cash="200.00 / 0 / 0 / 200.00 / 200.00")
    given_up, decrease = [(desk.id(name), *increase[1:]) for name in ("given up", "decrease")]
    posted = await desk.post(posting_rules.reserve_decrease(*given_up))
    text = "G.available EUR -200.00\nG.withdrawing EUR +200.00"
    await desk.check(posted, text, cash="200.00 / 0 / 0 / 0.00 / 0.00")
    with pytest.raises(InsufficientFunds):
        await desk.post(posting_rules.reserve_decrease(*decrease))
    await desk.post(posting_rules.release_decrease(*given_up))
    assert await desk.cash() == figures("200 / 0 / 0 / 200 / 200")
    await desk.post(posting_rules.reserve_decrease(*decrease))
    posted = await desk.post(posting_rules.virtual_cash_decrease(*decrease))
    text = "G.withdrawing EUR -200.00\nH.client_funding EUR +200.00"
    await desk.check(posted, text, cash="0.00 / 0 / 0 / 0.00 / 0.00")


async def test_unmatched_money_credit_funding_and_recall(desk: Desk) -> None:
    amount, group = Decimal("500.00"), desk.id("G")
    posted = await desk.post(posting_rules.payment_unmatched(desk.id("line"), "EUR", amount, DAY))
    await desk.check(posted, "H.bank EUR -500.00\nH.suspense EUR +500.00")
    funding = (desk.id("funding"), group, "EUR", amount, DAY)
    posted = await desk.post(posting_rules.credit_funding(*funding, source="suspense"))
    text = "H.suspense EUR -500.00\nG.available EUR +500.00"
    await desk.check(posted, text, cash="500.00 / 0 / 0 / 500.00 / 500.00")
    posted = await desk.post(posting_rules.credit_funding_charge_back(*funding))
    text = "G.available EUR -500.00\nH.bank EUR +500.00"
    await desk.check(posted, text, cash="0.00 / 0 / 0 / 0.00 / 0.00")


async def test_unmatched_money_that_is_returned(desk: Desk) -> None:
    await desk.post(posting_rules.payment_unmatched(desk.id("line"), "EUR", Decimal("500.00"), DAY))
    posted = await desk.post(posting_rules.payment_returned(desk.id("return"), "EUR", Decimal("500.00"), NEXT_DAY))
    await desk.check(posted, "H.suspense EUR -500.00\nH.bank EUR +500.00")


async def test_a_direct_debit_charged_back_after_the_money_is_spent(desk: Desk) -> None:
    debit, group = desk.id("debit"), desk.id("G")
    posted = await desk.post(posting_rules.sepa_direct_debit(debit, group, "EUR", Decimal("250.00"), DAY))
    await desk.check(posted, "H.bank EUR -250.00\nG.available EUR +250.00")
    await desk.lock("order", "240.00")
    await desk.fill(desk.trade("execution", "order", "BUY", "2", "240.00"))
    assert await desk.cash() == figures("10.00 / 0.00 / 0 / 10.00 / 10.00")
    posted = await desk.post(posting_rules.direct_debit_charge_back(debit, group, "EUR", Decimal("250.00"), NEXT_DAY))
    await desk.check(posted, "G.available EUR -10.00\nG.due EUR -240.00\nH.bank EUR +250.00")
    posted = await desk.post(posting_rules.direct_debit_fee(debit, group, "EUR", Decimal("3.00"), NEXT_DAY))
    text = "G.due EUR -3.00\nH.bank EUR +3.00"
    await desk.check(posted, text, cash="-243.00 / 0.00 / 0 / -243.00 / -243.00")
    posted = await desk.post(posting_rules.segregation(NEXT_DAY, "EUR", Decimal("243.00")))
    await desk.check(posted, "H.bank EUR -243.00\nH.own_bank EUR +243.00")
    posted = await desk.post(
        posting_rules.credit_funding(desk.id("funding"), group, "EUR", Decimal("300.00"), NEXT_DAY)
    )
    text = "H.bank EUR -300.00\nG.due EUR +243.00\nG.available EUR +57.00"
    await desk.check(posted, text, cash="57.00 / 0.00 / 0 / 57.00 / 57.00")


async def test_a_debt_is_waived_and_an_unlocked_order_repays(desk: Desk) -> None:
    group = desk.id("G")
    funding = (desk.id("funding"), group, "EUR", Decimal("300.00"), DAY)
    await desk.post(posting_rules.credit_funding(*funding))
    await desk.lock("order", "100.00")
    await desk.post(posting_rules.credit_funding_charge_back(*funding))
    assert await desk.cash() == figures("0 / 100 / 0 / -100 / -100")
    [posted] = await desk.post(posting_rules.release_cash(desk.id("order"), group, "EUR", Decimal("40.00"), DAY))
    await desk.check(posted, "G.locked EUR -40.00\nG.due EUR +40.00", cash="0 / 60 / 0 / -60 / -60")
    assert posted.amount(desk.key("G", "EUR"), "due") == 40
    posted = await desk.post(posting_rules.debt_waived(desk.id("act"), group, "EUR", Decimal("60.00"), DAY))
    await desk.check(posted, "H.losses EUR -60.00\nG.due EUR +60.00", cash="60 / 60 / 0 / 0 / 0")


async def test_official_snapshots_in_one_table(desk: Desk) -> None:
    """balance / locked / pending / withdrawable / tradable, of four official examples on four groups."""
    seen: list[str] = []

    async def look(customer: str) -> None:
        seen.append(await desk.cash("G" + customer))

    await desk.fund("1000.00", "1")
    await desk.lock("buy", "1000.00", "1")
    await look("1")
    await desk.fill(desk.trade("bought", "buy", "BUY", "8.6918730986", "1000.00", customer="1"))
    await look("1")

    for customer in ("2", "3"):
        await desk.hold("10", "350.70", "Y", customer)
        await desk.lock("sell" + customer, "10", customer, "Y")
        sale = desk.trade(
            "sold" + customer,
            "sell" + customer,
            "SELL",
            "10",
            "1000",
            instrument="Y",
            customer=customer,
            taxes=SALE_TAXES,
        )
        await desk.fill(sale)
        if customer == "2":
            await look("2")
            await desk.post(settlement(sale, NEXT_DAY))
            await look("2")
    await desk.lock("buy3", "500.00", "3")
    await desk.post(order_execution(desk.trade("bought3", "buy3", "BUY", "4.3459365493", "500.00", customer="3")))
    await look("3")

    await desk.fund("200.00", "4")
    wanted = (desk.id("withdrawal"), desk.id("G4"), "EUR", Decimal("200.00"), DAY)
    await desk.post(posting_rules.reserve_withdrawal(*wanted))
    await look("4")
    await desk.post(posting_rules.withdrawal(*wanted))
    await look("4")

    assert seen == [
        "1000 / 1000 / 0 / 0 / 0",
        "0 / 0 / 0 / 0 / 0",
        "828.75 / 0 / 828.75 / 0 / 828.75",
        "828.75 / 0 / 0 / 828.75 / 828.75",
        "328.75 / 0 / 828.75 / -500 / 328.75",
        "200 / 0 / 0 / 0 / 0",
        "0 / 0 / 0 / 0 / 0",
    ]
