"""The simulated venue: it knows at once what happens to an order up to the end of a session, and dates its reports.

It keeps nothing of its own: an answer follows from the order, the market and the scenario that was drawn for it, so a
question may be asked again. At the pace `instant` there are no sessions; a venue day is then a day in UTC, and an order
at a price that never moves is not looked at twice.

Source: DOMAIN.md section 7; ORDER_MATHS.md section 5.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from openvest.core.records import record
from openvest.core.trading_calendar import ONE_DAY, OutsideCalendar, Session, next_session, session_after
from openvest.db.unit import Database, Unit
from openvest.features.instruments import service as instruments
from openvest.ports.prices import Imported, Listing, Prices
from openvest.ports.venue import VenueAnswer, VenueOrder, VenueReport
from openvest.simulation.fills import PLANS, USUAL, Day, Plan, ending, trade
from openvest.simulation.market.sandbox import RANDOM_ISIN
from openvest.simulation.scenarios import Candidate, take

_MICROSECOND = timedelta(microseconds=1)


@record
class Listed:
    """What is known of an order's instrument at its venue."""

    listing: Listing
    imported: Imported | None = None


Place = tuple[UUID, str]
"""Instrument and MIC."""


@record
class SimulatedVenue:
    """Implements `ports.venue.Venue`. Reads listings, imported prices and scenarios in units of its own."""

    database: Database
    prices: Prices

    async def ask(self, orders: Sequence[VenueOrder]) -> Sequence[VenueAnswer]:
        by_tenant: dict[UUID, list[VenueOrder]] = defaultdict(list)
        for order in orders:
            by_tenant[order.tenant_id].append(order)
        answers: dict[UUID, VenueAnswer] = {}
        for tenant_id, asked in by_tenant.items():
            places = await self._places(tenant_id, asked)
            drawn = await take(self.database, tenant_id, [_candidate(order) for order in asked])
            for order in asked:
                plan = PLANS[drawn[order.id]] if order.id in drawn else USUAL
                place = places.get((order.instrument_id, order.mic))
                answers[order.id] = answer(order, place, self.prices, plan)
        return [answers[order.id] for order in orders]

    async def _places(self, tenant_id: UUID, orders: Sequence[VenueOrder]) -> dict[Place, Listed]:
        """What these orders ask for, with the imported prices of the days they ask about."""
        wanted = {(order.instrument_id, order.mic) for order in orders}
        traded = {(order.instrument_id, order.mic) for order in orders if order.pace == "calendar"}
        since = min(order.look_after for order in orders)
        until = max(order.asked_at for order in orders)

        async def read(unit: Unit) -> dict[Place, Listed]:
            found = await instruments.listings(unit, {instrument_id for instrument_id, _ in wanted})
            listings = {
                (listing.instrument_id, listing.mic): listing for of_one in found.values() for listing in of_one
            }
            asked = [listings[place] for place in sorted(traded) if place in listings]
            imported = await instruments.imported(unit, asked, since, until) if asked else {}
            return {
                place: Listed(listing, imported.get(listing.key))
                for place, listing in listings.items()
                if place in wanted
            }

        return await self.database.read(tenant_id, read)


def _candidate(order: VenueOrder) -> Candidate:
    return Candidate(order.id, "order", order.user_id, order.account_id, order.client_reference, order.active_at)


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC).date(), time(), UTC)


def answer(order: VenueOrder, place: Listed | None, prices: Prices, plan: Plan = USUAL) -> VenueAnswer:
    """All that this venue says about an order at this look."""
    reports, look_at = _follow(order, place, prices, plan)
    if not order.cancel:
        return VenueAnswer(order.id, tuple(reports), look_at)
    # What happened up to now stands, even where nobody had asked about it yet; only the rest can still be ended.
    ended_at = order.asked_at if order.ended_at is None else order.ended_at
    past = [report for report in reports if report.due_at <= ended_at]
    if not (past and past[-1].last):
        past.append(ending(order, "CANCELLED", "cancelled", ended_at))
    return VenueAnswer(order.id, tuple(past), None, drop_after=ended_at)


def _follow(
    order: VenueOrder, place: Listed | None, prices: Prices, plan: Plan
) -> tuple[list[VenueReport], datetime | None]:
    """The reports of the first day that triggers the order, else when to look again.

    Where there is no day left on which it could trade, it ends: nobody would look at it again.
    """
    if place is None or plan.rejected:
        return [ending(order, "REJECTED", "rejected", order.active_at)], None
    active_at = order.active_at + plan.delay
    # An order that works was not triggered on any day before the one it was last looked at, so that day is enough. It
    # is gone through from its start, because what was announced of it then must come out again.
    ends_at = active_at
    for day in _days(order, max(order.look_after, active_at)):
        if day.opens_at > order.asked_at:
            return [], day.opens_at
        points = prices.points(place.listing, day.on, active_at, day.closes_at, order.pace, place.imported)
        reports = trade(order, day, points, plan)
        if reports:
            return reports, None
        ends_at = max(active_at, day.closes_at)
    return ([ending(order, "CANCELLED", "no-session", ends_at)] if order.pace == "calendar" else []), None


def _days(order: VenueOrder, first: datetime) -> Iterator[Day]:
    """The venue days from an instant on, as far as looking at them can make a difference."""
    if order.pace == "instant":
        yield from _utc_days(first, ever=order.isin == RANDOM_ISIN)
        return
    try:
        session = next_session(order.mic, first)
        while True:
            yield _day(session)
            session = session_after(order.mic, session.closes_at)
    except OutsideCalendar:
        return


def _day(session: Session) -> Day:
    return Day(session.on, session.opens_at, session.closes_at)


def _utc_days(first: datetime, *, ever: bool) -> Iterator[Day]:
    midnight = _midnight(first)
    while True:
        yield Day(midnight.date(), midnight, midnight + ONE_DAY - _MICROSECOND)
        if not ever:
            return
        midnight += ONE_DAY
