"""Trading and settlement calendar: sessions of venues, payment days of currencies, settlement dates of trades.

Pure reading of the files below `data/`; `tools/make_calendars.py` writes those that are generated. A venue is a line
in venues.csv, its lines in settlement_cycles.csv and a file holidays_<mic>.csv; a currency is a line in
payment_systems.csv and a file closing_days_<name>.csv.

The calendars reach from `FIRST_DAY` to `LAST_DAY`. Whatever would need a day outside raises `OutsideCalendar`; a
caller for whom "later than we know" is an answer (an order valid for 200 years) asks `is_covered` first.
Instants are aware datetimes and come back in UTC; a naive one is a fault (ValueError). Days are venue-local dates.

Source: DOMAIN.md section 2; ORDER_MATHS.md section 5; POSTINGS.md section 8.
"""

from __future__ import annotations

import csv
from bisect import bisect_left, bisect_right
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from typing import Literal
from zoneinfo import ZoneInfo

from openvest.core.problems import Problem

FIRST_DAY = date(2020, 1, 1)
LAST_DAY = date(2040, 12, 31)
ONE_DAY = timedelta(days=1)
SATURDAY = 5  # As `date.weekday()` counts.
TAX_ZONE = "Europe/Berlin"

Side = Literal["BUY", "SELL"]


class OutsideCalendar(Problem):
    """A day or an instant that the shipped calendars do not cover."""

    name, status, title = "outside_calendar", 422, "Outside the trading calendar"

    def __init__(self, asked: str) -> None:
        super().__init__(f"{asked} lies outside the calendars, which reach from {FIRST_DAY} to {LAST_DAY}.")


class UnknownVenue(Problem):
    """A venue for which no calendar is shipped."""

    name, status, title = "unknown_venue", 422, "Unknown venue"

    def __init__(self, mic: str) -> None:
        super().__init__(f"No trading calendar for the venue {mic!r}; known: {', '.join(known_venues())}.")


class UnknownPaymentCalendar(Problem):
    """A currency or payment system for which no calendar is shipped."""

    name, status, title = "unknown_payment_calendar", 422, "Unknown payment calendar"

    def __init__(self, currency: str) -> None:
        super().__init__(f"No payment calendar for the currency {currency!r}; known: {', '.join(known_currencies())}.")


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day of one venue. Both ends belong to it: `opens_at <= instant <= closes_at` is in session.

    A session never crosses midnight at its venue or in UTC; `session_at` and the valuation day rely on it.
    """

    mic: str
    on: date
    opens_at: datetime
    closes_at: datetime
    half_day: bool


@dataclass(frozen=True, slots=True)
class _Cycle:
    valid_from: date
    days: int


@dataclass(frozen=True, slots=True, eq=False)
class _Venue:
    """What the files say about one venue. `days` is sorted and holds every day with a session."""

    mic: str
    zone: ZoneInfo
    opens: time
    closes: time
    early_closes: dict[date, time]
    days: tuple[date, ...]
    depository_closed: frozenset[date]
    cycles: dict[str, tuple[_Cycle, ...]]


# Reading the files


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("openvest.core") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


@cache
def _venue_rows() -> dict[str, dict[str, str]]:
    return {row["mic"]: row for row in _rows("venues.csv")}


@cache
def _payment_systems() -> dict[str, str]:
    return {row["currency"]: row["closing_days"] for row in _rows("payment_systems.csv")}


@cache
def _closing_days(code: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(row["date"]) for row in _rows(f"closing_days_{code}.csv"))


def _cycles(mic: str) -> dict[str, tuple[_Cycle, ...]]:
    by_side: dict[str, list[_Cycle]] = {}
    for row in _rows("settlement_cycles.csv"):
        if row["mic"] == mic:
            cycle = _Cycle(date.fromisoformat(row["valid_from"]), int(row["days"]))
            by_side.setdefault(row["side"], []).append(cycle)
    return {side: tuple(sorted(cycles, key=lambda c: c.valid_from)) for side, cycles in by_side.items()}


@cache
def _venue(mic: str) -> _Venue:
    row = _venue_rows().get(mic)
    if row is None:
        raise UnknownVenue(mic)
    closed: set[date] = set()
    early: dict[date, time] = {}
    for holiday in _rows(f"holidays_{mic}.csv"):
        day = date.fromisoformat(holiday["date"])
        if holiday["kind"] == "half":
            early[day] = time.fromisoformat(holiday["closes_local"])
        else:
            closed.add(day)
    every = (FIRST_DAY + timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1))
    return _Venue(
        mic=mic,
        zone=ZoneInfo(row["timezone"]),
        opens=time.fromisoformat(row["opens_local"]),
        closes=time.fromisoformat(row["closes_local"]),
        early_closes=early,
        days=tuple(day for day in every if day.weekday() < SATURDAY and day not in closed),
        depository_closed=_closing_days(row["depository_days"]),
        cycles=_cycles(mic),
    )


def _payment_closed(currency: str) -> frozenset[date]:
    code = _payment_systems().get(currency)
    if code is None:
        raise UnknownPaymentCalendar(currency)
    return _closing_days(code)


# Days and instants


def known_venues() -> tuple[str, ...]:
    """The MICs with a trading calendar, sorted."""
    return tuple(sorted(_venue_rows()))


def known_currencies() -> tuple[str, ...]:
    """The currencies with a payment calendar, sorted."""
    return tuple(sorted(_payment_systems()))


def is_covered(day: date) -> bool:
    """Whether the calendars reach to this day."""
    return FIRST_DAY <= day <= LAST_DAY


def _covered(day: date) -> date:
    if not is_covered(day):
        raise OutsideCalendar(day.isoformat())
    return day


def _local_date(zone: ZoneInfo, instant: datetime) -> date:
    """Raises: OutsideCalendar where the local date would leave the years 1 to 9999."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    try:
        return instant.astimezone(zone).date()
    except OverflowError:
        raise OutsideCalendar(instant.isoformat()) from None


def _utc(zone: ZoneInfo, day: date, local: time) -> datetime:
    """Where a change of the clocks skips the local time, the instant that many minutes after the change; where it
    repeats it, the first of the two."""
    return datetime.combine(day, local.replace(tzinfo=zone)).astimezone(UTC)


def venue_date(mic: str, instant: datetime) -> date:
    """The calendar date at the venue; not necessarily a trading day, nor one the calendars cover."""
    return _local_date(_venue(mic).zone, instant)


def tax_date(instant: datetime) -> date:
    """The date a taxable event counts for: Europe/Berlin. Any year, since acquisitions may be older than OpenVest."""
    return _local_date(ZoneInfo(TAX_ZONE), instant)


def cut_off(mic: str, local_time: time, day: date) -> datetime:
    """The instant of a venue-local wall-clock time on a day. Knows no holidays and no half days.

    Raises: OutsideCalendar, UnknownVenue; ValueError if `local_time` carries a time zone of its own.
    """
    if local_time.tzinfo is not None:
        raise ValueError("a venue-local time has no time zone of its own")
    return _utc(_venue(mic).zone, _covered(day), local_time)


# Sessions


@cache
def _session(mic: str, day: date) -> Session:
    """`day` must be one of the venue's days. Cached: at most one object per venue and trading day."""
    venue = _venue(mic)
    early = venue.early_closes.get(day)
    return Session(
        mic=mic,
        on=day,
        opens_at=_utc(venue.zone, day, venue.opens),
        closes_at=_utc(venue.zone, day, early or venue.closes),
        half_day=early is not None,
    )


def _nth(venue: _Venue, place: int, asked: datetime) -> Session:
    if place >= len(venue.days):
        raise OutsideCalendar(f"The session of {venue.mic} after {asked.isoformat()}")
    return _session(venue.mic, venue.days[place])


def session_on(mic: str, day: date) -> Session | None:
    """The session of that day, or None on a weekend or holiday. Raises: OutsideCalendar, UnknownVenue."""
    days = _venue(mic).days
    place = bisect_left(days, _covered(day))
    return _session(mic, day) if place < len(days) and days[place] == day else None


def session_at(mic: str, instant: datetime) -> Session | None:
    """The session the instant lies in, both ends included, or None. Raises: OutsideCalendar, UnknownVenue."""
    session = session_on(mic, venue_date(mic, instant))
    if session is None or not session.opens_at <= instant <= session.closes_at:
        return None
    return session


def next_session(mic: str, instant: datetime) -> Session:
    """The session an order entered at this instant takes part in: the first with `closes_at >= instant`.

    So the current one from its open up to and including its close, today's before it opens, else the following.
    Raises: OutsideCalendar (also when the last session of the calendars is over), UnknownVenue.
    """
    venue = _venue(mic)
    place = bisect_left(venue.days, _covered(venue_date(mic, instant)))
    session = _nth(venue, place, instant)
    return session if session.closes_at >= instant else _nth(venue, place + 1, instant)


def session_after(mic: str, instant: datetime) -> Session:
    """The next opening: the first session with `opens_at > instant`, never one the instant lies in.

    Raises: OutsideCalendar (also when the last session of the calendars has opened), UnknownVenue.
    """
    venue = _venue(mic)
    place = bisect_left(venue.days, _covered(venue_date(mic, instant)))
    session = _nth(venue, place, instant)
    return session if session.opens_at > instant else _nth(venue, place + 1, instant)


def last_session_on_or_before(mic: str, day: date) -> Session:
    """The session of that day, else the latest before it (where an order's validity ends).

    Raises: OutsideCalendar (also when no session of the calendars lies that early), UnknownVenue.
    """
    days = _venue(mic).days
    place = bisect_right(days, _covered(day))
    if place == 0:
        raise OutsideCalendar(f"The last session of {mic} on or before {day}")
    return _session(mic, days[place - 1])


def sessions_between(mic: str, first: date, last: date) -> tuple[Session, ...]:
    """All sessions from `first` to `last`, both included, in order; empty if `first` is the later.

    Raises: OutsideCalendar, UnknownVenue.
    """
    days = _venue(mic).days
    start, end = bisect_left(days, _covered(first)), bisect_right(days, _covered(last))
    return tuple(_session(mic, day) for day in days[start:end])


# Payment and settlement


def is_payment_day(currency: str, day: date) -> bool:
    """Whether the currency's payment system is open: T2 for EUR, no bank holiday in England for GBP.

    Raises: OutsideCalendar, UnknownPaymentCalendar.
    """
    closed = _payment_closed(currency)
    return _covered(day).weekday() < SATURDAY and day not in closed


def payment_day_on_or_after(currency: str, day: date) -> date:
    """The day itself if its payments move, else the next on which they do. Raises: as `is_payment_day`."""
    while not is_payment_day(currency, day):
        day += ONE_DAY
    return day


def next_payment_day(currency: str, day: date) -> date:
    """The first payment day strictly after `day`. Raises: as `is_payment_day`."""
    return payment_day_on_or_after(currency, _covered(day) + ONE_DAY)


def is_settlement_day(mic: str, currency: str, day: date) -> bool:
    """Whether the venue's depository and the currency's payment system are both open.

    The depository keeps its own calendar: Frankfurt settles on 24 and 31 December although XETR does not trade.
    Raises: OutsideCalendar, UnknownVenue, UnknownPaymentCalendar.
    """
    venue = _venue(mic)
    return is_payment_day(currency, day) and day not in venue.depository_closed


def settlement_cycle(mic: str, side: Side, trade_date: date) -> int:
    """Settlement days between trade and settlement, by the rule in force on the trade date.

    Raises: OutsideCalendar (also before the first rule), UnknownVenue.
    """
    cycles = _venue(mic).cycles[side]
    place = bisect_right(cycles, _covered(trade_date), key=lambda cycle: cycle.valid_from)
    if place == 0:
        raise OutsideCalendar(f"A settlement cycle of {mic} for {trade_date}")
    return cycles[place - 1].days


def settlement_date(mic: str, side: Side, currency: str, trade_date: date) -> date:
    """The day a trade settles: the n-th settlement day after the trade date, n from `settlement_cycle`.

    The trade date itself never counts and need not be a trading day. A currency without a payment calendar (USD, for
    example) is refused: counting only the depository's days would promise money on days it cannot move.
    Raises: OutsideCalendar, UnknownVenue, UnknownPaymentCalendar.
    """
    day = trade_date
    for _ in range(settlement_cycle(mic, side, trade_date)):
        day += ONE_DAY
        while not is_settlement_day(mic, currency, day):
            day += ONE_DAY
    return day


@cache
def last_settling_session(mic: str, side: Side, currency: str) -> Session:
    """The last session of which every trade settles within the calendars. Raises: as `settlement_date`."""
    for day in reversed(_venue(mic).days):
        with suppress(OutsideCalendar):
            settlement_date(mic, side, currency, day)
            return _session(mic, day)
    raise OutsideCalendar(f"A settlement at {mic}")
