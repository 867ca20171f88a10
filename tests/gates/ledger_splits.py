"""Splitting never gains: one trade beside any number of smaller ones, booked by the rules that book real orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from random import Random

from openvest.core.money import CENT, ZERO, split
from openvest.features.orders.model import Order
from openvest.features.orders.rules_amounts import Fill, Quoted, lock_of
from openvest.features.orders.rules_booking import BlockFacts, book_block, book_direct
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.ledger_rounding import decimal, for_the_house
from tests.kit.order_rows import NOW, a_report, a_street_order, processing

_PLENTY = Decimal(10**14)
"""Of the house's inventory, so that it serves a block alone."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a trade and its splits have in common. `measure` is what an order is given in; block or not."""

    side: str
    measure: str
    price: Decimal
    places: int
    block: bool

    @property
    def step(self) -> Decimal:
        return CENT if self.measure == "cash_amount" else Decimal(1).scaleb(-self.places)


def terms_of(chance: Random) -> Terms:
    side, measure = chance.choice(("BUY", "SELL")), chance.choice(("cash_amount", "quantity"))
    return Terms(
        side, measure, decimal(chance, 1, 9_000_000, 4), chance.choice((0, 3, 4, 10, 10)), chance.random() < 0.3
    )


def booked(chance: Random, terms: Terms, size: Decimal) -> tuple[Order, list[Fill]]:
    """An order of this size, locked at the price, filled at it at once or in parts: as it is then, and its fills."""
    wanted = processing(side=terms.side, through="fractions" if terms.block else "street", **{terms.measure: str(size)})
    lock = lock_of(wanted, Quoted(terms.price, terms.price), terms.places)
    order = replace(wanted, lock_amount=lock)
    if terms.block:
        last = a_report("FILL", last=True)
        done = book_block(order, last, BlockFacts(ZERO, terms.price, ZERO, _PLENTY), terms.places, NOW)
    else:
        parts = [part for part in split(size, [Decimal(1)] * chance.choice((1, 1, 2, 3)), terms.step) if part]
        told = [{terms.measure: str(part), "price": str(terms.price)} for part in parts]
        reports = [a_report(last=place == len(told) - 1, **fields) for place, fields in enumerate(told)]
        done = book_direct(order, a_street_order(side=terms.side), reports, terms.places, NOW)
    fills = [fill for fill, _ in done.fills]
    cash, units = done.order.executed_cash, done.order.executed_quantity
    assert (cash > 0) == (units > 0), f"{units} units were moved against {cash} by {terms.side} {size} at {terms}"
    assert done.order.lock_used <= lock, f"{terms.side} {size} took {done.order.lock_used} of its lock {lock}"
    return done.order, fills


def summed(orders: Sequence[Order]) -> tuple[Decimal, Decimal]:
    """Cash and units."""
    return (
        sum((order.executed_cash for order in orders), ZERO),
        sum((order.executed_quantity for order in orders), ZERO),
    )


def one_split(chance: Random) -> Decimal:
    """A trade of random size at a random price, whole, and the same in up to a dozen orders; what rounding kept."""
    terms = terms_of(chance)
    size = chance.randint(1, chance.choice((9, 99, 9_999, 10**9))) * terms.step
    parts = split(size, [Decimal(chance.randint(1, 9)) for _ in range(chance.randint(2, 12))], terms.step)
    whole, fills = booked(chance, terms, size)
    several = [booked(chance, terms, part) for part in parts if part]
    (cash, units), all_at_once = summed([order for order, _ in several]), whole.executed_cash
    said = (
        f"{size} at {terms} in {len(several)}: {cash} for {units}, at once {all_at_once} for {whole.executed_quantity}"
    )
    # Against one order for the very units the parts came to, whichever way they were asked for.
    at_once = for_the_house(Fraction(units) * Fraction(terms.price), terms.side)
    if terms.side == "BUY":
        assert cash >= at_once, f"a split BUY costs less: {said}"
        assert terms.measure == "cash_amount" or cash >= all_at_once, f"a split BUY costs less: {said}"
        assert cash <= size or terms.measure == "quantity", f"a BUY by amount costs more than its amount: {said}"
    else:
        assert cash <= at_once, f"a split SELL brings more: {said}"
        assert terms.measure == "cash_amount" or cash <= all_at_once, f"a split SELL brings more: {said}"
    kept = [sum((fill.rounding for fill in its), ZERO) for _, its in (*several, (whole, fills))]
    assert all(ZERO <= one <= CENT for one in kept), f"rounding has {kept} of one order each: {said}"
    return sum(kept, ZERO)


async def splits(run: Run) -> Verdict:
    """A case can be repeated by its number. No order's rounding is below zero, so none of a currency is."""
    findings: list[str] = []
    kept = ZERO
    for number in range(run["splits"]):
        try:
            kept += one_split(run.chance(f"split {number}"))
        except AssertionError as error:
            findings.append(f"split {number}: {str(error)[:400]}")
    figure = f"{run['splits']} random splits of random trades, {len(findings)} findings; rounding kept {kept}"
    return Verdict(figure, findings[:5])


SPLITS = Gate(
    "splits",
    "no split of a trade gains, and rounding never loses",
    splits,
    push={"splits": 10_000},
    night={"splits": 500_000},
)
