"""Laws of the trading calendar over every day and instant it covers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from openvest.core import trading_calendar as cal
from openvest.core.problems import Problem
from openvest.core.trading_calendar import FIRST_DAY, LAST_DAY, Side

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)

mics = st.sampled_from(["XETR", "XLON"])
sides = st.sampled_from(["BUY", "SELL"])
currencies = st.sampled_from(["EUR", "GBP"])
# The last days are left out: what follows them lies outside, which the table above holds.
inner_days = st.dates(FIRST_DAY, LAST_DAY - 14 * DAY)
instants = st.datetimes(
    datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2040-12-17"), timezones=st.just(UTC)
)


@given(mic=mics, instant=instants)
def test_next_and_after_agree_with_each_other_and_with_session_at(mic: str, instant: datetime) -> None:
    current = cal.session_at(mic, instant)
    following, after = cal.next_session(mic, instant), cal.session_after(mic, instant)
    assert following.closes_at >= instant
    assert after.opens_at > instant
    if current is None:
        assert following == after
    else:
        assert following == current
        assert cal.sessions_between(mic, current.on, after.on) == (current, after)
    missed = cal.sessions_between(mic, FIRST_DAY, following.on)[:-1][-3:]
    assert all(session.closes_at < instant for session in missed)


@given(mic=mics, instant=instants)
def test_going_from_open_to_open_is_strict(mic: str, instant: datetime) -> None:
    first = cal.session_after(mic, instant)
    second = cal.session_after(mic, first.opens_at)
    assert instant < first.opens_at < second.opens_at
    assert cal.session_after(mic, first.closes_at) == second
    assert cal.next_session(mic, first.closes_at + TICK) == second


@given(mic=mics, day=st.dates(date(2020, 1, 2), LAST_DAY))
def test_the_last_session_is_the_end_of_the_list(mic: str, day: date) -> None:
    last = cal.last_session_on_or_before(mic, day)
    assert last.on <= day
    assert cal.sessions_between(mic, last.on, day) == (last,)
    assert cal.session_on(mic, last.on) == last


@given(mic=mics, side=sides, currency=currencies, day=inner_days)
def test_a_trade_settles_on_the_nth_settlement_day(mic: str, side: Side, currency: str, day: date) -> None:
    settles = cal.settlement_date(mic, side, currency, day)
    passed = [day + n * DAY for n in range(1, (settles - day).days + 1)]
    open_days = [d for d in passed if cal.is_settlement_day(mic, currency, d)]
    assert settles > day
    assert open_days[-1] == settles
    assert len(open_days) == cal.settlement_cycle(mic, side, day)
    assert cal.is_payment_day(currency, settles)


@given(mic=mics, side=sides, currency=currencies, one=inner_days, other=inner_days)
def test_a_later_trade_never_settles_earlier(mic: str, side: Side, currency: str, one: date, other: date) -> None:
    earlier, later = sorted((one, other))
    assert cal.settlement_date(mic, side, currency, earlier) <= cal.settlement_date(mic, side, currency, later)


@given(mic=mics, currency=currencies, day=inner_days)
def test_a_buy_never_settles_after_a_sale_of_its_day(mic: str, currency: str, day: date) -> None:
    assert cal.settlement_date(mic, "BUY", currency, day) <= cal.settlement_date(mic, "SELL", currency, day)


@given(currency=currencies, day=inner_days)
def test_the_next_payment_day_is_the_first(currency: str, day: date) -> None:
    following = cal.next_payment_day(currency, day)
    assert following > day
    assert cal.is_payment_day(currency, following)
    between = [day + n * DAY for n in range(1, (following - day).days)]
    assert not any(cal.is_payment_day(currency, d) for d in between)


@given(st.datetimes(timezones=st.just(UTC)), mics)
def test_any_instant_has_an_answer_or_a_problem(instant: datetime, mic: str) -> None:
    try:
        session = cal.next_session(mic, instant)
    except Problem:
        assert not datetime(2020, 1, 1, tzinfo=UTC) <= instant <= datetime(2040, 12, 28, 13, tzinfo=UTC)
    else:
        assert session.closes_at >= instant
