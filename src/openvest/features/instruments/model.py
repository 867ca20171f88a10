"""Instruments, venues, and what the two imports take and say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.core.records import record
from openvest.core.table_files import Column
from openvest.declarations import Event

InstrumentType = Literal["EQUITY", "ETF", "BOND", "FUND"]
TradingStatus = Literal["ACTIVE", "INACTIVE"]


@record
class Instrument:
    """Something that can be traded. Units: a quantity of it has at most `quantity_decimals` decimals."""

    id: UUID
    isin: str
    wkn: str | None
    name: str
    type: InstrumentType
    home_country: str | None
    fractional_trading: bool
    quantity_decimals: int
    trading_status: TradingStatus
    created_at: datetime
    updated_at: datetime


@record
class Venue:
    """A place of trade. `whole_shares`: it trades no fractions at the pace `calendar`."""

    id: UUID
    mic: str
    name: str
    whole_shares: bool


@record
class ListedInstrument(Instrument):
    """An instrument and where it trades, the preferred venue first. `currency` is that of the preferred venue."""

    currency: str | None
    venues: tuple[Venue, ...]


@record
class LatestPrice:
    """The last known price of an instrument at a venue, in the venue's currency."""

    instrument_id: UUID
    venue_id: UUID
    price: Decimal
    currency: str
    at: datetime


# Imports


INSTRUMENT_COLUMNS: Sequence[Column] = (
    Column("isin", True, "ISIN with a correct check digit; a known one is changed, a new one added."),
    Column("name", True, "Name in one line, 1 to 100 characters."),
    Column("type", True, "EQUITY, ETF, BOND or FUND."),
    Column("venues", True, "MICs of the venues, separated by blanks; the first is preferred."),
    Column("currencies", True, "EUR or GBP, one for each venue, separated by blanks."),
    Column("tick_sizes", True, "Smallest step of a price, one for each venue."),
    Column("reference_prices", True, "Price at which the simulated path begins, one for each venue, on its tick."),
    Column("wkn", False, "German securities number."),
    Column("home_country", False, "Country of the issuer, its ISO 3166-1 code."),
    Column("fractional_trading", False, "true or false; without it false."),
    Column("quantity_decimals", False, "Decimals of a quantity: 0 when not fractional, else 1 to 10; without it 10."),
    Column("trading_status", False, "ACTIVE or INACTIVE; without it ACTIVE."),
    Column("sandbox", False, "Not stored; the master marks the reference's sandbox instruments with it."),
    Column("source_1", False, "Not stored: where the line comes from."),
    Column("source_2", False, "Not stored: a second text that says the same."),
)

_LISTING_COLUMNS = (
    Column("isin", True, "ISIN of a known instrument."),
    Column("mic", True, "MIC of a venue the instrument is listed at."),
)

BAR_COLUMNS: Sequence[Column] = (
    *_LISTING_COLUMNS,
    Column("at", True, "Start: a day (2026-01-02) for 1d, else an instant with its zone (2026-01-02T09:00:00Z)."),
    Column("interval", True, "Length: 1d, or minutes or hours below a day such as 5m and 1h."),
    Column("open", True, "First price, at most 4 decimals."),
    Column("high", True, "Highest price."),
    Column("low", True, "Lowest price."),
    Column("close", True, "Last price."),
    Column("volume", True, "Units traded; a bar of 0 is known but fills no order."),
)

QUOTE_COLUMNS: Sequence[Column] = (
    *_LISTING_COLUMNS,
    Column("at", True, "Instant with its zone, on a trading day of the venue."),
    Column("bid", True, "What a SELL gets, at most 4 decimals."),
    Column("offer", True, "What a BUY pays; not below the bid."),
)


@record
class ImportDone:
    """How much a file brought. `kind` is what its columns made it."""

    kind: Literal["instruments", "bars", "quotes"]
    lines: int


EVENTS: Sequence[Event] = tuple(
    Event(f"INSTRUMENT.{name}", "instrument")
    for name in (
        "ONBOARDED ACTIVATED DEACTIVATED DATA_CHANGED FRACTIONAL_TRADING_ENABLED FRACTIONAL_TRADING_DISABLED".split()
    )
)
