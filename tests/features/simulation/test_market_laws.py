"""Laws of the simulated market: one seed is one market, nothing is filled outside its candle, prices stay sane."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from openvest.core.ids import deterministic_id
from openvest.core.trading_calendar import Session, session_on
from openvest.ports.prices import DAY_MINUTES, Candle, Imported, ImportedBar, Listing, Point
from openvest.ports.stored_prices import candles_of_points, half_spread
from openvest.simulation.market import Market, StreetOrder, first_trigger
from openvest.simulation.market.path import FARTHEST, Anchor, Path, trading_days
from openvest.simulation.market.sandbox import FIXED, RANDOM_ISIN

ISINS = ("DE0007164600", "US0378331005", "IE00BKBF6H24", "IE00BM67HM91", RANDOM_ISIN)
TYPES = ("EQUITY", "ETF", "BOND", "FUND")

seeds = st.text(max_size=5)
paces = st.sampled_from(("calendar", "instant"))
intervals = st.sampled_from((5, 7, 15, 60, DAY_MINUTES))
days = st.builds(
    lambda mic, place: (mic, trading_days(mic)[place]), st.sampled_from(("XETR", "XLON")), st.integers(1, 5000)
)


@st.composite
def listings(draw: st.DrawFn, mic: str = "XETR") -> Listing:
    isin, kind = draw(st.sampled_from(ISINS)), draw(st.sampled_from(TYPES))
    tick = draw(st.sampled_from((Decimal("0.0001"), Decimal("0.01"), Decimal("0.05"))))
    price = draw(st.integers(100, 1_000_000)) * tick
    ids = deterministic_id("instrument", isin), deterministic_id("venue", mic)
    kinds: Any = kind
    return Listing(*ids, isin, kinds, mic, "EUR", tick, price, True)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Listing, Session]:
    mic, on = draw(days)
    session = session_on(mic, on)
    assert session is not None
    return draw(listings(mic)), session


@st.composite
def imports(draw: st.DrawFn, session: Session) -> Imported:
    """Bars of some hours, which may begin before the session and end after it, or one daily bar."""
    minutes = draw(st.sampled_from((30, 60, DAY_MINUTES)))
    bars: list[ImportedBar] = []
    first = 0 if minutes == DAY_MINUTES else draw(st.integers(-2, 18))
    for place in range(first, first + (1 if minutes == DAY_MINUTES else draw(st.integers(1, 4)))):
        prices = [Decimal(draw(st.integers(100, 200))) / 4 for _ in range(4)]
        at = session.opens_at + place * timedelta(minutes=minutes)
        end = session.closes_at if minutes == DAY_MINUTES else at + timedelta(minutes=minutes)
        volume = Decimal(draw(st.integers(0, 3)))
        bars.append(ImportedBar(at, end, minutes, prices[0], max(prices), min(prices), prices[1], volume))
    return Imported(session.on, session.on, bars)


def midnight(on: date) -> datetime:
    return datetime.combine(on, time(), UTC)


def day_of(market: Market, listing: Listing, session: Session, rows: Imported | None = None) -> list[Point]:
    return market.points(listing, session.on, midnight(session.on), session.closes_at, "calendar", rows)


def candles_of(
    market: Market, listing: Listing, session: Session, minutes: int, rows: Imported | None = None
) -> list[Candle]:
    start = midnight(session.on)
    return market.candles(listing, start, start + timedelta(days=1), minutes, "calendar", 10_000, rows)


@given(seeds, scenes())
def test_one_seed_is_one_market(seed: str, scene: tuple[Listing, Session]) -> None:
    listing, session = scene
    used = Market(seed)
    for year in (2020, 2039, 2030):
        used.quote(listing, datetime(year, 7, 1, tzinfo=UTC), "calendar")
    assert day_of(used, listing, session) == day_of(Market(seed), listing, session)


@given(seeds, seeds, scenes())
def test_another_seed_is_another_market(seed: str, other: str, scene: tuple[Listing, Session]) -> None:
    listing, session = scene
    if seed == other or listing.isin in FIXED or listing.type == "FUND" or listing.reference_price < 1000:
        return
    assert day_of(Market(seed), listing, session) != day_of(Market(other), listing, session)


@given(seeds, scenes())
def test_points_are_positive_exact_and_on_the_tick(seed: str, scene: tuple[Listing, Session]) -> None:
    listing, session = scene
    for point in day_of(Market(seed), listing, session):
        assert session.opens_at <= point.at <= session.closes_at
        for price in (point.bid, point.offer):
            assert type(price) is Decimal
            assert price > 0
        if listing.isin in FIXED or listing.isin == RANDOM_ISIN:
            continue
        assert type(point.last) is Decimal
        assert point.bid <= point.last <= point.offer
        assert point.last - point.bid == point.offer - point.last == half_spread(listing, point.last)
        assert all(price % listing.tick_size == 0 for price in (point.bid, point.last, point.offer))


@settings(max_examples=25)
@given(seeds, st.sampled_from(TYPES), st.integers(4, 10_000_000), st.integers(0, 5000))
def test_closes_neither_die_nor_explode(seed: str, kind: Any, ticks: int, start: int) -> None:
    path = Path(seed, ISINS[0], kind, "XETR", Anchor(trading_days("XETR")[start], ticks))
    path.close(trading_days("XETR")[-1])
    closes = [path.close(on) for on in trading_days("XETR")[start:]]
    assert all(type(close) is int for close in closes)
    assert min(closes) >= max(ticks // FARTHEST, 4)
    assert max(closes) <= ticks * FARTHEST
    if ticks > 10_000 and len(closes) > 100:
        assert len(set(closes)) > 10, "a path that stands still is none"


@given(seeds, scenes(), intervals)
def test_a_candle_holds_every_point_of_its_time(seed: str, scene: tuple[Listing, Session], minutes: int) -> None:
    listing, session = scene
    market = Market(seed)
    candles = candles_of(market, listing, session, minutes)
    points = day_of(market, listing, session)
    assert sum(candle.volume for candle in candles) == sum(point.volume for point in points)
    for point in points:
        candle = candle_at(candles, point.at)
        assert candle.low is not None
        assert candle.high is not None
        assert candle.low <= min(point.bid, point.offer) <= max(point.bid, point.offer) <= candle.high
    for candle in candles:
        assert candle.low is not None and candle.high is not None and candle.open is not None
        assert candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high


def candle_at(candles: list[Candle], at: datetime) -> Candle:
    return max((candle for candle in candles if candle.at <= at), key=lambda candle: candle.at)


@given(seeds, scenes())
def test_the_quick_daily_candle_is_the_one_of_the_points(seed: str, scene: tuple[Listing, Session]) -> None:
    listing, session = scene
    market = Market(seed)
    points = day_of(market, listing, session)
    assert candles_of(market, listing, session, DAY_MINUTES) == candles_of_points(points, session.on, DAY_MINUTES)


@given(seeds, scenes(), intervals, st.data())
def test_nothing_is_filled_outside_its_candle(
    seed: str, scene: tuple[Listing, Session], minutes: int, data: st.DataObject
) -> None:
    listing, session = scene
    market = Market(seed)
    rows = data.draw(st.none() | imports(session))
    after = session.opens_at + timedelta(minutes=data.draw(st.integers(-30, 500)))
    points = market.points(listing, session.on, after, session.closes_at, "calendar", rows)
    if not points:
        return
    middle = points[data.draw(st.integers(0, len(points) - 1))]
    price = middle.offer + data.draw(st.integers(-20, 20)) * listing.tick_size
    if price <= 0:
        return
    kind: Any = data.draw(st.sampled_from(("MARKET", "LIMIT", "STOP")))
    side: Any = data.draw(st.sampled_from(("BUY", "SELL")))
    cap = price if side == "BUY" and data.draw(st.booleans()) else None
    order = StreetOrder(side, kind, price if kind == "LIMIT" else None, price if kind == "STOP" else None, cap)
    trigger = first_trigger(order, points)
    if trigger is None or trigger.price is None or trigger.filled_at is None:
        return
    if side == "BUY" and cap is not None:
        assert trigger.price <= cap
    if kind == "LIMIT":
        assert trigger.price <= price if side == "BUY" else trigger.price >= price
    # A limit between two imported bars is filled between their points; only their day is sure to hold it.
    width = minutes if rows is None else DAY_MINUTES
    candle = candle_at(candles_of(market, listing, session, width, rows), trigger.filled_at)
    assert candle.low is not None and candle.high is not None
    assert candle.low <= trigger.price <= candle.high


@settings(max_examples=20)
@given(seeds, days, intervals)
def test_a_limit_filled_between_two_points_is_in_the_candle_of_the_second(
    seed: str, day: tuple[str, date], minutes: int
) -> None:
    mic, on = day
    session = session_on(mic, on)
    assert session is not None
    ids = deterministic_id("instrument", ISINS[0]), deterministic_id("venue", mic)
    listing = Listing(*ids, ISINS[0], "EQUITY", mic, "EUR", Decimal("0.01"), Decimal(500), True)
    market = Market(seed)
    points, candles = day_of(market, listing, session), candles_of(market, listing, session, minutes)
    between = 0
    for before, point in pairwise(points):
        falls = before.offer - listing.tick_size > point.offer
        rises = before.bid + listing.tick_size < point.bid
        if not falls and not rises:
            continue
        price = before.offer - listing.tick_size if falls else before.bid + listing.tick_size
        trigger = first_trigger(StreetOrder("BUY" if falls else "SELL", "LIMIT", price), [point])
        assert trigger is not None
        assert trigger.price == price
        candle = candle_at(candles, point.at)
        assert candle.low is not None and candle.high is not None
        assert candle.low <= price <= candle.high
        between += not point.bid <= price <= point.offer
    assert between > 0


@given(seeds, scenes(), paces, st.integers(0, 86_399))
def test_the_quote_is_the_last_point(seed: str, scene: tuple[Listing, Session], pace: Any, second: int) -> None:
    listing, session = scene
    market = Market(seed)
    at = midnight(session.on) + timedelta(seconds=second)
    quote = market.quote(listing, at, pace)
    assert quote is not None
    assert quote.at <= at
    if pace == "instant":
        (first, *_) = market.points(listing, session.on, at, at, pace)
        assert (first.bid, first.offer, first.fresh) == (quote.bid, quote.offer, True)
        return
    known = [point for point in day_of(market, listing, session) if point.at <= at]
    if known:
        assert (quote.at, quote.bid, quote.offer) == (known[-1].at, known[-1].bid, known[-1].offer)
    else:
        assert quote.at < session.opens_at


@given(seeds, st.integers(0, 20 * 365 * 86_400))
def test_the_random_price_moves_with_seed_and_time_and_stays_in_its_bounds(seed: str, second: int) -> None:
    at = datetime(2020, 1, 2, tzinfo=UTC) + timedelta(seconds=second)
    ids = deterministic_id("instrument", RANDOM_ISIN), deterministic_id("venue", "XETR")
    listing = Listing(*ids, RANDOM_ISIN, "ETF", "XETR", "EUR", Decimal("0.01"), Decimal(100), True)
    quote, same = Market(seed).quote(listing, at, "instant"), Market(seed).quote(listing, at, "instant")
    assert quote == same
    assert quote is not None
    assert 50 <= quote.bid <= quote.offer < 151
    hours = [Market(seed).quote(listing, at + timedelta(minutes=5 * n), "instant") for n in range(20)]
    assert len({hour.bid for hour in hours if hour}) > 5
