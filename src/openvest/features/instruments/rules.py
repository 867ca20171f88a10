"""How instruments are named in a path, which window a question for candles means, which listing an order takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from openvest.core.ids import deterministic_id
from openvest.core.problems import FieldError, InvalidRequest, NotFound
from openvest.core.records import record
from openvest.core.schema import ISIN_PATTERN, UUID_PATTERN
from openvest.core.trading_calendar import FIRST_DAY, ONE_DAY
from openvest.declarations import PathValue

MOST_CANDLES = 1000
DEFAULT_DAYS = timedelta(days=30)
DAY_MINUTES = 1440

ISIN_NAME = re.compile(r"(?:(?:urn:)?isin:)?(" + ISIN_PATTERN.strip("^$") + ")")
UUID_NAME = re.compile(r"(?:(?:urn:)?uuid:)?(" + UUID_PATTERN.strip("^$") + ")")
INTERVAL = re.compile(r"([1-9][0-9]{0,3})([hm])")

VENUES = (("XETR", "Xetra", True), ("XLON", "London Stock Exchange", True))
"""(MIC, name, whole shares) of every venue with a trading calendar."""


class InstrumentNotFound(NotFound):
    """No instrument has this id or ISIN."""

    def __init__(self) -> None:
        super().__init__("There is no such instrument.")


class VenueNotFound(NotFound):
    """The instrument is not listed at such a venue."""

    def __init__(self) -> None:
        super().__init__("This instrument is not listed at such a venue.")


class PriceNotFound(NotFound):
    """No price of the instrument is known at this venue."""

    def __init__(self) -> None:
        super().__init__("No price of this instrument is known at this venue.")


@record
class InstrumentName:
    """An instrument as a path names it: exactly one of the two is given."""

    isin: str | None = None
    id: UUID | None = None


def parse_name(text: str) -> InstrumentName:
    """An instrument's ISIN or id, as a URN or bare: neither can be taken for the other. Raises: ValueError."""
    if found := ISIN_NAME.fullmatch(text):
        return InstrumentName(isin=found[1])
    if found := UUID_NAME.fullmatch(text):
        return InstrumentName(id=UUID(found[1]))
    raise ValueError("an instrument is named by its ISIN or its id")


_FORMS = "The instrument: its ISIN or its UUID, bare or prefixed (isin:…, urn:isin:…, uuid:…, urn:uuid:…)."
NAME_IN_PATH = PathValue(parse_name, _FORMS, tuple(f"^{name.pattern}$" for name in (ISIN_NAME, UUID_NAME)))

ID_IN_PATH = PathValue(parse_name, "The instrument: its UUID. Its ISIN is taken, too.")


def instrument_id(isin: str) -> UUID:
    return deterministic_id("instrument", isin)


def id_of(name: InstrumentName) -> UUID:
    """The id of an instrument that is named in either way; an ISIN gives the same one everywhere."""
    return name.id if name.id is not None else instrument_id(name.isin or "")


def venue_id(mic: str) -> UUID:
    return deterministic_id("venue", mic)


def interval_minutes(text: str) -> int:
    """1d, or minutes or hours up to a day. Raises: ValueError."""
    if text == "1d":
        return DAY_MINUTES
    found = INTERVAL.fullmatch(text)
    minutes = int(found[1]) * (60 if found[2] == "h" else 1) if found else 0
    if not 1 <= minutes <= DAY_MINUTES:
        raise ValueError("is 1d, or minutes or hours up to one day, for example 5m or 1h")
    return minutes


AFTER_END = "lies after the end of the asked time"


def candle_window(
    now: datetime, start: date | datetime | None, end: date | datetime | None
) -> tuple[datetime, datetime]:
    """First instant and last instant of the asked candles: never the future, never before the calendars.

    An end that is a day means its last moment. Raises: InvalidRequest where the start lies after the end.
    """
    known = datetime.combine(FIRST_DAY, time(), UTC)
    last = _last_moment(now.astimezone(UTC).date() - ONE_DAY) if end is None else _last_moment(end)
    if start is None:
        first = datetime.combine((max(last, known + DEFAULT_DAYS) - DEFAULT_DAYS).date(), time(), UTC)
    else:
        first = _first_moment(start)
        if first > last:
            raise InvalidRequest(f"start_date {AFTER_END}.", errors=[FieldError("start_date", AFTER_END)])
    return max(first, known), min(last, now)


def ends_before(start: date | datetime, end: date | datetime) -> bool:
    """Whether the asked time is none."""
    return _first_moment(start) > _last_moment(end)


def _first_moment(start: date | datetime) -> datetime:
    return start if isinstance(start, datetime) else datetime.combine(start, time(), UTC)


def _last_moment(end: date | datetime) -> datetime:
    if isinstance(end, datetime):
        return end
    return datetime.combine(end, time.max, UTC)


def too_many_candles() -> InvalidRequest:
    message = f"gives more than {MOST_CANDLES} points in the asked time"
    return InvalidRequest(f"The interval {message}.", errors=[FieldError("interval", message)])


class HasCurrency(Protocol):
    @property
    def currency(self) -> str: ...


L = TypeVar("L", bound=HasCurrency)


def home_listing(listings: Sequence[L], currency: str) -> L | None:
    """The preferred listing that trades this currency. Shape: `listings` of one instrument, preferred first."""
    return next((listing for listing in listings if listing.currency == currency), None)
