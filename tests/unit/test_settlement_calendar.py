"""Payment days and settlement dates: published days, and euro days and Easter by a second algorithm."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from openvest.core import trading_calendar as cal
from openvest.core.trading_calendar import Side

VENUES = ("XETR", "XLON")
SIDES: tuple[Side, ...] = ("BUY", "SELL")
DAY = timedelta(days=1)


def days(*texts: str) -> set[date]:
    return {date.fromisoformat(text) for text in texts}


def weekdays(first: date, last: date) -> list[date]:
    every = (first + n * DAY for n in range((last - first).days + 1))
    return [day for day in every if day.weekday() < 5]


def whole_year(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year, 12, 31)


def easter(year: int) -> date:
    """Gauss's rule with its two exceptions; the generator uses another algorithm."""
    a, b, c = year % 19, year % 4, year % 7
    d = (19 * a + 24) % 30
    e = (2 * b + 4 * c + 6 * d + 5) % 7
    if (d == 29 and e == 6) or (d == 28 and e == 6 and a > 10):
        e -= 7
    return date(year, 3, 22) + timedelta(days=d + e)


# Payment days


@pytest.mark.parametrize("year", range(2020, 2041))
def test_euro_payment_days_by_a_second_algorithm(year: int) -> None:
    sunday = easter(year)
    closed = {date(year, 1, 1), sunday - 2 * DAY, sunday + DAY}
    closed |= {date(year, 5, 1), date(year, 12, 25), date(year, 12, 26)}
    day = date(year, 1, 1)
    while day.year == year:
        assert cal.is_payment_day("EUR", day) == (day.weekday() < 5 and day not in closed), day
        day += DAY


@pytest.mark.parametrize("year", range(2020, 2041))
def test_venues_close_over_easter_by_a_second_algorithm(year: int) -> None:
    sunday = easter(year)
    for mic in VENUES:
        assert cal.session_on(mic, sunday - 2 * DAY) is None
        assert cal.session_on(mic, sunday + DAY) is None
        assert cal.session_on(mic, sunday - 3 * DAY) is not None


def test_gauss_gives_the_published_easter_sundays() -> None:
    published = {2020: (4, 12), 2024: (3, 31), 2026: (4, 5), 2027: (3, 28), 2035: (3, 25), 2038: (4, 25)}
    assert {year: (easter(year).month, easter(year).day) for year in published} == published


STERLING_CLOSED = [
    (2020, "01-01 04-10 04-13 05-08 05-25 08-31 12-25 12-28"),
    (2021, "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28"),
    (2022, "01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27"),
    (2023, "01-02 04-07 04-10 05-01 05-08 05-29 08-28 12-25 12-26"),
    (2027, "01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28"),
]


@pytest.mark.parametrize(("year", "listed"), STERLING_CLOSED)
def test_sterling_stands_still_on_bank_holidays(year: int, listed: str) -> None:
    closed = {day for day in weekdays(*whole_year(year)) if not cal.is_payment_day("GBP", day)}
    assert closed == days(*(f"{year}-{day}" for day in listed.split()))


def test_eight_bank_holidays_a_year_after_the_last_single_one() -> None:
    for year in range(2024, 2041):
        assert sum(not cal.is_payment_day("GBP", day) for day in weekdays(*whole_year(year))) == 8


def test_payment_day_on_or_after_stays_and_next_payment_day_moves() -> None:
    assert cal.payment_day_on_or_after("EUR", date(2026, 12, 24)) == date(2026, 12, 24)
    assert cal.payment_day_on_or_after("EUR", date(2026, 12, 25)) == date(2026, 12, 28)
    assert cal.next_payment_day("EUR", date(2026, 12, 24)) == date(2026, 12, 28)
    assert cal.next_payment_day("GBP", date(2026, 12, 24)) == date(2026, 12, 29)
    assert cal.next_payment_day("EUR", date(2026, 12, 30)) == date(2026, 12, 31)


# Settlement

SETTLEMENTS = [
    ("an ordinary week", "XETR", "BUY", "EUR", "2026-11-18", "2026-11-19"),
    ("an ordinary week", "XETR", "SELL", "EUR", "2026-11-18", "2026-11-20"),
    ("over a weekend", "XETR", "SELL", "EUR", "2026-11-20", "2026-11-24"),
    ("Easter", "XETR", "BUY", "EUR", "2026-04-02", "2026-04-07"),
    ("Easter", "XETR", "SELL", "EUR", "2026-04-02", "2026-04-08"),
    ("1 May stops the euro but not London", "XLON", "BUY", "GBP", "2026-04-30", "2026-05-01"),
    ("1 May and the early May holiday", "XLON", "BUY", "EUR", "2026-04-30", "2026-05-05"),
    ("the early May holiday stops sterling, not Frankfurt", "XETR", "SELL", "EUR", "2026-04-30", "2026-05-05"),
    ("the early May holiday stops both for sterling", "XETR", "BUY", "GBP", "2026-05-01", "2026-05-05"),
    ("the summer holiday closes the depository of London", "XLON", "BUY", "EUR", "2026-08-28", "2026-09-01"),
    ("Frankfurt settles on 24 December", "XETR", "BUY", "EUR", "2026-12-23", "2026-12-24"),
    ("Christmas in Frankfurt", "XETR", "SELL", "EUR", "2026-12-23", "2026-12-28"),
    ("Christmas in London", "XLON", "SELL", "GBP", "2026-12-23", "2026-12-29"),
    ("Christmas in London, euro", "XLON", "BUY", "EUR", "2026-12-24", "2026-12-29"),
    ("Frankfurt settles on 31 December", "XETR", "BUY", "EUR", "2026-12-30", "2026-12-31"),
    ("the turn of the year", "XETR", "SELL", "EUR", "2026-12-30", "2027-01-04"),
    ("last T+2 day", "XETR", "SELL", "EUR", "2027-10-08", "2027-10-12"),
    ("first T+1 day", "XETR", "SELL", "EUR", "2027-10-11", "2027-10-12"),
    ("last T+2 day", "XLON", "SELL", "GBP", "2027-10-08", "2027-10-12"),
    ("first T+1 day", "XLON", "SELL", "GBP", "2027-10-11", "2027-10-12"),
    ("buys do not change", "XLON", "BUY", "GBP", "2027-10-08", "2027-10-11"),
    ("buys do not change", "XLON", "BUY", "GBP", "2027-10-11", "2027-10-12"),
    ("a day without trading", "XETR", "BUY", "EUR", "2026-11-21", "2026-11-23"),
]


@pytest.mark.parametrize(("why", "mic", "side", "currency", "traded", "settles"), SETTLEMENTS)
def test_settlement_dates(why: str, mic: str, side: Side, currency: str, traded: str, settles: str) -> None:
    assert cal.settlement_date(mic, side, currency, date.fromisoformat(traded)) == date.fromisoformat(settles), why


@pytest.mark.parametrize("mic", VENUES)
def test_the_cycle_changes_on_11_october_2027(mic: str) -> None:
    before, after = date(2027, 10, 10), date(2027, 10, 11)
    assert [cal.settlement_cycle(mic, side, before) for side in SIDES] == [1, 2]
    assert [cal.settlement_cycle(mic, side, after) for side in SIDES] == [1, 1]
