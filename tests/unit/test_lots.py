"""Lots: first in, first out; parts of a cost sum to the cost; ORDER_MATHS.md section 6."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvest.core.ids import deterministic_id
from openvest.core.money import Money
from openvest.db.unit import Database, Unit
from openvest.ledger.lot_book import add_lots, give_back, lots_by_id, open_lots, use_lots, uses_of
from openvest.ledger.lots import Lot, average_price, bought_lot, consume, cost_of, take_back

pytestmark = pytest.mark.anyio

ACCOUNT, INSTRUMENT = deterministic_id("lots", "account"), deterministic_id("lots", "instrument")
SALE, SECOND_SALE = deterministic_id("lots", "sale"), deterministic_id("lots", "second sale")
START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def lot(number: int, quantity: str, cost: str | None, day: int = 0) -> Lot:
    at = START + timedelta(days=day or number)
    known = None if cost is None else Money(Decimal(cost), "EUR")
    return bought_lot(deterministic_id("lot", number), ACCOUNT, INSTRUMENT, at, Decimal(quantity), known)


TWO = [lot(1, "10", "1001.00"), lot(2, "5", "601.00")]


def test_the_example_of_two_lots() -> None:
    uses, after = consume(TWO, Decimal(12), SALE)
    assert [(use.quantity, use.cost) for use in uses] == [(10, Decimal("1001.00")), (2, Decimal("240.40"))]
    assert cost_of(uses) == Decimal("1241.40")
    left = [(lot.remaining, lot.remaining_cost) for lot in after]
    assert left == [(0, Decimal("0.00")), (3, Decimal("360.60"))]
    assert average_price(after) == Decimal("120.2000")


def test_average_price_has_fees_in_and_rounds_half_up() -> None:
    assert average_price(TWO) == Decimal("106.8000")
    assert average_price([lot(1, "3", "10.00")]) == Decimal("3.3333")
    assert average_price([]) is None
    assert average_price([lot(1, "1", "5.00"), lot(2, "1", None)]) is None


def test_an_unknown_cost_stays_unknown() -> None:
    uses, after = consume([lot(1, "4", None)], Decimal(1), SALE)
    assert (uses[0].cost, cost_of(uses), after[0].remaining_cost) == (None, None, None)


def test_more_than_the_lots_hold_is_a_fault() -> None:
    with pytest.raises(ValueError, match="1 less than the 16"):
        consume(TWO, Decimal(16), SALE)


def test_a_cancelled_buy_takes_its_own_lot_first() -> None:
    uses, after = take_back(TWO, TWO[1].id, Decimal(7))
    assert [(use.lot_id, use.quantity) for use in uses] == [(TWO[1].id, 5), (TWO[0].id, 2)]
    assert sum(lot.remaining for lot in after) == 8


@given(
    quantity=st.decimals("0.0000000002", "1000", places=10),
    cost=st.decimals("0.00", "100000", places=2),
    cuts=st.lists(st.decimals("0.01", "0.99", places=2), max_size=8),
)
def test_parts_sum_to_the_cost(quantity: Decimal, cost: Decimal, cuts: list[Decimal]) -> None:
    lots = [lot(1, str(quantity), str(cost))]
    taken = Decimal(0)
    for cut in cuts:
        part = (lots[0].remaining * cut).quantize(Decimal("0.0000000001"))
        if not 0 < part < lots[0].remaining:
            continue
        uses, lots = consume(lots, part, SALE)
        assert uses[0].cost is not None and uses[0].cost >= 0
        taken += uses[0].cost
    uses, lots = consume(lots, lots[0].remaining, SALE)
    assert uses[0].cost is not None
    assert taken + uses[0].cost == cost
    assert (lots[0].remaining, lots[0].remaining_cost) == (0, 0)


async def test_lots_in_the_database_are_used_and_given_back(database: Database, tenant_id: UUID) -> None:
    holding = (ACCOUNT, INSTRUMENT)

    async def sell(unit: Unit) -> None:
        await add_lots(unit, [TWO[1], TWO[0]])
        lots = (await open_lots(unit, [holding]))[holding]
        assert lots == TWO, "by date, not by the order of writing"
        first, lots = consume(lots, Decimal(12), SALE)
        second, lots = consume(lots, Decimal(1), SECOND_SALE)
        await use_lots(unit, [*first, *second])
        assert (await open_lots(unit, [holding]))[holding] == [lot for lot in lots if lot.remaining]

    await database.write(tenant_id, sell)

    async def reverse(unit: Unit) -> None:
        used = await uses_of(unit, [SALE, SECOND_SALE])
        assert sum(use.quantity for use in used[SALE]) == 12
        back = await give_back(unit, [SALE])
        assert back[SALE] == used[SALE]
        assert await give_back(unit, [SALE]) == {}, "given back once"
        assert SALE not in await uses_of(unit, [SALE])
        found = await lots_by_id(unit, [lot.id for lot in TWO])
        assert found[TWO[0].id] == TWO[0]
        rest = found[TWO[1].id]
        assert (rest.remaining, rest.remaining_cost) == (4, Decimal("601.00") - Decimal("120.20"))

    await database.write(tenant_id, reverse)


async def test_holdings_without_lots_and_empty_sets(database: Database, tenant_id: UUID) -> None:
    async def work(unit: Unit) -> None:
        holding = (ACCOUNT, deterministic_id("lots", "other"))
        assert await open_lots(unit, [holding]) == {holding: []}
        assert await open_lots(unit, []) == {}
        await add_lots(unit, [])
        await use_lots(unit, [])

    await database.write(tenant_id, work)
