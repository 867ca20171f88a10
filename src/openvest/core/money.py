"""Money, quantities and the named roundings: the only arithmetic on value there is.

Money has the minor unit of its currency (2 places), quantities at most 10 places, execution prices 4 places.
A rounding is always one of the named functions below, so that a reader can see mode and place at the call.

Source: ORDER_MATHS.md section 3; ARCHITECTURE.md "Conventions".
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext

from openvest.core.records import record

ZERO = Decimal(0)
CENT = Decimal("0.01")
UNIT = Decimal("0.0000000001")
PRICE_STEP = Decimal("0.0001")

_PRECISION = 80  # 63 integer digits may meet 27 decimals in one product of two accepted numbers


def _to(value: Decimal, step: Decimal, mode: str) -> Decimal:
    with localcontext() as context:
        context.prec = _PRECISION
        return (value / step).to_integral_value(rounding=mode) * step


def cent_half_up(value: Decimal) -> Decimal:
    """Nearest cent, half a cent away from zero."""
    return _to(value, CENT, ROUND_HALF_UP)


def cent_down(value: Decimal) -> Decimal:
    """Next cent towards minus infinity."""
    return _to(value, CENT, ROUND_FLOOR)


def cent_up(value: Decimal) -> Decimal:
    """Next cent towards plus infinity."""
    return _to(value, CENT, ROUND_CEILING)


def unit_down(value: Decimal, decimals: int = 10) -> Decimal:
    """Largest quantity of so many decimals that is not above the value."""
    return _to(value, Decimal(1).scaleb(-decimals), ROUND_FLOOR)


def unit_up(value: Decimal, decimals: int = 10) -> Decimal:
    """Smallest quantity of so many decimals that is not below the value."""
    return _to(value, Decimal(1).scaleb(-decimals), ROUND_CEILING)


def price_half_up(value: Decimal) -> Decimal:
    """Nearest price of 4 decimals, half away from zero."""
    return _to(value, PRICE_STEP, ROUND_HALF_UP)


def tick_down(value: Decimal, tick: Decimal) -> Decimal:
    """Highest price on the venue's grid that is not above the value."""
    return _to(value, tick, ROUND_FLOOR)


def tick_up(value: Decimal, tick: Decimal) -> Decimal:
    """Lowest price on the venue's grid that is not below the value."""
    return _to(value, tick, ROUND_CEILING)


def times(a: Decimal, b: Decimal) -> Decimal:
    """Exact product of two accepted numbers, without the context's 28 digits in the way."""
    with localcontext() as context:
        context.prec = _PRECISION
        return a * b


def ratio(a: Decimal, b: Decimal) -> Decimal:
    """Quotient to 80 digits; round it with a named rounding before it leaves the calculation."""
    with localcontext() as context:
        context.prec = _PRECISION
        return a / b


def split(total: Decimal, weights: Sequence[Decimal], step: Decimal) -> list[Decimal]:
    """Split a total by weights into multiples of step that sum to the total exactly.

    The parts are rounded down and what is left goes, one step each, to the largest remainders; among equal
    remainders the earlier part comes first. The total must itself be a multiple of step.
    """
    whole = sum(weights, ZERO)
    if not weights or whole <= 0:
        raise ValueError("a total is split by at least one weight, and their sum is above zero")
    exact = [ratio(times(total, weight), whole) for weight in weights]
    parts = [_to(value, step, ROUND_FLOOR) for value in exact]
    missing = int((total - sum(parts, ZERO)) / step)
    order = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in order[:missing]:
        parts[i] += step
    return parts


def plain(value: Decimal) -> str:
    """Decimal digits without an exponent and without trailing zeros: the canonical text of a quantity or price."""
    if not value:
        return "0"
    text = str(value)  # a sixth of the cost of `format`, and the same unless there is an exponent
    if "E" in text:
        text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def cents(value: Decimal) -> str:
    """Money as text with exactly two decimals."""
    return format(value.quantize(CENT), "f")


@record
class Money:
    """An amount of one currency, in whole cents. Units: the currency's major unit."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not self.amount.same_quantum(CENT) and self.amount != cent_half_up(self.amount):
            raise ValueError(f"money has whole cents, not {self.amount}")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount - other.amount, self.currency)

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add")
