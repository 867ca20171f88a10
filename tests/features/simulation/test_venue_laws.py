"""Laws of the simulated venue over generated orders: fills inside their bar and limit, parts that sum, one story."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from openvest.core.trading_calendar import session_at, session_on
from openvest.ports.prices import Imported, ImportedBar, Pace
from openvest.ports.venue import VenueAnswer, VenueOrder, VenueReport
from openvest.simulation.fills import CANCELLED_ISIN, PLANS, SEVERAL_ISIN, USUAL
from openvest.simulation.market import Market
from openvest.simulation.venue import Listed, answer
from tests.kit.venue_orders import PATH_ISIN, listing, venue_order

MARKET = Market("laws")
FIRST = datetime(2026, 2, 27, 0, 0, tzinfo=UTC)
DAYS = 12
TICK = Decimal("0.01")

instants = st.integers(0, DAYS * 24 * 3600).map(lambda seconds: FIRST + timedelta(seconds=seconds))
isins = st.sampled_from([PATH_ISIN, PATH_ISIN, SEVERAL_ISIN, CANCELLED_ISIN, "IE00B95PGT31"])
plans = st.sampled_from([USUAL, USUAL, *PLANS.values()])
around = st.integers(-400, 400)
paces: st.SearchStrategy[Pace] = st.sampled_from(["calendar", "calendar", "instant"])


@st.composite
def bars(draw: st.DrawFn) -> Imported:
    """Hourly bars of three days up to the one that ends after the close, a few of them without volume."""
    found: list[ImportedBar] = []
    for day in (2, 3, 5):
        for hour in range(8, 17):
            four = [Decimal(draw(st.integers(9_000, 11_000))).scaleb(-2) for _ in range(4)]
            start = datetime(2026, 3, day, hour, tzinfo=UTC)
            volume = Decimal(draw(st.sampled_from([0, 100, 100])))
            end = start + timedelta(hours=1)
            found.append(ImportedBar(start, end, 60, four[0], max(four), min(four), four[1], volume))
    return Imported(found[0].at.date(), found[-1].at.date(), found)


@st.composite
def questions(draw: st.DrawFn) -> tuple[VenueOrder, Listed]:
    """An order near the market and its listing, with imported bars or the path."""
    isin, active, pace = draw(isins), draw(instants), draw(paces)
    imported = draw(bars()) if isin == PATH_ISIN and draw(st.booleans()) else None
    place = Listed(listing(isin), imported)
    quote = MARKET.quote(place.listing, active, pace, imported)
    near = Decimal(100) if quote is None else quote.offer
    side, kind = draw(st.sampled_from(["BUY", "SELL"])), draw(st.sampled_from(["MARKET", "LIMIT", "STOP"]))

    def price() -> Decimal:
        return near + near.to_integral_value() * draw(around) / 10_000 // TICK * TICK

    changes: dict[str, Any] = {"limit_price": price() if kind == "LIMIT" else None}
    if side == "BUY" and kind != "LIMIT" and draw(st.booleans()):
        changes["limit_price"] = price()
    if kind == "STOP":
        changes["stop_price"] = price()
    if kind == "MARKET" and draw(st.booleans()):
        changes["cash_amount"] = Decimal(draw(st.integers(1, 100_000))).scaleb(-2)
    else:
        changes["quantity"] = Decimal(draw(st.integers(1, 50)))
    return venue_order(isin=isin, side=side, order_type=kind, active_at=active, pace=pace, **changes), place


def fills(said: VenueAnswer) -> list[VenueReport]:
    return [report for report in said.reports if report.kind == "FILL"]


def told(order: VenueOrder, place: Listed, plan: Any) -> tuple[list[VenueReport], list[datetime]]:
    """The whole story of an order that is asked about whenever the venue says, for ten looks; and the looks."""
    looks: list[datetime] = []
    for _ in range(10):
        said = answer(order, place, MARKET, plan)
        if said.reports or said.look_at is None:
            return list(said.reports), looks
        looks.append(said.look_at)
        order = replace(order, look_after=order.asked_at, asked_at=said.look_at)
    return [], looks


@settings(max_examples=400, deadline=None)
@given(questions(), plans)
def test_fills_lie_in_session_inside_their_bar_and_never_beyond_the_limit(
    asked: tuple[VenueOrder, Listed], plan: Any
) -> None:
    order, place = asked
    reports, _ = told(order, place, plan)
    for report in reports:
        assert report.due_at >= order.active_at
        if report.kind != "FILL":
            continue
        price = report.price
        assert price is not None
        if order.limit_price is not None:
            assert price <= order.limit_price if order.side == "BUY" else price >= order.limit_price
        if order.pace == "calendar":
            assert session_at(order.mic, report.due_at) is not None
            on = report.due_at.date()
            session = session_on(order.mic, on)
            assert session is not None
            day = MARKET.candles(
                place.listing, session.opens_at, session.closes_at, 5, order.pace, 2_000, place.imported
            ) or MARKET.candles(
                place.listing, session.opens_at, session.closes_at, 60, order.pace, 2_000, place.imported
            )
            within = [candle for candle in day if candle.at <= report.due_at]
            # A bar's last point is the instant at which the next one starts.
            assert any(
                candle.low is not None and candle.high is not None and candle.low <= price <= candle.high
                for candle in within[-2:]
            )


@settings(max_examples=100, deadline=None)
@given(questions(), plans)
def test_executions_sum_to_the_order_or_their_rest_is_cancelled(asked: tuple[VenueOrder, Listed], plan: Any) -> None:
    order, place = asked
    reports, _ = told(order, place, plan)
    if not reports:
        return
    assert [report.last for report in reports] == [False] * (len(reports) - 1) + [True]
    assert [report.due_at for report in reports] == sorted(report.due_at for report in reports)
    assert len({report.external_id for report in reports}) == len(reports)
    done = sum((report.quantity or report.cash_amount or 0 for report in reports), Decimal(0))
    size = order.quantity or order.cash_amount or Decimal(0)
    assert done == size if reports[-1].kind == "FILL" else done < size
    for report in reports:
        if report.kind == "FILL":
            assert (report.quantity is None) != (report.cash_amount is None)
            assert (report.cash_amount is None) == (order.cash_amount is None)
            if order.quantity is not None and report.quantity is not None:
                assert report.quantity == report.quantity.to_integral_value() > 0


@settings(max_examples=100, deadline=None)
@given(questions(), plans, st.integers(0, 9 * 24 * 3600))
def test_the_story_does_not_depend_on_when_the_venue_is_asked(
    asked: tuple[VenueOrder, Listed], plan: Any, later: int
) -> None:
    order, place = asked
    reports, _ = told(order, place, plan)
    late = replace(order, asked_at=order.asked_at + timedelta(seconds=later))
    late_reports, _ = told(late, place, plan)
    assert late_reports == reports or not (reports and late_reports)
    if reports and reports[0].due_at <= late.asked_at:
        assert late_reports == reports
    assert answer(late, place, Market("laws"), plan) == answer(late, place, MARKET, plan)


@settings(max_examples=100, deadline=None)
@given(questions(), plans, st.integers(0, 2 * 24 * 3600))
def test_a_cancellation_keeps_the_past_and_ends_the_order_once(
    asked: tuple[VenueOrder, Listed], plan: Any, later: int
) -> None:
    order, place = asked
    first = answer(order, place, MARKET, plan)
    at = order.asked_at + timedelta(seconds=later)
    said = answer(replace(order, look_after=order.asked_at, asked_at=at, cancel=True), place, MARKET, plan)
    past = [report for report in first.reports if report.due_at <= at]
    assert list(said.reports[: len(past)]) == past
    assert sum(report.last for report in said.reports) == 1
    assert said.reports[-1].last
    assert all(report.due_at <= at for report in said.reports)
    assert (said.look_at, said.drop_after) == (None, at)
