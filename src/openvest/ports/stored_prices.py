"""Imported rows as points, quotes and candles; and `StoredPrices`, the market that knows nothing else. Pure.

A venue day uses its finest rows only: quotes where there are any, else the bars of the smallest interval. A bar gives
four points, at its start, a third, two thirds and its end; a bar without volume gives none, but its close is known.
A mutual fund has one point a day, at the cut-off.

Nothing is traded outside a session, and yet rows lie there: bars of an hour whose last one ends after the close, an
auction that has its price minutes later, quotes of the whole morning. The part of a bar that lies outside counts at the
opening or the closing instant; of the quotes before the opening the last one stands there. Quotes after the close fill
nothing and are known. So the price of the evening is the close of the day, whatever the rows look like.

Source: DOMAIN.md section 7; ORDER_MATHS.md section 5.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby

from openvest.core.money import ZERO, price_half_up, tick_down, times
from openvest.core.records import replace
from openvest.core.trading_calendar import ONE_DAY, Session, cut_off, session_on, sessions_between
from openvest.ports.prices import (
    DAY_MINUTES,
    Candle,
    Imported,
    ImportedBar,
    ImportedQuote,
    Listing,
    Pace,
    Point,
    Quote,
)

FUND_CUT_OFF = time(16, 0)
"""Venue-local instant of a mutual fund's one price a day; on a half day that closes earlier, the close."""

HALF_SPREAD = {
    "EQUITY": Decimal("0.0003"),
    "ETF": Decimal("0.0002"),
    "BOND": Decimal("0.0010"),
    "FUND": ZERO,
}
_MINUTE = timedelta(minutes=1)


def half_spread(listing: Listing, price: Decimal) -> Decimal:
    """Half the distance of bid and offer around a price, on the tick and at least one; none for a fund."""
    share = HALF_SPREAD[listing.type]
    if share == 0:
        return ZERO
    return max(listing.tick_size, tick_down(times(price, share), listing.tick_size))


def fund_instant(session: Session) -> datetime:
    """When a mutual fund has its price of the day."""
    return min(cut_off(session.mic, FUND_CUT_OFF, session.on), session.closes_at)


def last_price(point: Point) -> Decimal:
    """The last trade at a point, else the middle of its quote."""
    return price_half_up((point.bid + point.offer) / 2) if point.last is None else point.last


def seen_from(
    day: Sequence[Point],
    hours: tuple[datetime, datetime],
    after: datetime,
    until: datetime,
    looked: datetime | None = None,
    *,
    first_look: bool = True,
) -> list[Point]:
    """The points of a venue day as an order sees them that became active at `after`, without those up to `looked`.

    Inside the session it looks first at the quote of its own instant; where there is none yet, the next point is its
    first and therefore the fresh one.
    """
    start, end = bisect_right(day, after, key=_at), bisect_right(day, until, key=_at)
    seen = list(day[start:end])
    if first_look and start > 0 and hours[0] <= after <= hours[1]:
        known = day[start - 1]
        seen.insert(0, Point(after, known.bid, known.offer, known.last, known.volume, fresh=True))
    elif seen:
        seen[0] = replace(seen[0], fresh=True)
    return seen if looked is None else seen[bisect_right(seen, looked, key=_at) :]


def _at(point: Point) -> datetime:
    return point.at


def quote_of(point: Point) -> Quote:
    return Quote(point.at, point.bid, point.offer, point.last, point.volume)


# Days of imported rows


def _on(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _finest(
    imported: Imported, session: Session, minutes: int = DAY_MINUTES
) -> Sequence[ImportedQuote] | Sequence[ImportedBar]:
    """The rows that count, as they lie in the session."""
    rows = imported.days.get(session.on)
    if rows is None:
        return ()
    if rows.quotes:
        return _standing(rows.quotes, session.opens_at)
    least = min((bar.minutes for bar in rows.bars if bar.minutes <= minutes), default=0)
    return [_within(bar, session) for bar in rows.bars if bar.minutes == least]


def _within(bar: ImportedBar, session: Session) -> ImportedBar:
    """The bar with the part of its time that lies in the session; one that lies outside is an instant of it."""
    if session.opens_at <= bar.at and bar.ends_at <= session.closes_at:
        return bar
    at, ends_at = (min(max(end, session.opens_at), session.closes_at) for end in (bar.at, bar.ends_at))
    return replace(bar, at=at, ends_at=ends_at)


def _standing(quotes: Sequence[ImportedQuote], opens_at: datetime) -> Sequence[ImportedQuote]:
    """The quotes from the opening on, first the one that stands there."""
    first = bisect_right(quotes, opens_at, key=lambda quote: quote.at)
    return quotes if first == 0 else [replace(quotes[first - 1], at=opens_at), *quotes[first:]]


def day_points(listing: Listing, session: Session, imported: Imported, *, quiet: bool = False) -> list[Point]:
    """The points of one session from imported rows, in order.

    `quiet`: also what is known and fills nothing, bars without volume and quotes after the close.
    """
    rows = _finest(imported, session)
    if listing.type == "FUND":
        return [_fund_point(listing, session, rows[-1])] if rows else []
    points: list[Point] = []
    for row in rows:
        if isinstance(row, ImportedBar):
            points += bar_points(listing, row) if row.volume > 0 or quiet else ()
        elif row.at <= session.closes_at or quiet:
            points.append(Point(row.at, row.bid, row.offer))
    return sorted(points, key=_at)


def day_close(imported: Imported, on: date) -> Decimal:
    """The last price that is known of a day with rows; that of its last point."""
    rows = imported.days[on]
    if rows.quotes:
        last = rows.quotes[-1]
        return price_half_up((last.bid + last.offer) / 2)
    least = min(bar.minutes for bar in rows.bars)
    return next(bar.close for bar in reversed(rows.bars) if bar.minutes == least)


def _fund_point(listing: Listing, session: Session, row: ImportedQuote | ImportedBar) -> Point:
    """The fund's price of the day. Why: net asset values come without a volume, so none is asked for."""
    at = fund_instant(session)
    if isinstance(row, ImportedQuote):
        return Point(at, row.bid, row.offer)
    half = half_spread(listing, row.close)
    return Point(at, row.close - half, row.close + half, row.close, row.volume)


def bar_points(listing: Listing, bar: ImportedBar) -> list[Point]:
    """Open, low, high, close of a bar that closes up, else open, high, low, close; never outside the bar."""
    rising = bar.close >= bar.open
    prices = (bar.open, bar.low, bar.high, bar.close) if rising else (bar.open, bar.high, bar.low, bar.close)
    span = bar.ends_at - bar.at
    instants = (bar.at, bar.at + span // 3, bar.at + span * 2 // 3, bar.ends_at)
    quoted = [_around(listing, bar, price) for price in prices]
    open_bid, open_offer = quoted[0]
    return [
        Point(at, bid, offer, price, bar.volume, open_bid=open_bid, open_offer=open_offer)
        for at, price, (bid, offer) in zip(instants, prices, quoted, strict=True)
    ]


def _around(listing: Listing, bar: ImportedBar, price: Decimal) -> tuple[Decimal, Decimal]:
    half = half_spread(listing, price)
    return max(price - half, bar.low), min(price + half, bar.high)


# Candles


def candles_of_points(day: Sequence[Point], on: date, minutes: int) -> list[Candle]:
    """The candles of one venue day.

    The point before a candle belongs to its range, because the market moved from there into it: a limit filled between
    two points is inside the candle of the second.
    """
    found: list[Candle] = []
    before: Point | None = None
    for start, group in groupby(day, key=lambda point: _bucket(point.at, on, minutes)):
        points = list(group)
        prices = [price for point in (*([before] if before else []), *points) for price in (point.bid, point.offer)]
        volume = sum((point.volume for point in points), ZERO)
        first, last = last_price(points[0]), last_price(points[-1])
        found.append(Candle(start, first, max(prices), min(prices), last, volume))
        before = points[-1]
    return found


def _bucket(at: datetime, on: date, minutes: int) -> datetime:
    midnight = datetime.combine(on, time(), UTC)
    return midnight + (at - midnight) // (minutes * _MINUTE) * minutes * _MINUTE


def _candles_of_bars(bars: Sequence[ImportedBar], on: date, minutes: int, *, without_volume: bool) -> Iterator[Candle]:
    for start, group in groupby(bars, key=lambda bar: _bucket(bar.at, on, minutes)):
        every = list(group)
        traded = every if without_volume else [bar for bar in every if bar.volume > 0]
        close = every[-1].close
        if traded:
            # A close that is known without a trade is the close, so the range reaches to it.
            high, low = max(close, *(bar.high for bar in traded)), min(close, *(bar.low for bar in traded))
            volume = sum((bar.volume for bar in traded), ZERO)
            yield Candle(start, traded[0].open, high, low, close, volume)
        elif minutes == DAY_MINUTES:
            yield Candle(start, None, None, None, close, ZERO)


def day_candles(listing: Listing, session: Session, imported: Imported, minutes: int, until: datetime) -> list[Candle]:
    """The candles of one session from imported rows that are complete at `until`."""
    rows = _finest(imported, session, minutes)
    if rows and isinstance(rows[0], ImportedQuote):
        points = [point for point in day_points(listing, session, imported, quiet=True) if point.at <= until]
        return candles_of_points(points, session.on, minutes)
    bars = [row for row in rows if isinstance(row, ImportedBar) and row.ends_at <= until]
    return list(_candles_of_bars(bars, session.on, minutes, without_volume=listing.type == "FUND"))


def last_known(listing: Listing, at: datetime, imported: Imported) -> Point | None:
    """The last imported point at or before the instant, looking back as far as the rows reach."""
    on = imported.last_day(_on(at))
    while on is not None:
        session = session_on(listing.mic, on)
        points = day_points(listing, session, imported, quiet=True) if session else []
        place = bisect_right(points, at, key=_at)
        if place:
            return points[place - 1]
        on = imported.last_day(on - ONE_DAY)
    return None


class StoredPrices:
    """The market of a system that simulates nothing: imported rows and what was last known of them."""

    def quote(self, listing: Listing, at: datetime, pace: Pace, imported: Imported | None = None) -> Quote | None:
        known = last_known(listing, at, imported) if imported else None
        return quote_of(known) if known else None

    def points(
        self,
        listing: Listing,
        on: date,
        after: datetime,
        until: datetime,
        pace: Pace,
        imported: Imported | None = None,
        *,
        looked: datetime | None = None,
    ) -> list[Point]:
        session = session_on(listing.mic, on)
        if session is None or imported is None or not imported.covers(on):
            return []
        day = day_points(listing, session, imported)
        hours = session.opens_at, session.closes_at
        return seen_from(day, hours, after, until, looked, first_look=listing.type != "FUND")

    def candles(
        self,
        listing: Listing,
        first: datetime,
        until: datetime,
        minutes: int,
        pace: Pace,
        most: int,
        imported: Imported | None = None,
    ) -> list[Candle]:
        found: list[Candle] = []
        if imported is None:
            return found
        known: Decimal | None = None
        for session in sessions_between(listing.mic, _on(first), _on(until)):
            if len(found) >= most or session.opens_at > until:
                break
            if imported.covers(session.on):
                day = day_candles(listing, session, imported, minutes, until)
                found += [candle for candle in fill_gap(session, day, minutes, known, until) if candle.at >= first]
                known = found[-1].close if found else known
        return found[:most]


def fill_gap(session: Session, day: list[Candle], minutes: int, known: Decimal | None, until: datetime) -> list[Candle]:
    """A day's candles; a finished trading day without any shows the close known before, where candles are daily."""
    if day or minutes != DAY_MINUTES or known is None or session.closes_at > until:
        return day
    return [Candle(datetime.combine(session.on, time(), UTC), None, None, None, known, ZERO)]
