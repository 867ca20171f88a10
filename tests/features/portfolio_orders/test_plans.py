"""How an amount is divided: to the cent, within what can be sold, and into what orders then come to."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import combinations_with_replacement
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvest.core.money import ZERO, split
from openvest.core.records import replace
from openvest.features.orders.rules_amounts import (
    Executed,
    Quoted,
    estimate,
    fill_of,
    lock_of,
    most_by_amount,
    units_for,
)
from openvest.features.portfolio_orders import rules
from openvest.features.portfolio_orders.model import ChildOrder, Plan
from tests.kit.order_rows import an_order

AMOUNTS = st.decimals("0.01", "100000", places=2)
PRICES = st.decimals("0.01", "5000", places=2)
HOLDINGS = st.tuples(PRICES, st.decimals("0.0001", "1000", places=4), st.sampled_from((0, 4, 10)))


def part(number: int, weight: Decimal, side: str, price: Decimal, decimals: int, most: Decimal = ZERO) -> rules.Part:
    return rules.Part(
        UUID(int=number), f"{number}", weight, lambda amount: estimate(side, amount, price, decimals), most
    )


def check_whole(plan: Plan, amount: Decimal) -> None:
    """What is traded and what is left are the amount, to the cent."""
    assert sum((one.expected_cash for one in plan.orders), plan.residual_cash) == amount
    assert sum(one.cash_amount for one in plan.orders) <= amount
    assert bool(plan.orders) == (plan.cancellation_reason is None)
    assert plan.residual_cash >= 0


@given(AMOUNTS, st.lists(st.tuples(st.decimals("0.00001", "100", places=5), PRICES, st.sampled_from((0, 4, 10)))))
def test_a_purchase_is_divided_to_the_cent(amount: Decimal, targets: Sequence[tuple[Decimal, Decimal, int]]) -> None:
    if not targets:
        return
    parts = [part(number, weight, "BUY", price, digits) for number, (weight, price, digits) in enumerate(targets)]
    plan = rules.buy(amount, amount, parts)
    check_whole(plan, amount)
    shares = split(amount, [weight for weight, _, _ in targets], Decimal("0.01"))
    ordered = {one.isin: one.cash_amount for one in plan.orders}
    for one, share in zip(parts, shares, strict=True):
        assert ordered.get(one.isin, share) == share
        assert (one.isin in ordered) == (share > 0 and one.estimate(share) is not None)
    assert rules.buy(amount + Decimal("0.01"), amount, parts).cancellation_reason == "CANCELLED_BY_UPVEST"


@given(st.lists(HOLDINGS, min_size=1, max_size=8), st.data())
def test_a_sale_never_asks_for_more_than_a_position_can_lock(
    held: Sequence[tuple[Decimal, Decimal, int]], data: st.DataObject
) -> None:
    parts = [
        part(number, bid * units, "SELL", bid, digits, most_by_amount(units, bid))
        for number, (bid, units, digits) in enumerate(held)
    ]
    most = sum((one.most for one in parts), ZERO)
    assert rules.sell(most + Decimal("0.01"), parts).cancellation_reason == "SELL_LIMIT_EXCEEDED"
    if most < 1:
        return
    amount = data.draw(st.decimals("0.01", most, places=2))
    plan = rules.sell(amount, parts)
    check_whole(plan, amount)
    limit = {one.isin: one.most for one in parts}
    assert all(one.cash_amount <= limit[one.isin] for one in plan.orders)
    assert rules.sell(amount, []).cancellation_reason == "ACCOUNT_IS_EMPTY"


@given(st.sampled_from(("BUY", "SELL")), AMOUNTS, PRICES, st.sampled_from((0, 4, 10)))
def test_an_estimate_is_what_an_execution_comes_to(side: str, amount: Decimal, price: Decimal, decimals: int) -> None:
    order = an_order(side=side, cash_amount=amount, quantity=None)
    order = replace(order, lock_amount=lock_of(order, Quoted(price, price), decimals))
    nothing = Executed(ZERO, ZERO, ZERO, ZERO)
    fill = fill_of(order, nothing, units_for(order, nothing, amount, price, decimals), price)
    expected = estimate(side, amount, price, decimals)
    if expected is None:
        assert fill.quantity == 0 or fill.cash == 0
    else:
        assert (expected.quantity, expected.cash) == (fill.quantity, fill.cash)


STATES = ("NEW", "PROCESSING", "FILLED", "CANCELLED")


@pytest.mark.parametrize("states", list(combinations_with_replacement(STATES, 3)), ids="-".join)
def test_it_stands_as_its_orders_do(states: tuple[Any, ...]) -> None:
    children = [ChildOrder(UUID(int=number), "BUY", state) for number, state in enumerate(states)]
    status, verbs = "NEW", list[str]()
    while (verb := rules.next_verb(status, children, settled=True)) is not None:
        verbs.append(verb)
        status = rules.PORTFOLIO_ORDER.move(status, verb)
    if "NEW" in states:
        assert status == "NEW"
    elif set(states) == {"FILLED"}:
        assert verbs == ["process", "fill", "settle"]
        assert rules.next_verb("FILLED", children, settled=False) is None
    else:
        assert status == ("PROCESSING" if "PROCESSING" in states else "CANCELLED")
