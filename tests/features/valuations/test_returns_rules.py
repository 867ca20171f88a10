"""Time-weighted returns: the vectors of the design, flows, and a fund that counts its shares."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openvest.features.cash.model import Instrument
from openvest.features.valuations import rules_returns
from openvest.features.valuations.model import Price
from openvest.features.valuations.rules import Holding
from openvest.features.valuations.rules_returns import Flows, Moved

AT = datetime(2026, 3, 2, 23, tzinfo=UTC)
ONE, TWO, THREE = UUID(int=1), UUID(int=2), UUID(int=3)
PRICES = {ONE: Price(Decimal(10), AT, "EOD"), TWO: Price(Decimal(20), AT, "EOD"), THREE: None}


def d(text: str) -> Decimal:
    return Decimal(text)


def flows(in_start: str = "0", in_end: str = "0", out: str = "0") -> Flows:
    return Flows(d(in_start), d(in_end), d(out))


@pytest.mark.parametrize(
    ("before", "of_day", "value", "daily"),
    [
        pytest.param("100", flows(), "105", "0.05", id="1: nothing flows"),
        pytest.param("105", flows(out="50.00"), "57.75", "0.0261904762", id="2: a sale"),
        pytest.param("100", flows(in_start="100.00"), "204", "0.02", id="3: a buy, and its fee does not show"),
        pytest.param("100", flows(out="2.00"), "98.40", "0.004", id="4: what is paid out on the ex-day"),
        pytest.param("120", flows(), "126", "0.05", id="5: the day after a transfer into an empty account"),
        pytest.param("900", flows(), "900", "0", id="6: a split, 10 at 90 that are 15 at 60"),
        pytest.param("10", flows(in_start="10000"), "10210.2", "0.02", id="a large buy does not show"),
        pytest.param("100", flows(in_end="50"), "151", "0.01", id="a transfer comes in at the end of the day"),
        pytest.param("100", flows(out="101"), "0", "0.01", id="emptied within the day"),
        pytest.param("0", flows(in_start="100"), "102", "0", id="filled again"),
        pytest.param("-100", flows(in_start="100"), "5", "0", id="a debt is bought back"),
    ],
)
def test_vectors_of_a_day(before: str, of_day: Flows, value: str, daily: str) -> None:
    twr = rules_returns.return_of(d(value), of_day, d(before), None)
    assert twr.daily is not None
    assert rules_returns.published(twr.daily) == d(daily)
    assert twr.cumulative == twr.daily


def test_vector_7_the_chain_of_1_to_4() -> None:
    cumulative: Decimal | None = None
    for before, of_day, value in (
        ("100", flows(), "105"),
        ("105", flows(out="50.00"), "57.75"),
        ("100", flows(in_start="100.00"), "204"),
        ("100", flows(out="2.00"), "98.40"),
    ):
        cumulative = rules_returns.return_of(d(value), of_day, d(before), cumulative).cumulative
    assert cumulative is not None
    assert rules_returns.published(cumulative) == d("0.1034462")


def moved(instrument_id: UUID, units: str, price: str | None = None, currency: str | None = "EUR") -> Moved:
    return Moved(UUID(int=0), instrument_id, d(units), None if price is None else d(price), currency)


def holding(instrument_id: UUID, quantity: str) -> Holding:
    return Holding(UUID(int=0), Instrument(instrument_id, None), d(quantity))


@pytest.mark.parametrize(
    ("changes", "unpriced", "wanted"),
    [
        pytest.param([moved(ONE, "2", "9.5")], (), flows(in_start="19.0"), id="a buy at its price"),
        pytest.param([moved(ONE, "-2", "9.5"), moved(ONE, "1", "9")], (), flows("9", "0", "19.0"), id="and a sale"),
        pytest.param(
            [moved(ONE, "2"), moved(TWO, "-1")], (), flows("0", "20", "20"), id="a transfer at the day's price"
        ),
        pytest.param([moved(ONE, "2", "9", "GBP")], (), flows(in_start="20"), id="a trade in another currency"),
        pytest.param([moved(THREE, "2", "9")], (), flows(), id="what has no price is left out"),
        pytest.param([moved(TWO, "1", "9")], (TWO,), flows(in_end="60"), id="and comes in with its first price"),
    ],
)
def test_flows_of_a_day(changes: list[Moved], unpriced: tuple[UUID, ...], wanted: Flows) -> None:
    held = [holding(ONE, "5"), holding(TWO, "3"), holding(THREE, "1")]
    assert rules_returns.worth(held, PRICES) == 110
    assert rules_returns.flows_of(changes, held, PRICES, "EUR", unpriced) == wanted


def test_a_chain_that_begins_in_another_currency_takes_all_in() -> None:
    assert rules_returns.first_flows(flows("5"), d("7"), begun=True) == flows("5")
    assert rules_returns.first_flows(flows("5"), d("7"), begun=False) == flows(in_end="7")
    assert rules_returns.first_flows(flows("5"), d("-7"), begun=False) == flows(out="7")


def test_simple_returns() -> None:
    assert rules_returns.simple_return_of(d("105"), d("100"), d("0")) == (d("5"), d("5"))
    assert rules_returns.simple_return_of(d("57.75"), d("100"), d("50")) == (d("7.75"), d("7.75"))
    assert rules_returns.simple_return_of(d("0"), d("0"), d("0")) == (d("0"), None)


@pytest.mark.parametrize(
    ("day", "before"),
    [
        (date(2026, 3, 15), date(2026, 2, 15)),
        (date(2026, 3, 31), date(2026, 2, 28)),
        (date(2026, 1, 31), date(2025, 12, 31)),
    ],
)
def test_the_last_month(day: date, before: date) -> None:
    assert rules_returns.month_before(day) == before


DAYS = st.tuples(
    st.integers(0, 5_000),  # bought at the start of the day, in cents
    st.integers(0, 5_000),  # came in at its end
    st.integers(0, 60),  # left at its end, in percent of what is there
    st.integers(-30, 40),  # how the prices moved, in percent
)


@given(st.integers(1, 10_000), st.lists(DAYS, max_size=20))
def test_a_fund_that_counts_its_shares_has_the_same_returns(first: int, days: list[tuple[int, int, int, int]]) -> None:
    """What flows buys or gives back shares at the price of a share, which is what the account did."""
    value, shares, share_price = Fraction(first, 100), Fraction(1), Fraction(first, 100)
    begun, cumulative = share_price, None
    for bought, came, left, percent in days:
        before, price_before = value, share_price
        shares += Fraction(bought, 100) / share_price
        share_price *= Fraction(100 + percent, 100)
        gone = round(shares * share_price * left) // 100
        shares += (Fraction(came, 100) - gone) / share_price
        value = shares * share_price
        of_day = Flows(Decimal(bought) / 100, Decimal(came) / 100, Decimal(gone))
        twr = rules_returns.return_of(_decimal(value), of_day, _decimal(before), cumulative)
        cumulative = twr.cumulative
        assert twr.daily is not None
        assert cumulative is not None
        assert abs(Fraction(twr.daily) - (share_price / price_before - 1)) < Fraction(1, 10**15)
        assert abs(Fraction(cumulative) - (share_price / begun - 1)) < Fraction(1, 10**12)


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
