"""Which events an import's line means. Pure.

Every change of what is stored of an instrument has at least one event; a new one has ONBOARDED alone, whatever it is.
So has every change of where it trades: the venues, the first of which is preferred, their currencies and ticks.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from openvest.features.instruments.model import Instrument
from openvest.features.instruments.rules_import import InstrumentRow


class Trades(Protocol):
    """A venue of an instrument."""

    @property
    def venue_id(self) -> UUID: ...
    @property
    def currency(self) -> str: ...
    @property
    def tick_size(self) -> Decimal: ...


def changes_of(before: Instrument | None, line: InstrumentRow, listed: Sequence[Trades] = ()) -> Sequence[str]:
    """The event types of one line, in the order they are told; none where it says what is known.

    `listed`: where the instrument traded before, the preferred venue first. A venue that the line does not name stays.
    """
    if before is None:
        return ("INSTRUMENT.ONBOARDED",)
    found: list[str] = []
    switched = before.fractional_trading != line.fractional_trading
    # How many decimals there are is part of the switch where fractions come or go.
    finer = not switched and before.quantity_decimals != line.quantity_decimals
    moved = [_traded(one) for one in listed][: len(line.listings)] != [_traded(one) for one in line.listings]
    if _data(before) != _data(line) or finer or moved:
        found.append("INSTRUMENT.DATA_CHANGED")
    if switched:
        found.append(f"INSTRUMENT.FRACTIONAL_TRADING_{'ENABLED' if line.fractional_trading else 'DISABLED'}")
    if before.trading_status != line.trading_status:
        found.append(f"INSTRUMENT.{'ACTIVATED' if line.trading_status == 'ACTIVE' else 'DEACTIVATED'}")
    return found


def _data(thing: Instrument | InstrumentRow) -> tuple[str | None, ...]:
    return thing.wkn, thing.name, thing.type, thing.home_country


def _traded(listing: Trades) -> tuple[UUID, str, Decimal]:
    return listing.venue_id, listing.currency, listing.tick_size
