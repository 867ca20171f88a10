"""When an order can trade: sessions, cut-offs of blocks, expiry. Pure.

Source: DOMAIN.md section 6, ORDER_MATHS.md section 5 "BLOCK" and "Expiry".
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

from openvest.core.trading_calendar import (
    LAST_DAY,
    ONE_DAY,
    OutsideCalendar,
    Side,
    cut_off,
    last_session_on_or_before,
    last_settling_session,
    next_session,
    session_after,
    session_at,
    session_on,
    venue_date,
)
from openvest.features.orders.model import Order

JOINS_BEFORE = timedelta(minutes=5)
"""A BLOCK order accepted later than this before the cut-off joins the next one."""

LEAVES = timedelta(minutes=5)
"""A cut-off leaves the session at least so long: what is sent then has a price and a venue that is still open."""

NEVER_YEARS = 200
"""An order without an expiry date expires this many years after its creation (the contract's words)."""


def opens_at(now: datetime, mic: str, pace: str) -> datetime | None:
    """When the venue opens next; None where it is open now, or where the pace knows no sessions.

    Raises: OutsideCalendar where no session is left.
    """
    if pace == "instant" or session_at(mic, now) is not None:
        return None
    return next_session(mic, now).opens_at


def default_expiry(placed_on: date) -> date:
    """The expiry date of an order that names none. A 29 February may have to become a 28th."""
    year = placed_on.year + NEVER_YEARS
    try:
        return placed_on.replace(year=year)
    except ValueError:
        return placed_on.replace(year=year, day=28)


def expires_at(expiry: date, mic: str, pace: str, side: Side, currency: str) -> datetime | None:
    """The close of the last session on or before the expiry date, but no later than of the last whose trades settle.

    Why the latter: what is traded after it could not be booked. A pace without sessions ends the day in UTC, as its
    venue does, and a day behind all calendars never (None); so ends a day that no session we know precedes.
    Raises: OutsideCalendar and UnknownPaymentCalendar where no session settles.
    """
    if pace != "instant":
        settles = last_settling_session(mic, side, currency)
        with suppress(OutsideCalendar):
            return last_session_on_or_before(mic, min(expiry, settles.on)).closes_at
    return None if expiry > LAST_DAY else datetime.combine(expiry, time(), UTC) + ONE_DAY


def cut_offs(order: Order, now: datetime, mic: str, local: time) -> tuple[datetime | None, datetime | None]:
    """The cut-off a BLOCK order waits for (None: it has come), and the next one after now.

    An order is looked at when it is accepted, when what it waited for has happened, and at its cut-off; of these only
    a cut-off lets it trade, so an order that was woken between two waits for the second. No cut-off after now: None.
    Raises: OutsideCalendar where it would wait for one that does not come.
    """
    if order.execution_flow != "BLOCK":
        return None, None
    looked_for = order.due_at or now
    waits: datetime | None = None
    if looked_for == order.created_at or cut_off_after(mic, local, looked_for) != looked_for:
        waits = cut_off_after(mic, local, looked_for + JOINS_BEFORE)
    following: datetime | None = None
    with suppress(OutsideCalendar):
        following = cut_off_after(mic, local, now + timedelta(microseconds=1))
    return (waits if waits is not None and waits > now else None), following


def cut_off_after(mic: str, local: time, at: datetime) -> datetime:
    """The first cut-off at or after an instant: the tenant's venue-local time, but inside the session of its day.

    Raises: OutsideCalendar where no session follows.
    """
    session = session_on(mic, venue_date(mic, at))
    while True:
        if session is not None:
            found = min(max(cut_off(mic, local, session.on), session.opens_at), session.closes_at - LEAVES)
            if found >= at:
                return found
        session = session_after(mic, session.opens_at if session is not None else at)
