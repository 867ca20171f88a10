"""What orders lock, send and come to, with the figures of ORDER_MATHS.md sections 1 to 4 and POSTINGS.md section 3."""

from __future__ import annotations

from typing import Any

import pytest

from openvest.core.lifecycle import WrongState
from openvest.features.blocks.model_shares import Netted, netted, street_average
from openvest.features.orders.model import Order
from openvest.features.orders.rules import needs_block
from openvest.features.orders.rules_amounts import (
    Quoted,
    executed,
    fill_of,
    lock_of,
    needed_units,
    street_limit,
    street_stop,
    units_for,
)
from openvest.features.orders.rules_booking import BlockFacts, book_block, book_direct
from openvest.features.street.model import Report
from tests.kit.order_rows import NOW, D, a_report, a_street_order, an_order, processing

QUOTE = Quoted(D("113.03"), D("115.05"))


@pytest.mark.parametrize(
    ("order", "decimals", "lock"),
    [
        ({}, 10, "250.00"),
        ({"fee": "10", "fee_collected": True}, 10, "260.00"),
        ({"fee": "10"}, 10, "250.00"),
        ({"quantity": "5"}, 10, "639.17"),
        ({"quantity": "5", "fee": "1.00", "fee_collected": True}, 10, "640.17"),
        ({"quantity": "3", "order_type": "LIMIT", "limit_price": "90.00"}, 10, "300.00"),
        ({"quantity": "3", "order_type": "LIMIT", "limit_price": "200.00"}, 10, "666.67"),
        ({"quantity": "3", "order_type": "STOP", "stop_price": "120.00"}, 10, "400.00"),
        ({"quantity": "3", "order_type": "STOP", "stop_price": "100.00"}, 10, "383.50"),
        ({"side": "SELL", "quantity": "5"}, 10, "5"),
        ({"side": "SELL", "cash_amount": "500.00"}, 10, "4.9151159476"),
        ({"side": "SELL", "cash_amount": "500.00"}, 0, "5"),
    ],
)
def test_what_is_locked(order: dict[str, Any], decimals: int, lock: str) -> None:
    assert lock_of(an_order(**order), QUOTE, decimals) == D(lock)


@pytest.mark.parametrize(
    ("order", "tick", "limit", "stop"),
    [
        ({"lock_amount": "250.00"}, "0.01", None, None),  # a buy by amount is its own ceiling
        ({"quantity": "5", "lock_amount": "639.17"}, "0.01", "127.83", None),
        ({"quantity": "5", "lock_amount": "640.17", "fee": "1.00", "fee_collected": True}, "0.01", "127.83", None),
        ({"quantity": "3", "lock_amount": "300.05", "limit_price": "90.017"}, "0.01", "90.01", None),
        ({"quantity": "3", "lock_amount": "400.00", "stop_price": "119.991"}, "0.01", "133.33", "120.00"),
        ({"side": "SELL", "quantity": "3", "limit_price": "90.011"}, "0.02", "90.02", None),
        ({"side": "SELL", "quantity": "3", "stop_price": "90.019"}, "0.02", None, "90.00"),
        ({"side": "SELL", "quantity": "3"}, "0.01", None, None),
    ],
)
def test_prices_on_the_grid(order: dict[str, Any], tick: str, limit: str | None, stop: str | None) -> None:
    found = an_order(**order)
    assert street_limit(found, D(tick)) == (None if limit is None else D(limit))
    assert street_stop(found, D(tick)) == (None if stop is None else D(stop))


@pytest.mark.parametrize(
    ("amount", "price", "decimals", "units", "cost"),
    [
        ("250.00", "115.05", 10, "2.1729682746", "250.00"),
        ("50.00", "472.50", 3, "0.105", "49.62"),
        ("1000.00", "115.05", 0, "8", "920.40"),
        ("100.00", "115.05", 0, "0", None),
        ("1000.00", "115.05", 10, "8.6918730986", "1000.00"),
    ],
)
def test_an_amount_becomes_units(amount: str, price: str, decimals: int, units: str, cost: str | None) -> None:
    order = an_order(cash_amount=amount)
    quantity = units_for(order, executed(order), D(amount), D(price), decimals)
    assert quantity == D(units)
    if cost is not None:
        assert fill_of(order, executed(order), quantity, D(price)).cash == D(cost)


def test_a_sale_never_needs_more_than_its_lock() -> None:
    order = an_order(side="SELL", cash_amount="500.00", lock_amount="4.9151159476")
    assert units_for(order, executed(order), D("500.00"), D("113.03"), 10) == D("4.4236043529")
    assert units_for(order, executed(order), D("500.00"), D("90.00"), 10) == D("4.9151159476")


def book(order: Order, *reports: Report, decimals: int = 10, done: str = "0") -> Any:
    return book_direct(order, a_street_order(done=D(done)), reports, decimals, NOW)


def test_several_executions_by_amount() -> None:
    booked = book(
        processing(lock_amount="250.00"),
        a_report(cash_amount="83.34", price="115.05"),
        a_report(cash_amount="83.33", price="115.10"),
        a_report(cash_amount="83.33", price="115.20", last=True),
    )
    assert [fill.quantity for fill, _ in booked.fills] == [D("0.7243807040"), D("0.7239791485"), D("0.7233506944")]
    assert [fill.cash for fill, _ in booked.fills] == [D("83.34"), D("83.33"), D("83.33")]
    order = booked.order
    assert (order.status, order.executed_quantity) == ("FILLED", D("2.1717105469"))
    assert (order.executed_cash, order.lock_left) == (D("250.00"), D("0.00"))


def test_the_sum_is_rounded_once() -> None:
    """Two fills of 24.574 each are 49.15 together, not twice 24.58."""
    booked = book(
        processing(quantity="0.2", lock_amount="60.00"),
        a_report(quantity="0.1", price="245.74"),
        a_report(quantity="0.1", price="245.74", last=True),
    )
    assert [fill.cash for fill, _ in booked.fills] == [D("24.58"), D("24.57")]
    assert [fill.rounding for fill, _ in booked.fills] == [D("0.01"), D("-0.01")]


def test_what_a_part_leaves_over_goes_to_the_next() -> None:
    booked = book(
        processing(cash_amount="50.00", lock_amount="50.00"),
        a_report(cash_amount="25.00", price="472.50"),
        a_report(cash_amount="25.00", price="472.50", last=True),
        decimals=3,
    )
    assert [fill.quantity for fill, _ in booked.fills] == [D("0.052"), D("0.053")]
    assert (booked.order.executed_cash, booked.order.lock_left) == (D("49.62"), D("0.38"))


def test_less_than_the_smallest_unit_is_cancelled_by_us() -> None:
    booked = book(processing(lock_amount="250.00"), a_report(cash_amount="250.00", price="300", last=True), decimals=0)
    assert booked.fills == ()
    assert (booked.order.status, booked.order.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_UPVEST_PLATFORM")


@pytest.mark.parametrize(
    ("asked", "reason"),
    [(None, "CANCELLED_BY_TRADING_PARTNER"), ("CANCELLED_BY_CLIENT", "CANCELLED_BY_CLIENT")],
)
def test_a_partly_executed_order_that_ends_keeps_its_executions(asked: str | None, reason: str) -> None:
    booked = book(
        processing(quantity="5", lock_amount="639.17", cancellation_reason=asked),
        a_report(quantity="3", price="115.10"),
        a_report("CANCELLED", last=True),
    )
    order = booked.order
    assert (order.status, order.cancellation_reason, order.lock_left) == ("CANCELLED", reason, D("293.87"))
    assert order.executed_cash == D("345.30")


def test_a_fill_that_came_first_wins_over_a_cancellation() -> None:
    asked = processing(lock_amount="250.00", cancellation_reason="CANCELLED_BY_CLIENT")
    order = book(asked, a_report(cash_amount="250.00", price="115.05", last=True)).order
    assert (order.status, order.cancellation_reason) == ("FILLED", None)


def test_nothing_can_be_told_after_the_end() -> None:
    with pytest.raises(WrongState):
        book(
            processing(quantity="5", lock_amount="639.17"),
            a_report("CANCELLED", last=True),
            a_report(quantity="3", price="115.10"),
        )


def test_a_flat_fee_comes_with_the_first_execution() -> None:
    order = processing(quantity="2", lock_amount="300.00", fee="10.00", fee_collected=True)
    booked = book(order, a_report(quantity="1", price="115"), a_report(quantity="1", price="115", last=True))
    assert [fill.fee for fill, _ in booked.fills] == [D("10.00"), D(0)]
    assert booked.order.lock_left == D("60.00")


def test_a_sales_fee_is_never_more_than_its_proceeds() -> None:
    order = processing(side="SELL", quantity="2", lock_amount="2", fee="10.00", fee_collected=True)
    booked = book(order, a_report(quantity="1", price="6"), a_report(quantity="1", price="6", last=True))
    assert [fill.fee for fill, _ in booked.fills] == [D("6.00"), D("4.00")]


def test_every_set_of_reports_moves_version_and_time_once() -> None:
    order = processing(quantity="5", lock_amount="639.17")
    part = book(order, a_report(quantity="1", price="115"), a_report(quantity="1", price="115")).order
    assert (part.status, part.version, part.executed_quantity) == ("PROCESSING", order.version + 1, D(2))


@pytest.mark.parametrize(
    ("side", "needed", "free", "block"),
    [
        ("BUY", "3.6940460667", "0.2", Netted(D(4), D(0))),
        ("BUY", "3.6940460667", "0.7", Netted(D(3), D("0.6940460667"))),
        ("BUY", "0.5", "0.5", Netted(D(0), D("0.5"))),
        ("BUY", "0.5", "0", Netted(D(1), D(0))),
        ("SELL", "2.5", "0.2", Netted(D(2), D(0))),
        ("SELL", "0.9", "0.83", Netted(D(1), D("0.1"))),
        ("SELL", "0.9", "0", Netted(D(0), D(0))),
    ],
)
def test_whole_shares_of_a_block(side: str, needed: str, free: str, block: Netted) -> None:
    assert netted(side, D(needed), D(free)) == block


def test_a_block_is_for_fractions_at_whole_share_venues() -> None:
    assert needs_block(an_order(), True)
    assert needs_block(an_order(quantity="0.5"), True)
    assert not needs_block(an_order(quantity="5"), True)
    assert not needs_block(an_order(quantity="0.5"), False)


def test_units_a_block_is_estimated_at() -> None:
    assert needed_units(an_order(quantity="2.5"), D("115.05"), 10) == D("2.5")
    assert needed_units(an_order(cash_amount="100.00"), D("115.05"), 10) == D("0.8691873098")
    sale = an_order(side="SELL", cash_amount="100.00", lock_amount="0.5")
    assert needed_units(sale, D("113.03"), 10) == D("0.5")


def test_the_price_of_a_block() -> None:
    assert street_average([(D(2), D("115.05")), (D(1), D("115.06"))]) == D("115.0533")


def blocked(order: Order, kind: str, shares: str, price: str | None, reserve: str = "0", free: str = "0") -> Any:
    known = BlockFacts(D(shares), None if price is None else D(price), D(reserve), D(free))
    return book_block(order, a_report(kind, last=True), known, 10, NOW)


BUY, LEFT = {"lock_amount": "250.00"}, "0.1729682746"
SELL = {"side": "SELL", "quantity": "2.5", "lock_amount": "2.5"}
SMALL = {"side": "SELL", "quantity": "0.5", "lock_amount": "0.5"}
BY_AMOUNT = {"side": "SELL", "cash_amount": "113.03", "lock_amount": "1.2"}

BLOCKS: list[tuple[str, dict[str, Any], tuple[str, ...], str, str, str]] = [
    ("bought", BUY, ("FILL", "3", "115.05"), "2.1729682746", "250.00", "FILLED"),
    ("dearer", BUY, ("FILL", "3", "130"), "1.9230769230", "250.00", "FILLED"),
    ("from the inventory", BUY, ("FILL", "2", "115.05", LEFT), "2.1729682746", "250.00", "FILLED"),
    ("a little cheaper", BUY, ("FILL", "2", "115.00", LEFT, "0.5"), "2.1739130434", "250.00", "FILLED"),
    ("short", BUY, ("CANCELLED", "1", "115.05", LEFT, "0.5"), "1.1729682746", "134.95", "CANCELLED"),
    ("refused", BUY, ("REJECTED", "0", None), "0", "0", "CANCELLED"),
    ("sold", SELL, ("FILL", "2", "113.03"), "2.5", "282.57", "FILLED"),
    ("sold short", SELL, ("CANCELLED", "1", "113.03"), "1", "113.03", "CANCELLED"),
    ("sold nothing", SELL, ("CANCELLED", "0", None), "0", "0", "CANCELLED"),
    ("sold dearer than thought", BY_AMOUNT, ("FILL", "1", "150", "0.1"), "0.9", "135.00", "FILLED"),
    ("sold from the inventory", SMALL, ("FILL", "0", "113.03"), "0.5", "56.51", "FILLED"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "told", "quantity", "cash", "status"), [row[1:] for row in BLOCKS], ids=[row[0] for row in BLOCKS]
)
def test_a_block_serves_its_customer(
    fields: dict[str, Any], told: tuple[str, ...], quantity: str, cash: str, status: str
) -> None:
    order = blocked(processing(through="fractions", **fields), *told).order
    assert (order.executed_quantity, order.executed_cash, order.status) == (D(quantity), D(cash), status)


def test_a_better_price_makes_shares_missing() -> None:
    order = processing(through="fractions", lock_amount="250.00")
    assert blocked(order, "FILL", "2", "100.00", "0.1", "0").follow_up == D(1)
    assert blocked(order, "FILL", "2", "100.00", "0.1", "0").order == order


def test_nobody_follows_up_for_an_order_that_is_to_be_cancelled() -> None:
    asked = processing(through="fractions", lock_amount="250.00", cancellation_reason="CANCELLED_BY_CLIENT")
    booked = blocked(asked, "FILL", "2", "100.00", "0.1", "0")
    assert booked.follow_up == 0
    assert (booked.order.status, booked.order.cancellation_reason) == ("CANCELLED", "CANCELLED_BY_CLIENT")
    assert booked.order.executed_quantity == D("2.1")
