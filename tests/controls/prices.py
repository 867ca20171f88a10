"""Bugs planted against the gate of prices."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

_MARKET, _STORED = "src/openvest/simulation/market/market.py", "src/openvest/ports/stored_prices.py"
_FEW = {"cases": 100}

PLANTED = (
    Planted(
        "R54",
        "hour-past-the-close",
        "a bar that ends after the close keeps its points outside the session",
        (Edit(_STORED, "    return [_within(bar, session) for bar", "    return [bar for bar"),),
        _FEW,
    ),
    Planted(
        "R54",
        "candle-waits-for-the-hour",
        "the day's candle counts a bar only once its own time is over",
        (
            Edit(
                _STORED,
                "    return replace(bar, at=at, ends_at=ends_at)",
                "    return replace(bar, at=at, ends_at=ends_at if bar.at < at else bar.ends_at)",
            ),
        ),
        _FEW,
    ),
    Planted(
        "R54",
        "waiting-for-the-next-import",
        "between two imports there is nothing to be filled at",
        (
            Edit(
                _MARKET,
                "        if imported and session.on in imported.days:\n            return tuple(",
                "        if imported and imported.covers(session.on):\n            return tuple(",
            ),
        ),
        _FEW,
    ),
    Planted(
        "R54",
        "path-begins-elsewhere",
        "the simulated path forgets the close that was imported",
        (Edit(_MARKET, "imported.last_day(session.on) if imported else None", "None"),),
        _FEW,
    ),
)
