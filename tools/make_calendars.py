"""Write the calendar files below src/openvest/core/data (run by a developer, never by OpenVest itself).

Needs `exchange_calendars`, which OpenVest does not depend on: run it from a throw-away virtual environment.

    python tools/make_calendars.py            writes the files
    python tools/make_calendars.py --check    changes nothing; exit status 1 if a file would change

Trading days come from exchange_calendars. Payment and depository days come from the rules below, and the rules for
England are held against the closures of the London Stock Exchange, so that two sources must agree before a file is
written. The hand-written tables (venues.csv, payment_systems.csv, settlement_cycles.csv) are not touched.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

FIRST_DAY = date(2020, 1, 1)
LAST_DAY = date(2040, 12, 31)
YEARS = range(FIRST_DAY.year, LAST_DAY.year + 1)
DATA = Path(__file__).resolve().parent.parent / "src" / "openvest" / "core" / "data"
SATURDAY = 5  # As `date.weekday()` counts.


@dataclass(frozen=True)
class Venue:
    """The regular hours are asserted against the source, so that a change there is seen and not shipped."""

    mic: str
    opens: time
    closes: time


VENUES = (Venue("XETR", time(9), time(17, 30)), Venue("XLON", time(8), time(16, 30)))

# Days England was given once. The two moved holidays (2020, 2022) stand in `uk_bank_holidays`, where they are moved.
UK_ONCE = {
    date(2022, 6, 3): "Platinum Jubilee",
    date(2022, 9, 19): "State funeral of Elizabeth II",
    date(2023, 5, 8): "Coronation of Charles III",
}


def easter_sunday(year: int) -> date:
    dateutil: Any = importlib.import_module("dateutil.easter")
    return dateutil.easter(year)


def first_monday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=-first.weekday() % 7)


def last_monday(year: int, month: int) -> date:
    """Months of 31 days only."""
    last = date(year, month, 31)
    return last - timedelta(days=last.weekday())


def t2s_closing_days(year: int) -> dict[date, str]:
    """The securities platform of the Eurosystem, on which Clearstream Frankfurt settles: open on 1 May."""
    easter = easter_sunday(year)
    return {
        date(year, 1, 1): "New Year's Day",
        easter - timedelta(days=2): "Good Friday",
        easter + timedelta(days=1): "Easter Monday",
        date(year, 12, 25): "Christmas Day",
        date(year, 12, 26): "26 December",
    }


def t2_closing_days(year: int) -> dict[date, str]:
    """The euro payment system; the rule has stood since 2002 and binds SEPA credit transfers and debits too."""
    return {**t2s_closing_days(year), date(year, 5, 1): "Labour Day"}


def uk_bank_holidays(year: int) -> dict[date, str]:
    """England and Wales, with the substitute days that follow from the Banking and Financial Dealings Act."""
    easter = easter_sunday(year)
    new_year = date(year, 1, 1)
    if new_year.weekday() >= SATURDAY:
        new_year += timedelta(days=7 - new_year.weekday())
    christmas, boxing = date(year, 12, 25), date(year, 12, 26)
    # Two days off are owed: whichever falls on a weekend moves to the first weekday that is not taken by the other.
    taken = {day for day in (christmas, boxing) if day.weekday() < SATURDAY}
    days = dict.fromkeys(sorted(taken), "Christmas or Boxing Day")
    substitute = boxing
    while len(days) < 2:
        substitute += timedelta(days=1)
        if substitute.weekday() < SATURDAY:
            days[substitute] = "Christmas or Boxing Day (substitute)"
    early_may = date(2020, 5, 8) if year == 2020 else first_monday(year, 5)
    spring = date(2022, 6, 2) if year == 2022 else last_monday(year, 5)
    days |= {
        new_year: "New Year's Day",
        easter - timedelta(days=2): "Good Friday",
        easter + timedelta(days=1): "Easter Monday",
        early_may: "Early May bank holiday",
        spring: "Spring bank holiday",
        last_monday(year, 8): "Summer bank holiday",
    }
    return days | {day: name for day, name in UK_ONCE.items() if day.year == year}


def weekdays() -> list[date]:
    span = (LAST_DAY - FIRST_DAY).days + 1
    every = (FIRST_DAY + timedelta(days=n) for n in range(span))
    return [day for day in every if day.weekday() < SATURDAY]


def venue_rows(venue: Venue) -> list[tuple[str, ...]]:
    """Every weekday without a session, and every session that closes early.

    Raises: SystemExit if the source has other regular hours than we believe, or a session on a weekend.
    """
    source: Any = importlib.import_module("exchange_calendars")
    calendar = source.get_calendar(venue.mic, start=FIRST_DAY.isoformat(), end=LAST_DAY.isoformat())
    names: dict[date, str] = {
        stamp.date(): name
        for stamp, name in calendar.regular_holidays.holidays(
            FIRST_DAY.isoformat(), LAST_DAY.isoformat(), return_name=True
        ).items()
    }
    hours: dict[date, tuple[time, time]] = {
        stamp.date(): (row.open.tz_convert(calendar.tz).time(), row.close.tz_convert(calendar.tz).time())
        for stamp, row in calendar.schedule.iterrows()
    }
    if any(day.weekday() >= SATURDAY for day in hours):
        raise SystemExit(f"{venue.mic} has a session on a weekend; the files cannot say that")
    rows: list[tuple[str, ...]] = []
    for day in weekdays():
        if day not in hours:
            name = names.get(day) or UK_ONCE.get(day) or "Bank holiday moved for once"
            rows.append((day.isoformat(), "closed", "", name))
            continue
        opens, closes = hours[day]
        if opens != venue.opens or closes > venue.closes:
            raise SystemExit(f"{venue.mic} {day}: {opens}–{closes} does not fit the regular hours in this file")
        if closes < venue.closes:
            before = "Christmas" if day.day <= 24 else "the new year"
            rows.append((day.isoformat(), "half", closes.isoformat("minutes"), f"Last session before {before}"))
    return rows


def closing_rows(rule: Callable[[int], dict[date, str]]) -> list[tuple[str, ...]]:
    """Weekdays only: weekends are closed everywhere and stand in no file."""
    days: dict[date, str] = {}
    for year in YEARS:
        days |= rule(year)
    return [(day.isoformat(), name) for day, name in sorted(days.items()) if day.weekday() < SATURDAY]


def render(title: str, source: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    text.write(f"# {title}, weekdays of {FIRST_DAY} to {LAST_DAY}.\n")
    text.write(f"# Generated by tools/make_calendars.py from {source}; change the generator, not this file.\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def files() -> dict[str, str]:
    """File name → content. Raises: SystemExit if our bank holidays and London's closures disagree."""
    library = f"exchange_calendars {version('exchange_calendars')}"
    written: dict[str, str] = {}
    venues = {venue.mic: venue_rows(venue) for venue in VENUES}
    for mic, rows in venues.items():
        columns = ("date", "kind", "closes_local", "name")
        written[f"holidays_{mic}.csv"] = render(f"{mic}: days closed and half days", library, columns, rows)
    uk = closing_rows(uk_bank_holidays)
    london = [row[0] for row in venues["XLON"] if row[1] == "closed"]
    if differing := sorted({row[0] for row in uk}.symmetric_difference(london)):
        raise SystemExit(f"bank holidays of England and closures of XLON differ: {', '.join(differing)}")
    closings = {
        "T2": ("T2, the euro payment system: closing days", t2_closing_days),
        "T2S": ("T2S, euro area securities settlement: closing days", t2s_closing_days),
        "UK": ("Bank holidays of England and Wales (sterling payments and CREST)", uk_bank_holidays),
    }
    for code, (title, rule) in closings.items():
        written[f"closing_days_{code}.csv"] = render(title, "its rules", ("date", "name"), closing_rows(rule))
    return written


def main() -> int:
    parser = argparse.ArgumentParser(description="Generate the calendar files.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file would change")
    check: bool = parser.parse_args().check
    stale: list[str] = []
    for name, content in files().items():
        path = DATA / name
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            stale.append(name)
            if not check:
                path.write_text(content, encoding="utf-8")
    print(("would change: " if check else "written: ") + (", ".join(stale) or "nothing"))
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
