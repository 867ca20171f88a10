"""Valuations of accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.core.money import Money
from openvest.core.records import record
from openvest.declarations import Event
from openvest.features.cash.model import Instrument

Quality = Literal["EOD", "HIGHEST_AVAILABLE"]
PriceQuality = Literal["EOD", "REALTIME", "DELAYED", "NA"]
ValuationCurrency = Literal["EUR", "GBP"]


@record
class Price:
    """What a unit was worth at an instant. Units: money of the valuation's currency."""

    amount: Decimal
    time: datetime
    quality: PriceQuality


@record
class Value:
    """What a position is worth. Units: whole cents; `price_time` is when its price was made."""

    amount: Decimal
    currency: str
    price_time: datetime


@record
class ValuedPosition:
    """A position of a valuation. `value` and `weight` are None where the instrument never had a price; `weight`, a
    part of 1, also where the total is zero."""

    instrument: Instrument
    quantity: Decimal
    value: Value | None
    weight: Decimal | None
    price_quality: PriceQuality


@record
class Valuation:
    """What the securities of an account were worth at an instant."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    account_id: UUID
    total_security_value: Money
    price_quality: Quality
    security_positions: tuple[ValuedPosition, ...]
    valuation_time: datetime


@record
class AccountReturn:
    """What the securities of an account did on a day. `value` is what they came to, exactly; `inflow` and `outflow`
    crossed the account's border. `daily` and `cumulative` are parts of 1, with 28 digits, and None on the first day.
    """

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    account_id: UUID
    date: datetime
    currency: str
    value: Decimal
    inflow: Decimal
    outflow: Decimal
    daily: Decimal | None
    cumulative: Decimal | None
    cumulative_start_date: datetime


@record
class SimpleReturn:
    """What an account gained in all its days. Units: `gain` money of the currency, `percentage` percent of what was
    put in; None where nothing was."""

    account_id: UUID
    gain: Decimal
    percentage: Decimal | None
    period_start: datetime
    period_end: datetime
    currency: str


EVENTS: Sequence[Event] = (
    Event("ACCOUNT_VALUATION.CREATED", "account valuation"),
    Event("ACCOUNT_RETURNS.CREATED", "account return"),
)
