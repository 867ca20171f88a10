"""Verbs of orders: place, cancel, read. What follows a placement is in the sweeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from openvest.core.money import tick_down
from openvest.core.problems import NotFound, Problem
from openvest.core.snapshots import snapshot_of
from openvest.core.trading_calendar import is_covered, last_session_on_or_before
from openvest.db.paging import Page, PageQuery, page
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.accounts.model import AccountFacts
from openvest.features.instruments import service as instruments
from openvest.features.instruments.model import Instrument
from openvest.features.orders import store, store_executions
from openvest.features.orders.model import Execution, Order, OrderView, OrderWanted
from openvest.features.orders.rules import (
    EVENT_OF,
    BelowOneTick,
    FeeOfOtherKind,
    NotFractional,
    TooManyDecimals,
    UnknownAccount,
    UnknownDecisionMaker,
    UnknownInstrument,
    is_final,
    moved,
    view_of,
)
from openvest.features.orders.store_audit import AUDIT
from openvest.features.street import service as street
from openvest.features.users import service as users
from openvest.ledger.posting import post
from openvest.ledger.recipes import Journal, unlock_cash, unlock_units
from openvest.ports.prices import Listing

LAWS = AUDIT
"""What this feature adds to a proof of the books."""

NEVER_YEARS = 200
"""An order without an expiry date expires this many years after its creation (the contract's words)."""


async def place_orders(unit: Unit, wants: Sequence[OrderWanted]) -> list[OrderView | Problem]:
    """Accept orders: store each with its event, or refuse it; the check decides later. In the order given.

    Raises: nothing; a refusal is the answer of its own want, in this order of checks: UnknownAccount,
    UnknownInstrument, TooManyDecimals, NotFractional, BelowOneTick, FeeOfOtherKind, UnknownDecisionMaker.
    Writes: orders; events ORDER.NEW.
    """
    facts = await accounts.account_facts(unit, sorted({w.account_id for w in wants}))
    known = await instruments.by_isin(unit, {w.isin for w in wants})
    listed = await instruments.listings(unit, [instrument.id for instrument in known.values()])
    named = sorted({w.decision_maker_id for w in wants if w.decision_maker_id})
    deciders = set(await users.user_facts(unit, named)) if named else set[UUID]()
    answers: list[OrderView | Problem] = []
    placed: list[Order] = []
    for item, want in enumerate(wants):
        instrument = known.get(want.isin)
        listing = instruments.home_venue(listed[instrument.id], want.currency) if instrument else None
        refusal = _refusal(want, facts.get(want.account_id), instrument, listing, deciders)
        if refusal is not None or instrument is None:
            answers.append(refusal or UnknownInstrument(f"No instrument has the ISIN {want.isin}."))
            continue
        order = _new_order(unit, item, want, facts[want.account_id], instrument, listing)
        placed.append(order)
        answers.append(view_of(order, ()))
    await _insert(unit, placed)
    for order in placed:
        unit.emit("ORDER.NEW", order.id, order.version, order.created_at, snapshot_of(view_of(order, ())))
    return answers


def _refusal(
    want: OrderWanted,
    account: AccountFacts | None,
    instrument: Instrument | None,
    listing: Listing | None,
    deciders: set[UUID],
) -> Problem | None:
    """Why this order cannot be taken in, or None. The order of the checks is that of `place_orders`."""
    if account is None or account.user_id != want.user_id:
        return UnknownAccount("The user has no account with this id.")
    if instrument is None:
        return UnknownInstrument(f"No instrument has the ISIN {want.isin}.")
    if want.quantity is not None:
        exponent = want.quantity.normalize().as_tuple().exponent
        if isinstance(exponent, int) and -exponent > instrument.quantity_decimals:
            if instrument.quantity_decimals == 0:
                return NotFractional(f"{instrument.name} is traded in whole units only.")
            return TooManyDecimals(
                f"A quantity of {instrument.name} has at most {instrument.quantity_decimals} decimals."
            )
    limit = want.limit_price if want.side == "BUY" else None
    if listing is not None and limit is not None and tick_down(limit, listing.tick_size) == 0:
        return BelowOneTick(f"The limit is below one tick ({listing.tick_size}) of the venue.")
    if want.fee_type is not None and not want.fee_type.endswith(want.side):
        return FeeOfOtherKind(f"A {want.fee_type} fee does not belong to a {want.side} order.")
    if want.fee_currency is not None and want.fee_currency != want.currency:
        return FeeOfOtherKind("The fee is in the order's currency.")
    if want.decision_maker_id is not None and want.decision_maker_id not in deciders:
        return UnknownDecisionMaker("There is no user with the id of the decision maker.")
    return None


def _new_order(
    unit: Unit, item: int, want: OrderWanted, account: AccountFacts, instrument: Instrument, listing: Listing | None
) -> Order:
    at = unit.moment_after(None, item)
    ids = unit.ids if want.cause is None else unit.ids_for(want.cause)
    expiry = want.expiry_date or _years_later(at.date(), NEVER_YEARS)
    zero = Decimal(0)
    return Order(
        id=ids.new("order"),
        version=1,
        created_at=at,
        updated_at=at,
        user_id=want.user_id,
        account_id=want.account_id,
        account_group_id=account.group_id,
        instrument_id=instrument.id,
        isin=want.isin,
        side=want.side,
        order_type=want.order_type,
        cash_amount=want.cash_amount,
        quantity=want.quantity,
        currency=want.currency,
        limit_price=want.limit_price,
        stop_price=want.stop_price,
        expiry_date=expiry,
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
        expires_at=_expires_at(listing, expiry),
        mic=listing.mic if listing else None,
        lock_amount=zero,
        through="street",
        executed_quantity=zero,
        executed_cash=zero,
        executed_value=zero,
        fee_booked=zero,
        lock_used=zero,
    )


def _years_later(day: date, years: int) -> date:
    return day.replace(year=day.year + years, day=28 if (day.month, day.day) == (2, 29) else day.day)


def _expires_at(listing: Listing | None, expiry: date) -> datetime | None:
    """The close of the last session on or before the expiry date; None where that lies beyond all calendars."""
    if listing is None or not is_covered(expiry):
        return None
    return last_session_on_or_before(listing.mic, expiry).closes_at


async def _insert(unit: Unit, orders: Sequence[Order]) -> None:
    if not orders:
        return
    columns = (
        "id created_at user_id account_id account_group_id instrument_id isin side order_type cash_amount quantity"
        " currency limit_price stop_price expiry_date execution_flow initiation_flow fit_acknowledged client_reference"
        " decision_maker_id fee fee_collected fee_type expires_at mic"
    ).split()
    await unit.run(store.INSERT, unit.tenant_id, *([getattr(o, name) for o in orders] for name in columns))


async def save(unit: Unit, orders: Sequence[Order]) -> None:
    """Write what was decided of locked orders. Writes: orders."""
    if not orders:
        return
    columns = (
        "id version updated_at status cancellation_reason due_at mic lock_amount through executed_quantity"
        " executed_cash executed_value fee_booked lock_used"
    ).split()
    await unit.run(store.SAVE, unit.tenant_id, *([getattr(o, name) for o in orders] for name in columns))


async def executions_of(unit: Unit, order_ids: Sequence[UUID]) -> dict[UUID, tuple[Execution, ...]]:
    """Executions by order, oldest first; an order without any has an empty tuple."""
    found: dict[UUID, list[Execution]] = {order_id: [] for order_id in order_ids}
    if found:
        for execution in await unit.rows(store_executions.OF_ORDERS, unit.tenant_id, list(order_ids)):
            found[execution.order_id].append(execution)
    return {order_id: tuple(executions) for order_id, executions in found.items()}


def announce(unit: Unit, order: Order, executions: tuple[Execution, ...]) -> None:
    """Emit the event of the state an order has just reached."""
    event = EVENT_OF[order.status]
    unit.emit(event, order.id, order.version, order.updated_at, snapshot_of(view_of(order, executions)))


def unlock_journal(unit: Unit, order: Order) -> list[Journal]:
    """The journal that returns what is left of a final order's lock; none where nothing is left."""
    if order.lock_left == 0:
        return []
    on = unit.now.date()
    if order.side == "BUY":
        return [unlock_cash(order.id, order.account_group_id, order.currency, order.lock_left, on)]
    return [unlock_units(order.id, order.account_id, order.instrument_id, order.lock_left, on)]


async def cancel_order(unit: Unit, order_id: UUID) -> UUID:
    """Cancel an order, or ask the venue to end what works for it. A final order is told by an event, not refused.

    Raises: NotFound. Writes: orders, street_orders, ledger (ORDER_UNLOCK); events ORDER.CANCELLED or
    ORDER_CANCELLATION.REJECTED.
    """
    order = await unit.row(store.LOCK, unit.tenant_id, order_id)
    if order is None:
        raise NotFound("There is no order with this id.")
    if is_final(order):
        await _reject_cancellation(unit, order)
    elif order.status == "NEW":
        await cancel_now(unit, [order], "CANCELLED_BY_CLIENT")
    elif order.cancellation_reason is None:
        await street.request_cancel(unit, [order.id])
        await save(unit, [replace(order, cancellation_reason="CANCELLED_BY_CLIENT")])
    return order_id


async def _reject_cancellation(unit: Unit, order: Order) -> None:
    refused = replace(order, version=order.version + 1, updated_at=unit.moment_after(order.updated_at))
    await save(unit, [refused])
    said = {
        "order_id": str(order.id),
        "status": order.status,
        "reason": f"The order is {order.status} already and cannot be cancelled.",
    }
    unit.emit("ORDER_CANCELLATION.REJECTED", order.id, refused.version, refused.updated_at, said)


async def cancel_now(unit: Unit, orders: Sequence[Order], reason: Any) -> None:
    """End orders of which nothing works at the street; their executions stay and the rest of their lock returns.

    Writes: orders, ledger (ORDER_UNLOCK); events ORDER.CANCELLED.
    """
    done = [moved(order, "cancel", unit.moment_after(order.updated_at), reason) for order in orders]
    await post(unit, [journal for order in done for journal in unlock_journal(unit, order)])
    released = [replace(order, lock_used=order.lock_amount) for order in done]
    await save(unit, released)
    executions = await executions_of(unit, [order.id for order in released])
    for order in released:
        announce(unit, order, executions[order.id])


async def get_order(unit: Unit, order_id: UUID) -> OrderView:
    """An order with its executions. Raises: NotFound."""
    order = await unit.row(store.BY_ID, unit.tenant_id, order_id)
    if order is None:
        raise NotFound("There is no order with this id.")
    return view_of(order, (await executions_of(unit, [order_id]))[order_id])


async def get_execution(unit: Unit, order_id: UUID, execution_id: UUID) -> Execution:
    """One execution of an order. Raises: NotFound."""
    execution = await unit.row(store_executions.BY_ID, unit.tenant_id, order_id, execution_id)
    if execution is None:
        raise NotFound("The order has no execution with this id.")
    return execution


async def list_orders(unit: Unit, query: PageQuery, filters: Mapping[str, Any]) -> Page[OrderView]:
    """A page of an account's orders. Raises: NotFound where the account does not exist."""
    await accounts.get_account(unit, filters["account_id"])
    found = await page(unit, store.OF_ACCOUNT, query, filters)
    executions = await executions_of(unit, [order.id for order in found.rows])
    views = [view_of(order, executions[order.id]) for order in found.rows]
    return Page(views, found.offset, found.limit, found.total, found.sort, found.order)
