"""Laws of imported prices, tried some times here and many times by the gate R54; and what started them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from openvest.core.trading_calendar import Session
from openvest.ports.prices import Imported, ImportedBar
from openvest.ports.stored_prices import StoredPrices
from tests.kit.import_laws import HALF_DAYS, LAWS, MARKET, MINUTES, SESSIONS, Law, daily, hold, listing, price_at

DAYS = [*HALF_DAYS, *SESSIONS[::90]]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law(law: Law) -> None:
    hold(law, 30)


def hourly(session: Session, volume: int = 10) -> Imported:
    """Bars of an hour, each a unit higher, up to the one that ends after the close."""
    bars: list[ImportedBar] = []
    while not bars or bars[-1].ends_at <= session.closes_at:
        at, n = session.opens_at + len(bars) * timedelta(hours=1), len(bars)
        four = [Decimal(100 + n + more) for more in (0, 3, -2, 1)]
        bars.append(ImportedBar(at, at + timedelta(hours=1), 60, *four, Decimal(volume)))
    return Imported(session.on, session.on, bars)


@pytest.mark.parametrize("session", DAYS, ids=lambda day: f"{day.mic}-{day.on}")
def test_the_hour_in_which_a_session_closes_is_its_close(session: Session) -> None:
    rows, of = hourly(session), listing(session.mic)
    assert rows.bars[-1].ends_at > session.closes_at
    for market in (MARKET, StoredPrices()):
        for evening in (
            session.closes_at,
            session.closes_at + timedelta(minutes=1),
            session.closes_at + timedelta(hours=2),
        ):
            (day,) = daily(market, of, session.on, evening, rows)
            assert price_at(market, of, evening, rows) == day.close == rows.bars[-1].close
            assert (day.open, day.volume) == (100, 10 * len(rows.bars))


@pytest.mark.parametrize("session", DAYS, ids=lambda day: f"{day.mic}-{day.on}")
@pytest.mark.parametrize("minutes", MINUTES[:-1])
def test_an_auction_after_the_close_is_the_close(session: Session, minutes: int) -> None:
    length = timedelta(minutes=minutes)
    for late in (timedelta(0), timedelta(minutes=5), timedelta(minutes=61)):
        at = session.closes_at + late
        morning = ImportedBar(session.opens_at, session.opens_at + length, minutes, *[Decimal(100)] * 4, Decimal(5))
        auction = ImportedBar(at, at + length, minutes, *map(Decimal, (101, 107, 99, 104)), Decimal(5))
        rows = Imported(session.on, session.on, [morning, auction])
        of = listing(session.mic)
        assert price_at(MARKET, of, session.closes_at, rows) == 104
        (whole,) = daily(MARKET, of, session.on, session.closes_at, rows)
        assert (whole.open, whole.high, whole.low, whole.close, whole.volume) == (100, 107, 99, 104, 10)
