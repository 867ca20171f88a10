"""When accounts are valued, at which prices, and what that comes to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from openvest.core.money import UNIT, ZERO, Money, cent_half_up, price_half_up, split, times
from openvest.core.records import record
from openvest.core.trading_calendar import ONE_DAY, is_covered, last_session_on_or_before, session_on
from openvest.features.cash.model import DEFAULT_CURRENCY, Instrument
from openvest.features.valuations.model import Price, Quality, Value, ValuedPosition

MIC = "XETR"
"""Whose trading days are the days of valuations."""
CLOSE = time(23, tzinfo=UTC)
"""When a day's valuations are made: after the last close of any venue."""
ONE = Decimal(1)


@record
class Holding:
    """What an account has of an instrument on a day."""

    account_id: UUID
    instrument: Instrument
    quantity: Decimal


class Seen(Protocol):
    """A quote: what was bid and asked at an instant, and the last trade where it is known."""

    @property
    def at(self) -> datetime: ...
    @property
    def bid(self) -> Decimal: ...
    @property
    def offer(self) -> Decimal: ...
    @property
    def last(self) -> Decimal | None: ...


# Days


def is_valuation_day(day: date) -> bool:
    return is_covered(day) and session_on(MIC, day) is not None


def next_close(after: datetime) -> datetime | None:
    """The first end of a valuation day after an instant; None behind the end of the calendars."""
    day = after.astimezone(UTC).date()
    if after >= datetime.combine(day, CLOSE):
        day += ONE_DAY
    while is_covered(day):
        if session_on(MIC, day) is not None:
            return datetime.combine(day, CLOSE)
        day += ONE_DAY
    return None


def last_close(at: datetime) -> datetime:
    """The last end of a valuation day up to an instant. Raises: OutsideCalendar."""
    day = at.astimezone(UTC).date()
    if at < datetime.combine(day, CLOSE):
        day -= ONE_DAY
    return datetime.combine(last_session_on_or_before(MIC, day).on, CLOSE)


def closes_between(day: date, until: datetime) -> Iterator[datetime]:
    """The ends of valuation days from a day on, before an instant."""
    at = next_close(datetime.combine(day, time(), UTC))
    while at is not None and at < until:
        yield at
        at = next_close(at)


# Prices


def currency_of(traded: Iterable[str]) -> str:
    """The currency of a valuation: the usual one, unless nothing that is held trades in it and something in another.
    Shape: `traded` are the currencies in which the holdings trade.

    Why: no rate of exchange is known here, so nothing is added up across currencies.
    """
    found = dict.fromkeys(traded)
    return DEFAULT_CURRENCY if DEFAULT_CURRENCY in found or not found else next(iter(found))


def price_of(quote: Seen | None, at: datetime, quality: Quality) -> Price | None:
    """The price of a quote as it is seen at an instant; one of an earlier day is that day's last."""
    if quote is None:
        return None
    live = quality == "HIGHEST_AVAILABLE" and quote.at.astimezone(UTC).date() == at.astimezone(UTC).date()
    amount = price_half_up((quote.bid + quote.offer) / 2) if quote.last is None else quote.last
    return Price(amount, quote.at, "REALTIME" if live else "EOD")


# Values


def value_of(
    holdings: Sequence[Holding], prices: Mapping[UUID, Price | None], currency: str
) -> tuple[Money, tuple[ValuedPosition, ...]]:
    """The total and the rows. Each value is rounded to the cent, and the weights come to 1."""
    known = [prices.get(holding.instrument.uuid) for holding in holdings]
    amounts = [
        None if price is None else cent_half_up(times(holding.quantity, price.amount))
        for holding, price in zip(holdings, known, strict=True)
    ]
    valued = [amount for amount in amounts if amount is not None]
    total = sum(valued, ZERO)
    weights = iter(_weights(valued, total))
    rows = tuple(
        ValuedPosition(holding.instrument, holding.quantity, None, None, "NA")
        if price is None or amount is None
        else ValuedPosition(
            holding.instrument,
            holding.quantity,
            Value(amount, currency, price.time),
            next(weights),
            price.quality,
        )
        for holding, price, amount in zip(holdings, known, amounts, strict=True)
    )
    return Money(total, currency), rows


def _weights(values: Sequence[Decimal], total: Decimal) -> Sequence[Decimal | None]:
    """The parts of the total. Below zero, where an account owes more than it has, they are parts of what it owes."""
    if total == 0:
        return [None] * len(values)
    return split(ONE, values if total > 0 else [-value for value in values], UNIT)


def worst_quality(asked: Quality, rows: Iterable[ValuedPosition]) -> Quality:
    """The quality of a whole valuation: the best that was asked for, unless a row's price is older."""
    return "EOD" if any(row.price_quality == "EOD" for row in rows) else asked
