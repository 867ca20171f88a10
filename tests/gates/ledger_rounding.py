"""R20: parts sum to the whole, exactly, wherever this program divides: plain random cases by the thousand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction
from random import Random
from uuid import UUID

from openvest.core.money import CENT, UNIT, ZERO, Money, split
from openvest.features.blocks.model_shares import netted, street_average
from openvest.features.orders.model import Order
from openvest.features.orders.rules_amounts import (
    Quoted,
    lock_of,
    needed_units,
    street_limit,
)
from openvest.features.orders.rules_booking import BlockFacts, book_block, book_direct
from openvest.features.street.model import Report
from openvest.ledger.lots import Lot, bought_lot, consume, take_back
from tests.gates.gate import Gate, Run, Verdict
from tests.kit.order_rows import NOW, a_report, a_street_order, processing

STEPS = {"JPY": Decimal(1), "EUR": CENT, "USD": CENT, "BHD": Decimal("0.001"), "units": UNIT}
"""The smallest step of what is split: currencies without, with two and with three places, and units."""

Law = Callable[[Random], None]


def decimal(chance: Random, low: int, high: int, places: int) -> Decimal:
    """A number of so many places; small and large ones are equally likely."""
    top = chance.choice((low + 9, low + 999, high))
    return Decimal(chance.randint(low, max(low, min(top, high)))).scaleb(-places)


def half_up(value: Fraction, places: int) -> Decimal:
    """The rounding, counted in whole numbers. Why: what is judged shall not judge itself."""
    scaled = abs(value) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(whole if value >= 0 else -whole).scaleb(-places)


def for_the_house(value: Fraction, side: str) -> Decimal:
    """What a value costs or brings: the cent above for a BUY, the one below for a SELL."""
    scaled = value * 100
    whole, over = divmod(scaled.numerator, scaled.denominator)
    return Decimal(whole + (side == "BUY" and over > 0)).scaleb(-2)


def exact(pairs: Sequence[tuple[Decimal, Decimal]]) -> Fraction:
    return sum((Fraction(quantity) * Fraction(price) for quantity, price in pairs), Fraction(0))


def total(parts: Sequence[Decimal]) -> Decimal:
    with localcontext() as context:
        context.prec = 90
        return sum(parts, ZERO)


def splitting(chance: Random) -> None:
    """Largest remainder: the parts sum to the whole, none is a step or more off, none goes the wrong way."""
    step = STEPS[chance.choice([*STEPS])]
    whole = chance.choice((1, -1)) * chance.randint(0, chance.choice((9, 10**6, 10**14))) * step
    weights = [decimal(chance, 0, 10**9, chance.choice((0, 2, 10))) for _ in range(chance.randint(1, 12))]
    weights.append(decimal(chance, 1, 10**9, 4))
    parts = split(whole, weights, step)
    assert total(parts) == whole, f"{parts} of {whole} sum to {total(parts)}"
    among = Fraction(total(weights))
    for part, weight in zip(parts, weights, strict=True):
        assert part % step == 0, f"{part} is no multiple of {step}"
        off = abs(Fraction(part) - Fraction(whole) * Fraction(weight) / among)
        assert off < Fraction(step), f"{part} is {float(off)} away from its share of {whole} by {weights}"


def _reports(chance: Random, parts: Sequence[Decimal], measure: str, top: Decimal | None = None) -> list[Report]:
    told: list[Report] = []
    wanted = [part for part in parts if part]
    for place, part in enumerate(wanted):
        price = decimal(chance, 1, 9_000_000, 4)
        price = price if top is None else min(price, top)
        told.append(a_report(last=place == len(wanted) - 1, **{measure: str(part), "price": str(price)}))
    return told


def _sums(order: Order, reports: Sequence[Report], places: int) -> None:
    """Book one report after the other: after each of them the order's money is its exact value, rounded once, and what
    the counterparty has of it the nearest cent."""
    street, pairs, cash, fee = a_street_order(side=order.side), list[tuple[Decimal, Decimal]](), ZERO, ZERO
    kept = ZERO
    running = order
    for report in reports:
        booked = book_direct(running, street, [report], places, NOW)
        for fill, _ in booked.fills:
            pairs.append((fill.quantity, fill.price))
            cash, fee, kept = cash + fill.cash, fee + fill.fee, kept + fill.rounding
        running = booked.order
        street = replace(street, done=street.done + (report.cash_amount or report.quantity or ZERO))
        wanted = for_the_house(exact(pairs), order.side)
        assert cash == wanted and (cash or not pairs), f"{cash} was booked for {pairs}, which comes to {wanted}"
        assert kept == abs(cash - half_up(exact(pairs), 2)) <= CENT, f"rounding kept {kept} of {cash} for {pairs}"
        assert cash == running.executed_cash and fee == running.fee_booked
        assert total([quantity for quantity, _ in pairs]) == running.executed_quantity
        used = cash + fee if order.side == "BUY" else running.executed_quantity
        assert running.lock_used == used <= order.lock_amount, f"{used} of the lock {order.lock_amount} is used"
    whole = book_direct(order, a_street_order(side=order.side), reports, places, NOW).order
    assert (whole.executed_cash, whole.executed_quantity) == (running.executed_cash, running.executed_quantity)
    if order.side == "BUY" and pairs:
        assert fee == order.fee, f"the fee {order.fee} was booked as {fee}"
    assert order.side == "BUY" or fee == min(order.fee, cash), f"the fee {order.fee} of {cash} was booked as {fee}"


def _parts(chance: Random, whole: Decimal, step: Decimal) -> list[Decimal]:
    return split(whole, [Decimal(chance.randint(1, 9)) for _ in range(chance.randint(1, 7))], step)


def fills_by_amount(chance: Random) -> None:
    """A BUY by amount in tranches never costs more than its amount, and its fee is booked once."""
    amount, fee = decimal(chance, 1, 10**9, 2), decimal(chance, 0, 5_000, 2)
    order = processing(cash_amount=amount, fee=fee, fee_collected=True, lock_amount=amount + fee)
    reports = _reports(chance, _parts(chance, amount, CENT), "cash_amount")
    _sums(order, reports, chance.choice((0, 3, 10)))


def fills_by_quantity(chance: Random) -> None:
    """A BUY by quantity at prices under its ceiling: the sum of all executions is rounded once."""
    places = chance.choice((0, 3, 10))
    quantity, fee = decimal(chance, 1, 10**12, places), decimal(chance, 0, 5_000, 2)
    offer = decimal(chance, 1, 9_000_000, 4)
    wanted = processing(quantity=quantity, fee=fee, fee_collected=True)
    order = replace(wanted, lock_amount=lock_of(wanted, Quoted(offer, offer), places))
    _sums(order, _reports(chance, _parts(chance, quantity, UNIT), "quantity", offer), places)


def fills_of_sales(chance: Random) -> None:
    """A SELL by quantity: its fee is taken out of what came in, and never beyond it. No part is given for nothing."""
    quantity, fee = decimal(chance, 1, 10**12, chance.choice((0, 3, 10))), decimal(chance, 0, 5_000, 2)
    order = processing(side="SELL", quantity=quantity, fee=fee, fee_collected=True, lock_amount=quantity)
    _sums(order, _reports(chance, _parts(chance, quantity, UNIT), "quantity"), 10)


def fills_of_sales_by_amount(chance: Random) -> None:
    """A SELL by amount comes out to the cent where the unit is fine enough and there is enough; never to more."""
    amount, bid, places = decimal(chance, 1, 10**9, 2), decimal(chance, 1, 9_000_000, 4), chance.choice((0, 3, 10))
    wanted = processing(side="SELL", cash_amount=amount)
    order = replace(wanted, lock_amount=lock_of(wanted, Quoted(bid, bid), places))
    reports = _reports(chance, _parts(chance, amount, CENT), "cash_amount")
    _sums(order, reports, places)
    done = book_direct(order, a_street_order(side="SELL"), reports, places, NOW).order
    assert done.executed_cash <= amount, f"{done.executed_cash} came of {amount}"
    prices = [report.price for report in reports if report.price is not None]
    if max(prices).scaleb(-places) < CENT and order.lock_amount * min(prices) > amount + CENT:
        assert done.executed_cash == amount, f"{done.executed_cash} came of {amount}"


def blocks(chance: Random) -> None:
    """A block of one: whole shares of the street and the inventory are what the customer and the house get of it."""
    side = chance.choice(("BUY", "SELL"))
    quantity, price = decimal(chance, 1, 900_000, 4), decimal(chance, 5_000, 3_000_000, 4)
    free = decimal(chance, 0, 9_999, 4)
    order = processing(side=side, through="fractions", quantity=quantity)
    order = replace(order, lock_amount=lock_of(order, Quoted(price, price), 10))
    block = netted(side, needed_units(order, price, 10), free)
    assert block.street_quantity == block.street_quantity.to_integral_value()
    assert ZERO <= block.reserve <= free
    if block.street_quantity == 0:
        return
    first = Decimal(chance.randint(0, int(block.street_quantity)))
    least = CENT if side == "BUY" else street_limit(order, CENT) or CENT
    fills = [
        (part, max(price - decimal(chance, 0, 4_000, 4), least)) for part in (first, block.street_quantity - first)
    ]
    fills = [(shares, paid) for shares, paid in fills if shares]
    average = street_average(fills)
    assert average == half_up(exact(fills) / Fraction(block.street_quantity), 4), f"{average} for {fills}"
    known = BlockFacts(block.street_quantity, average, block.reserve, free - block.reserve)
    booked = book_block(order, a_report("FILL", last=True), known, 10, NOW)
    served = total([fill.quantity for fill, _ in booked.fills])
    assert served == quantity == booked.order.executed_quantity
    house = free + (block.street_quantity - served if side == "BUY" else served - block.street_quantity)
    assert house >= 0, f"the house is short of {house} after {side} {quantity}"
    cash = total([fill.cash for fill, _ in booked.fills])
    assert cash == for_the_house(exact([(served, average)]), side) > 0


def _lots(chance: Random) -> list[Lot]:
    ids = [UUID(int=chance.getrandbits(128)) for _ in range(chance.randint(1, 5))]
    return [
        replace(
            bought_lot(one, ids[0], ids[0], NOW, decimal(chance, 1, 10**12, 10), _cost(chance)),
            remaining_advance_tax=(tax := decimal(chance, 0, 9_999, 2)),
            sum_advance_tax=tax,
        )
        for one in ids
    ]


def _cost(chance: Random) -> Money:
    return Money(decimal(chance, 0, 10**8, 2), "EUR")


def lots(chance: Random) -> None:
    """However a holding is sold, cost and tax of the parts of each lot sum to the lot's."""
    held = running = _lots(chance)
    left = whole = total([lot.remaining for lot in held])
    cost, tax, units = {lot.id: ZERO for lot in held}, {lot.id: ZERO for lot in held}, {lot.id: ZERO for lot in held}
    while left:
        last = chance.random() < 0.25
        part = left if last else min(left, max(UNIT, (left * chance.randint(1, 99) / 100).quantize(UNIT)))
        # A disposal takes in order; the taking back of a cancelled buy begins with its own lot.
        own = chance.choice(running).id if chance.random() < 0.2 else None
        uses, after = consume(running, part, ids := running[0].id) if own is None else take_back(running, own, part)
        assert total([use.quantity for use in uses]) == part, f"{part} of {whole} took {uses} for {ids}"
        for use in uses:
            assert use.cost is not None and use.cost >= 0 and use.advance_tax >= 0
            cost[use.lot_id] += use.cost
            tax[use.lot_id] += use.advance_tax
            units[use.lot_id] += use.quantity
        running, left = after, left - part
        for lot in running:
            assert lot.remaining_cost is not None and lot.remaining_cost >= 0
    for lot in held:
        told = (units[lot.id], cost[lot.id], tax[lot.id])
        assert told == (lot.quantity, lot.cost, lot.sum_advance_tax), f"{told} was taken of {lot}"


LAWS: Sequence[Law] = (
    splitting,
    fills_by_amount,
    fills_by_quantity,
    fills_of_sales,
    fills_of_sales_by_amount,
    blocks,
    lots,
)


async def rounding(run: Run) -> Verdict:
    """The same number of cases for each law. A case can be repeated by its number."""
    findings: list[str] = []
    each = run["cases"] // len(LAWS) + 1
    for law in LAWS:
        broken = 0
        for number in range(each):
            try:
                law(run.chance(f"{law.__name__} {number}"))
            except AssertionError as error:
                broken += 1
                if broken == 1:
                    findings.append(f"{law.__name__}, case {number}: {str(error)[:400]}")
        if broken > 1:
            findings.append(f"{law.__name__} is broken in {broken} of {each} cases")
    return Verdict(f"{each * len(LAWS)} cases of {len(LAWS)} laws, {len(findings)} findings", findings)


R20 = Gate(
    "R20 rounding",
    "parts sum to the whole",
    rounding,
    push={"cases": 20_000},
    night={"cases": 1_000_000},
    test={"cases": 5_000},
    quick=True,
)
