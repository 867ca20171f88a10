"""The simulated market: `Prices` out of imported rows, the sandbox's fixed table and the path, in this order.

Every answer is a function of the seed and the arguments; what is kept between calls would be computed the same again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

from openvest.core.trading_calendar import (
    LAST_DAY,
    ONE_DAY,
    Session,
    last_session_on_or_before,
    session_on,
    sessions_between,
    venue_date,
)
from openvest.ports.prices import DAY_MINUTES, Candle, Imported, Listing, Pace, Point, Quote
from openvest.ports.stored_prices import (
    HALF_SPREAD,
    candles_of_points,
    day_candles,
    day_close,
    day_points,
    fund_instant,
    quote_of,
    seen_from,
)
from openvest.simulation.market.path import MILLION, Anchor, Path, trading_days
from openvest.simulation.market.sandbox import (
    EVERY_OTHER,
    FIXED,
    GRID,
    RANDOM_ISIN,
    VOLUME,
    fixed_point,
    grid,
    random_prices,
)

_KEPT_DAYS, _KEPT_PATHS = 256, 4096

Day = tuple[Point, ...]


def _at(point: Point) -> datetime:
    return point.at


def _ticks(price: Decimal, tick: Decimal) -> int:
    return int((price / tick).to_integral_value(ROUND_HALF_UP))


def _half_ticks(listing: Listing, mid: int) -> int:
    """Half the spread around a price in ticks; the same as `half_spread`, in integers."""
    share = HALF_SPREAD[listing.type]
    return 0 if share == 0 else max(1, mid * int(share * MILLION) // MILLION)


@dataclass(slots=True)
class Market:
    """The market of a sandbox. Made once per process by the composition root, with the installation's seed."""

    seed: str
    # By all that a path or a day follows from; an import may change the type of an instrument too.
    _paths: dict[tuple[Hashable, ...], Path] = field(default_factory=dict[tuple[Hashable, ...], Path])
    _days: dict[tuple[Hashable, ...], Day] = field(default_factory=dict[tuple[Hashable, ...], Day])

    def quote(self, listing: Listing, at: datetime, pace: Pace, imported: Imported | None = None) -> Quote | None:
        if pace == "instant":
            bid, offer = self._mock(listing.isin, at)
            return Quote(at, bid, offer, None, VOLUME)
        return self._last_quote(listing, min(venue_date(listing.mic, at), LAST_DAY), at, imported)

    def _last_quote(self, listing: Listing, on: date, at: datetime, imported: Imported | None) -> Quote | None:
        """The last point known at the instant: of this day's session, else of the one before."""
        while on >= trading_days(listing.mic)[0]:
            session = last_session_on_or_before(listing.mic, on)
            day = self._day(listing, session, imported, quiet=True)
            place = bisect_right(day, at, key=_at)
            if place:
                return quote_of(day[place - 1])
            on = session.on - ONE_DAY
        return None

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
        if pace == "instant":
            opens_at = datetime.combine(on, time(), UTC)
            closes_at = opens_at + ONE_DAY - timedelta(microseconds=1)
            moving = listing.isin == RANDOM_ISIN
            day = self._mock_day(listing.isin, opens_at, closes_at if moving else opens_at)
            return seen_from(day, (opens_at, closes_at), after, until, looked)
        session = session_on(listing.mic, on)
        if session is None:
            return []
        day = self._day(listing, session, imported)
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
        rows = imported if pace == "calendar" else None
        found: list[Candle] = []
        for session in sessions_between(listing.mic, first.astimezone(UTC).date(), until.astimezone(UTC).date()):
            if len(found) >= most or session.opens_at > until:
                break
            day = self._session_candles(listing, session, minutes, pace, until, rows)
            found += [candle for candle in day if candle.at >= first]
        return found[:most]

    def _session_candles(
        self,
        listing: Listing,
        session: Session,
        minutes: int,
        pace: Pace,
        until: datetime,
        imported: Imported | None,
    ) -> list[Candle]:
        if imported and session.on in imported.days:
            return day_candles(listing, session, imported, minutes, until)
        if pace == "instant":
            points = self._mock_day(listing.isin, session.opens_at, session.closes_at)
        elif minutes == DAY_MINUTES and session.closes_at <= until and not self._is_mock(listing.isin):
            return [self._daily(listing, session, imported)]
        else:
            points = self._day(listing, session, imported)
        return candles_of_points([point for point in points if point.at <= until], session.on, minutes)

    def _daily(self, listing: Listing, session: Session, imported: Imported | None) -> Candle:
        """A finished day's candle straight from the path. Why: a thousand of them are one request."""
        path, tick = self._path(listing, session, imported), listing.tick_size
        at = datetime.combine(session.on, time(), UTC)
        if listing.type == "FUND":
            close = path.close(session.on) * tick
            return Candle(at, close, close, close, close, VOLUME)
        day = path.day(session)
        most, least = max(day.mids), min(day.mids)
        high, low = most + _half_ticks(listing, most), least - _half_ticks(listing, least)
        return Candle(at, day.mids[0] * tick, high * tick, low * tick, day.mids[-1] * tick, Decimal(sum(day.volumes)))

    # Venue days

    def _is_mock(self, isin: str) -> bool:
        return isin == RANDOM_ISIN or isin in FIXED

    def _mock(self, isin: str, at: datetime) -> tuple[Decimal, Decimal]:
        return random_prices(self.seed, at) if isin == RANDOM_ISIN else FIXED.get(isin, EVERY_OTHER)

    def _mock_day(self, isin: str, opens_at: datetime, closes_at: datetime) -> Day:
        return tuple(fixed_point(at, self._mock(isin, at)) for at in grid(opens_at, closes_at))

    def _day(self, listing: Listing, session: Session, imported: Imported | None, *, quiet: bool = False) -> Day:
        """All points of a session, from where this listing's prices come from on that day. `quiet`: what is known."""
        if imported and session.on in imported.days:
            return tuple(day_points(listing, session, imported, quiet=quiet))
        if self._is_mock(listing.isin):
            if listing.type == "FUND":
                at = fund_instant(session)
                return (fixed_point(at, self._mock(listing.isin, at)),)
            return self._mock_day(listing.isin, session.opens_at, session.closes_at)
        anchor = self._anchor(listing, session, imported)
        key = (listing.isin, listing.type, listing.mic, listing.tick_size, session.on, anchor.on, anchor.ticks)
        day = self._days.get(key)
        if day is None:
            if len(self._days) >= _KEPT_DAYS:
                self._days.clear()
            day = self._days[key] = tuple(self._path_points(listing, session, self._path(listing, session, imported)))
        return day

    def _path_points(self, listing: Listing, session: Session, path: Path) -> Iterator[Point]:
        tick = listing.tick_size
        if listing.type == "FUND":
            price = path.close(session.on) * tick
            yield Point(fund_instant(session), price, price, price, VOLUME)
            return
        day = path.day(session)
        for place, (mid, volume) in enumerate(zip(day.mids, day.volumes, strict=True)):
            half = _half_ticks(listing, mid)
            at = min(session.opens_at + place * GRID, session.closes_at)
            yield Point(at, (mid - half) * tick, (mid + half) * tick, mid * tick, Decimal(volume))

    def _path(self, listing: Listing, session: Session, imported: Imported | None) -> Path:
        anchor = self._anchor(listing, session, imported)
        key = (listing.isin, listing.type, listing.mic, anchor.on, anchor.ticks)
        path = self._paths.get(key)
        if path is None:
            if len(self._paths) >= _KEPT_PATHS:
                self._paths.clear()
            path = self._paths[key] = Path(self.seed, listing.isin, listing.type, listing.mic, anchor)
        return path

    def _anchor(self, listing: Listing, session: Session, imported: Imported | None) -> Anchor:
        """Where the path begins: at the close of the last imported day, else in 2020 at the reference price.

        So it begins anew after every import, and what comes after a day never changes what came before it.
        """
        on = imported.last_day(session.on) if imported else None
        if imported and on is not None and session_on(listing.mic, on):
            return Anchor(on, _ticks(day_close(imported, on), listing.tick_size))
        return Anchor(trading_days(listing.mic)[0], _ticks(listing.reference_price, listing.tick_size))
