"""Instruments, venues, and what the two imports take and say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

TradingStatus = Literal["ACTIVE", "INACTIVE"]


@dataclass(frozen=True, slots=True)
class Instrument:
    """Something that can be traded. Units: a quantity of it has at most `quantity_decimals` decimals."""

    id: UUID
    isin: str
    wkn: str | None
    name: str
    type: Literal["EQUITY", "ETF", "BOND", "FUND"]
    home_country: str | None
    fractional_trading: bool
    quantity_decimals: int
    trading_status: TradingStatus
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Venue:
    """A place of trade. `whole_shares`: it trades no fractions at the pace `calendar`."""

    id: UUID
    mic: str
    name: str
    whole_shares: bool


# Imports


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an import file; the documentation is made from these."""

    name: str
    required: bool
    description: str


INSTRUMENT_COLUMNS: Sequence[Column] = (
    Column("isin", True, "ISIN with a correct check digit; a known one is changed, a new one added."),
    Column("name", True, "Name, 1 to 100 characters."),
    Column("type", True, "EQUITY, ETF, BOND or FUND."),
    Column("venues", True, "MICs of the venues, separated by blanks; the first is preferred."),
    Column("currencies", True, "EUR or GBP, one for each venue, separated by blanks."),
    Column("tick_sizes", True, "Smallest step of a price, one for each venue."),
    Column("reference_prices", True, "Price at which the simulated path begins, one for each venue, on its tick."),
    Column("wkn", False, "German securities number."),
    Column("home_country", False, "Country of the issuer, two letters."),
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


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong in one line of an import file. Units: `line` counts from 1, the header's line."""

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.message}"


class ImportRefused(Exception):
    """A file with errors, all of them; nothing of it was imported."""

    def __init__(self, errors: Sequence[LineError]) -> None:
        super().__init__(f"{len(errors)} errors; nothing was imported. First: {errors[0]}")
        self.errors = tuple(errors)


@dataclass(frozen=True, slots=True)
class ImportDone:
    """How much a file brought. `kind` is what its columns made it."""

    kind: Literal["instruments", "bars", "quotes"]
    lines: int
