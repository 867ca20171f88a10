"""Dust: units that are worth less than a cent, which nobody can sell. It leaves when the account closes. Pure.

Worth is the quantity at the bid, at the listing that bids most, rounded down to the cent: what a sale would bring.
It is looked at once the account is CLOSING and the position at rest, and after that at each midnight in UTC, so that
what is decided depends on stored facts and prices alone, not on when somebody looks. What never had a price is worth
nobody knows what, and stays; so does what is worth a cent or more, which can be sold.

Source: ORDER_MATHS.md section 2, POSTINGS.md section 7.4.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time
from decimal import Decimal
from uuid import UUID

from openvest.core.money import cent_down, times
from openvest.core.records import record
from openvest.core.trading_calendar import ONE_DAY
from openvest.features.cash.model import Instrument
from openvest.features.positions.model import SecuritiesTransaction

NEAR = Decimal(1)
"""Positions worth less than this are looked at every midnight, and closely. Units: the currency's major unit."""


@record
class Resting:
    """A small position of an account that is CLOSING: all of it free and settled. `id` is the account's.

    `looked_at`: the last instant at which its worth counts.
    """

    id: UUID
    user_id: UUID
    group_id: UUID
    instrument_id: UUID
    quantity: Decimal
    looked_at: datetime


def worth(quantity: Decimal, bids: Iterable[Decimal]) -> Decimal | None:
    """What a sale would bring at most; None where nobody has ever bid."""
    return max((cent_down(times(quantity, bid)) for bid in bids), default=None)


def next_look(now: datetime) -> datetime:
    """The next midnight in UTC."""
    return datetime.combine(now.astimezone(UTC).date(), time(tzinfo=UTC)) + ONE_DAY


def transaction_of(dust: Resting, isin: str | None, at: datetime, transaction_id: UUID) -> SecuritiesTransaction:
    """What the customer sees of it. No published kind of object causes it, so it has no reference."""
    day = datetime.combine(at.astimezone(UTC).date(), time(tzinfo=UTC))
    return SecuritiesTransaction(
        id=transaction_id,
        account_group_id=dust.group_id,
        account_id=dust.id,
        instrument=Instrument(dust.instrument_id, isin),
        type="DUST_CLEANUP",
        delta=-dust.quantity,
        references=(),
        booking_date=day,
        value_date=day,
        created_at=at,
    )
