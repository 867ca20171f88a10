"""Nobody gets something for nothing: what is bought is rounded up, what is sold down, and never all of it to 0.00.

Figures are those of ORDER_MATHS.md sections 1 to 3 and POSTINGS.md section 3.4.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from openvest.core.money import ZERO
from openvest.features.orders.model import Order, TradingPermissions
from openvest.features.orders.rules import CheckFacts, Decision, decide
from openvest.features.orders.rules_amounts import Quoted, comes_to_nothing, executed, fill_of, lock_of, street_limit
from openvest.features.orders.rules_booking import BlockFacts, Booked, book_block, book_direct
from openvest.features.street.model import Report
from tests.kit.order_rows import NOW, D, a_report, a_street_order, an_order, processing

QUOTE = Quoted(D("113.03"), D("115.05"))
CENT = D("0.01")
PLATFORM = "CANCELLED_BY_UPVEST_PLATFORM"


def facts(decimals: int = 10, opens_at: datetime | None = None) -> CheckFacts:
    able = TradingPermissions(activated=True, may_buy=True, may_sell=True, fit_failed=False)
    return CheckFacts(NOW, able, True, True, QUOTE, decimals, D("1000"), opens_at)


def booked(order: Order, *reports: Report, done: str = "0") -> Booked:
    return book_direct(order, a_street_order(side=order.side, done=D(done)), reports, 10, NOW)


def cash_of(done: Booked) -> list[str]:
    return [str(fill.cash) for fill, _ in done.fills]


def sale(quantity: str, **fields: Any) -> Order:
    return processing(side="SELL", quantity=quantity, lock_amount=quantity, **fields)


def part(quantity: str, price: str = "113.03", *, last: bool = False) -> Report:
    return a_report(quantity=quantity, price=price, last=last)


@pytest.mark.parametrize(
    ("side", "quantity", "price", "cash", "rounding"),
    [
        ("BUY", "0.00004", "115.05", "0.01", "0.01"),  # worth 0.0046, which the street does not see
        ("BUY", "0.0001", "115.05", "0.02", "0.01"),
        ("BUY", "0.105", "472.50", "49.62", "0.01"),
        ("BUY", "0.5", "115.05", "57.53", "0.00"),
        ("BUY", "2", "115.05", "230.10", "0.00"),
        ("SELL", "0.5", "113.03", "56.51", "0.01"),
        ("SELL", "0.1", "113.03", "11.30", "0.00"),
        ("SELL", "10", "100.00", "1000.00", "0.00"),
    ],
)
def test_rounding_never_pays_who_initiates(side: str, quantity: str, price: str, cash: str, rounding: str) -> None:
    order = processing(side=side, quantity=quantity, lock_amount="1000")
    fill = fill_of(order, executed(order), D(quantity), D(price))
    assert (fill.cash, fill.rounding) == (D(cash), D(rounding))


def test_a_lock_covers_the_cent_above() -> None:
    """A lock divided by the quantity is the ceiling; at the ceiling the cost is at most the lock, however small."""
    for quantity in ("0.0000000001", "0.00004", "0.0333", "3", "7.77"):
        order = processing(quantity=quantity)
        lock = lock_of(order, QUOTE, 10)
        limit = street_limit(processing(quantity=quantity, lock_amount=lock), CENT)
        assert limit is not None and limit >= QUOTE.offer
        assert fill_of(order, executed(order), D(quantity), limit).cash <= lock


@pytest.mark.parametrize(
    ("fields", "decimals", "nothing"),
    [
        ({"side": "SELL", "quantity": "0.00008"}, 10, True),  # 0.0090
        ({"side": "SELL", "quantity": "0.00009"}, 10, False),  # 0.0101
        ({"side": "SELL", "cash_amount": "0.01"}, 10, False),
        ({"side": "SELL", "cash_amount": "0.11"}, 3, True),  # one step is worth 0.113
        ({"side": "SELL", "cash_amount": "0.12"}, 3, False),
        ({"side": "SELL", "cash_amount": "113.02"}, 0, True),
        ({"side": "SELL", "cash_amount": "113.03"}, 0, False),
        ({"side": "BUY", "quantity": "0.0000000001"}, 10, False),  # it costs a cent
        ({"side": "BUY", "cash_amount": "0.01"}, 10, False),
        ({"side": "BUY", "cash_amount": "115.04"}, 0, True),
        ({"side": "BUY", "cash_amount": "115.05"}, 0, False),
    ],
)
def test_the_check_refuses_what_comes_to_nothing(fields: dict[str, str], decimals: int, nothing: bool) -> None:
    order = an_order(**fields)
    assert comes_to_nothing(order, QUOTE, decimals) is nothing
    decision = decide(order, facts(decimals))
    assert (decision == Decision("cancel", reason=PLATFORM)) is nothing


def test_a_limit_is_what_a_sale_can_hope_for() -> None:
    """At the bid this share is worth half a cent, at its limit a euro."""
    order = an_order(side="SELL", quantity="1", order_type="LIMIT", limit_price="1.00")
    low = Quoted(D("0.005"), D("0.006"))
    assert not comes_to_nothing(order, low, 0)
    assert comes_to_nothing(an_order(side="SELL", quantity="1"), low, 0)


def test_what_comes_to_nothing_is_refused_before_the_open_and_not_left_to_wait() -> None:
    dust = an_order(side="SELL", quantity="0.00008")
    assert decide(dust, facts(opens_at=NOW.replace(hour=18))) == Decision("cancel", reason=PLATFORM)


def test_a_fill_that_makes_a_sale_worthless_sells_nothing() -> None:
    done = booked(sale("0.0001"), part("0.0001", "99.00", last=True))
    assert done.fills == ()
    assert (done.order.status, done.order.cancellation_reason) == ("CANCELLED", PLATFORM)
    assert (done.order.lock_left, done.order.executed_quantity) == (D("0.0001"), 0)


def test_parts_below_a_cent_wait_for_the_next() -> None:
    """0.0002 in three parts of 0.0075 each: the first leaves with the second, and the sum is rounded once."""
    third, rest = "0.0000666667", "0.0000666666"
    done = booked(sale("0.0002"), part(third), part(third), part(rest, last=True))
    assert [fill.quantity for fill, _ in done.fills] == [D("0.0001333334"), D(rest)]
    assert cash_of(done) == ["0.01", "0.01"]
    assert (done.order.status, done.order.executed_cash, done.order.lock_left) == ("FILLED", D("0.02"), 0)


def test_it_does_not_matter_in_which_sets_the_parts_are_told() -> None:
    first = booked(sale("0.0002"), part("0.00007"))
    assert (first.fills, first.order.status, first.order.executed_quantity) == ((), "PROCESSING", 0)
    second = booked(first.order, part("0.00013", last=True), done="0.00007")
    assert [(fill.quantity, fill.cash) for fill, _ in second.fills] == [(D("0.0002"), D("0.02"))]
    assert second.order.status == "FILLED"


@pytest.mark.parametrize("asked", [None, "CANCELLED_BY_CLIENT"])
def test_a_part_below_a_cent_comes_back_where_nothing_follows(asked: str | None) -> None:
    done = booked(sale("0.0001", cancellation_reason=asked), part("0.00005"), a_report("CANCELLED", last=True))
    assert done.fills == ()
    assert (done.order.status, done.order.lock_left) == ("CANCELLED", D("0.0001"))
    assert done.order.cancellation_reason == (asked or "CANCELLED_BY_TRADING_PARTNER")


def test_a_sale_by_amount_in_parts_comes_out_to_the_cent() -> None:
    order = processing(side="SELL", cash_amount="250.00", lock_amount="2.5")
    parts = [("83.34", "113.03"), ("83.33", "113.10"), ("83.33", "113.20")]
    reports = [a_report(cash_amount=c, price=p, last=c + p == "83.33113.20") for c, p in parts]
    done = booked(order, *reports)
    assert (cash_of(done), done.order.executed_cash) == (["83.34", "83.33", "83.33"], D("250.00"))
    assert sum((fill.rounding for fill, _ in done.fills), ZERO) == 0


# Blocks


def block(order: Order, shares: str, price: str, free: str) -> Booked:
    known = BlockFacts(D(shares), D(price), ZERO, D(free))
    return book_block(order, a_report("FILL", last=True), known, 10, NOW)


def test_a_block_sale_below_a_cent_sells_nothing() -> None:
    done = block(sale("0.0001", through="fractions"), "0", "99.00", "0.5")
    assert done.fills == ()
    assert (done.order.status, done.order.cancellation_reason) == ("CANCELLED", PLATFORM)


@pytest.mark.parametrize(
    ("quantity", "floor"),
    [("0.0001", "100.00"), ("0.00011", "90.91"), ("0.5", "0.02"), ("1", "0.01"), ("250.5", "0.01")],
)
def test_the_street_sells_no_share_for_a_fraction_that_is_not_worth_a_cent(quantity: str, floor: str) -> None:
    """It counts on the fraction: with 0.9999 in the inventory a whole share is sold for a customer of 0.0001."""
    order = sale(quantity, through="fractions")
    assert street_limit(order, CENT) == D(floor)
    assert street_limit(sale(quantity), CENT) is None
    assert cash_of(block(order, "0", floor, "0.9999"))[0] >= "0.01"


@pytest.mark.parametrize(
    ("quantity", "floor", "shares", "sold"), [("1.5", "0.0067", "1", "1.0204081633"), ("1000.5", "0.0001", "3", "3")]
)
def test_shares_of_less_than_a_cent_are_sold_and_paid_for_together(
    quantity: str, floor: str, shares: str, sold: str
) -> None:
    """The street fills short; what it took alone may be worth no cent, and all of the order is."""
    order = sale(quantity, through="fractions")
    assert street_limit(order, D("0.0001")) == D(floor)
    known = BlockFacts(D(shares), D("0.0098"), ZERO, ZERO)
    done = book_block(order, a_report("CANCELLED", last=True), known, 10, NOW)
    assert done.order.executed_quantity == D(sold)
    assert cash_of(done)[0] >= "0.01"


@pytest.mark.parametrize(
    ("amount", "quantity", "cost"),
    [
        ("100.00", "0.7529411765", "86.63"),
        ("250.00", "1.8823529412", "216.57"),
        ("75.00", "0.5647058823", "64.97"),
    ],
)
def test_a_block_served_pro_rata_costs_the_cent_above(amount: str, quantity: str, cost: str) -> None:
    order = processing(cash_amount=amount, through="fractions", lock_amount=amount)
    fill = fill_of(order, executed(order), D(quantity), D("115.05"))
    assert fill.cash == D(cost)
    assert 0 <= fill.rounding <= CENT
