"""The simulated path of a listing's price: integer ticks from a seed, the same on every machine. Pure.

A close is the close before times a step that SHA-256(seed, ISIN, day) picks from a table, with a weak pull back to
where the path began, so that years of simulated trading neither die nor explode. Inside a session a bridge leads from
the open to the close on a 5-minute grid. Both venues of an instrument take the same steps.

Units: prices in ticks of the venue, moves in millionths, all of them int; there is no other kind of number here.

Source: DOMAIN.md section 7.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from itertools import accumulate
from math import isqrt

from openvest.core.records import record
from openvest.core.trading_calendar import FIRST_DAY, LAST_DAY, Session, sessions_between
from openvest.ports.prices import InstrumentType

GRID_SECONDS = 300
MILLION = 1_000_000

STEPS = (
    *(20, 59, 98, 138, 177, 217, 257, 298, 339, 381, 424, 467, 511, 556, 602, 650),
    *(699, 750, 803, 858, 917, 978, 1043, 1113, 1189, 1273, 1366, 1473, 1601, 1762, 1987, 2418),
)
"""Upper half of the 64 equally likely steps. Units: thousandths of a day's deviation (normal quantiles)."""

DEVIATION: dict[InstrumentType, int] = {"EQUITY": 14_000, "ETF": 9_000, "BOND": 2_500, "FUND": 7_000}
"""Typical move of a day. Units: millionths of the price."""

PULL = 4_000
"""Share of the distance to the anchor that is taken back each day. Units: millionths."""
GAP_SHARE = 3
"""A night moves a third of what a day does."""
BRIDGE_SHARE = 2
"""Half of a day's deviation is what the price wanders between an open and a close that are already known."""
LEAST_TICKS = 4
FARTHEST = 3
"""Closes stay between a third of the anchor and three times it."""

_STEP_UNITS = 1000
_BYTE_MIDDLE, _BYTE_DEVIATION = 255, 148


def step(byte: int) -> int:
    """One of the 64 steps, chosen by the low six bits. Units: thousandths of a deviation."""
    place = byte & 31
    return STEPS[place] if byte & 32 else -STEPS[place]


def rounded(numerator: int, denominator: int) -> int:
    """Nearest integer of a quotient with a positive denominator, half up."""
    return (2 * numerator + denominator) // (2 * denominator)


@cache
def trading_days(mic: str) -> tuple[date, ...]:
    """All trading days of a venue that the calendars know."""
    return tuple(session.on for session in sessions_between(mic, FIRST_DAY, LAST_DAY))


@cache
def _places(mic: str) -> dict[date, int]:
    return {on: place for place, on in enumerate(trading_days(mic))}


@record
class Anchor:
    """Where a path begins: the close of this trading day. Units: ticks."""

    on: date
    ticks: int


@record
class DayPath:
    """One session. Shape: `mids` and `volumes` one per grid instant, the opening and closing one included.

    Units: ticks; volume in units of the instrument.
    """

    mids: Sequence[int]
    volumes: Sequence[int]


@dataclass(slots=True)
class Path:
    """The path of one listing; closes are computed as far as they were asked for, and kept."""

    seed: str
    isin: str
    type: InstrumentType
    mic: str
    anchor: Anchor
    _first: int = field(init=False)
    _closes: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._first = _places(self.mic)[self.anchor.on]
        self._closes = [max(self.anchor.ticks, LEAST_TICKS)]

    def close(self, on: date) -> int:
        """The close of a trading day on or after the anchor's. Raises: KeyError for any other day."""
        place = _places(self.mic)[on] - self._first
        if place < 0:
            raise KeyError(on)
        days = trading_days(self.mic)
        while len(self._closes) <= place:
            self._closes.append(self._next(self._closes[-1], days[self._first + len(self._closes)]))
        return self._closes[place]

    def _digest(self, on: date) -> bytes:
        return hashlib.sha256(f"{self.seed}\x1f{self.isin}\x1f{on.isoformat()}".encode()).digest()

    def _next(self, before: int, on: date) -> int:
        anchor = self._closes[0]
        move = rounded(step(self._digest(on)[0]) * DEVIATION[self.type], _STEP_UNITS)
        pull = rounded((anchor - before) * PULL, anchor)
        close = before + rounded(before * (move + pull), MILLION)
        return min(max(close, anchor // FARTHEST, LEAST_TICKS), max(anchor * FARTHEST, LEAST_TICKS))

    def day(self, session: Session) -> DayPath:
        """The session's grid. The anchor's own day has no close before it and opens where it closes."""
        close = self.close(session.on)
        place = _places(self.mic)[session.on]
        digest = self._digest(session.on)
        start = close
        if place > self._first:
            before = self.close(trading_days(self.mic)[place - 1])
            gap = step(digest[1]) * DEVIATION[self.type]
            start = max(before + rounded(before * gap, GAP_SHARE * _STEP_UNITS * MILLION), LEAST_TICKS)
        return self._bridge(session, start, close)

    def _bridge(self, session: Session, start: int, close: int) -> DayPath:
        seconds = (session.closes_at - session.opens_at) // timedelta(seconds=1)
        count = -(-seconds // GRID_SECONDS)
        name = f"{self.seed}\x1f{self.isin}\x1f{session.on.isoformat()}\x1fsession".encode()
        noise = hashlib.shake_256(name).digest(2 * count + 1)
        walk = list(accumulate((2 * byte - _BYTE_MIDDLE for byte in noise[:count]), initial=0))
        scale = BRIDGE_SHARE * MILLION * count * isqrt(count * _BYTE_DEVIATION * _BYTE_DEVIATION)
        width = close * DEVIATION[self.type]
        least = max(min(start, close) * 3 // 4, LEAST_TICKS - 1)
        mids = [
            max(
                start
                + rounded((close - start) * place, count)
                + rounded(width * (walk[place] * count - place * walk[count]), scale),
                least,
            )
            for place in range(count + 1)
        ]
        return DayPath(mids, [40 * (byte + 1) for byte in noise[count:]])
