"""Street orders and listings for tests of the simulated venue."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from openvest.core.ids import deterministic_id
from openvest.ports.prices import Listing
from openvest.ports.venue import VenueOrder
from openvest.simulation.venue import Listed

TENANT = deterministic_id("tenant", "of a venue order")
XETR = deterministic_id("venue", "XETR")

MONDAY_MORNING = datetime(2026, 3, 2, 9, 31, tzinfo=UTC)
"""In session at XETR, and no instant of the grid."""
MONDAY_OPEN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
MONDAY_CLOSE = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
MONDAY_NIGHT = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
TUESDAY_OPEN = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)

FIXED_ISIN = "IE00B3XXRP09"
"""Bid 113.03, offer 115.05, always."""
PATH_ISIN = "DE0007164600"


def listing(isin: str = FIXED_ISIN, **changes: Any) -> Listing:
    plain = Listing(
        deterministic_id("instrument", isin),
        XETR,
        isin,
        "EQUITY",
        "XETR",
        "EUR",
        Decimal("0.01"),
        Decimal("200.00"),
        True,
    )
    return replace(plain, **changes)


def listed(isin: str = FIXED_ISIN) -> Listed:
    return Listed(listing(isin))


def venue_order(**changes: Any) -> VenueOrder:
    """A MARKET BUY of 10 of the instrument of fixed prices, sent on a Monday morning, with these changes.

    `active_at` alone moves the looks with it.
    """
    active = changes.get("active_at", MONDAY_MORNING)
    isin = changes.get("isin", FIXED_ISIN)
    plain = VenueOrder(
        id=deterministic_id("street order", str(changes.pop("name", "first"))),
        tenant_id=TENANT,
        instrument_id=deterministic_id("instrument", isin),
        isin=isin,
        mic="XETR",
        currency="EUR",
        side="BUY",
        order_type="MARKET",
        quantity=None if "cash_amount" in changes else Decimal(10),
        cash_amount=None,
        done=Decimal(0),
        limit_price=None,
        stop_price=None,
        quantity_decimals=10,
        pace="calendar",
        active_at=active,
        look_after=active,
        asked_at=active,
        cancel=False,
        account_id=deterministic_id("account"),
        user_id=deterministic_id("user"),
        client_reference=None,
    )
    return replace(plain, **changes)
