"""Durations as clients write them (ISO 8601), added to an instant by the calendar: a month is not thirty days.

Source: ISO 8601, section 4.4.3.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_DURATION = re.compile(
    r"(?P<sign>-?)P(?=[0-9T])(?:(?P<years>[0-9]{1,4})Y)?(?:(?P<months>[0-9]{1,5})M)?(?:(?P<weeks>[0-9]{1,5})W)?"
    r"(?:(?P<days>[0-9]{1,6})D)?"
    r"(?:T(?=[0-9])(?:(?P<hours>[0-9]{1,7})H)?(?:(?P<minutes>[0-9]{1,9})M)?"
    r"(?:(?P<seconds>[0-9]{1,11})(?:\.(?P<fraction>[0-9]{1,6}))?S)?)?"
)


@dataclass(frozen=True, slots=True)
class Duration:
    """So many months by the calendar, then so much time. Shape: both of one sign."""

    months: int
    rest: timedelta

    def after(self, at: datetime) -> datetime:
        """The instant so much after another, in UTC; a day a month does not have becomes its last.

        Raises: OverflowError beyond the years 1 to 9999.
        """
        at = at.astimezone(UTC)
        years, month = divmod(at.year * 12 + at.month - 1 + self.months, 12)
        if not 1 <= years <= 9999:
            raise OverflowError(f"the year {years}")
        day = min(at.day, monthrange(years, month + 1)[1])
        return at.replace(year=years, month=month + 1, day=day) + self.rest


def parse_duration(text: str) -> Duration:
    """A duration from its text, for example P30D, P1M or PT90S. Raises: ValueError."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError("is a duration, for example P30D, P1M or PT90S")
    value = {name: int(digits or 0) for name, digits in found.groupdict().items() if name not in ("sign", "fraction")}
    rest = timedelta(
        weeks=value["weeks"],
        days=value["days"],
        hours=value["hours"],
        minutes=value["minutes"],
        seconds=value["seconds"],
        microseconds=int((found["fraction"] or "0").ljust(6, "0")),
    )
    months = value["years"] * 12 + value["months"]
    return Duration(-months, -rest) if found["sign"] else Duration(months, rest)
