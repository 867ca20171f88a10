"""Wire time in a process, and the text form of instants. The only module that reads a clock.

Business time is never read here: a unit of work gets it from the database (`open_unit`). Wire time is the database's
wall clock too, approximated between two looks by this process's monotonic clock plus a measured offset.

Source: DOMAIN.md section 2.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(seconds=30)
"""As much as a signature may be off."""

# The library reads much more than is published: weeks, days without hyphens, hours alone, any character between.
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    _DAY.pattern + r"[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})",
)


class WireClock:
    """The wall clock as the database sees it. `measure` is called at start and every 10 s with the database's time.

    Units: seconds since 1970 as int microseconds inside, datetime outside.
    """

    def __init__(self) -> None:
        self._offset_us = time.time_ns() // 1000 - time.monotonic_ns() // 1000

    def measure(self, database_now: datetime, asked_ns: int, answered_ns: int) -> None:
        """Take the database's instant as true for the middle of the round trip it was read in."""
        middle_us = (asked_ns + answered_ns) // 2000
        self._offset_us = (database_now - EPOCH) // timedelta(microseconds=1) - middle_us

    def now(self) -> datetime:
        return EPOCH + timedelta(microseconds=self.now_us())

    def now_us(self) -> int:
        return time.monotonic_ns() // 1000 + self._offset_us

    def now_seconds(self) -> int:
        return self.now_us() // 1_000_000


def monotonic_ns() -> int:
    """For measuring durations inside one process; never stored."""
    return time.monotonic_ns()


def instant(at: datetime) -> str:
    """RFC 3339 in UTC with `Z`, microseconds only where there are any."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def parse_instant(text: str) -> datetime:
    """An aware UTC instant from RFC 3339 text, cut off after microseconds. Raises: ValueError."""
    if _INSTANT.fullmatch(text) is None:
        raise ValueError("an instant is written with its zone, for example 2026-01-02T09:00:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("an instant lies in the years 1 to 9999 in UTC") from None


def lies_ahead(at: datetime | date, now: datetime) -> bool:
    """Whether something that is said to have happened has not happened yet.

    Why not to the microsecond: the clock of who says so may run a little before ours.
    """
    if isinstance(at, datetime):
        return at > now + CLOCK_SKEW
    return at > (now + CLOCK_SKEW).date()


def parse_day(text: str) -> date:
    """A calendar day from YYYY-MM-DD. Raises: ValueError."""
    if _DAY.fullmatch(text) is None:
        raise ValueError("a day is written YYYY-MM-DD")
    return date.fromisoformat(text)
