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


EVENTS: Sequence[Event] = (Event("ACCOUNT_VALUATION.CREATED", "account valuation"),)
