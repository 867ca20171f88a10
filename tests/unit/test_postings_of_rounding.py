"""What rounding takes, posted: the customer's cent, the counterparty's nearest, the house's difference; books sound.

Source: POSTINGS.md section 1 (`rounding`), 3.4 and 7.
"""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from openvest.db.unit import Database
from openvest.ledger.trades import settlement
from tests.kit.ledger import NEXT_DAY, Desk

pytestmark = pytest.mark.anyio

CENT = Decimal("0.01")


@pytest.fixture
def desk(database: Database, tenant_id: UUID) -> Desk:
    return Desk(database, tenant_id)


async def test_a_buy_pays_the_cent_above_and_its_settlement_the_nearest(desk: Desk) -> None:
    await desk.fund("50.00")
    await desk.lock("order", "50.00")
    trade = desk.trade("execution", "order", "BUY", "0.105", "49.62", rounding=CENT)
    await desk.check(
        await desk.fill(trade),
        """
        G.locked EUR -49.62
        H.street EUR +49.61
        H.rounding EUR +0.01
        A.available X +0.105
        H.street X -0.105
        A.unsettled_in X +0.105
        H.memo X -0.105
        """,
    )
    await desk.check(
        await desk.post(settlement(trade, NEXT_DAY)),
        """
        H.street EUR -49.61
        H.bank EUR +49.61
        H.street X +0.105
        H.custody X -0.105
        A.unsettled_in X -0.105
        H.memo X +0.105
        """,
    )


async def test_what_the_street_does_not_see_costs_a_cent_all_the_same(desk: Desk) -> None:
    await desk.fund("0.01")
    await desk.lock("order", "0.01")
    trade = desk.trade("execution", "order", "BUY", "0.00004", "0.01", rounding=CENT)
    await desk.check(
        await desk.fill(trade),
        """
        G.locked EUR -0.01
        H.rounding EUR +0.01
        A.available X +0.00004
        H.street X -0.00004
        A.unsettled_in X +0.00004
        H.memo X -0.00004
        """,
        cash="0 / 0 / 0 / 0 / 0",
    )


async def test_a_block_sale_brings_the_cent_below_and_its_cancellation_gives_it_back(desk: Desk) -> None:
    await desk.post(settlement(await desk.hold("0.5", "57.53"), NEXT_DAY))
    await desk.lock("order", "0.5", instrument="X")
    fraction = {"through": "fractions", "rounding": CENT}
    trade = desk.trade("execution", "order", "SELL", "0.5", "56.51", fee=Decimal("1.00"), **fraction)
    await desk.check(
        await desk.fill(trade),
        """
        A.locked X -0.5
        H.fractions X +0.5
        H.fractions EUR -56.52
        H.rounding EUR +0.01
        H.fees EUR +1.00
        G.available EUR +55.51
        G.unsettled_in EUR +55.51
        H.memo EUR -55.51
        A.unsettled_out X +0.5
        H.memo X -0.5
        """,
    )
    await desk.check(
        await desk.cancel(trade),
        """
        A.available X +0.5
        H.fractions X -0.5
        H.fractions EUR +56.52
        H.rounding EUR -0.01
        H.fees EUR -1.00
        G.available EUR -55.51
        G.unsettled_in EUR -55.51
        H.memo EUR +55.51
        A.unsettled_out X -0.5
        H.memo X +0.5
        """,
        cash="0 / 0 / 0 / 0 / 0",
    )
