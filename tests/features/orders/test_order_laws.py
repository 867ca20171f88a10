"""Laws of booking: whatever a venue reports, in whatever parts, sums are rounded once, locks suffice and come back.

Source: ORDER_MATHS.md sections 1 to 3, POSTINGS.md section 3.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from openvest.core.money import CENT, ZERO, cent_down, cent_half_up, cent_up, split, times, unit_up
from openvest.features.blocks.model_shares import Netted, netted
from openvest.features.orders.model import Order
from openvest.features.orders.rules_amounts import Quoted, lock_of, needed_units, street_limit
from openvest.features.orders.rules_booking import BlockFacts, Booked, book_block, book_direct
from openvest.features.street.model import Report
from tests.gates.ledger_splits import one_split
from tests.kit.order_rows import NOW, D, a_report, a_street_order, processing

TICK = D("0.01")


def decimals_between(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    """Whole steps of the last place. Why not `st.decimals`: it gives the ends of a range nearly always."""
    first, last = (int(D(end).scaleb(places)) for end in (low, high))
    return st.integers(first, last).map(lambda n: D(n).scaleb(-places))


PRICES = decimals_between("0.50", "900.00", 2)
AMOUNTS = decimals_between("0.01", "20000.00", 2)
QUANTITIES = st.one_of(decimals_between("0.0000000001", "500", 10), decimals_between("0.1", "500", 1))
FEES = decimals_between("0.00", "20.00", 2)
ENDS = st.sampled_from(["FILL", "CANCELLED", "open"])


def check_sums(order: Order, booked: Booked) -> None:
    """Executions sum to the order, the sum is rounded once, and the lock has borne it."""
    after, fills = booked.order, [fill for fill, _ in booked.fills]
    assert sum((fill.quantity for fill in fills), ZERO) == after.executed_quantity
    assert sum((fill.cash for fill in fills), ZERO) == after.executed_cash
    assert sum((fill.fee for fill in fills), ZERO) == after.fee_booked
    exact = sum((times(fill.quantity, fill.price) for fill in fills), ZERO)
    rounded = cent_up(exact) if order.side == "BUY" else cent_down(exact)
    assert after.executed_cash == rounded and (rounded > 0) == (after.executed_quantity > 0)
    assert sum((fill.rounding for fill in fills), ZERO) == abs(rounded - cent_half_up(exact))
    assert all(fill.quantity > 0 and fill.cash >= 0 and fill.fee >= 0 for fill in fills)
    assert 0 <= after.lock_used <= order.lock_amount
    used = after.executed_cash + after.fee_booked if order.side == "BUY" else after.executed_quantity
    assert after.lock_left == order.lock_amount - used


def reported(parts: list[Decimal], prices: list[Decimal], end: str, measure: str) -> list[Report]:
    """Fills of these parts at these prices; the last one, or a cancellation behind it, ends the order."""
    fields = [{measure: str(part), "price": str(prices[i % len(prices)])} for i, part in enumerate(parts) if part]
    told = [a_report(last=end == "FILL" and i == len(fields) - 1, **one) for i, one in enumerate(fields)]
    return [*told, a_report("CANCELLED", last=True)] if end == "CANCELLED" else told


@given(
    amount=AMOUNTS,
    prices=st.lists(PRICES, min_size=1, max_size=5),
    weights=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    places=st.sampled_from([0, 3, 10]),
    fee=FEES,
    end=ENDS,
    cuts=st.integers(0, 6),
)
def test_a_buy_by_amount_never_costs_more(
    amount: Decimal, prices: list[Decimal], weights: list[int], places: int, fee: Decimal, end: str, cuts: int
) -> None:
    order = processing(cash_amount=amount, fee=fee, fee_collected=True, lock_amount=amount + fee)
    reports = reported(split(amount, [D(w) for w in weights], CENT), prices, end, "cash_amount")
    first = book_direct(order, a_street_order(), reports[:cuts], places, NOW)
    check_sums(order, first)
    assert first.order.executed_cash <= sum((r.cash_amount or ZERO for r in reports[:cuts]), ZERO)
    if reports[:cuts] and reports[:cuts][-1].last:
        return
    done = sum((report.cash_amount or ZERO for report in reports[:cuts]), ZERO)
    second = book_direct(first.order, a_street_order(done=done), reports[cuts:], places, NOW)
    whole = book_direct(order, a_street_order(), reports, places, NOW)
    check_sums(order, whole)
    # Cut into sets wherever one likes, the same executions come out.
    assert [fill for fill, _ in (*first.fills, *second.fills)] == [fill for fill, _ in whole.fills]
    assert second.order.lock_left == whole.order.lock_left


@given(
    quantity=QUANTITIES,
    offer=PRICES,
    moves=st.lists(decimals_between("0.5", "1.3", 4), min_size=1, max_size=5),
    parts=st.integers(1, 5),
    fee=FEES,
    end=ENDS,
)
def test_a_buy_by_quantity_stays_under_its_lock(
    quantity: Decimal, offer: Decimal, moves: list[Decimal], parts: int, fee: Decimal, end: str
) -> None:
    wanted = processing(quantity=quantity, fee=fee, fee_collected=True)
    lock = lock_of(wanted, Quoted(offer, offer), 10)
    order = replace(wanted, lock_amount=lock)
    limit = street_limit(order, TICK)
    assert limit is not None and limit >= offer
    prices = [min(times(offer, move).quantize(TICK), limit) for move in moves]
    pieces = split(quantity, [D(1)] * parts, D("0.0000000001"))
    check_sums(order, book_direct(order, a_street_order(), reported(pieces, prices, end, "quantity"), 10, NOW))


@given(
    amount=AMOUNTS,
    bid=PRICES,
    moves=st.lists(decimals_between("0.5", "1.5", 4), min_size=1, max_size=4),
    parts=st.integers(1, 4),
    fee=FEES,
    end=ENDS,
)
def test_a_sale_by_amount_stays_under_its_lock(
    amount: Decimal, bid: Decimal, moves: list[Decimal], parts: int, fee: Decimal, end: str
) -> None:
    wanted = processing(side="SELL", cash_amount=amount, fee=fee, fee_collected=True)
    order = replace(wanted, lock_amount=lock_of(wanted, Quoted(bid, bid), 10))
    prices = [max(times(bid, move).quantize(TICK), TICK) for move in moves]
    reports = reported(split(amount, [D(1)] * parts, CENT), prices, end, "cash_amount")
    booked = book_direct(order, a_street_order(side="SELL"), reports, 10, NOW)
    check_sums(order, booked)
    assert booked.order.executed_cash <= amount
    assert booked.order.fee_booked <= booked.order.executed_cash


def test_splitting_never_gains() -> None:
    """The gate `splits` has ten thousand of them."""
    for number in range(1_000):
        one_split(Random(f"split {number}"))


class Street:
    """A street that trades whole shares and an inventory, for one block after another."""

    def __init__(self) -> None:
        self.units, self.reserved = ZERO, ZERO

    @property
    def free(self) -> Decimal:
        return self.units - self.reserved

    def check(self) -> None:
        assert self.units >= 0
        assert self.units >= self.reserved >= 0


BLOCKS = st.lists(
    st.fixed_dictionaries(
        {
            "side": st.sampled_from(["BUY", "SELL"]),
            "amount": st.one_of(st.none(), decimals_between("0.01", "900.00", 2)),
            "quantity": decimals_between("0.0001", "9", 4),
            "price": decimals_between("5.00", "300.00", 2),
            "move": decimals_between("0.6", "1.6", 3),
            "filled": st.integers(0, 10),
            "asked": st.sampled_from([None, "CANCELLED_BY_CLIENT"]),
        }
    ),
    max_size=12,
)


@given(orders=BLOCKS, together=st.integers(1, 4))
def test_the_inventory_is_never_short(orders: list[dict[str, Any]], together: int) -> None:
    """Blocks are made and served in groups, so that some count on the inventory while others are served."""
    house = Street()
    for start in range(0, len(orders), together):
        made = [_make(house, wanted) for wanted in orders[start : start + together]]
        for order, block, wanted in reversed(made):
            _serve(house, order, block, wanted)
        assert house.reserved == 0


def _make(house: Street, wanted: dict[str, Any]) -> tuple[Order, Netted, dict[str, Any]]:
    measure = {"quantity": wanted["quantity"]} if wanted["amount"] is None else {"cash_amount": wanted["amount"]}
    order = processing(side=wanted["side"], through="fractions", cancellation_reason=wanted["asked"], **measure)
    order = replace(order, lock_amount=lock_of(order, Quoted(wanted["price"], wanted["price"]), 10))
    block = netted(order.side, needed_units(order, wanted["price"], 10), house.free)
    house.reserved += block.reserve
    house.check()
    return order, block, wanted


def _serve(house: Street, order: Order, block: Netted, wanted: dict[str, Any]) -> None:
    """The street fills all or a part of the block at a price that has moved, and follows up where it must."""
    shares = min(block.street_quantity, D(wanted["filled"]))
    complete = shares == block.street_quantity
    price = max(times(wanted["price"], wanted["move"]).quantize(TICK), TICK)
    limit = street_limit(order, TICK) if order.side == "BUY" else None
    price = price if limit is None else min(price, limit)
    while True:
        inside = block.street_quantity == 0
        known = BlockFacts(shares, price if shares or inside else None, block.reserve, house.free)
        last = a_report("FILL" if complete else "CANCELLED", last=True)
        booked = book_block(order, last, known, 10, NOW)
        if not booked.follow_up:
            break
        assert booked.follow_up == unit_up(booked.follow_up, 0)
        shares += booked.follow_up
    check_sums(order, booked)
    served = booked.order.executed_quantity
    house.units += shares - served if order.side == "BUY" else served - shares
    house.reserved -= block.reserve
    house.check()
    assert booked.order.status in ("FILLED", "CANCELLED")
