"""The simulated venue: every order type and side, in and out of session, capped, in parts, cancelled."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from openvest.ports.prices import Imported, ImportedBar
from openvest.ports.venue import VenueAnswer, VenueOrder
from openvest.simulation.fills import CANCELLED_ISIN, SEVERAL_ISIN, USUAL, Plan, tranches
from openvest.simulation.market import Market
from openvest.simulation.venue import Listed, answer
from tests.kit.venue_orders import (
    FIXED_ISIN,
    MONDAY_CLOSE,
    MONDAY_MORNING,
    MONDAY_NIGHT,
    MONDAY_OPEN,
    PATH_ISIN,
    TUESDAY_OPEN,
    listed,
    listing,
    venue_order,
)

D = Decimal
MINUTES = timedelta(minutes=1)
MARKET = Market("test")
NEXT_GRID = datetime(2026, 3, 2, 9, 35, tzinfo=MONDAY_MORNING.tzinfo)


def ask(order: VenueOrder, place: Listed | None = None, plan: Plan = USUAL) -> VenueAnswer:
    return answer(order, place or listed(order.isin), MARKET, plan)


def bar(at: datetime, prices: str, minutes: int = 60, volume: int = 500) -> ImportedBar:
    opened, high, low, closed = (D(price) for price in prices.split())
    return ImportedBar(at, at + minutes * MINUTES, minutes, opened, high, low, closed, D(volume))


def imported(*bars: ImportedBar) -> Listed:
    days = [one.at.date() for one in bars]
    return Listed(listing(PATH_ISIN), Imported(min(days), max(days), bars))


# One execution: 113.03 bid, 115.05 offer. A price and an instant: filled; None: it rests.
AT_ONCE, AT_OPEN = MONDAY_MORNING, TUESDAY_OPEN
TABLE = [
    ("BUY", "MARKET", None, None, "115.05"),
    ("SELL", "MARKET", None, None, "113.03"),
    ("BUY", "LIMIT", "115.05", None, "115.05"),
    ("BUY", "LIMIT", "120.00", None, "115.05"),
    ("BUY", "LIMIT", "115.04", None, None),
    ("SELL", "LIMIT", "113.03", None, "113.03"),
    ("SELL", "LIMIT", "100.00", None, "113.03"),
    ("SELL", "LIMIT", "113.04", None, None),
    ("BUY", "STOP", None, "115.05", "115.05"),
    ("BUY", "STOP", None, "110.00", "115.05"),
    ("BUY", "STOP", None, "115.06", None),
    ("SELL", "STOP", None, "113.03", "113.03"),
    ("SELL", "STOP", None, "120.00", "113.03"),
    ("SELL", "STOP", None, "113.02", None),
]


def typed(side: str, kind: str, limit: str | None, stop: str | None, **more: Any) -> VenueOrder:
    prices = {"limit_price": limit and D(limit), "stop_price": stop and D(stop)}
    return venue_order(side=side, order_type=kind, **prices, **more)


@pytest.mark.parametrize(("side", "kind", "limit", "stop", "price"), TABLE)
def test_in_session_an_order_fills_at_once_or_rests_until_the_next_open(
    side: str, kind: str, limit: str | None, stop: str | None, price: str | None
) -> None:
    said = ask(typed(side, kind, limit, stop))
    if price is None:
        assert (said.reports, said.look_at, said.drop_after) == ((), TUESDAY_OPEN, None)
        return
    (report,) = said.reports
    assert (report.kind, report.due_at, report.last) == ("FILL", MONDAY_MORNING, True)
    assert (report.price, report.quantity, report.cash_amount) == (D(price), D(10), None)
    assert said.look_at is None


@pytest.mark.parametrize(("side", "kind", "limit", "stop", "price"), TABLE)
def test_outside_the_session_an_order_waits_for_the_open_and_takes_its_first_point(
    side: str, kind: str, limit: str | None, stop: str | None, price: str | None
) -> None:
    order = typed(side, kind, limit, stop, active_at=MONDAY_NIGHT)
    said = ask(order)
    assert (said.reports, said.look_at) == ((), TUESDAY_OPEN)
    said = ask(replace(order, asked_at=TUESDAY_OPEN))
    if price is None:
        assert (said.reports, said.look_at) == ((), TUESDAY_OPEN + timedelta(days=1))
    else:
        assert [(r.due_at, r.price) for r in said.reports] == [(TUESDAY_OPEN, D(price))]


@pytest.mark.parametrize(("side", "kind", "limit", "stop", "price"), TABLE)
def test_at_the_pace_instant_there_are_no_sessions_and_a_limit_not_met_rests_for_ever(
    side: str, kind: str, limit: str | None, stop: str | None, price: str | None
) -> None:
    said = ask(typed(side, kind, limit, stop, active_at=MONDAY_NIGHT, pace="instant"))
    assert [(r.due_at, r.price) for r in said.reports] == ([] if price is None else [(MONDAY_NIGHT, D(price))])
    assert said.look_at is None


def test_any_other_isin_costs_a_hundred_at_the_pace_instant() -> None:
    said = ask(venue_order(isin=PATH_ISIN, pace="instant", cash_amount=D("250.00")))
    assert [(r.price, r.cash_amount, r.quantity) for r in said.reports] == [(D("100.00"), D("250.00"), None)]


def test_the_random_isin_is_looked_at_again_the_next_day() -> None:
    order = venue_order(
        isin="IE00B95PGT31", pace="instant", order_type="LIMIT", limit_price=D("1.00"), active_at=MONDAY_NIGHT
    )
    midnight = MONDAY_NIGHT.replace(day=3, hour=0)
    assert ask(order).look_at == midnight
    assert ask(replace(order, asked_at=midnight, look_after=MONDAY_NIGHT)).look_at == midnight + timedelta(days=1)
    (report,) = ask(replace(order, limit_price=D("80.00"))).reports
    assert MONDAY_NIGHT < report.due_at < midnight
    assert report.price == D("80.00")


def test_an_order_at_the_closing_instant_still_trades() -> None:
    assert [r.due_at for r in ask(venue_order(active_at=MONDAY_CLOSE)).reports] == [MONDAY_CLOSE]


def test_a_mutual_fund_has_one_price_a_day() -> None:
    place = Listed(listing(PATH_ISIN, type="FUND", whole_shares=False))
    order = venue_order(isin=PATH_ISIN, cash_amount=D("250.00"))
    (report,) = ask(order, place).reports
    assert report.due_at == datetime(2026, 3, 2, 15, 0, tzinfo=MONDAY_MORNING.tzinfo)
    late = replace(order, active_at=report.due_at + MINUTES, look_after=report.due_at + MINUTES)
    late = replace(late, asked_at=late.active_at)
    assert (ask(late, place).reports, ask(late, place).look_at) == ((), TUESDAY_OPEN)


def test_a_protective_limit_waits_for_a_point_that_is_not_beyond_it() -> None:
    rising = bar(MONDAY_OPEN + 60 * MINUTES, "110 120 110 120")
    falling = bar(MONDAY_OPEN + 180 * MINUTES, "120 120 104 106")
    place = imported(bar(MONDAY_OPEN, "100 100 100 100"), rising, falling)
    order = venue_order(isin=PATH_ISIN, active_at=MONDAY_MORNING, limit_price=D("108.00"))
    (report,) = ask(order, place).reports
    assert report.price == D("108.00")
    assert report.due_at > MONDAY_OPEN + 180 * MINUTES


@pytest.mark.parametrize("kind", ["MARKET", "STOP"])
def test_a_rest_the_market_has_run_away_from_is_cancelled_at_the_sessions_end(kind: str) -> None:
    stop = D("100.00") if kind == "STOP" else None
    said = ask(venue_order(order_type=kind, stop_price=stop, limit_price=D("115.04")))
    (report,) = said.reports
    assert (report.kind, report.due_at, report.last, said.look_at) == ("CANCELLED", MONDAY_CLOSE, True, None)
    assert (report.quantity, report.cash_amount, report.price) == (None, None, None)


def test_a_day_without_points_is_waited_out() -> None:
    quiet = imported(bar(MONDAY_OPEN, "100 100 100 100", volume=0))
    said = ask(venue_order(isin=PATH_ISIN), quiet)
    assert (said.reports, said.look_at) == ((), TUESDAY_OPEN)


def test_a_venue_that_was_not_asked_for_days_tells_what_happened_on_each_of_them() -> None:
    fall = datetime(2026, 3, 4, 8, 0, tzinfo=MONDAY_MORNING.tzinfo)
    place = imported(bar(MONDAY_OPEN, "100 101 99 100"), bar(fall, "95 96 89 92"))
    order = venue_order(isin=PATH_ISIN, order_type="LIMIT", limit_price=D("90.00"))
    (report,) = ask(replace(order, asked_at=fall + timedelta(days=5)), place).reports
    assert report.price == D("90.00")
    assert fall < report.due_at < fall + 60 * MINUTES


@pytest.mark.parametrize(
    ("value", "parts"),
    [("100.99", 1), ("101.00", 2), ("200.99", 2), ("201.00", 3), ("301.00", 4), ("401.00", 5), ("9000.00", 5)],
)
def test_executions_of_the_partial_isin_follow_the_value(value: str, parts: int) -> None:
    said = ask(venue_order(isin=SEVERAL_ISIN, pace="instant", cash_amount=D(value)))
    assert [r.due_at for r in said.reports] == [MONDAY_MORNING] * parts
    assert [r.last for r in said.reports] == [False] * (parts - 1) + [True]
    assert sum(r.cash_amount or 0 for r in said.reports) == D(value)
    assert len({r.external_id for r in said.reports}) == parts


@pytest.mark.parametrize(
    ("value", "filled"), [("50.00", 1), ("150.00", 1), ("250.00", 2), ("350.00", 3), ("900.00", 4)]
)
def test_the_cancelling_isin_ends_before_its_last_execution(value: str, filled: int) -> None:
    said = ask(venue_order(isin=CANCELLED_ISIN, pace="instant", cash_amount=D(value)))
    assert [r.kind for r in said.reports] == ["FILL"] * filled + ["CANCELLED"]
    assert said.reports[-1].last
    parts = [r.cash_amount for r in said.reports[:-1]]
    assert parts == tranches(venue_order(cash_amount=D(value)), filled + 1)[:-1]


def test_executions_in_session_stand_at_consecutive_points() -> None:
    said = ask(venue_order(isin=SEVERAL_ISIN, cash_amount=D("500.00")))
    grid = [NEXT_GRID + 5 * place * MINUTES for place in range(4)]
    assert [r.due_at for r in said.reports] == [MONDAY_MORNING, *grid]


@pytest.mark.parametrize(("side", "limit"), [("BUY", "102.00"), ("SELL", "98.00")])
def test_a_limit_the_market_is_through_costs_none_of_its_executions_more_than_the_market(side: str, limit: str) -> None:
    said = ask(typed(side, "LIMIT", limit, None, isin=SEVERAL_ISIN))
    assert [r.price for r in said.reports] == [D("100.00")] * 5


def test_executions_shortly_before_the_close_stay_within_the_session() -> None:
    late = MONDAY_CLOSE - 6 * MINUTES
    said = ask(venue_order(isin=SEVERAL_ISIN, cash_amount=D("500.00"), active_at=late))
    assert [r.due_at for r in said.reports] == [late, MONDAY_CLOSE - 5 * MINUTES, *[MONDAY_CLOSE] * 3]


@pytest.mark.parametrize(
    ("changes", "count", "parts"),
    [
        ({"cash_amount": D("250.00")}, 3, ["83.34", "83.33", "83.33"]),
        ({"cash_amount": D("0.02")}, 3, ["0.01", "0.01"]),
        ({"quantity": D(10)}, 3, ["4", "3", "3"]),
        ({"quantity": D(2)}, 5, ["1", "1"]),
        ({"quantity": D("0.5"), "quantity_decimals": 4}, 3, ["0.1667", "0.1667", "0.1666"]),
    ],
)
def test_tranches_sum_to_the_order(changes: dict[str, Any], count: int, parts: list[str]) -> None:
    assert tranches(venue_order(**changes), count) == [D(part) for part in parts]


def test_a_cancellation_ends_what_rests_and_voids_what_was_announced() -> None:
    order = venue_order(order_type="LIMIT", limit_price=D("1.00"), cancel=True)
    said = ask(replace(order, asked_at=MONDAY_MORNING + MINUTES))
    (report,) = said.reports
    assert (report.kind, report.due_at, report.last) == ("CANCELLED", MONDAY_MORNING + MINUTES, True)
    assert (said.look_at, said.drop_after) == (None, MONDAY_MORNING + MINUTES)


def test_a_cancellation_keeps_what_was_executed_before_it() -> None:
    order = venue_order(isin=SEVERAL_ISIN, cash_amount=D("500.00"))
    first = ask(order)
    asked_at = NEXT_GRID + MINUTES
    said = ask(replace(order, cancel=True, look_after=MONDAY_MORNING, asked_at=asked_at))
    assert said.reports[:2] == first.reports[:2]
    assert [(r.kind, r.due_at) for r in said.reports[2:]] == [("CANCELLED", asked_at)]
    assert said.drop_after == asked_at


def test_a_cancellation_that_comes_after_the_last_execution_ends_nothing() -> None:
    order = venue_order()
    said = ask(replace(order, cancel=True, asked_at=MONDAY_MORNING + MINUTES))
    assert (said.reports, said.look_at) == (ask(order).reports, None)


def test_an_order_for_something_the_venue_does_not_list_is_rejected() -> None:
    order = venue_order()
    (report,) = answer(order, None, MARKET).reports
    assert (report.kind, report.last, report.due_at) == ("REJECTED", True, MONDAY_MORNING)


def test_an_order_ends_with_the_last_session_of_the_calendars() -> None:
    after = datetime(2040, 12, 31, 20, 0, tzinfo=MONDAY_MORNING.tzinfo)
    rests = datetime(2040, 12, 28, 9, 0, tzinfo=MONDAY_MORNING.tzinfo)
    closes = datetime(2040, 12, 28, 13, 0, tzinfo=MONDAY_MORNING.tzinfo)
    for active_at, ends_at in ((after, after), (rests, closes)):
        said = ask(venue_order(active_at=active_at, asked_at=active_at, order_type="LIMIT", limit_price=D("0.01")))
        (report,) = said.reports
        assert (report.kind, report.last, report.due_at, said.look_at) == ("CANCELLED", True, ends_at, None)


# What scenarios make of an order


def test_a_rejected_order_is_told_at_once_even_outside_the_session() -> None:
    (report,) = ask(venue_order(active_at=MONDAY_NIGHT), plan=Plan(rejected=True)).reports
    assert (report.kind, report.due_at) == ("REJECTED", MONDAY_NIGHT)


def test_partial_then_cancelled_executes_one_half() -> None:
    fill, end = ask(venue_order(), plan=Plan(parts=2, cancels_last=True)).reports
    assert (fill.quantity, fill.due_at, fill.last) == (D(5), MONDAY_MORNING, False)
    assert (end.kind, end.due_at, end.last) == ("CANCELLED", NEXT_GRID, True)


@pytest.mark.parametrize("pace", ["calendar", "instant"])
def test_a_delay_moves_the_order_by_an_hour(pace: str) -> None:
    order = venue_order(pace=pace)
    (report,) = ask(order, plan=Plan(delay=timedelta(hours=1))).reports
    assert report.due_at == MONDAY_MORNING + timedelta(hours=1)


def test_a_delay_beyond_the_close_moves_the_order_to_the_next_session() -> None:
    late = venue_order(active_at=MONDAY_CLOSE - 10 * MINUTES)
    plan = Plan(delay=timedelta(hours=1))
    assert ask(late, plan=plan).look_at == TUESDAY_OPEN
    (report,) = ask(replace(late, asked_at=TUESDAY_OPEN), plan=plan).reports
    assert report.due_at == TUESDAY_OPEN


def test_fixed_isin_is_in_the_published_table() -> None:
    quote = MARKET.quote(listing(FIXED_ISIN), MONDAY_MORNING, "calendar")
    assert quote is not None and (quote.bid, quote.offer) == (D("113.03"), D("115.05"))


# Imports


@pytest.mark.parametrize(("side", "kind", "limit"), [("BUY", "MARKET", None), ("SELL", "LIMIT", "90.00")])
def test_an_order_between_two_imports_is_filled_at_the_next_opening(side: str, kind: str, limit: str | None) -> None:
    months_later = MONDAY_OPEN + timedelta(days=182)
    place = imported(bar(MONDAY_OPEN, "100 101 99 100", 1440), bar(months_later, "300 301 299 300", 1440))
    order = typed(side, kind, limit, None, isin=PATH_ISIN, active_at=MONDAY_NIGHT)
    waiting = ask(order, place)
    assert (waiting.reports, waiting.look_at) == ((), TUESDAY_OPEN)
    (fill,) = ask(replace(order, asked_at=TUESDAY_OPEN), place).reports
    assert (fill.kind, fill.due_at) == ("FILL", TUESDAY_OPEN)
    assert fill.price is not None and abs(fill.price - 100) < 2


def test_an_order_trades_in_the_auction_that_comes_after_the_close() -> None:
    hours = [bar(MONDAY_OPEN + place * 60 * MINUTES, "100 101 99 100") for place in range(9)]
    auction = bar(MONDAY_CLOSE + 5 * MINUTES, "95 95 95 95")
    order = typed("BUY", "LIMIT", "95.00", None, isin=PATH_ISIN, active_at=MONDAY_MORNING)
    (fill,) = ask(replace(order, asked_at=MONDAY_CLOSE), imported(*hours, auction)).reports
    assert (fill.due_at, fill.price) == (MONDAY_CLOSE, 95)
    assert not ask(replace(order, asked_at=MONDAY_CLOSE), imported(*hours)).reports
