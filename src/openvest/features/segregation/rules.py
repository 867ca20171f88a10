"""When a business day closes, and what is booked then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time

from openvest.core.trading_calendar import ONE_DAY, is_covered, is_payment_day
from openvest.features.bank.model import bank_day, bank_instant
from openvest.features.segregation.model import Requirement
from openvest.ledger.posting_rules import Journal, segregation

CURRENCY = "EUR"
"""Whose payment system says what a business day of the house is, for money of every currency."""
CLOSE = time(18)
"""When T2 closes its day, in Berlin. `store.CLOSES_AT` says the same."""


def closed_day(now: datetime) -> date:
    """The day whose close came last."""
    day = bank_day(CURRENCY, now)
    return day if bank_instant(CURRENCY, day, CLOSE) <= now else day - ONE_DAY


def is_business_day(day: date) -> bool:
    """Whether money can be moved between the house's account and the customers'."""
    return is_covered(day) and is_payment_day(CURRENCY, day)


def next_close(day: date) -> datetime:
    """When the next business day closes; behind the end of the calendars, the next day."""
    day += ONE_DAY
    while is_covered(day) and not is_payment_day(CURRENCY, day):
        day += ONE_DAY
    return bank_instant(CURRENCY, day, CLOSE)


def journals(requirements: Sequence[Requirement], day: date) -> list[Journal]:
    """What makes up the differences, one journal for each currency that has one."""
    return [segregation(day, one.currency, one.missing) for one in requirements if one.missing]
