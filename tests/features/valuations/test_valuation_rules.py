"""When accounts are valued, and what positions come to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvest.core.trading_calendar import known_venues, sessions_between
from openvest.features.cash.model import Instrument
from openvest.features.valuations import rules
from openvest.features.valuations.model import Price, Value
from openvest.features.valuations.rules import Holding
from openvest.ports.prices import Quote

AT = datetime(2026, 3, 2, 23, tzinfo=UTC)
CENT, TENTH = Decimal("0.01"), Decimal("0.0000000001")


def at(day: int, hour: int, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def holding(number: int, quantity: str | Decimal) -> Holding:
    return Holding(UUID(int=0), Instrument(UUID(int=number), None), Decimal(quantity))


@pytest.mark.parametrize(
    ("now", "last", "following"),
    [
        (at(2, 22), at(27, 23, 2), at(2, 23)),
        (at(2, 23), at(2, 23), at(3, 23)),
        (at(7, 12), at(6, 23), at(9, 23)),
        (at(3, 9, 4), at(2, 23, 4), at(7, 23, 4)),  # Easter
    ],
)
def test_which_end_of_a_day_was_last_and_which_is_next(now: datetime, last: datetime, following: datetime) -> None:
    assert (rules.last_close(now), rules.next_close(now)) == (last, following)
    assert rules.is_valuation_day(last.date())


def test_behind_the_calendars_nothing_is_valued() -> None:
    assert rules.next_close(datetime(2040, 12, 31, 9, tzinfo=UTC)) is None
    assert not rules.is_valuation_day(datetime(2041, 1, 2, tzinfo=UTC).date())


def test_every_session_is_over_when_its_day_is_valued() -> None:
    for mic in known_venues():
        for session in sessions_between(mic, AT.date(), AT.date() + timedelta(days=1_000)):
            close = datetime.combine(session.on, rules.CLOSE)
            assert session.opens_at.date() == session.on
            assert session.closes_at <= close


def test_the_currency_of_a_valuation() -> None:
    assert rules.currency_of([]) == rules.currency_of(["GBP", "EUR"]) == rules.currency_of(["EUR"]) == "EUR"
    assert rules.currency_of(["GBP", "GBP"]) == "GBP"


@pytest.mark.parametrize(
    ("quote", "quality", "wanted"),
    [
        (None, "EOD", None),
        (Quote(AT, Decimal("113.03"), Decimal("115.05")), "EOD", Price(Decimal("114.04"), AT, "EOD")),
        (Quote(AT, Decimal("1.0001"), Decimal("1.0002")), "EOD", Price(Decimal("1.0002"), AT, "EOD")),
        (Quote(AT, Decimal(1), Decimal(2), Decimal("1.7")), "HIGHEST_AVAILABLE", Price(Decimal("1.7"), AT, "REALTIME")),
        (
            Quote(AT - timedelta(days=1), Decimal(1), Decimal(1)),
            "HIGHEST_AVAILABLE",
            Price(Decimal(1), AT - timedelta(days=1), "EOD"),
        ),
    ],
)
def test_the_price_of_a_quote(quote: Quote | None, quality: rules.Quality, wanted: Price | None) -> None:
    assert rules.price_of(quote, AT, quality) == wanted


def test_what_has_no_price_is_left_out_of_the_total() -> None:
    prices = {UUID(int=1): Price(Decimal("0.335"), AT, "EOD"), UUID(int=2): None}
    total, rows = rules.value_of([holding(1, "1"), holding(2, "5"), holding(3, "7")], prices, "EUR")
    assert (total.amount, total.currency) == (Decimal("0.34"), "EUR")
    assert [(row.value, row.weight, row.price_quality) for row in rows] == [
        (Value(Decimal("0.34"), "EUR", AT), Decimal(1), "EOD"),
        (None, None, "NA"),
        (None, None, "NA"),
    ]
    assert rules.worst_quality("EOD", rows) == "EOD"


def test_without_a_total_there_are_no_weights() -> None:
    prices = {UUID(int=1): Price(Decimal(1), AT, "EOD"), UUID(int=2): Price(Decimal(1), AT, "REALTIME")}
    total, rows = rules.value_of([holding(1, "3"), holding(2, "-3")], prices, "EUR")
    assert total.amount == 0
    assert [row.weight for row in rows] == [None, None]
    assert rules.worst_quality("HIGHEST_AVAILABLE", rows) == "EOD"
    assert rules.worst_quality("HIGHEST_AVAILABLE", rows[1:]) == "HIGHEST_AVAILABLE"


AMOUNTS = st.decimals("-1000", "1000", places=10)
PRICES = st.one_of(st.none(), st.decimals("0.0001", "5000", places=4))


@given(st.lists(st.tuples(AMOUNTS, PRICES), max_size=8))
def test_values_and_weights_as_fractions_have_them(held: list[tuple[Decimal, Decimal | None]]) -> None:
    prices = {UUID(int=n): None if price is None else Price(price, AT, "EOD") for n, (_, price) in enumerate(held)}
    total, rows = rules.value_of([holding(n, quantity) for n, (quantity, _) in enumerate(held)], prices, "EUR")
    values = [row.value.amount for row in rows if row.value is not None]
    assert total.amount == sum(values)
    for (quantity, price), row in zip(held, rows, strict=True):
        if row.value is None or price is None:
            assert row.value is price is None
            continue
        with localcontext() as context:
            context.prec = 60
            assert row.value.amount == (quantity * price).quantize(CENT, ROUND_HALF_UP)
        if total.amount:
            exact = Fraction(row.value.amount) / Fraction(total.amount)
            assert row.weight is not None
            assert abs(Fraction(row.weight) - exact) < Fraction(TENTH)
    weights = [row.weight for row in rows if row.weight is not None]
    assert sum(weights) == (1 if total.amount else 0)
