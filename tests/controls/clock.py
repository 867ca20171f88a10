"""Bugs planted against the gates of `tests.gates.clock`."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

_CLOCKWORK = "src/openvest/work/clockwork.py"
_SESSIONS = "src/openvest/features/orders/rules_sessions.py"

PLANTED: tuple[Planted, ...] = (
    Planted(
        "R27",
        "rests-for-ever",
        "an order whose last day lies behind the calendars has no last day",
        (
            Edit(
                _SESSIONS,
                "            return last_session_on_or_before(mic, min(expiry, settles.on)).closes_at\n",
                "            if expiry <= LAST_DAY:\n"
                "                return last_session_on_or_before(mic, min(expiry, settles.on)).closes_at\n",
            ),
            Edit(
                "src/openvest/simulation/venue.py",
                'if order.pace == "calendar" else [])',
                'if order.pace == "never" else [])',
            ),
        ),
    ),
    Planted(
        "R27",
        "settles-never",
        "an order rests up to the last session, of which no trade settles",
        (
            Edit(
                _SESSIONS,
                "last_session_on_or_before(mic, min(expiry, settles.on))",
                "last_session_on_or_before(mic, min(expiry, max(settles.on, LAST_DAY)))",
            ),
        ),
    ),
    Planted(
        "R27",
        "no-price-behind-the-end",
        "nobody knows a price behind the last day of the calendars",
        (
            Edit(
                "src/openvest/simulation/market/market.py",
                "min(venue_date(listing.mic, at), LAST_DAY), at, imported)",
                "venue_date(listing.mic, at), at, imported)",
            ),
        ),
    ),
    Planted(
        "R28",
        "switched-under-way",
        "a clock may be frozen and thawed while it is on its way",
        (
            Edit(
                _CLOCKWORK, "            if target is not None:\n", "            if target is None and self is None:\n"
            ),
        ),
    ),
    Planted(
        "R28",
        "any-target-is-reached",
        "who has arrived somewhere takes away whatever target there is",
        (
            Edit(
                _CLOCKWORK,
                "set advance_to = null where tenant_id = $1 and advance_to = $2",
                "set advance_to = null where tenant_id = $1 and $2::timestamptz is not null",
            ),
        ),
        {"tenants": 8, "rounds": 30},
    ),
)
