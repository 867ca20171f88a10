"""Reading the two import files: every line is judged, every error named, nothing is guessed. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal, Protocol, TypeVar
from uuid import UUID

from stdnum import isin as isin_number

from openvest.core.clock import parse_day, parse_instant
from openvest.core.countries import known_country
from openvest.core.records import record
from openvest.core.table_files import Line, number, open_table, read_rows
from openvest.core.texts import visible_line
from openvest.core.trading_calendar import is_covered, session_on
from openvest.features.instruments.model import BAR_COLUMNS, INSTRUMENT_COLUMNS, QUOTE_COLUMNS
from openvest.features.instruments.rules import DAY_MINUTES, VENUES, instrument_id, interval_minutes, venue_id

T = TypeVar("T")

LEAST_TICKS = 100
"""A reference price is at least this many ticks, so that the simulated path has room."""
_PRICE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?")
_VOLUME = re.compile(r"[0-9]{1,18}(\.[0-9]{1,10})?")
_WKN = re.compile(r"[A-HJ-NP-Z0-9]{6}")
_MICS = {mic: whole_shares for mic, _, whole_shares in VENUES}


@record
class ListingRow:
    """One venue of an instrument's line."""

    instrument_id: UUID
    venue_id: UUID
    place: int
    currency: str
    tick_size: Decimal
    reference_price: Decimal


@record
class InstrumentRow:
    """One line of an instruments file."""

    id: UUID
    isin: str
    wkn: str | None
    name: str
    type: str
    home_country: str | None
    fractional_trading: bool
    quantity_decimals: int
    trading_status: str
    listings: tuple[ListingRow, ...]


@record
class BarRow:
    """One line of a bars file."""

    instrument_id: UUID
    venue_id: UUID
    at: datetime
    minutes: int
    ends_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@record
class QuoteRow:
    """One line of a quotes file."""

    instrument_id: UUID
    venue_id: UUID
    at: datetime
    bid: Decimal
    offer: Decimal


# Cells


def _one_of(*values: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(f"is one of {', '.join(values)}")
        return text

    return parse


def _match(pattern: re.Pattern[str], message: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(message)
        return text

    return parse


def _isin(text: str) -> str:
    if not isin_number.is_valid(text) or isin_number.compact(text) != text:
        raise ValueError("is not an ISIN: twelve characters with a correct check digit")
    return text


def _name(text: str) -> str:
    if not 1 <= len(text) <= 100 or text != text.strip():
        raise ValueError("has 1 to 100 characters and no blanks around them")
    return visible_line(text)


def _price(text: str) -> Decimal:
    message = "is a price above zero with at most 4 decimals"
    price = Decimal(number(_PRICE, text, message))
    if price == 0:
        raise ValueError(message)
    return price


def _volume(text: str) -> Decimal:
    return Decimal(number(_VOLUME, text, "is a number of units, 0 or more"))


def _decimals(text: str) -> int:
    if text not in {str(number) for number in range(11)}:
        raise ValueError("is a whole number from 0 to 10")
    return int(text)


# Instruments


def parse_instruments(lines: Iterable[str]) -> list[InstrumentRow]:
    """The rows of an instruments file. Raises: ImportRefused with every error."""
    _, read = open_table(lines, INSTRUMENT_COLUMNS)
    return read_rows(read, _instrument, lambda row: row.isin, "isin")


def _instrument(line: Line) -> InstrumentRow | None:
    isin = line.read("isin", _isin)
    name = line.read("name", _name)
    kind = line.read("type", _one_of("EQUITY", "ETF", "BOND", "FUND"))
    wkn = line.read("wkn", _match(_WKN, "is a securities number of 6 characters without I and O"), "")
    country = line.read("home_country", known_country, "")
    fractional = line.read("fractional_trading", _one_of("true", "false"), "false") == "true"
    decimals = line.read("quantity_decimals", _decimals, 10 if fractional else 0)
    status = line.read("trading_status", _one_of("ACTIVE", "INACTIVE"), "ACTIVE")
    if decimals is not None and fractional != (decimals > 0):
        line.say("quantity_decimals", "is 0 when the instrument is not fractional, else 1 to 10")
    listings = _listings(line, instrument_id(isin or ""))
    if isin is None or name is None or kind is None or decimals is None or status is None or line.errors:
        return None
    return InstrumentRow(
        instrument_id(isin), isin, wkn or None, name, kind, country or None, fractional, decimals, status, listings
    )


def _listings(line: Line, instrument: UUID) -> tuple[ListingRow, ...]:
    mics = line.cells.get("venues", "").split()
    if not mics or len(set(mics)) != len(mics) or not set(mics) <= set(_MICS):
        line.say("venues", f"names one or more of {', '.join(_MICS)}, each once")
        return ()
    parts: dict[str, list[str]] = {}
    for column in ("currencies", "tick_sizes", "reference_prices"):
        parts[column] = line.cells.get(column, "").split()
        if len(parts[column]) != len(mics):
            line.say(column, "has one value for each venue")
    if any(len(values) != len(mics) for values in parts.values()):
        return ()
    found: list[ListingRow] = []
    for place, (mic, currency, tick_text, price_text) in enumerate(zip(mics, *parts.values(), strict=True), 1):
        if currency not in ("EUR", "GBP"):
            line.say("currencies", "is EUR or GBP for each venue")
        tick = _part(line, "tick_sizes", tick_text)
        price = _part(line, "reference_prices", price_text)
        if tick is not None and tick > 1:
            line.say("tick_sizes", "is at most 1")
        elif tick is not None and price is not None and (price % tick != 0 or price < LEAST_TICKS * tick):
            line.say("reference_prices", f"lies on its tick and is at least {LEAST_TICKS} ticks")
        if tick is not None and price is not None:
            found.append(ListingRow(instrument, venue_id(mic), place, currency, tick, price))
    return tuple(found)


def _part(line: Line, column: str, text: str) -> Decimal | None:
    try:
        return _price(text)
    except ValueError as error:
        line.say(column, str(error))
        return None


# Prices


class HasKey(Protocol):
    @property
    def instrument_id(self) -> UUID: ...

    @property
    def venue_id(self) -> UUID: ...


@record
class PriceRows:
    """What a prices file holds: one kind of row, the other list is empty."""

    kind: Literal["bars", "quotes"]
    bars: Sequence[BarRow] = ()
    quotes: Sequence[QuoteRow] = ()

    def days(self) -> dict[tuple[UUID, UUID], tuple[date, date]]:
        """First and last day of each listing, in UTC."""
        found: dict[tuple[UUID, UUID], tuple[date, date]] = {}
        for row in (*self.bars, *self.quotes):
            key, on = (row.instrument_id, row.venue_id), row.at.astimezone(UTC).date()
            first, last = found.get(key, (on, on))
            found[key] = min(first, on), max(last, on)
        return found


def parse_prices(lines: Iterable[str], listings: Mapping[tuple[str, str], HasKey]) -> PriceRows:
    """The rows of a prices file. Shape: `listings` by (ISIN, MIC). Raises: ImportRefused with every error."""
    columns, read = open_table(lines, BAR_COLUMNS, QUOTE_COLUMNS)
    if columns is QUOTE_COLUMNS:
        quotes = read_rows(
            read, lambda line: _quote(line, listings), lambda q: (q.instrument_id, q.venue_id, q.at), "at"
        )
        return PriceRows("quotes", quotes=quotes)
    bars = read_rows(
        read, lambda line: _bar(line, listings), lambda b: (b.instrument_id, b.venue_id, b.at, b.minutes), "at"
    )
    return PriceRows("bars", bars=bars)


def _listing(line: Line, listings: Mapping[tuple[str, str], HasKey]) -> HasKey | None:
    isin, mic = line.cells.get("isin", ""), line.cells.get("mic", "")
    found = listings.get((isin, mic))
    if found is None:
        known = any(name == isin for name, _ in listings)
        line.say("mic" if known else "isin", f"is no venue of {isin}" if known else "is no known instrument")
    return found


def _instant(line: Line) -> datetime | None:
    """An instant on a trading day of the line's venue, by the day in UTC, whose midnight no session crosses."""
    at = line.read("at", parse_instant)
    if at is None:
        return None
    on = at.astimezone(UTC).date()
    if not is_covered(on) or session_on(line.cells.get("mic", ""), on) is None:
        line.say("at", f"is no trading day of {line.cells.get('mic')}")
        return None
    return at


def _span(line: Line, minutes: int) -> tuple[datetime, datetime] | None:
    """Start and end of a bar: a session for a daily one."""
    if minutes < DAY_MINUTES:
        at = _instant(line)
        return None if at is None else (at, at + timedelta(minutes=minutes))
    on = line.read("at", parse_day)
    session = session_on(line.cells.get("mic", ""), on) if on is not None and is_covered(on) else None
    if on is not None and session is None:
        line.say("at", f"is no trading day of {line.cells.get('mic')}")
    return None if session is None else (session.opens_at, session.closes_at)


def _bar(line: Line, listings: Mapping[tuple[str, str], HasKey]) -> BarRow | None:
    listing = _listing(line, listings)
    minutes = line.read("interval", interval_minutes)
    span = _span(line, minutes) if listing is not None and minutes is not None else None
    opened, high, low, close = (line.read(column, _price) for column in ("open", "high", "low", "close"))
    volume = line.read("volume", _volume)
    if opened is None or high is None or low is None or close is None:
        return None
    if high < max(opened, low, close):
        line.say("high", "is not the highest of the four prices")
    if low > min(opened, high, close):
        line.say("low", "is not the lowest of the four prices")
    if line.errors or listing is None or minutes is None or span is None or volume is None:
        return None
    return BarRow(listing.instrument_id, listing.venue_id, span[0], minutes, span[1], opened, high, low, close, volume)


def _quote(line: Line, listings: Mapping[tuple[str, str], HasKey]) -> QuoteRow | None:
    listing = _listing(line, listings)
    at = _instant(line) if listing is not None else None
    bid, offer = line.read("bid", _price), line.read("offer", _price)
    if bid is not None and offer is not None and offer < bid:
        line.say("offer", "is below the bid")
    if line.errors or listing is None or at is None or bid is None or offer is None:
        return None
    return QuoteRow(listing.instrument_id, listing.venue_id, at, bid, offer)
