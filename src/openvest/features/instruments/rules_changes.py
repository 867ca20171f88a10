"""Which events an import's line means. Pure.

Every change of what is stored of an instrument has at least one event; a new one has ONBOARDED alone, whatever it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from openvest.features.instruments.model import Instrument
from openvest.features.instruments.rules_import import InstrumentRow


def changes_of(before: Instrument | None, line: InstrumentRow) -> Sequence[str]:
    """The event types of one line, in the order they are told; none where it says what is known."""
    if before is None:
        return ("INSTRUMENT.ONBOARDED",)
    found: list[str] = []
    switched = before.fractional_trading != line.fractional_trading
    # How many decimals there are is part of the switch where fractions come or go.
    if _data(before) != _data(line) or (not switched and before.quantity_decimals != line.quantity_decimals):
        found.append("INSTRUMENT.DATA_CHANGED")
    if switched:
        found.append(f"INSTRUMENT.FRACTIONAL_TRADING_{'ENABLED' if line.fractional_trading else 'DISABLED'}")
    if before.trading_status != line.trading_status:
        found.append(f"INSTRUMENT.{'ACTIVATED' if line.trading_status == 'ACTIVE' else 'DEACTIVATED'}")
    return found


def _data(thing: Instrument | InstrumentRow) -> tuple[str | None, ...]:
    return thing.wkn, thing.name, thing.type, thing.home_country
