"""Laws of imported prices: the evening's price is the day's close, everything reads one grid, and nothing stands still.

Rows lie where files have them: hours that end after the close, auctions minutes later, quotes of the whole day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import given, seed, settings
from hypothesis import strategies as st

from openvest.core.ids import deterministic_id
from openvest.core.trading_calendar import Session, known_venues, session_after, sessions_between
from openvest.ports.prices import DAY_MINUTES, Candle, Imported, ImportedBar, ImportedQuote, Listing, Point, Prices
from openvest.ports.stored_prices import StoredPrices, last_price
from openvest.simulation.market import Market, StreetOrder, first_trigger
from openvest.simulation.market.path import Anchor, Path

Law = Callable[..., None]
MARKET = Market("imports")
ISIN = "DE0007164600"
CENT = Decimal("0.01")
MINUTES = (1, 5, 15, 30, 60, 120, 240, DAY_MINUTES)
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
SESSIONS = [session for mic in known_venues() for session in sessions_between(mic, FIRST, LAST)]
HALF_DAYS = [session for session in SESSIONS if session.half_day]
assert {session.mic for session in HALF_DAYS} == set(known_venues())
sessions = st.sampled_from(SESSIONS) | st.sampled_from(HALF_DAYS)
kinds: st.SearchStrategy[Any] = st.sampled_from(("EQUITY", "ETF", "BOND", "FUND"))
prices = st.integers(9_000, 11_000).map(lambda cents: cents * CENT)


def listing(mic: str, kind: Any = "EQUITY") -> Listing:
    ids = deterministic_id("instrument", ISIN), deterministic_id("venue", mic)
    return Listing(*ids, ISIN, kind, mic, "EUR", CENT, Decimal(100), True)


def midnight(on: date) -> datetime:
    return datetime.combine(on, time(), UTC)


@st.composite
def bars_of(draw: st.DrawFn, session: Session, minutes: int) -> list[ImportedBar]:
    """Bars of one interval on its own grid of the UTC day, from before the opening to after the close."""
    length = timedelta(minutes=minutes)
    first = session.opens_at - draw(st.integers(-30, 90)) * timedelta(minutes=1)
    start = midnight(session.on) + (first - midnight(session.on)) // length * length
    last = session.closes_at + draw(st.integers(-30, 90)) * timedelta(minutes=1)
    starts = [start + place * length for place in range(1 + max((last - start) // length, 0))]
    if minutes < 30:
        starts = [start, *draw(st.lists(st.sampled_from(starts), max_size=6, unique=True)), starts[-1]]
    found: list[ImportedBar] = []
    for at in sorted(set(starts)):
        if at < midnight(session.on):
            continue
        four = draw(st.lists(prices, min_size=4, max_size=4))
        ends, begins = (session.closes_at, session.opens_at) if minutes == DAY_MINUTES else (at + length, at)
        volume = Decimal(draw(st.sampled_from((0, 100, 100))))
        found.append(ImportedBar(begins, ends, minutes, four[0], max(four), min(four), four[1], volume))
    return found[:1] if minutes == DAY_MINUTES else found


@st.composite
def quotes_of(draw: st.DrawFn, session: Session) -> list[ImportedQuote]:
    length = (session.closes_at - session.opens_at) // timedelta(minutes=1)
    at = draw(st.lists(st.integers(-90, length + 90), min_size=1, max_size=8, unique=True))
    found: list[ImportedQuote] = []
    for minute in sorted(at):
        bid, offer = sorted(draw(st.tuples(prices, prices)))
        found.append(ImportedQuote(session.opens_at + minute * timedelta(minutes=1), bid, offer))
    return found


@st.composite
def days(draw: st.DrawFn) -> tuple[Listing, Session, Imported]:
    """A listing and a day of it that has rows of up to three kinds."""
    session = draw(sessions)
    some = draw(st.lists(st.sampled_from(MINUTES), max_size=2, unique=True))
    bars = [bar for minutes in some for bar in draw(bars_of(session, minutes))]
    quotes = draw(quotes_of(session)) if not bars or draw(st.integers(0, 4)) == 0 else []
    return listing(session.mic, draw(kinds)), session, Imported(session.on, session.on, bars, quotes)


def price_at(market: Prices, of: Listing, at: datetime, rows: Imported) -> Decimal:
    quote = market.quote(of, at, "calendar", rows)
    assert quote is not None
    return last_price(Point(quote.at, quote.bid, quote.offer, quote.last))


def daily(market: Prices, of: Listing, first: date, until: datetime, rows: Imported) -> list[Candle]:
    return market.candles(of, midnight(first), until, DAY_MINUTES, "calendar", 1_000, rows)


def the_price_of_the_evening_is_the_close_of_the_day(day: tuple[Listing, Session, Imported], later: int) -> None:
    of, session, rows = day
    evening = session.closes_at + timedelta(seconds=later)
    following = session_after(session.mic, session.closes_at)
    for market in (MARKET, StoredPrices()):
        found = daily(market, of, session.on, evening, rows)
        if not found:  # A day whose only quotes come later in the evening has no price of its own yet.
            assert rows.quotes and all(quote.at > evening for quote in rows.quotes)
            continue
        assert price_at(market, of, evening, rows) == found[-1].close
        night = following.opens_at - timedelta(seconds=1)
        assert price_at(market, of, night, rows) == daily(market, of, session.on, night, rows)[0].close


def the_next_simulated_day_goes_on_from_that_close(day: tuple[Listing, Session, Imported]) -> None:
    of, session, rows = day
    following = session_after(session.mic, session.closes_at)
    close = price_at(MARKET, of, following.opens_at - timedelta(seconds=1), rows)
    ticks = int((close / CENT).to_integral_value(ROUND_HALF_UP))
    path = Path(MARKET.seed, ISIN, of.type, of.mic, Anchor(session.on, ticks))
    points = MARKET.points(of, following.on, midnight(following.on), following.closes_at, "calendar", rows)
    first, last = path.day(following).mids[0] * CENT, path.close(following.on) * CENT
    assert points[-1].last == last
    if of.type != "FUND":
        assert points[0].last == first
        assert abs(first - close) <= close * Decimal("0.012") + CENT, "a night moves a third of what a day does"


def prices_touches_fills_and_candles_read_one_grid(day: tuple[Listing, Session, Imported], data: Any) -> None:
    of, session, rows = day
    points = MARKET.points(of, session.on, midnight(session.on), session.closes_at, "calendar", rows)
    assert points == sorted(points, key=lambda point: point.at)
    candles = daily(MARKET, of, session.on, midnight(session.on) + timedelta(hours=23), rows)
    for point in points:
        assert session.opens_at <= point.at <= session.closes_at
        (whole,) = candles
        assert whole.low is not None and whole.high is not None
        assert whole.low <= min(point.bid, point.offer) <= max(point.bid, point.offer) <= whole.high
    if data is None or not points:
        return
    at = session.opens_at + timedelta(seconds=data.draw(st.integers(0, 9 * 3600)))
    seen = MARKET.points(of, session.on, at, session.closes_at, "calendar", rows)
    quote = MARKET.quote(of, at, "calendar", rows)
    if seen and seen[0].at == at and of.type != "FUND" and all(bar.volume > 0 for bar in rows.bars):
        assert quote is not None and (quote.bid, quote.offer) == (seen[0].bid, seen[0].offer)
    price = data.draw(prices)
    for side in ("BUY", "SELL"):
        limited, stopped = StreetOrder(side, "LIMIT", price), StreetOrder(side, "STOP", None, price)
        for order in (limited, stopped, StreetOrder(side, "MARKET")):
            trigger = first_trigger(order, seen)
            if trigger is not None and trigger.price is not None:
                (whole,) = candles
                assert whole.low is not None and whole.high is not None
                assert whole.low <= trigger.price <= whole.high


@st.composite
def histories(draw: st.DrawFn) -> tuple[Listing, list[Session], Imported]:
    """Rows on some of 15 consecutive sessions."""
    of = listing(draw(st.sampled_from(known_venues())), draw(kinds))
    found = list(sessions_between(of.mic, date(2026, 3, 2), date(2026, 3, 20)))
    chosen = draw(st.lists(st.sampled_from(found), min_size=1, max_size=5, unique=True))
    bars: list[ImportedBar] = []
    quotes: list[ImportedQuote] = []
    for session in chosen:
        if draw(st.integers(0, 3)):
            bars += draw(bars_of(session, draw(st.sampled_from((30, 60, 240, DAY_MINUTES)))))
        if not any(bar.at.date() == session.on for bar in bars):
            quotes += draw(quotes_of(session))
    on = sorted(session.on for session in chosen)
    return of, found, Imported(on[0], on[-1], bars, quotes)


def as_loaded(rows: Imported, since: date, until: date) -> Imported:
    """What a question about these days is handed: their rows, and of the day with rows before them its last ones."""
    bars = [bar for bar in rows.bars if since <= bar.at.date() <= until]
    earlier = [bar for bar in rows.bars if bar.at.date() < since]
    if earlier:
        last = max(bar.at.date() for bar in earlier)
        of_day = [bar for bar in earlier if bar.at.date() == last]
        least = min(bar.minutes for bar in of_day)
        bars.append(max((bar for bar in of_day if bar.minutes == least), key=lambda bar: bar.at))
    quotes = [quote for quote in rows.quotes if since <= quote.at.date() <= until]
    quotes += sorted((quote for quote in rows.quotes if quote.at.date() < since), key=lambda quote: quote.at)[-1:]
    return Imported(rows.first_on, rows.last_on, bars, quotes)


def a_price_is_one_of_instrument_and_instant_whatever_else_is_asked(
    history: tuple[Listing, list[Session], Imported], minute: int
) -> None:
    of, found, rows = history
    at = midnight(found[0].on) + timedelta(minutes=minute)
    whole = MARKET.quote(of, at, "calendar", rows)
    assert MARKET.quote(of, at, "calendar", as_loaded(rows, at.date(), at.date())) == whole
    until = max(day.on for day in found)
    candles = daily(MARKET, of, found[0].on, midnight(until) + timedelta(hours=23), rows)
    for session in found:
        part = as_loaded(rows, session.on, session.on)
        asked = (of, session.on, midnight(session.on), session.closes_at, "calendar")
        assert MARKET.points(*asked, part) == MARKET.points(*asked, rows)
        (one,) = daily(MARKET, of, session.on, midnight(session.on) + timedelta(hours=23, minutes=59), part)
        assert one == next(candle for candle in candles if candle.at == one.at)


def between_imports_the_market_goes_on_and_nothing_later_changes_it(
    history: tuple[Listing, list[Session], Imported],
) -> None:
    of, found, rows = history
    with_rows = {bar.at.date() for bar in rows.bars} | {quote.at.date() for quote in rows.quotes}
    for session in found:
        before = Imported(
            rows.first_on,
            rows.last_on,
            [bar for bar in rows.bars if bar.at.date() <= session.on],
            [quote for quote in rows.quotes if quote.at.date() <= session.on],
        )
        asked = (of, session.on, midnight(session.on), session.closes_at, "calendar")
        points = MARKET.points(*asked, rows)
        assert points == MARKET.points(*asked, before)
        if session.on not in with_rows:
            assert len(points) == 1 if of.type == "FUND" else len(points) > 50


LAWS: Mapping[Law, Sequence[st.SearchStrategy[Any]]] = {
    the_price_of_the_evening_is_the_close_of_the_day: (
        days(),
        st.integers(0, 5 * 3600),
    ),
    the_next_simulated_day_goes_on_from_that_close: (days(),),
    prices_touches_fills_and_candles_read_one_grid: (
        days(),
        st.data(),
    ),
    a_price_is_one_of_instrument_and_instant_whatever_else_is_asked: (
        histories(),
        st.integers(0, 18 * 24 * 60),
    ),
    between_imports_the_market_goes_on_and_nothing_later_changes_it: (histories(),),
}


def hold(law: Law, examples: int, chosen: int | None = None) -> None:
    """Try a law so many times, from a seed of one's own. Raises: AssertionError with the smallest case it found."""
    configured = settings(max_examples=examples, deadline=None, database=None, report_multiple_bugs=False)
    tried = configured(given(*LAWS[law])(law))
    (tried if chosen is None else seed(chosen)(tried))()
