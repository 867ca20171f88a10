"""What the securities of an account did on a day: its flows, and the time-weighted return.

Source: RETURNS.md section 2.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from uuid import UUID

from openvest.core.money import UNIT, ZERO, cent_half_up, ratio, times
from openvest.core.records import record
from openvest.core.trading_calendar import ONE_DAY
from openvest.features.valuations.model import Price
from openvest.features.valuations.rules import ONE, Holding

_KEPT = Context(prec=28, rounding=ROUND_HALF_UP)
"""As many digits as results are kept with."""


@record
class Moved:
    """Units that crossed an account's border by one booking; below zero: they left. `price` and `currency` are those
    of the trade, None where there was none."""

    account_id: UUID
    instrument_id: UUID
    units: Decimal
    price: Decimal | None
    currency: str | None


@record
class Flows:
    """What crossed the border on a day: at its start what was bought, at its end all else. None is below zero."""

    in_start: Decimal = ZERO
    in_end: Decimal = ZERO
    out: Decimal = ZERO

    @property
    def inflow(self) -> Decimal:
        return self.in_start + self.in_end


@record
class Twr:
    """The return of a day, and of all days since the first, as parts of 1; None on the first day."""

    daily: Decimal | None = None
    cumulative: Decimal | None = None


def worth(holdings: Iterable[Holding], prices: Mapping[UUID, Price | None]) -> Decimal:
    """What holdings with a price are worth, exactly."""
    known = [(holding.quantity, prices.get(holding.instrument.uuid)) for holding in holdings]
    return sum((times(quantity, price.amount) for quantity, price in known if price is not None), ZERO)


def flows_of(
    moved: Sequence[Moved],
    holdings: Sequence[Holding],
    prices: Mapping[UUID, Price | None],
    currency: str,
    unpriced: Collection[UUID] = (),
) -> Flows:
    """The flows of a day. What is traded counts at its price, before fees and taxes, and all else at the price of the
    day's end, which also stands in for a trade in another currency.

    `unpriced` had no price the last time. They are left out with their flows until they have one, and then come in.
    """
    in_start = in_end = out = ZERO
    for one in moved:
        price = prices.get(one.instrument_id)
        if price is None or one.instrument_id in unpriced:
            continue
        traded = one.price is not None
        amount = times(abs(one.units), one.price if one.price and one.currency == currency else price.amount)
        if one.units < 0:
            out += amount
        elif traded:
            in_start += amount
        else:
            in_end += amount
    entered = worth([holding for holding in holdings if holding.instrument.uuid in unpriced], prices)
    return Flows(in_start, in_end + max(entered, ZERO), out + max(-entered, ZERO))


def return_of(value: Decimal, flows: Flows, before: Decimal, cumulative: Decimal | None) -> Twr:
    """The return of a day on which an account that was worth `before` came to `value`, and the chain with it.

    An account that was empty did nothing on the day on which it is filled again.
    """
    base = before + flows.in_start
    daily = ZERO
    if before and base:
        daily = _KEPT.subtract(_KEPT.divide(value - flows.in_end + flows.out, base), ONE)
    chained = _KEPT.multiply(ONE + (cumulative or ZERO), ONE + daily)
    return Twr(daily, _KEPT.subtract(chained, ONE))


def first_flows(flows: Flows, value: Decimal, *, begun: bool) -> Flows:
    """The flows of the first day of a chain: what was bought until then; where only the currency changed, all that is
    there comes in."""
    return flows if begun else Flows(in_end=max(value, ZERO), out=max(-value, ZERO))


def simple_return_of(value: Decimal, inflow: Decimal, outflow: Decimal) -> tuple[Decimal, Decimal | None]:
    """What was gained on all that came in, and that in percent of it; None where nothing came in."""
    gain = value - inflow + outflow
    percentage = None if inflow == 0 else _KEPT.create_decimal(ratio(gain, inflow).scaleb(2))
    return cent_half_up(gain), percentage


def published(part: Decimal) -> Decimal:
    """A return as it is shown, with ten decimals, half away from zero."""
    return part.quantize(UNIT, ROUND_HALF_UP)


def month_before(day: date) -> date:
    """The day of the month before, or its last."""
    last = day.replace(day=1) - ONE_DAY
    return last.replace(day=min(day.day, last.day))
