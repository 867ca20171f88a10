"""Recipes of executions: of customers, of the street, their settlement and their cancellation.

Where the venue trades the very quantity, a customer's execution stands against the street and settles by itself. Where
it trades whole shares only, the house trades a block with the street and serves its customers from `fractions`; they
settle with their street order. A customer pays the next cent above the value and gets the one below; the counterparty
has the nearest, and the difference stands in `rounding`.

Source: POSTINGS.md sections 1 (`rounding`), 2.2, 2.3, 3, 7 and 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.core.money import ZERO
from openvest.core.records import record
from openvest.ledger.chart import Leg, units_of
from openvest.ledger.posting_rules import Journal, house, journal_of

Side = Literal["BUY", "SELL"]


@record
class Taxes:
    """Withheld from a sale. Below zero where tax withheld earlier is given back."""

    income: Decimal = ZERO
    solidarity: Decimal = ZERO
    church: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        return self.income + self.solidarity + self.church


NO_TAXES = Taxes()


@record
class Trade:
    """A customer's execution. `cash` is gross: before the fee and taxes.

    `rounding` is what rounding took from the customer: over an order nothing or one cent, so in one of several
    executions it may give back what it took in an earlier one. `fee` is what we collect (a fee the client charges
    itself is not booked). `settles_on` is the day as first booked, also where settlement was late. `through` is the
    counterparty: `street` where the venue trades the very quantity, the house's `fractions` where a street order of
    whole shares serves the customer.
    """

    execution_id: UUID
    order_id: UUID
    side: Side
    group_id: UUID
    account_id: UUID
    instrument_id: UUID
    currency: str
    quantity: Decimal
    cash: Decimal
    traded_on: date
    settles_on: date
    fee: Decimal = ZERO
    taxes: Taxes = NO_TAXES
    through: Literal["street", "fractions"] = "street"
    rounding: Decimal = ZERO

    @property
    def worth(self) -> Decimal:
        """What the counterparty gets for a buy or pays for a sale; the customer's cash is rounded, up or down."""
        return self.cash - self.rounding if self.side == "BUY" else self.cash + self.rounding

    @property
    def paid(self) -> Decimal:
        """What a buy takes from the customer's lock."""
        return self.cash + self.fee

    @property
    def net(self) -> Decimal:
        """What a sale brings the customer; below zero where the fee exceeds it."""
        return self.cash - self.fee - self.taxes.total

    @property
    def pending(self) -> Decimal:
        """What of a sale's proceeds waits for settlement."""
        return max(self.net, ZERO)


@record
class StreetTrade:
    """An execution of a street order, by which the house buys or sells whole shares for a block."""

    id: UUID
    side: Side
    instrument_id: UUID
    currency: str
    quantity: Decimal
    cash: Decimal
    traded_on: date
    settles_on: date


def order_execution(trade: Trade) -> Journal:
    """A customer's fill: consumes the lock, books fee and taxes, remembers what is not settled. (2.2, 2.3, 3)"""
    legs = _bought(trade) if trade.side == "BUY" else _sold(trade)
    return journal_of(
        "ORDER_EXECUTION",
        trade.execution_id,
        trade.traded_on,
        legs + _memos(trade, +1),
        value_on=trade.settles_on,
        lock_id=trade.order_id,
    )


def _counter(trade: Trade, asset: str, amount: Decimal, street_on: date) -> Leg:
    return house(asset, trade.through, amount, street_on.isoformat() if trade.through == "street" else "")


def _bought(trade: Trade) -> tuple[Leg, ...]:
    units, money = units_of(trade.instrument_id), trade.currency
    return (
        Leg(trade.group_id, money, "locked", -trade.paid),
        _counter(trade, money, trade.worth, trade.settles_on),
        house(money, "rounding", trade.rounding),
        house(money, "fees", trade.fee),
        Leg(trade.account_id, units, "available", trade.quantity),
        _counter(trade, units, -trade.quantity, trade.settles_on),
    )


def _sold(trade: Trade) -> tuple[Leg, ...]:
    units, money = units_of(trade.instrument_id), trade.currency
    return (
        Leg(trade.account_id, units, "locked", -trade.quantity),
        _counter(trade, units, trade.quantity, trade.settles_on),
        _counter(trade, money, -trade.worth, trade.settles_on),
        house(money, "rounding", trade.rounding),
        Leg(trade.group_id, money, "available", trade.net),
        house(money, "fees", trade.fee),
        *_withheld(trade, +1),
    )


def _withheld(trade: Trade, sign: int) -> tuple[Leg, ...]:
    return (
        house(trade.currency, "tax_income", sign * trade.taxes.income),
        house(trade.currency, "tax_solidarity", sign * trade.taxes.solidarity),
        house(trade.currency, "tax_church", sign * trade.taxes.church),
    )


def _memos(trade: Trade, sign: int) -> tuple[Leg, ...]:
    """What is pending until settlement: remembered with +1, released with -1."""
    units, quantity = units_of(trade.instrument_id), sign * trade.quantity
    if trade.side == "BUY":
        return (Leg(trade.account_id, units, "unsettled_in", quantity), house(units, "memo", -quantity))
    cash = sign * trade.pending
    return (
        Leg(trade.group_id, trade.currency, "unsettled_in", cash),
        house(trade.currency, "memo", -cash),
        Leg(trade.account_id, units, "unsettled_out", quantity),
        house(units, "memo", -quantity),
    )


def street_execution(street: StreetTrade) -> Journal:
    """The house's own trade with the street for a block. (3.4)"""
    return journal_of(
        "STREET_EXECUTION",
        street.id,
        street.traded_on,
        _street(street, +1, street.settles_on),
        value_on=street.settles_on,
    )


def _street(street: StreetTrade, sign: int, street_on: date) -> tuple[Leg, ...]:
    units, money, day = units_of(street.instrument_id), street.currency, street_on.isoformat()
    way = sign if street.side == "BUY" else -sign
    return (
        house(units, "street", -way * street.quantity, day),
        house(units, "fractions", way * street.quantity),
        house(money, "street", way * street.cash, day),
        house(money, "fractions", -way * street.cash),
    )


def street_execution_cancellation(street: StreetTrade, on: date, *, street_on: date | None = None) -> Journal:
    """A street trade that was cancelled. `street_on`: the day its reversal settles where it had settled already."""
    legs = _street(street, -1, street.settles_on if street_on is None else street_on)
    return journal_of("STREET_EXECUTION_CANCELLATION", street.id, on, legs, reverses="STREET_EXECUTION")


def _delivery(side: Side, units: str, money: str, quantity: Decimal, cash: Decimal, street_on: date) -> tuple[Leg, ...]:
    """Money at the bank and units at the custodian take the street's place."""
    way, day = (1 if side == "BUY" else -1), street_on.isoformat()
    return (
        house(money, "street", -way * cash, day),
        house(money, "bank", way * cash),
        house(units, "street", way * quantity, day),
        house(units, "custody", -way * quantity),
    )


def settlement(trade: Trade, on: date) -> Journal:
    """One customer's execution settles; through `fractions` only its pending figures go (the street settles apart).

    (2.2, 2.3, 8)
    """
    delivery: tuple[Leg, ...] = ()
    if trade.through == "street":
        units = units_of(trade.instrument_id)
        delivery = _delivery(trade.side, units, trade.currency, trade.quantity, trade.worth, trade.settles_on)
    return journal_of("SETTLEMENT", trade.execution_id, on, delivery + _memos(trade, -1))


def street_settlement(
    street_order_id: UUID, streets: Sequence[StreetTrade], trades: Sequence[Trade], on: date
) -> Journal:
    """A street order settles, and with it the customers it serves. `trades` may be empty: they settle apart. (3.4)"""
    legs: list[Leg] = []
    for street in streets:
        units = units_of(street.instrument_id)
        legs += _delivery(street.side, units, street.currency, street.quantity, street.cash, street.settles_on)
    mirror: dict[str, Decimal] = {}
    for trade in trades:
        for leg in _memos(trade, -1):
            if leg.owner_id is None:
                mirror[leg.asset] = mirror.get(leg.asset, ZERO) + leg.amount
            else:
                legs.append(leg)
    legs += [house(asset, "memo", amount) for asset, amount in mirror.items()]
    return journal_of("SETTLEMENT", street_order_id, on, legs)


def execution_cancellation(trade: Trade, on: date, *, street_on: date | None = None) -> Journal:
    """A mistrade: the execution's economic effect goes back, to and from `available`, fee and taxes with it.

    `street_on` None: before settlement, the pending figures go too. Else the execution had settled, and this is the
    day on which the reversal settles with the street (`cancellation_settlement`). (7.1, 7.2, 7.3)
    """
    units, money = units_of(trade.instrument_id), trade.currency
    day = trade.settles_on if street_on is None else street_on
    if trade.side == "BUY":
        legs = (
            Leg(trade.group_id, money, "available", trade.paid),
            _counter(trade, money, -trade.worth, day),
            house(money, "rounding", -trade.rounding),
            house(money, "fees", -trade.fee),
            Leg(trade.account_id, units, "available", -trade.quantity),
            _counter(trade, units, trade.quantity, day),
        )
    else:
        legs = (
            Leg(trade.group_id, money, "available", -trade.net),
            *_withheld(trade, -1),
            house(money, "rounding", -trade.rounding),
            house(money, "fees", -trade.fee),
            _counter(trade, money, trade.worth, day),
            Leg(trade.account_id, units, "available", trade.quantity),
            _counter(trade, units, -trade.quantity, day),
        )
    memos = _memos(trade, -1) if street_on is None else ()
    return journal_of("ORDER_EXECUTION_CANCELLATION", trade.execution_id, on, legs + memos, reverses="ORDER_EXECUTION")


def cancellation_settlement(trade: Trade, street_on: date, on: date) -> Journal:
    """The street gives back what a settled and then cancelled execution had delivered. (7.2)"""
    back: Side = "SELL" if trade.side == "BUY" else "BUY"
    units = units_of(trade.instrument_id)
    legs = _delivery(back, units, trade.currency, trade.quantity, trade.worth, street_on)
    return journal_of("SETTLEMENT_CANCELLATION", trade.execution_id, on, legs, reverses="SETTLEMENT")
