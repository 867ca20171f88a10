"""Positions and securities transactions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.core.records import record
from openvest.declarations import Event
from openvest.features.cash.model import Booked, Instrument

ReferenceType = Literal["ORDER", "ORDER_EXECUTION", "CORPORATE_ACTION", "CORPORATE_ACTION_TRANSACTION_ID"]


@record
class Holding:
    """What is known of the units that an account has, all of them aside. Units: of the instrument."""

    locked_for_trading: Decimal
    pending_settlement: Decimal
    available_for_trading: Decimal
    settled_quantity: Decimal
    created_at: datetime
    updated_at: datetime


@record
class Position(Holding):
    """What an account has of one instrument. `average_price` and its `currency` are None where nothing is held, a cost
    is unknown or units were bought in several currencies.

    Units: the price in money per unit.
    """

    id: UUID
    account_id: UUID
    instrument: Instrument
    quantity: Decimal
    average_price: Decimal | None
    currency: str | None

    @property
    def available_for_instruction(self) -> Decimal:
        """What an instruction of a corporate action may take: what a trade may take."""
        return self.available_for_trading


@record
class Reference:
    """An object that caused a transaction."""

    id: UUID
    type: ReferenceType


@record
class Movement(Booked):
    """What is booked of a movement of units. `delta` is what the account's quantity changed by."""

    account_id: UUID
    delta: Decimal


@record
class SecuritiesTransaction(Movement):
    """A booked movement of an account's units; it never changes."""

    instrument: Instrument
    references: tuple[Reference, ...]


@record
class AccountTransaction:
    """A booking in the history of an account. `amount` is what the money changed by: nothing where only units moved."""

    id: UUID
    account_id: UUID
    type: str
    amount: Decimal
    currency: str
    created_at: datetime


EVENTS: Sequence[Event] = (
    Event("POSITION.UPDATED", "position"),
    Event("SECURITY_TRANSACTION.EXECUTED", "securities transaction"),
)
