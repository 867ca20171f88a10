"""Verbs of orders: place, cancel, read. What follows a placement is in the sweeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from openvest.core.money import ZERO, tick_down
from openvest.core.paging import Page, PageRequest
from openvest.core.problems import NotFound, Problem
from openvest.core.records import replace
from openvest.core.snapshots import Snapshot
from openvest.db import rows
from openvest.db.paging import page
from openvest.db.unit import Unit
from openvest.declarations import ClosingBlocker
from openvest.features.accounts import service as accounts
from openvest.features.accounts.model import AccountOwner
from openvest.features.blocks import service as blocks
from openvest.features.executions import service as executions
from openvest.features.executions.model import Execution
from openvest.features.instruments import service as instruments
from openvest.features.instruments.model import Instrument
from openvest.features.orders import store
from openvest.features.orders.model import CancellationReason, Order, OrderCancellation, OrderDetails, PlaceOrder
from openvest.features.orders.rules import (
    EVENT_OF,
    BelowOneTick,
    FeeOfOtherKind,
    UnknownAccount,
    UnknownDecisionMaker,
    UnknownInstrument,
    cancellation_of,
    is_final,
    moved,
    released,
    view_of,
)
from openvest.features.orders.rules_fit import too_fine
from openvest.features.orders.rules_sessions import default_expiry
from openvest.features.orders.store_audit import AUDIT
from openvest.features.street import service as street
from openvest.features.users import service as users
from openvest.ledger.chart import Balance, Key, units_of
from openvest.ledger.posting import post, read_balances
from openvest.ledger.posting_rules import Journal, release_cash, release_units
from openvest.ports.prices import Listing

BOOKING = "orders.book"
"""The sweep that books what venues report."""

_IN_A_BLOCK = "The order is in a block that was sent already and cannot be cancelled."

INVARIANTS = AUDIT
"""What this feature adds to a proof of the books."""

OPEN_PURCHASES = ClosingBlocker(
    "orders o where o.tenant_id = $1 and o.account_id = a.id and o.side = 'BUY' and o.status in ('NEW', 'PROCESSING')"
)
"""What may still bring an account something: no balance of it tells of a purchase."""


# Intake


async def place_orders(unit: Unit, wants: Sequence[PlaceOrder]) -> list[OrderDetails | Problem]:
    """Accept orders: store each with its event, or refuse it; the check decides later. In the order given.

    Raises: nothing; a refusal is the answer of its own want, in this order of checks: UnknownAccount,
    UnknownInstrument, NotFractional, TooManyDecimals, BelowOneTick, FeeOfOtherKind, UnknownDecisionMaker.
    Writes: orders; events ORDER.NEW.
    """
    owners = await accounts.owners(unit, {w.account_id for w in wants})
    known = await instruments.named(unit, {w.instrument for w in wants})
    listed = await _listings(unit, wants, known)
    held = await _held(unit, wants, known)
    named = sorted({w.decision_maker_id for w in wants if w.decision_maker_id})
    deciders = set(await users.user_facts(unit, named)) if named else set[UUID]()
    answers: list[OrderDetails | Problem] = []
    placed: list[Order] = []
    for item, want in enumerate(wants):
        instrument = known.get(want.instrument)
        listing = instruments.home_venue(listed.get(instrument.id, ()), want.currency) if instrument else None
        position = held.get(Key(want.account_id, units_of(instrument.id))) if instrument else None
        refusal = _refusal(want, owners.get(want.account_id), instrument, listing, position, deciders)
        if refusal is not None or instrument is None:
            answers.append(refusal or _unknown_instrument(want))
            continue
        order = _new_order(unit, item, want, owners[want.account_id], instrument)
        view = view_of(order, ())
        placed.append(order)
        answers.append(view)
        unit.emit("ORDER.NEW", order.id, order.version, order.created_at, view)
    if placed:
        unit.run_late(store.INSERT, unit.tenant_id, *store.insert_values(placed))
    return answers


async def placed_as_told(unit: Unit, wants: Sequence[PlaceOrder]) -> list[Snapshot | Problem]:
    """The same, each order as its event keeps it. Why: that is written already, and an answer is made of a snapshot."""
    before = unit.event_count
    answers = await place_orders(unit, wants)
    told = iter(unit.emitted("ORDER.NEW", before, unit.event_count))
    return [answer if isinstance(answer, Problem) else next(told).snapshot for answer in answers]


async def _listings(
    unit: Unit, wants: Sequence[PlaceOrder], known: Mapping[str | UUID, Instrument]
) -> dict[UUID, list[Listing]]:
    """Listings of what has a price that is rounded down: only these are held against the price grid at intake."""
    priced = {known[w.instrument].id for w in wants if _rounded_down(w) is not None and w.instrument in known}
    return await instruments.listings(unit, priced) if priced else {}


async def _held(
    unit: Unit, wants: Sequence[PlaceOrder], known: Mapping[str | UUID, Instrument]
) -> Mapping[Key, Balance]:
    """Positions of sales that are finer than their instrument: only these need to be known at intake."""
    fine = [
        Key(want.account_id, units_of(found.id))
        for want in wants
        if want.side == "SELL"
        and (found := known.get(want.instrument)) is not None
        and too_fine(want, found, None) is not None
    ]
    return await read_balances(unit, fine) if fine else {}


def _rounded_down(want: PlaceOrder) -> Decimal | None:
    """The price that goes to the street rounded down to a tick, which can leave nothing of it. (rules_amounts)"""
    return want.limit_price if want.side == "BUY" else want.stop_price


def _refusal(
    want: PlaceOrder,
    account: AccountOwner | None,
    instrument: Instrument | None,
    listing: Listing | None,
    position: Balance | None,
    deciders: set[UUID],
) -> Problem | None:
    """Why this order cannot be taken in, or None. The order of the checks is that of `place_orders`."""
    if account is None or want.user_id not in (None, account.user_id):
        return UnknownAccount(f"{'There is' if want.user_id is None else 'The user has'} no account with this id.")
    if instrument is None:
        return _unknown_instrument(want)
    if (fine := too_fine(want, instrument, position)) is not None:
        return fine
    price = _rounded_down(want)
    if listing is not None and price is not None and tick_down(price, listing.tick_size) == 0:
        return BelowOneTick(f"The price is below one tick ({listing.tick_size}) of the venue.")
    if want.fee_type is not None and not want.fee_type.endswith(want.side):
        return FeeOfOtherKind(f"A {want.fee_type} fee does not belong to a {want.side} order.")
    if want.fee_currency is not None and want.fee_currency != want.currency:
        return FeeOfOtherKind("The fee is in the order's currency.")
    if want.decision_maker_id is not None and want.decision_maker_id not in deciders:
        return UnknownDecisionMaker("There is no user with the id of the decision maker.")
    return None


def _unknown_instrument(want: PlaceOrder) -> Problem:  # an id may follow from an ISIN that was sent: it is not named
    name = f"the ISIN {want.instrument}" if isinstance(want.instrument, str) else "this id or ISIN"
    return UnknownInstrument(f"No instrument has {name}.")


def _new_order(unit: Unit, item: int, want: PlaceOrder, account: AccountOwner, instrument: Instrument) -> Order:
    at = unit.moment_after(None, item)
    ids = unit.ids if want.cause is None else unit.ids_for(want.cause)
    return Order(
        id=ids.new("order"),
        version=1,
        created_at=at,
        updated_at=at,
        user_id=account.user_id,
        account_id=want.account_id,
        account_group_id=account.account_group_id,
        instrument_id=instrument.id,
        isin=instrument.isin,
        side=want.side,
        order_type=want.order_type,
        cash_amount=want.cash_amount,
        quantity=want.quantity,
        currency=want.currency,
        limit_price=want.limit_price,
        stop_price=want.stop_price,
        expiry_date=want.expiry_date or default_expiry(at.date()),
        execution_flow=want.execution_flow,
        initiation_flow="API",
        fit_acknowledged=want.fit_acknowledged,
        client_reference=want.client_reference,
        decision_maker_id=want.decision_maker_id,
        fee=want.fee,
        fee_collected=want.fee_collected,
        fee_type=want.fee_type,
        status="NEW",
        cancellation_reason=None,
        due_at=at,
        expires_at=None,
        mic=None,
        lock_amount=ZERO,
        through="street",
        executed_quantity=ZERO,
        executed_cash=ZERO,
        executed_value=ZERO,
        fee_booked=ZERO,
        lock_used=ZERO,
    )


# What sweeps and cancellation share


async def save(unit: Unit, orders: Sequence[Order]) -> None:
    """Write what was decided of locked orders. Writes: orders."""
    await rows.save(unit, store.SAVE, *orders)


def announce(unit: Unit, order: Order, of_order: Sequence[Execution]) -> None:
    """Emit the event of the state an order has just reached; a client that asked for its end hears that it has come.

    Writes: events ORDER.PROCESSING, ORDER.FILLED, ORDER.CANCELLED, ORDER_CANCELLATION.CONFIRMED.
    """
    view = view_of(order, tuple(of_order))
    unit.emit(EVENT_OF[order.status], order.id, order.version, order.updated_at, view)
    if order.status == "CANCELLED" and order.cancel_asked_at is not None:
        said = cancellation_of(order, "CONFIRMED")
        unit.emit("ORDER_CANCELLATION.CONFIRMED", order.id, order.version, order.updated_at, said)


def release_journals(unit: Unit, orders: Sequence[Order]) -> Iterator[Journal]:
    """The journals that return what is left of final orders' locks; none for an order with nothing left."""
    on = unit.now.date()
    for order in orders:
        if order.lock_left == 0:
            continue
        if order.side == "BUY":
            yield release_cash(order.id, order.account_group_id, order.currency, order.lock_left, on)
        else:
            yield release_units(order.id, order.account_id, order.instrument_id, order.lock_left, on)


async def cancel_now(unit: Unit, orders: Sequence[Order], reason: CancellationReason) -> Sequence[Order]:
    """End orders that are NEW or have left their block, so that nothing works for them; their locks return.

    Writes: orders, ledger (ORDER_UNLOCK), and what `announce` emits.
    """
    done = [moved(order, "cancel", unit.moment_after(order.updated_at), cancellation_reason=reason) for order in orders]
    await post(unit, list(release_journals(unit, done)))
    ended = [released(order) for order in done]
    await save(unit, ended)
    for order in ended:
        announce(unit, order, ())
    return ended


async def end_working(
    unit: Unit, orders: Sequence[Order], reason: CancellationReason, *, ended_at: datetime | None = None
) -> None:
    """End open orders for a reason of ours: NEW ones at once, and those whose block was not sent; for the others the
    venue is asked, and what it has traded before it answers, or before `ended_at`, stands. An order in a block that was
    sent ends with it. Who asked for an end before gave the reason.

    Writes: orders, block_members, street_orders, venue_reports, ledger (ORDER_UNLOCK); events ORDER.CANCELLED.
    """
    processing = [order for order in orders if order.status == "PROCESSING"]
    were_in = await blocks.leave(unit, [order.id for order in processing if order.through == "fractions"])
    left = {order_id for order_id, block in were_in.items() if block.status == "COLLECTING"}
    working = [order for order in processing if order.id not in left]
    if working:
        await ask_to_end(unit, [order.id for order in working], ended_at=ended_at)
        await save(unit, [replace(o, cancellation_reason=o.cancellation_reason or reason) for o in working])
    new = [order for order in orders if order.status == "NEW" or order.id in left]
    if new:
        await cancel_now(unit, new, reason)


async def ask_to_end(unit: Unit, order_ids: Sequence[UUID], *, ended_at: datetime | None = None) -> None:
    """Ask the venue to end what works for these orders; what was set aside of them gets one more try.

    Why: nobody looks at what is set aside, so a cancellation would be accepted and forgotten.
    Writes: street_orders, venue_reports, dead_letters.
    """
    await street.try_again(unit, order_ids, BOOKING)
    await street.request_cancel(unit, order_ids, ended_at=ended_at)


def reject_cancellation(unit: Unit, order: Order, reason: str | None = None) -> Order:
    """Tell that an order was not cancelled, by default because it is final. Returns the order as it is to be saved."""
    refused = replace(order, version=order.version + 1, updated_at=unit.moment_after(order.updated_at))
    said = cancellation_of(order, "REJECTED", reason or f"The order is {order.status} already and cannot be cancelled.")
    unit.emit("ORDER_CANCELLATION.REJECTED", order.id, refused.version, refused.updated_at, said)
    return replace(refused, cancel_asked_at=None)


# Cancellation and reading


async def cancel_order(unit: Unit, order_id: UUID) -> OrderCancellation:
    """Cancel an order, or ask the venue to end what works for it. A final order is told by an event, not refused.

    Who asks again before the venue has answered hears of the same cancellation. An order stays in a block that was
    sent: one trade serves many.
    Raises: NotFound. Writes: orders, block_members, street_orders, ledger (ORDER_UNLOCK); events ORDER.CANCELLED and
    ORDER_CANCELLATION.CONFIRMED, or ORDER_CANCELLATION.REJECTED.
    """
    order = await unit.row(store.ORDER_FOR_UPDATE, unit.tenant_id, order_id)
    if order is None:
        raise NotFound("There is no order with this id.")
    waits_since = None if is_final(order) else order.cancel_asked_at
    asked = replace(order, cancel_asked_at=waits_since or unit.moment_after(order.updated_at))
    if is_final(order):
        await save(unit, [reject_cancellation(unit, asked)])
        return cancellation_of(asked, "REJECTED")
    if order.status == "NEW":
        [ended] = await cancel_now(unit, [asked], "CANCELLED_BY_CLIENT")
        return cancellation_of(ended, "CONFIRMED")
    were_in = await blocks.leave(unit, [order.id]) if order.through == "fractions" else {}
    if order.id in were_in and were_in[order.id].status == "COLLECTING":
        [ended] = await cancel_now(unit, [asked], "CANCELLED_BY_CLIENT")
        return cancellation_of(ended, "CONFIRMED")
    if order.id in were_in:
        await save(unit, [reject_cancellation(unit, asked, _IN_A_BLOCK)])
        return cancellation_of(asked, "REJECTED", _IN_A_BLOCK)
    # Who asked first gave the reason, and the venue is asked once.
    await ask_to_end(unit, [order.id])
    await save(unit, [replace(asked, cancellation_reason=order.cancellation_reason or "CANCELLED_BY_CLIENT")])
    return cancellation_of(asked, "PENDING")


async def get_order(unit: Unit, order_id: UUID) -> OrderDetails:
    """An order with its executions. Raises: NotFound."""
    order = await unit.row(store.BY_ID, unit.tenant_id, order_id)
    if order is None:
        raise NotFound("There is no order with this id.")
    return view_of(order, (await executions.executions_of(unit, [order_id]))[order_id])


async def list_orders(unit: Unit, request: PageRequest, filters: Mapping[str, Any]) -> Page[OrderDetails]:
    """A page of all orders, or of those that the filters leave."""
    found = await page(unit, store.ORDERS, request, filters)
    of_orders = await executions.executions_of(unit, [order.id for order in found.rows])
    views = [view_of(order, of_orders[order.id]) for order in found.rows]
    return found.of(views)


async def list_account_orders(unit: Unit, request: PageRequest, filters: Mapping[str, Any]) -> Page[OrderDetails]:
    """A page of an account's orders. Raises: NotFound where the account does not exist."""
    found = await list_orders(unit, request, filters)
    if not found.total:  # an account that has orders exists
        await accounts.get_account(unit, filters["account_id"])
    return found
