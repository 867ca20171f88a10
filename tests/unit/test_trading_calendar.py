"""Sessions, hours, local dates and refusals of the trading calendar, and the form of its files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from openvest.core import trading_calendar as cal
from openvest.core.problems import Problem
from openvest.core.trading_calendar import FIRST_DAY, LAST_DAY, OutsideCalendar

BERLIN, LONDON = ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/London")
VENUES = ("XETR", "XLON")
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def days(*texts: str) -> set[date]:
    return {date.fromisoformat(text) for text in texts}


def weekdays(first: date, last: date) -> list[date]:
    every = (first + n * DAY for n in range((last - first).days + 1))
    return [day for day in every if day.weekday() < 5]


def whole_year(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year, 12, 31)


# Known days. Source: the calendars the venues published for these years.

CLOSED = [
    ("XETR", 2020, "01-01 04-10 04-13 05-01 06-01 12-24 12-25 12-31"),
    ("XETR", 2022, "04-15 04-18 12-26"),
    ("XETR", 2024, "01-01 03-29 04-01 05-01 12-24 12-25 12-26 12-31"),
    ("XETR", 2026, "01-01 04-03 04-06 05-01 12-24 12-25 12-31"),
    ("XLON", 2020, "01-01 04-10 04-13 05-08 05-25 08-31 12-25 12-28"),
    ("XLON", 2022, "01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27"),
    ("XLON", 2023, "01-02 04-07 04-10 05-01 05-08 05-29 08-28 12-25 12-26"),
    ("XLON", 2026, "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28"),
]


@pytest.mark.parametrize(("mic", "year", "listed"), CLOSED)
def test_the_weekdays_without_a_session_are_the_published_ones(mic: str, year: int, listed: str) -> None:
    closed = {day for day in weekdays(*whole_year(year)) if cal.session_on(mic, day) is None}
    assert closed == days(*(f"{year}-{day}" for day in listed.split()))


HALF_DAYS = [
    ("XETR", 2026, {"2026-12-30": "13:00"}),
    ("XETR", 2023, {"2023-12-29": "13:00"}),
    ("XLON", 2026, {"2026-12-24": "12:30", "2026-12-31": "12:30"}),
    ("XLON", 2023, {"2023-12-22": "12:30", "2023-12-29": "12:30"}),
]


@pytest.mark.parametrize(("mic", "year", "closes"), HALF_DAYS)
def test_half_days_close_early_and_no_other_day_does(mic: str, year: int, closes: dict[str, str]) -> None:
    half = {
        s.on.isoformat(): f"{s.closes_at:%H:%M}" for s in cal.sessions_between(mic, *whole_year(year)) if s.half_day
    }
    assert half == closes
    zone, usual = (BERLIN, time(17, 30)) if mic == "XETR" else (LONDON, time(16, 30))
    for session in cal.sessions_between(mic, *whole_year(year)):
        assert (session.closes_at.astimezone(zone).time() == usual) is not session.half_day


def test_weekends_never_trade() -> None:
    for mic in VENUES:
        sessions = cal.sessions_between(mic, FIRST_DAY, LAST_DAY)
        assert {s.on.weekday() for s in sessions} == {0, 1, 2, 3, 4}
        assert cal.session_on(mic, date(2026, 11, 21)) is None


# The clocks change

CLOCK_CHANGES = [
    ("XETR", "2026-03-27", "08:00", "16:30"),
    ("XETR", "2026-03-30", "07:00", "15:30"),
    ("XETR", "2026-10-23", "07:00", "15:30"),
    ("XETR", "2026-10-26", "08:00", "16:30"),
    ("XLON", "2026-03-27", "08:00", "16:30"),
    ("XLON", "2026-03-30", "07:00", "15:30"),
    ("XLON", "2026-10-26", "08:00", "16:30"),
]


@pytest.mark.parametrize(("mic", "day", "opens", "closes"), CLOCK_CHANGES)
def test_hours_are_local_and_instants_utc(mic: str, day: str, opens: str, closes: str) -> None:
    session = cal.session_on(mic, date.fromisoformat(day))
    assert session is not None
    assert (session.opens_at, session.closes_at) == (utc(f"{day}T{opens}"), utc(f"{day}T{closes}"))
    assert session.opens_at.tzinfo is UTC
    assert session.closes_at.tzinfo is UTC


def test_a_cut_off_follows_the_local_clock() -> None:
    assert cal.cut_off("XETR", time(16), date(2026, 3, 27)) == utc("2026-03-27T15:00")
    assert cal.cut_off("XETR", time(16), date(2026, 3, 30)) == utc("2026-03-30T14:00")
    assert cal.cut_off("XLON", time(16), date(2026, 3, 30)) == utc("2026-03-30T15:00")
    # Skipped on the last Sunday of March, repeated on the last Sunday of October.
    assert cal.cut_off("XETR", time(2, 30), date(2026, 3, 29)) == utc("2026-03-29T01:30")
    assert cal.cut_off("XETR", time(2, 30), date(2026, 10, 25)) == utc("2026-10-25T00:30")


def test_dates_belong_to_a_place() -> None:
    late = utc("2026-12-31T23:30")
    assert cal.tax_date(late) == date(2027, 1, 1)
    assert cal.venue_date("XETR", late) == date(2027, 1, 1)
    assert cal.venue_date("XLON", late) == date(2026, 12, 31)
    assert cal.tax_date(utc("2026-06-30T22:00")) == date(2026, 7, 1)
    assert cal.tax_date(utc("1998-06-30T21:59")) == date(1998, 6, 30)


def test_zones_are_known_without_a_database_of_the_system() -> None:
    code = (
        "from datetime import date; from openvest.core import trading_calendar as c; "
        "print(c.session_on('XETR', date(2026, 7, 1)).opens_at.isoformat())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.strip() == "2026-07-01T07:00:00+00:00", run.stderr


# Sessions around an instant


def test_both_ends_belong_to_the_session() -> None:
    session = cal.session_on("XETR", date(2026, 11, 20))
    assert session is not None
    assert cal.session_at("XETR", session.opens_at) == session
    assert cal.session_at("XETR", session.closes_at) == session
    assert cal.session_at("XETR", session.opens_at - TICK) is None
    assert cal.session_at("XETR", session.closes_at + TICK) is None
    assert cal.session_at("XETR", session.opens_at.astimezone(ZoneInfo("Asia/Tokyo"))) == session


@pytest.mark.parametrize(
    ("instant", "expected_next", "expected_after"),
    [
        ("2026-12-23T07:59", "2026-12-23", "2026-12-23"),
        ("2026-12-23T08:00", "2026-12-23", "2026-12-28"),
        ("2026-12-23T16:30", "2026-12-23", "2026-12-28"),
        ("2026-12-23T16:31", "2026-12-28", "2026-12-28"),
        ("2026-12-26T12:00", "2026-12-28", "2026-12-28"),
        ("2026-12-30T13:00", "2026-12-30", "2027-01-04"),
        ("2026-12-30T13:01", "2027-01-04", "2027-01-04"),
    ],
)
def test_next_session_counts_the_current_one_and_session_after_does_not(
    instant: str, expected_next: str, expected_after: str
) -> None:
    assert cal.next_session("XETR", utc(instant)).on == date.fromisoformat(expected_next)
    assert cal.session_after("XETR", utc(instant)).on == date.fromisoformat(expected_after)


def test_last_session_on_or_before_goes_back_over_holidays() -> None:
    assert cal.last_session_on_or_before("XETR", date(2026, 4, 6)).on == date(2026, 4, 2)
    assert cal.last_session_on_or_before("XETR", date(2026, 12, 25)).on == date(2026, 12, 23)
    assert cal.last_session_on_or_before("XLON", date(2026, 12, 28)).on == date(2026, 12, 24)
    assert cal.last_session_on_or_before("XLON", date(2026, 11, 20)).on == date(2026, 11, 20)


def test_sessions_between_includes_both_ends() -> None:
    easter_week = cal.sessions_between("XETR", date(2026, 4, 2), date(2026, 4, 7))
    assert [s.on for s in easter_week] == [date(2026, 4, 2), date(2026, 4, 7)]
    assert cal.sessions_between("XETR", date(2026, 4, 7), date(2026, 4, 2)) == ()


def test_no_session_crosses_midnight_and_they_follow_each_other() -> None:
    for mic in VENUES:
        sessions = cal.sessions_between(mic, FIRST_DAY, LAST_DAY)
        assert len(sessions) > 5_000
        for session in sessions:
            assert session.opens_at.date() == session.closes_at.date() == session.on
            assert session.opens_at < session.closes_at
        pairs = pairwise(sessions)
        assert all(earlier.closes_at < later.opens_at for earlier, later in pairs)


# The files

FILES = [
    *(f"holidays_{mic}.csv" for mic in VENUES),
    *(f"closing_days_{code}.csv" for code in ("T2", "T2S", "UK")),
]


@pytest.mark.parametrize("name", FILES)
def test_a_calendar_file_lists_weekdays_of_the_range_once_and_in_order(name: str) -> None:
    lines = (files("openvest.core") / "data" / name).read_text(encoding="utf-8").splitlines()
    rows = [line.split(",") for line in lines if not line.startswith(("#", "date,"))]
    listed = [date.fromisoformat(row[0]) for row in rows]
    assert listed == sorted(set(listed))
    assert {day.year for day in listed} == set(range(FIRST_DAY.year, LAST_DAY.year + 1))
    assert all(day.weekday() < 5 for day in listed)
    if name.startswith("holidays_"):
        assert all((row[1] == "half") == bool(row[2]) and row[1] in ("half", "closed") for row in rows)


def test_the_known_venues_and_currencies_are_those_of_the_files() -> None:
    assert cal.known_venues() == VENUES
    assert cal.known_currencies() == ("EUR", "GBP")


# Refusals

OUTSIDE: list[tuple[str, Callable[[], object]]] = [
    ("day before", lambda: cal.session_on("XETR", FIRST_DAY - DAY)),
    ("day after", lambda: cal.session_on("XETR", LAST_DAY + DAY)),
    ("instant before", lambda: cal.session_at("XLON", utc("2019-12-31T12:00"))),
    ("instant after", lambda: cal.session_at("XLON", utc("2041-01-01T12:00"))),
    ("next before", lambda: cal.next_session("XETR", utc("2019-12-31T12:00"))),
    ("last session over", lambda: cal.next_session("XETR", utc("2040-12-28T13:01"))),
    ("last session open", lambda: cal.session_after("XETR", utc("2040-12-28T08:00"))),
    ("next long after", lambda: cal.next_session("XETR", utc("2226-11-21T12:00"))),
    ("after long after", lambda: cal.session_after("XETR", utc("2226-11-21T12:00"))),
    ("no earlier session", lambda: cal.last_session_on_or_before("XETR", FIRST_DAY)),
    ("expiry in 200 years", lambda: cal.last_session_on_or_before("XETR", date(2226, 11, 21))),
    ("range from", lambda: cal.sessions_between("XETR", FIRST_DAY - DAY, LAST_DAY)),
    ("range to", lambda: cal.sessions_between("XETR", FIRST_DAY, LAST_DAY + DAY)),
    ("cut-off", lambda: cal.cut_off("XETR", time(16), LAST_DAY + DAY)),
    ("payment", lambda: cal.is_payment_day("EUR", FIRST_DAY - DAY)),
    ("next payment", lambda: cal.next_payment_day("EUR", LAST_DAY)),
    ("payment at the end of time", lambda: cal.next_payment_day("EUR", date.max)),
    ("settlement day", lambda: cal.is_settlement_day("XETR", "EUR", LAST_DAY + DAY)),
    ("settles too late", lambda: cal.settlement_date("XETR", "SELL", "EUR", LAST_DAY)),
    ("traded too early", lambda: cal.settlement_date("XETR", "SELL", "EUR", FIRST_DAY - DAY)),
    ("cycle", lambda: cal.settlement_cycle("XETR", "SELL", date.max)),
    ("end of time", lambda: cal.venue_date("XETR", datetime.max.replace(tzinfo=UTC))),
    ("tax at the end of time", lambda: cal.tax_date(datetime.max.replace(tzinfo=UTC))),
    ("beginning of time", lambda: cal.session_at("XETR", datetime.min.replace(tzinfo=UTC))),
]


@pytest.mark.parametrize("ask", [ask for _, ask in OUTSIDE], ids=[name for name, _ in OUTSIDE])
def test_outside_the_calendars_is_a_problem_document(ask: Callable[[], object]) -> None:
    with pytest.raises(OutsideCalendar) as caught:
        ask()
    document = caught.value.document("/orders", "a-request")
    assert document["status"] == 422
    assert "2020-01-01 to 2040-12-31" in document["detail"]


def test_the_edges_themselves_are_inside() -> None:
    assert [cal.is_covered(day) for day in (FIRST_DAY - DAY, FIRST_DAY, LAST_DAY, LAST_DAY + DAY)] == [
        False,
        True,
        True,
        False,
    ]
    assert cal.session_on("XETR", FIRST_DAY) is None
    assert cal.next_session("XLON", utc("2020-01-01T00:00")).on == date(2020, 1, 2)
    assert cal.next_session("XETR", utc("2040-12-28T13:00")).on == date(2040, 12, 28)
    assert cal.last_session_on_or_before("XLON", LAST_DAY).on == LAST_DAY


@pytest.mark.parametrize(
    ("refusal", "ask", "names"),
    [
        (cal.UnknownVenue, lambda: cal.session_on("XNYS", date(2026, 11, 20)), "XETR, XLON"),
        (cal.UnknownVenue, lambda: cal.settlement_date("", "BUY", "EUR", date(2026, 11, 20)), "XETR, XLON"),
        (cal.UnknownPaymentCalendar, lambda: cal.is_payment_day("USD", date(2026, 11, 20)), "EUR, GBP"),
        (
            cal.UnknownPaymentCalendar,
            lambda: cal.settlement_date("XLON", "BUY", "USD", date(2026, 11, 20)),
            "EUR, GBP",
        ),
    ],
)
def test_what_is_not_known_is_refused_with_what_is(
    refusal: type[Problem], ask: Callable[[], object], names: str
) -> None:
    with pytest.raises(refusal) as caught:
        ask()
    assert caught.value.status == 422
    assert names in caught.value.detail


@pytest.mark.parametrize(
    "ask",
    [
        lambda: cal.session_at("XETR", datetime.fromisoformat("2026-11-20T12:00")),
        lambda: cal.tax_date(datetime.fromisoformat("2026-11-20T12:00")),
        lambda: cal.cut_off("XETR", time(16, tzinfo=UTC), date(2026, 11, 20)),
    ],
)
def test_an_ambiguous_time_is_a_fault_and_not_a_guess(ask: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="time zone"):
        ask()


@pytest.mark.parametrize("mic", VENUES)
def test_every_session_is_found_at_its_ends_and_only_there(mic: str) -> None:
    sessions = cal.sessions_between(mic, FIRST_DAY, LAST_DAY)
    for session, following in pairwise(sessions):
        assert cal.session_at(mic, session.opens_at) is session
        assert cal.session_at(mic, session.closes_at) is session
        assert cal.session_at(mic, session.closes_at + TICK) is None
        assert cal.next_session(mic, session.closes_at + TICK) is following
        assert cal.session_after(mic, session.opens_at) is following
