"""The posting catalogue of orders: entries as written there, published figures after each, books sound.

Figures are those of POSTINGS.md sections 2.2, 2.3, 3 and 7.
"""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from openvest.db.unit import Database
from openvest.ledger import posting_rules
from openvest.ledger.apply import InsufficientFunds
from openvest.ledger.posting import Posted
from openvest.ledger.trades import (
    Taxes,
    cancellation_settlement,
    settlement,
    street_execution,
    street_execution_cancellation,
    street_settlement,
)
from tests.kit.ledger import DAY, NEXT_DAY, Desk, figures

pytestmark = pytest.mark.anyio

SALE_TAXES = Taxes(Decimal("162.33"), Decimal("8.92"))
BUY_ENTRIES = """
G.locked EUR -1000.00
H.street EUR +1000.00
A.available X +8.6918730986
H.street X -8.6918730986
A.unsettled_in X +8.6918730986
H.memo X -8.6918730986
"""


@pytest.fixture
def desk(database: Database, tenant_id: UUID) -> Desk:
    return Desk(database, tenant_id)


async def test_official_nominal_buy(desk: Desk) -> None:
    await desk.fund("1000.00")
    text = "G.available EUR -1000.00\nG.locked EUR +1000.00"
    await desk.check(await desk.lock("order", "1000.00"), text, cash="1000.00 / 1000.00 / 0 / 0.00 / 0.00")
    trade = desk.trade("execution", "order", "BUY", "8.6918730986", "1000.00")
    await desk.check(
        await desk.fill(trade),
        BUY_ENTRIES,
        cash="0.00 / 0.00 / 0 / 0.00 / 0.00",
        X="8.6918730986 / 0 / 8.6918730986 / 8.6918730986 / 0.0000000000",
    )
    settled = """
    H.street EUR -1000.00
    H.bank EUR +1000.00
    H.street X +8.6918730986
    H.custody X -8.6918730986
    A.unsettled_in X -8.6918730986
    H.memo X +8.6918730986
    """
    position = "8.6918730986 / 0 / 0 / 8.6918730986 / 8.6918730986"
    await desk.check(await desk.post(settlement(trade, NEXT_DAY)), settled, X=position)


async def _sold(desk: Desk) -> list[Posted]:
    """10 Y for 1000.00 gross, 171.25 withheld; the group starts with nothing."""
    await desk.post(settlement(await desk.hold("10", "350.70", "Y"), DAY))
    await desk.lock("sale order", "10", instrument="Y")
    return await desk.fill(desk.trade("sale", "sale order", "SELL", "10", "1000.00", instrument="Y", taxes=SALE_TAXES))


SALE_ENTRIES = """
A.locked Y -10
H.street Y +10
H.street EUR -1000.00
G.available EUR +828.75
H.tax_income EUR +162.33
H.tax_solidarity EUR +8.92
G.unsettled_in EUR +828.75
H.memo EUR -828.75
A.unsettled_out Y +10
H.memo Y -10
"""
SALE_SETTLED = """
H.street EUR +1000.00
H.bank EUR -1000.00
H.street Y -10
H.custody Y +10
G.unsettled_in EUR -828.75
H.memo EUR +828.75
A.unsettled_out Y -10
H.memo Y +10
"""


async def test_official_sale_and_a_buy_from_unsettled_proceeds(desk: Desk) -> None:
    sold = await _sold(desk)
    cash, position = "828.75 / 0 / 828.75 / 0.00 / 828.75", "0 / 0 / 0 / 0 / 10"
    await desk.check(sold, SALE_ENTRIES, cash=cash, Y=position)
    posted = await desk.lock("second order", "500.00")
    text = "G.available EUR -500.00\nG.locked EUR +500.00"
    await desk.check(posted, text, cash="828.75 / 500.00 / 828.75 / -500.00 / 328.75")
    buy = desk.trade("second execution", "second order", "BUY", "4.3459365493", "500.00")
    await desk.check(
        await desk.fill(buy),
        """
        G.locked EUR -500.00
        H.street EUR +500.00
        A.available X +4.3459365493
        H.street X -4.3459365493
        A.unsettled_in X +4.3459365493
        H.memo X -4.3459365493
        """,
        cash="328.75 / 0.00 / 828.75 / -500.00 / 328.75",
    )
    settled = await desk.post(settlement(_sale(desk), NEXT_DAY))
    await desk.check(settled, SALE_SETTLED, cash="328.75 / 0.00 / 0.00 / 328.75 / 328.75", Y="0 / 0 / 0 / 0 / 0")


def _sale(desk: Desk):
    return desk.trade("sale", "sale order", "SELL", "10", "1000.00", instrument="Y", taxes=SALE_TAXES)


async def test_official_sale_without_the_second_order(desk: Desk) -> None:
    await _sold(desk)
    settled = await desk.post(settlement(_sale(desk), NEXT_DAY))
    await desk.check(settled, SALE_SETTLED, cash="828.75 / 0 / 0 / 828.75 / 828.75")


async def test_unsettled_proceeds_are_not_withdrawn(desk: Desk) -> None:
    await _sold(desk)
    with pytest.raises(InsufficientFunds) as refused:
        await desk.post(
            posting_rules.reserve_withdrawal(desk.id("withdrawal"), desk.id("G"), "EUR", Decimal("0.01"), DAY)
        )
    assert refused.value.missing == Decimal("0.01")


async def test_a_buy_by_units_in_part_and_its_rest(desk: Desk) -> None:
    await desk.fund("700.00")
    posted = await desk.lock("order", "639.17")
    text = "G.available EUR -639.17\nG.locked EUR +639.17"
    await desk.check(posted, text, cash="700.00 / 639.17 / 0 / 60.83 / 60.83")
    await desk.check(
        await desk.fill(desk.trade("execution", "order", "BUY", "3", "345.30")),
        """
        G.locked EUR -345.30
        H.street EUR +345.30
        A.available X +3
        H.street X -3
        A.unsettled_in X +3
        H.memo X -3
        """,
        cash="354.70 / 293.87 / 0 / 60.83 / 60.83",
    )
    posted = await desk.post(posting_rules.release_cash(desk.id("order"), desk.id("G"), "EUR", Decimal("293.87"), DAY))
    text = "G.locked EUR -293.87\nG.available EUR +293.87"
    await desk.check(posted, text, cash="354.70 / 0.00 / 0 / 354.70 / 354.70")


async def test_an_absolute_fee_on_a_buy(desk: Desk) -> None:
    await desk.fund("110.00")
    posted = await desk.lock("order", "110.00")
    await desk.check(posted, "G.available EUR -110.00\nG.locked EUR +110.00")
    trade = desk.trade("execution", "order", "BUY", "0.8691873098", "100.00", fee=Decimal("10.00"))
    await desk.check(
        await desk.fill(trade),
        """
        G.locked EUR -110.00
        H.street EUR +100.00
        H.fees EUR +10.00
        A.available X +0.8691873098
        H.street X -0.8691873098
        A.unsettled_in X +0.8691873098
        H.memo X -0.8691873098
        """,
        cash="0.00 / 0.00 / 0 / 0.00 / 0.00",
    )


async def test_an_absolute_fee_on_a_sale(desk: Desk) -> None:
    await desk.hold("1", "100.00")
    await desk.lock("order", "1", instrument="X")
    trade = desk.trade("execution", "order", "SELL", "1", "100.00", fee=Decimal("10.00"))
    await desk.check(
        await desk.fill(trade),
        """
        A.locked X -1
        H.street X +1
        H.street EUR -100.00
        G.available EUR +90.00
        H.fees EUR +10.00
        G.unsettled_in EUR +90.00
        H.memo EUR -90.00
        A.unsettled_out X +1
        H.memo X -1
        """,
        cash="90 / 0 / 90 / 0 / 90",
    )


async def test_a_sale_by_cash_amount_with_its_buffer(desk: Desk) -> None:
    await desk.post(settlement(await desk.hold("6", "600.00"), DAY))
    posted = await desk.lock("order", "4.9151159476", instrument="X")
    await desk.check(posted, "A.available X -4.9151159476\nA.locked X +4.9151159476")
    await desk.check(
        await desk.fill(desk.trade("execution", "order", "SELL", "4.4236043529", "500.00")),
        """
        A.locked X -4.4236043529
        H.street X +4.4236043529
        H.street EUR -500.00
        G.available EUR +500.00
        G.unsettled_in EUR +500.00
        H.memo EUR -500.00
        A.unsettled_out X +4.4236043529
        H.memo X -4.4236043529
        """,
    )
    rest = Decimal("0.4915115947")
    posted = await desk.post(posting_rules.release_units(desk.id("order"), desk.id("A"), desk.id("X"), rest, DAY))
    await desk.check(
        posted,
        "A.locked X -0.4915115947\nA.available X +0.4915115947",
        cash="500.00 / 0 / 500.00 / 0.00 / 500.00",
        X="1.5763956471 / 0.0000000000 / 0 / 1.5763956471 / 6.0000000000",
    )


async def test_a_block_of_whole_shares_for_fractional_customers(desk: Desk) -> None:
    wanted = (("1", "100.00", "0.8691873098"), ("2", "250.00", "2.1729682746"), ("3", "75.00", "0.6518904823"))
    trades = [
        desk.trade(f"execution {c}", f"order {c}", "BUY", units, cash, customer=c, through="fractions")
        for c, cash, units in wanted
    ]
    for customer, cash, _ in wanted:
        await desk.fund(cash, customer)
        await desk.lock(f"order {customer}", cash, customer)
    street = desk.street("street execution", "BUY", "4", "460.20")
    await desk.check(
        await desk.post(street_execution(street)),
        "H.street X -4\nH.fractions X +4\nH.street EUR +460.20\nH.fractions EUR -460.20",
    )
    await desk.check(
        await desk.fill(*trades),
        """
        G1.locked EUR -100.00
        A1.available X +0.8691873098
        G2.locked EUR -250.00
        A2.available X +2.1729682746
        G3.locked EUR -75.00
        A3.available X +0.6518904823
        H.fractions EUR +425.00
        H.fractions X -3.6940460667
        A1.unsettled_in X +0.8691873098
        A2.unsettled_in X +2.1729682746
        A3.unsettled_in X +0.6518904823
        H.memo X -3.6940460667
        """,
    )
    settled = await desk.post(street_settlement(desk.id("street order"), [street], trades, NEXT_DAY))
    await desk.check(
        settled,
        """
        H.street EUR -460.20
        H.bank EUR +460.20
        H.street X +4
        H.custody X -4
        A1.unsettled_in X -0.8691873098
        A2.unsettled_in X -2.1729682746
        A3.unsettled_in X -0.6518904823
        H.memo X +3.6940460667
        """,
    )
    assert await desk.position("X", "A2") == figures("2.1729682746 / 0 / 0 / 2.1729682746 / 2.1729682746")


async def test_a_block_sale_settles_its_customer_apart_and_a_street_trade_is_cancelled(desk: Desk) -> None:
    await desk.post(settlement(await desk.hold("2.5", "250.00"), DAY))
    await desk.lock("order", "2.5", instrument="X")
    trade = desk.trade("execution", "order", "SELL", "2.5", "275.00", through="fractions")
    street = desk.street("street execution", "SELL", "2", "220.00")
    await desk.post(street_execution(street))
    await desk.check(
        await desk.fill(trade),
        """
        A.locked X -2.5
        H.fractions X +2.5
        H.fractions EUR -275.00
        G.available EUR +275.00
        G.unsettled_in EUR +275.00
        H.memo EUR -275.00
        A.unsettled_out X +2.5
        H.memo X -2.5
        """,
    )
    text = "H.street EUR +220.00\nH.bank EUR -220.00\nH.street X -2\nH.custody X +2"
    await desk.check(await desk.post(street_settlement(desk.id("street order"), [street], [], NEXT_DAY)), text)
    text = "G.unsettled_in EUR -275.00\nH.memo EUR +275.00\nA.unsettled_out X -2.5\nH.memo X +2.5"
    posted = await desk.post(settlement(trade, NEXT_DAY))
    await desk.check(posted, text, cash="275 / 0 / 0 / 275 / 275", X="0 / 0 / 0 / 0 / 0")
    text = "H.street X -2\nH.fractions X +2\nH.street EUR +220.00\nH.fractions EUR -220.00"
    await desk.check(await desk.post(street_execution_cancellation(street, NEXT_DAY, street_on=NEXT_DAY)), text)


async def test_an_execution_cancelled_before_settlement(desk: Desk) -> None:
    trade = await desk.hold("8.6918730986", "1000.00")
    await desk.check(
        await desk.cancel(trade),
        """
        G.available EUR +1000.00
        H.street EUR -1000.00
        A.available X -8.6918730986
        H.street X +8.6918730986
        A.unsettled_in X -8.6918730986
        H.memo X +8.6918730986
        """,
        cash="1000.00 / 0 / 0 / 1000.00 / 1000.00",
        X="0.0000000000 / 0 / 0.0000000000 / 0.0000000000 / 0.0000000000",
    )


async def test_an_execution_cancelled_after_settlement_with_half_the_units_sold(desk: Desk) -> None:
    trade = await desk.hold("8.6918730986", "1000.00")
    await desk.post(settlement(trade, NEXT_DAY))
    await desk.lock("sale order", "4.3459365493", instrument="X")
    sale = desk.trade("sale", "sale order", "SELL", "4.3459365493", "500.00")
    await desk.fill(sale)
    await desk.post(settlement(sale, NEXT_DAY))
    await desk.check(
        await desk.cancel(trade, street_on=NEXT_DAY),
        """
        G.available EUR +1000.00
        H.street EUR -1000.00
        A.available X -4.3459365493
        A.due X -4.3459365493
        H.street X +8.6918730986
        """,
        X="-4.3459365493 / 0 / 0 / -4.3459365493 / -4.3459365493",
    )
    text = "H.street X -8.6918730986\nH.custody X +8.6918730986\nH.street EUR +1000\nH.bank EUR -1000"
    await desk.check(await desk.post(cancellation_settlement(trade, NEXT_DAY, NEXT_DAY)), text)


async def test_a_sale_cancelled_when_the_proceeds_are_spent(desk: Desk) -> None:
    await _sold(desk)
    await desk.lock("second order", "500.00")
    await desk.fill(desk.trade("second execution", "second order", "BUY", "4.3459365493", "500.00"))
    await desk.check(
        await desk.cancel(_sale(desk)),
        """
        G.available EUR -328.75
        G.due EUR -500.00
        H.tax_income EUR -162.33
        H.tax_solidarity EUR -8.92
        H.street EUR +1000.00
        A.available Y +10
        H.street Y -10
        G.unsettled_in EUR -828.75
        H.memo EUR +828.75
        A.unsettled_out Y -10
        H.memo Y +10
        """,
        cash="-500.00 / 0 / 0.00 / -500.00 / -500.00",
        Y="10 / 0 / 0 / 10 / 10",
    )


async def test_a_fee_goes_back_with_its_execution(desk: Desk) -> None:
    await desk.fund("110.00")
    await desk.lock("order", "110.00")
    trade = desk.trade("execution", "order", "BUY", "1", "100.00", fee=Decimal("10.00"))
    await desk.fill(trade)
    await desk.cancel(trade)
    assert await desk.cash() == figures("110 / 0 / 0 / 110 / 110")
    assert (await desk.prove()).clean
