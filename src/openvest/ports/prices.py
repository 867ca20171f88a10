"""The prices port: what a market says, and who can be asked.

Reading a price never leaves the process. An implementation of `Prices` is a pure function of what it is handed: the
listing, the instant, the tenant's pace and the rows that were imported for this listing. Real feeds write rows; they
are never asked.

Words. A *listing* is an instrument at a venue. A *point* is one instant of a venue day at which an order can be filled.
A *candle* is a run of points summed up (open, high, low, close, volume).

Source: DOMAIN.md section 7; ORDER_MATHS.md section 5.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Literal, Protocol
from uuid import UUID

from openvest.core.money import ZERO
from openvest.core.records import record

Pace = Literal["instant", "calendar"]
Side = Literal["BUY", "SELL"]
InstrumentType = Literal["EQUITY", "ETF", "BOND", "FUND"]

DAY_MINUTES = 1440
"""The interval of a daily bar or candle."""


@record
class Listing:
    """An instrument at a venue: all that a market needs to know about it. Units: prices in `currency`."""

    instrument_id: UUID
    venue_id: UUID
    isin: str
    type: InstrumentType
    mic: str
    currency: str
    tick_size: Decimal
    reference_price: Decimal
    whole_shares: bool

    @property
    def key(self) -> tuple[UUID, UUID]:
        return self.instrument_id, self.venue_id


@record
class Quote:
    """What the market asked and bid, and when it last said so.

    Units: `size` in units of the instrument on either side, 0 where the source does not say. `last` is the price of the
    last trade, None where the source knows only quotes.
    """

    at: datetime
    bid: Decimal
    offer: Decimal
    last: Decimal | None = None
    size: Decimal = ZERO

    def price(self, side: Side) -> Decimal:
        """What this side trades at: a BUY at the offer, a SELL at the bid."""
        return self.offer if side == "BUY" else self.bid


@record
class Point:
    """One instant of a venue day.

    `fresh`: the order that asked has seen no earlier point of this session, so the point's own price counts.
    `open_bid` and `open_offer` stand at the points of an imported bar and are the quote of its first point: inside a
    bar a stop never fills at the extreme.
    """

    at: datetime
    bid: Decimal
    offer: Decimal
    last: Decimal | None = None
    volume: Decimal = ZERO
    fresh: bool = False
    open_bid: Decimal | None = None
    open_offer: Decimal | None = None


@record
class Candle:
    """A run of points summed up. A trading day without a trade has a close alone; the other three are then None."""

    at: datetime
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal
    volume: Decimal


@record
class ImportedBar:
    """A bar as it was imported. Units: `minutes`, 1440 for a daily bar; `at` its start, `ends_at` its end."""

    at: datetime
    ends_at: datetime
    minutes: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@record
class ImportedQuote:
    """A quote as it was imported."""

    at: datetime
    bid: Decimal
    offer: Decimal


@dataclass(slots=True)
class DayRows:
    """The rows of one day, in order of time."""

    bars: list[ImportedBar] = field(default_factory=list[ImportedBar])
    quotes: list[ImportedQuote] = field(default_factory=list[ImportedQuote])


@dataclass(frozen=True)
class Imported:
    """What was imported for one listing, as far as a question needs it.

    A venue day with a row has the prices of its rows alone; what a day without one has is the market's to say.
    `bars` and `quotes` are all rows of the days that are asked about, and of the last day with rows before those the
    last of its quotes and of its smallest bars: what that day closed at. `first_on` and `last_on` are the ends of all.
    """

    first_on: date
    last_on: date
    bars: Sequence[ImportedBar] = ()
    quotes: Sequence[ImportedQuote] = ()

    def covers(self, on: date) -> bool:
        return self.first_on <= on <= self.last_on

    @cached_property
    def days(self) -> Mapping[date, DayRows]:
        """The rows by their day in UTC, which is that of their session; the days in order."""
        found: defaultdict[date, DayRows] = defaultdict(DayRows)
        for bar in sorted(self.bars, key=lambda bar: bar.at):
            found[bar.at.astimezone(UTC).date()].bars.append(bar)
        for quote in sorted(self.quotes, key=lambda quote: quote.at):
            found[quote.at.astimezone(UTC).date()].quotes.append(quote)
        return dict(sorted(found.items()))

    @cached_property
    def _ordered(self) -> Sequence[date]:
        return list(self.days)

    def last_day(self, on: date) -> date | None:
        """The last day with rows up to this one."""
        place = bisect_right(self._ordered, on)
        return self._ordered[place - 1] if place else None


class Prices(Protocol):
    """Who can be asked for a price. Every answer depends on the arguments and the installation's seed alone."""

    def quote(self, listing: Listing, at: datetime, pace: Pace, imported: Imported | None = None) -> Quote | None:
        """What was known at this instant: the quote of the session, else the last one before. None: no price ever."""
        ...

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
        """The points of the venue day `on` for an order that became active at `after`, up to `until`, in order.

        An order that becomes active inside the session looks first at the quote of its own instant, as a fresh point.
        `looked`: points up to this instant were looked at before and are left out; what is fresh does not change.
        """
        ...

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
        """The candles that start in [first, until], made of points up to `until`. Stops after `most` of them."""
        ...
