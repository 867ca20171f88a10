"""Every row of the table of ORDER_MATHS.md section 5, and what imported bars and the protective limit add to it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from openvest.core.ids import deterministic_id
from openvest.core.trading_calendar import session_on
from openvest.ports.prices import Imported, ImportedBar, ImportedQuote, Listing, Point
from openvest.ports.stored_prices import StoredPrices, bar_points
from openvest.simulation.market import Market, StreetOrder, Trigger, first_trigger

OPEN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
CLOSE = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
NIGHT = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
DAY = date(2026, 3, 2)
FIVE = timedelta(minutes=5)


def listing(kind: Any = "EQUITY", isin: str = "DE0007164600") -> Listing:
    ids = deterministic_id("instrument", isin), deterministic_id("venue", "XETR")
    return Listing(*ids, isin, kind, "XETR", "EUR", Decimal("0.01"), Decimal("100.00"), True)


def order(side: Any, kind: Any, price: str | None = None, protective: str | None = None) -> StreetOrder:
    given = {"LIMIT": "limit_price", "STOP": "stop_price"}.get(kind)
    prices: dict[str, Any] = {given: Decimal(price)} if given and price else {}
    cap = None if protective is None else Decimal(protective)
    return StreetOrder(side, kind, protective_limit=cap, **prices)


def walk(*quotes: str, fresh: bool = True) -> list[Point]:
    """Points 5 minutes apart from `bid/offer` texts; the first is fresh."""
    pairs = [quote.split("/") for quote in quotes]
    return [
        Point(OPEN + place * FIVE, Decimal(bid), Decimal(offer), fresh=fresh and place == 0)
        for place, (bid, offer) in enumerate(pairs)
    ]


def seen(trigger: Trigger | None) -> str:
    """`point price` of a fill, `point -` of a trigger that fills nothing, `rests`."""
    if trigger is None:
        return "rests"
    if trigger.filled_at is None:
        return f"{(trigger.triggered_at - OPEN) // FIVE} -"
    return f"{(trigger.filled_at - OPEN) // FIVE} {trigger.price}"


@pytest.mark.parametrize(
    ("side", "kind", "price", "quotes", "expected"),
    [
        # MARKET takes the first point, whatever it says.
        ("BUY", "MARKET", None, "99/101 95/96", "0 101"),
        ("SELL", "MARKET", None, "99/101 105/106", "0 99"),
        # LIMIT at a fresh point: the point's own price, better than asked.
        ("BUY", "LIMIT", "102", "99/101", "0 101"),
        ("BUY", "LIMIT", "101", "99/101", "0 101"),
        ("SELL", "LIMIT", "98", "99/101", "0 99"),
        ("SELL", "LIMIT", "99", "99/101", "0 99"),
        # LIMIT at another point: the limit, which the market moved through.
        ("BUY", "LIMIT", "100", "99/101 94/95", "1 100"),
        ("BUY", "LIMIT", "100", "99/101 99/100.01 98/100", "2 100"),
        ("SELL", "LIMIT", "104", "99/101 108/110", "1 104"),
        ("SELL", "LIMIT", "104", "99/101 103.99/110 104/110", "2 104"),
        # STOP becomes MARKET at the point that triggers it: a gap costs the customer.
        ("BUY", "STOP", "100", "99/101", "0 101"),
        ("BUY", "STOP", "101", "99/101", "0 101"),
        ("BUY", "STOP", "104", "99/101 103/105", "1 105"),
        ("SELL", "STOP", "100", "99/101", "0 99"),
        ("SELL", "STOP", "99", "99/101", "0 99"),
        ("SELL", "STOP", "95", "99/101 94/96", "1 94"),
        # Not triggered: quotes count, not what lies between bid and offer.
        ("BUY", "LIMIT", "100", "99/101 99.5/100.5", "rests"),
        ("SELL", "LIMIT", "100", "99/101 99.5/100.5", "rests"),
        ("BUY", "STOP", "102", "99/101 101/101.99", "rests"),
        ("SELL", "STOP", "98", "99/101 98.01/99", "rests"),
        ("BUY", "MARKET", None, "", "rests"),
    ],
)
def test_the_table(side: str, kind: str, price: str | None, quotes: str, expected: str) -> None:
    assert seen(first_trigger(order(side, kind, price), walk(*quotes.split()))) == expected


@pytest.mark.parametrize(
    ("kind", "price", "quotes", "expected"),
    [
        # Inside the protective limit nothing changes.
        ("MARKET", None, "99/101", "0 101"),
        ("STOP", "104", "99/101 103/105", "1 105"),
        # Beyond it the point fills nothing; from the next on the limit is what the market moves through.
        ("MARKET", None, "109/111 112/113 100/102", "2 110"),
        ("STOP", "104", "99/101 110/112 105/107", "2 110"),
        ("STOP", "104", "99/101 110/112 109/110", "2 110"),
        # The market has run away for good.
        ("MARKET", None, "109/111 112/113", "0 -"),
        ("STOP", "104", "99/101 110/112 111/113", "1 -"),
        # A LIMIT takes the smaller of the two, and rests.
        ("LIMIT", "115", "109/111 105/108", "1 110"),
        ("LIMIT", "115", "109/111 110/112", "rests"),
        ("LIMIT", "105", "109/111 105/108 100/103", "2 105"),
    ],
)
def test_the_protective_limit(kind: str, price: str | None, quotes: str, expected: str) -> None:
    assert seen(first_trigger(order("BUY", kind, price, "110"), walk(*quotes.split()))) == expected


@pytest.mark.parametrize(
    ("quotes", "expected"),
    [("99/101", "0 99"), ("89/91 85/86 95/97", "2 90"), ("89/91 85/86", "0 -")],
)
def test_the_floor_of_a_sale(quotes: str, expected: str) -> None:
    assert seen(first_trigger(order("SELL", "MARKET", None, "90"), walk(*quotes.split()))) == expected


def test_a_protective_limit_at_the_next_fresh_point_takes_the_points_own_price() -> None:
    points = [*walk("109/111"), *walk("100/102")]
    assert seen(first_trigger(order("BUY", "MARKET", None, "110"), points)) == "0 102"


@pytest.mark.parametrize(
    ("side", "kind", "limit", "stop", "protective"),
    [
        ("BUY", "LIMIT", None, None, None),
        ("BUY", "MARKET", "100", None, None),
        ("BUY", "STOP", None, None, None),
        ("BUY", "LIMIT", "100", "100", None),
        ("SELL", "LIMIT", "100", None, "100"),
    ],
)
def test_orders_that_make_no_sense_cannot_be_made(
    side: Any, kind: Any, limit: str | None, stop: str | None, protective: str | None
) -> None:
    prices = [None if text is None else Decimal(text) for text in (limit, stop, protective)]
    with pytest.raises(ValueError, match=r"limit|stop"):
        StreetOrder(side, kind, *prices)


# Imported bars


def bar(opened: str, high: str, low: str, close: str, volume: str = "10", minutes: int = 1440) -> ImportedBar:
    end = CLOSE if minutes == 1440 else OPEN + timedelta(minutes=minutes)
    prices = (Decimal(text) for text in (opened, high, low, close, volume))
    return ImportedBar(OPEN, end, minutes, *prices)


def test_a_rising_bar_goes_down_first_and_a_falling_one_up() -> None:
    thirds = [OPEN, OPEN + timedelta(minutes=170), OPEN + timedelta(minutes=340), CLOSE]
    rising = bar_points(listing(), bar("100", "110", "90", "105"))
    assert [(p.at, p.last) for p in rising] == list(zip(thirds, (100, 90, 110, 105), strict=True))
    falling = bar_points(listing(), bar("105", "110", "90", "100"))
    assert [p.last for p in falling] == [105, 110, 90, 100]


def test_a_bars_quotes_stay_inside_it() -> None:
    points = bar_points(listing(), bar("100", "110", "90", "105"))
    assert [(p.bid, p.offer) for p in points] == [
        (Decimal("99.97"), Decimal("100.03")),
        (Decimal("90"), Decimal("90.02")),
        (Decimal("109.97"), Decimal("110")),
        (Decimal("104.97"), Decimal("105.03")),
    ]


@pytest.mark.parametrize(
    ("side", "kind", "price", "expected"),
    [
        ("BUY", "LIMIT", "101", "100.03"),  # the open is fresh
        ("BUY", "LIMIT", "95", "95"),  # on the way to the low
        ("SELL", "LIMIT", "108", "108"),  # on the way to the high
        ("BUY", "STOP", "99", "100.03"),  # gap: the open is already beyond the stop
        ("BUY", "STOP", "108", "108"),  # never at the bar's high
        ("SELL", "STOP", "101", "99.97"),
        ("SELL", "STOP", "92", "92"),  # never at the bar's low
        ("BUY", "STOP", "110.01", None),
        ("SELL", "LIMIT", "110", None),
        ("BUY", "LIMIT", "90", None),
    ],
)
def test_orders_in_a_bar(side: str, kind: str, price: str, expected: str | None) -> None:
    rows = Imported(DAY, DAY, [bar("100", "110", "90", "105")])
    for market in (Market("seed"), StoredPrices()):
        points = market.points(listing(), DAY, NIGHT, CLOSE, "calendar", rows)
        trigger = first_trigger(order(side, kind, price), points)
        assert (None if trigger is None else str(trigger.price)) == expected


def test_a_bar_without_volume_has_no_point_but_a_price() -> None:
    rows = Imported(DAY, DAY, [bar("100", "110", "90", "105", "0")])
    assert Market("seed").points(listing(), DAY, NIGHT, CLOSE, "calendar", rows) == []
    quote = Market("seed").quote(listing(), CLOSE, "calendar", rows)
    assert quote is not None
    assert quote.last == 105


# What an order sees


def points_of(after: datetime, *, looked: datetime | None = None, kind: str = "EQUITY") -> list[Point]:
    return Market("seed").points(listing(kind), DAY, after, CLOSE, "calendar", looked=looked)


def test_the_open_is_the_fresh_point_of_an_order_that_waited() -> None:
    points = points_of(NIGHT)
    assert (points[0].at, points[-1].at, len(points)) == (OPEN, CLOSE, 103)
    assert [point.fresh for point in points] == [True] + [False] * 102


def test_an_order_in_session_looks_first_at_the_quote_of_its_instant() -> None:
    after = OPEN + timedelta(minutes=12)
    points = points_of(after)
    known = Market("seed").quote(listing(), after, "calendar")
    assert known is not None
    assert (points[0].at, points[0].bid, points[0].offer, points[0].fresh) == (after, known.bid, known.offer, True)
    assert (points[1].at, points[1].fresh) == (OPEN + timedelta(minutes=15), False)


@pytest.mark.parametrize("after", [OPEN, CLOSE])
def test_both_ends_belong_to_the_session(after: datetime) -> None:
    points = points_of(after)
    assert (points[0].at, points[0].fresh) == (after, True)
    assert len(points) == (103 if after == OPEN else 1)


def test_after_the_close_there_is_nothing_and_before_the_next_open_neither() -> None:
    assert points_of(CLOSE + timedelta(microseconds=1)) == []
    assert Market("seed").points(listing(), date(2026, 3, 1), NIGHT, CLOSE, "calendar") == []


def test_what_was_looked_at_is_left_out_and_freshness_stays() -> None:
    points = points_of(NIGHT, looked=OPEN + timedelta(minutes=7))
    assert (points[0].at, points[0].fresh) == (OPEN + timedelta(minutes=10), False)


def test_before_the_first_quote_of_a_day_the_next_point_is_the_fresh_one() -> None:
    quotes = [ImportedQuote(OPEN + place * FIVE, Decimal(99), Decimal(101)) for place in (1, 2)]
    rows = Imported(DAY, DAY, quotes=quotes)
    points = Market("seed").points(listing(), DAY, OPEN + timedelta(minutes=1), CLOSE, "calendar", rows)
    assert [(point.at, point.fresh) for point in points] == [(OPEN + FIVE, True), (OPEN + 2 * FIVE, False)]


def test_a_fund_has_one_price_a_day_at_the_cut_off() -> None:
    cut_off = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    points = points_of(OPEN, kind="FUND")
    assert [(point.at, point.fresh) for point in points] == [(cut_off, True)]
    assert points[0].bid == points[0].offer == points[0].last
    assert points_of(cut_off, kind="FUND") == [], "an order at the cut-off takes the next day's price"
    quotes = [Market("seed").quote(listing("FUND"), at, "calendar") for at in (cut_off - FIVE, cut_off)]
    assert [quote and quote.at.date().day for quote in quotes] == [27, 2]


def test_a_fund_on_a_half_day_has_its_price_at_the_close() -> None:
    half = date(2026, 12, 30)
    session = session_on("XETR", half)
    assert session is not None
    assert session.half_day
    points = Market("seed").points(listing("FUND"), half, session.opens_at, session.closes_at, "calendar")
    assert [point.at for point in points] == [session.closes_at]
