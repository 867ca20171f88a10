"""Whether an order fits its instrument as it is now: trading status, decimals, venue, tick. Pure.

**How fine a quantity may be.** A purchase has at most the instrument's decimals, when it is accepted, when it is
checked and while it works; one that came to be finer ends. A sale may be finer than the instrument while the account
holds a fraction that is: then it sells as finely as units are counted. So whoever holds a fraction can sell it, whole
or in part, by quantity or by amount, and once only conforming units are left the instrument's own decimals hold again.
What a venue of whole shares does not take, the house takes through its inventory. (docs/adr/0016)

**What ends a waiting or working order** is what would refuse it today: an INACTIVE instrument, a purchase that is too
fine (both CANCELLED_BY_UPVEST_PLATFORM); a currency that is not traded any more, another venue for it, prices that do
not lie on the venue's tick (CANCELLED_BY_TRADING_PARTNER: the venue does not know the order as it stands).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from openvest.core.money import plain, tick_down
from openvest.core.problems import Problem
from openvest.features.instruments.model import Instrument
from openvest.features.orders.model import CancellationReason, Order, PlaceOrder
from openvest.features.orders.rules import NotFractional, TooManyDecimals
from openvest.features.orders.rules_amounts import street_limit, street_stop
from openvest.features.orders.rules_intake import decimals_of
from openvest.features.street.model import StreetOrder
from openvest.ledger.chart import Balance

FINEST = 10
"""Decimals of the smallest part of a unit that is counted."""


class Traded(Protocol):
    """Where an order's currency trades."""

    @property
    def mic(self) -> str: ...
    @property
    def tick_size(self) -> Decimal: ...


def decimals_for(side: str, instrument: Instrument, held: Balance | None) -> int:
    """The most decimals an order has. `held`: the account's position, free or locked; None where it has none."""
    allowed = instrument.quantity_decimals
    if side == "SELL" and held is not None and max(map(decimals_of, (held.balance, held.available))) > allowed:
        return FINEST
    return allowed


def too_fine(want: PlaceOrder, instrument: Instrument, held: Balance | None) -> Problem | None:
    """Why a quantity is refused at intake, saying what can be sold; None where it is not."""
    if want.quantity is None or decimals_of(want.quantity) <= decimals_for(want.side, instrument, held):
        return None
    allowed = instrument.quantity_decimals
    sold = ""
    if want.side == "SELL":
        have = plain(held.available_for_trading) if held is not None else "none"
        sold = f" The account holds no finer part of it; it can sell what it has available: {have}."
    if allowed == 0:
        return NotFractional(f"{instrument.name} is traded in whole units only.{sold}")
    return TooManyDecimals(f"A quantity of {instrument.name} has at most {allowed} decimals.{sold}")


def placeable(order: Order, tick: Decimal) -> bool:
    """Whether something is left of the order's own prices on the venue's grid."""
    price = order.limit_price if order.side == "BUY" else order.stop_price
    return price is None or tick_down(price, tick) > 0


def sendable(order: Order, tick: Decimal) -> bool:
    """Whether something is left of the prices that the street order would carry."""
    return all(price is None or price > 0 for price in (street_limit(order, tick), street_stop(order, tick)))


def conforms(order: Order, instrument: Instrument, placed: StreetOrder | None = None) -> bool:
    """Whether a purchase is no finer than the instrument. One by amount is as fine as its street order."""
    if order.side == "SELL":
        return True
    if order.quantity is not None:
        return decimals_of(order.quantity) <= instrument.quantity_decimals
    return placed is None or placed.quantity_decimals <= instrument.quantity_decimals


def unfit_reason(
    order: Order, instrument: Instrument, home: Traded | None, placed: StreetOrder | None
) -> CancellationReason | None:
    """Why an open order must end now, or None. `home`: where its currency trades; `placed`: what works for it."""
    if instrument.trading_status != "ACTIVE" or not conforms(order, instrument, placed):
        return "CANCELLED_BY_UPVEST_PLATFORM"
    if home is None or (placed is not None and placed.mic != home.mic):
        return "CANCELLED_BY_TRADING_PARTNER"
    prices = () if placed is None else (placed.limit_price, placed.stop_price)
    if not placeable(order, home.tick_size) or any(price is not None and price % home.tick_size for price in prices):
        return "CANCELLED_BY_TRADING_PARTNER"
    return None
