"""What must be at the bank for customers, and the journal that sees to it once a business day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from openvest import catalog
from openvest.db.query import Query, Statement
from openvest.db.unit import Unit
from openvest.features.bank import service as bank
from openvest.features.segregation import rules, service
from openvest.features.segregation.model import Requirement
from openvest.features.segregation.service import Standing
from openvest.ledger.audit import Proof, prove_tenant
from openvest.main import Assembled
from tests.features.fundings.sample import arrived, opened
from tests.kit.banks import OURS
from tests.kit.customers import make_customer, top_up
from tests.kit.orders import Trader, make_trader
from tests.kit.world import make_tenant

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
MOVED = Query(
    str,
    """
    select j.booking_on || ' ' || e.asset || ' ' || e.amount from journals j
      join entries e on e.tenant_id = j.tenant_id and e.journal_id = j.id and e.bucket = 'own_bank'
     where j.tenant_id = $1 and j.kind = 'SEGREGATION' order by j.id
    """,
)
MONEY_IS_GONE = Statement(
    "update house_balances set balance = balance + 1 where tenant_id = $1 and asset = 'EUR' and bucket = 'bank'"
)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """In UTC, of March 2026, when Berlin is an hour ahead."""
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "day", "following"),
    [
        (at(2, 16, 59), date(2026, 3, 1), at(2, 17)),
        (at(2, 17), date(2026, 3, 2), at(3, 17)),
        (at(6, 17), date(2026, 3, 6), at(9, 17)),
        (datetime(2026, 4, 2, 16, tzinfo=UTC), date(2026, 4, 2), datetime(2026, 4, 7, 16, tzinfo=UTC)),  # Easter
        (datetime(2040, 12, 31, 17, tzinfo=UTC), date(2040, 12, 31), datetime(2041, 1, 1, 17, tzinfo=UTC)),
    ],
)
def test_when_a_day_closes_and_which_is_the_next(now: datetime, day: date, following: datetime) -> None:
    assert (rules.closed_day(now), rules.next_close(day)) == (day, following)


@pytest.mark.parametrize(
    ("day", "business"), [(date(2026, 3, 2), True), (date(2026, 3, 7), False), (date(2041, 1, 2), False)]
)
def test_business_days(day: date, business: bool) -> None:
    assert rules.is_business_day(day) == business


def test_only_differences_are_booked() -> None:
    zero, one = Decimal(0), Decimal(1)
    wanted = [Requirement("EUR", one, one, one, Decimal(5)), Requirement("GBP", one, zero, zero, one)]
    [journal] = rules.journals(wanted, date(2026, 3, 2))
    assert [(leg.asset, leg.bucket, leg.amount) for leg in journal.legs] == [
        ("EUR", "bank", Decimal(2)),
        ("EUR", "own_bank", Decimal(-2)),
    ]


class House:
    """A trader's tenant as its operator sees it."""

    def __init__(self, trader: Trader) -> None:
        self.trader, self.database, self.tenant_id = trader, trader.world.database, trader.customer.tenant_id

    async def write(self, work: Any) -> Any:
        return await self.database.write(self.tenant_id, work)

    async def tell(self, name: str, amount: str, iban: str = OURS, **more: Any) -> None:
        await self.write(lambda unit: bank.receive(unit, [arrived(unit, iban, name, amount, **more)]))
        await self.trader.rest()

    async def standing(self) -> Standing:
        return await self.database.read(self.tenant_id, service.standing)

    async def euros(self) -> str:
        """customers / suspense / charges / held"""
        [one] = [one for one in (await self.standing()).requirements if one.currency == "EUR"]
        return " / ".join(f"{figure:.2f}" for figure in (one.customers, one.suspense, one.charges, one.held))

    async def moved(self) -> list[str]:
        return await self.database.read(self.tenant_id, lambda unit: unit.rows(MOVED, self.tenant_id))

    async def prove(self) -> Proof:
        return await prove_tenant(self.database, self.tenant_id, catalog.INVARIANTS)


@pytest.mark.anyio
async def test_a_week_of_client_money(assembled: Assembled) -> None:
    """Top-ups that are not wired, a debt, a buy until it is settled, money of nobody, and money that nobody took."""
    tenant_id = await make_tenant(assembled.database, "House", pace="calendar", frozen_at=MONDAY)
    trader = await make_trader(assembled, tenant_id, "1000.00")
    house = House(trader)
    other = await make_customer(assembled.database, tenant_id)
    account = await opened(assembled.database, tenant_id, other.group_id)
    await house.tell("salary", "60.00", account.iban)
    await house.tell("whose", "25.00")
    await house.tell("theirs", "7.00", kind="DEBIT")
    await trader.place(cash_amount="290", fee="10", fee_collected=True)
    assert await house.euros() == "1060.00 / 25.00 / 0.00 / 78.00", "a buy counts until it is settled"
    told = len(await trader.events())

    await trader.advance_to(at(2, 16, 59))
    assert await house.moved() == []
    await trader.advance_to(at(2, 17))
    assert await house.moved() == ["2026-03-02 EUR 1007.00"]
    assert await house.euros() == "1060.00 / 25.00 / 0.00 / 1085.00"
    assert (await house.standing()).done_on == date(2026, 3, 2)
    assert (await house.prove()).clean
    assert len(await trader.events()) == told, "nobody is told of it"

    # The payer's bank takes its transfer back after the money is spent: the house bears it, and no other customer.
    await trader.advance_to(at(3, 10))
    await Trader(assembled, other).place(cash_amount="60")
    await house.tell("salary", "60.00", account.iban, kind="DEBIT", external_id="recall", return_reason="FOCR")
    held = "679.85"  # without three whole shares that the first buy has made the house pay
    assert await house.euros() == f"760.00 / 25.00 / 10.00 / {held}", "what is bought and not settled has to be there"
    await trader.advance_to(at(6, 17))
    assert await house.euros() == "700.00 / 25.00 / 10.00 / 735.00", "the buys have settled, and a debt is nobody's"
    assert (await house.prove()).clean

    await trader.advance_to(at(31, 17))
    seen = await house.moved()
    topup = await top_up(assembled.database, trader.customer, "5.00")
    await house.tell("wire", "5.00", remittance_information=f"topup {topup.settlement_reference}")
    await trader.advance_to(datetime(2027, 3, 1, tzinfo=UTC))
    assert await house.moved() == seen, "no difference, no journal"
    assert (await house.prove()).clean


@pytest.mark.anyio
async def test_what_is_booked_on_a_holiday_waits_for_the_next_business_day(assembled: Assembled) -> None:
    tenant_id = await make_tenant(assembled.database, "Weekend", frozen_at=MONDAY + 5 * DAY)
    house = House(await make_trader(assembled, tenant_id, "10.00"))
    await house.trader.advance_to(at(9, 16, 59))
    assert await house.moved() == []
    await house.trader.advance_to(at(9, 18))
    assert await house.moved() == ["2026-03-09 EUR 10.00"]
    await top_up(assembled.database, house.trader.customer, "1.00")
    await house.trader.advance_to(at(10, 18))
    assert await house.moved() == ["2026-03-09 EUR 10.00", "2026-03-10 EUR 1.00"]


@pytest.mark.anyio
async def test_the_law_sees_client_money_that_is_gone(assembled: Assembled) -> None:
    tenant_id = await make_tenant(assembled.database, "Short", frozen_at=MONDAY)
    house = House(await make_trader(assembled, tenant_id, "10.00"))
    await house.trader.advance_to(at(3, 17))
    assert (await house.prove()).clean

    async def take(unit: Unit) -> None:
        await unit.run(MONEY_IS_GONE, tenant_id)

    await house.write(take)
    [broken] = [one for one in (await house.prove()).findings if one.name == "client_money_is_segregated"]
    assert '"held": 9.00' in broken.rows[0]
