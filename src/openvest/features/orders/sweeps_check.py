"""The check: decides accepted orders in order of acceptance per account group, takes the lock, sends them out.

One transaction for a set: claim orders, load the facts of all in a few queries, decide row by row on running balances,
write locks, states, events and street orders in a few statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from openvest.core.declarations import Sweep
from openvest.core.trading_calendar import (
    Session,
    cut_off,
    next_session,
    session_after,
    session_at,
    session_on,
    venue_date,
)
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.accounts.model import AccountFacts
from openvest.features.instruments import service as instruments
from openvest.features.instruments.model import Instrument
from openvest.features.orders import service, store, store_executions
from openvest.features.orders.model import Order, Standing
from openvest.features.orders.rules import CheckFacts, Decision, decide, moved, needs_block
from openvest.features.orders.rules_amounts import (
    Quoted,
    block_of,
    needed_units,
    street_limit,
    street_stop,
)
from openvest.features.orders.store_executions import Inventory
from openvest.features.street import service as street
from openvest.features.street.model import StreetOrder
from openvest.features.tenants import service as tenants
from openvest.features.tenants.model import Tenant
from openvest.ledger.chart import Key, units_of
from openvest.ledger.posting import locked, post
from openvest.ledger.recipes import Journal, lock_cash, lock_units
from openvest.ports.prices import Listing

JOINS_BEFORE = timedelta(minutes=5)
"""A BLOCK order accepted later than this before the cut-off joins the next one."""


@dataclass(slots=True)
class _World:
    """What a set knows beyond its orders."""

    tenant: Tenant
    standing: dict[UUID, Standing]
    instruments: dict[UUID, Instrument]
    listings: dict[tuple[UUID, str], Listing]
    quotes: dict[tuple[UUID, UUID], Quoted]
    available: dict[Key, Decimal] = field(default_factory=dict[Key, Decimal])
    inventory: dict[UUID, Inventory] = field(default_factory=dict[UUID, Inventory])


async def _next(unit: Unit) -> datetime | None:
    return await unit.row(store.NEXT_DUE, unit.tenant_id)


async def _claim(unit: Unit, limit: int) -> Sequence[Order]:
    """Due orders; those that stand behind another worker's order of the same group are left for later."""
    claimed = await unit.rows(store.CLAIM_DUE, unit.tenant_id, unit.now, limit)
    if not claimed or unit.frozen:
        return claimed
    behind = set(await unit.rows(store.BEHIND_ANOTHER, unit.tenant_id, [o.id for o in claimed], unit.now))
    return [order for order in claimed if order.id not in behind]


def _key(order: Order) -> Key:
    if order.side == "BUY":
        return Key(order.account_group_id, order.currency)
    return Key(order.account_id, units_of(order.instrument_id))


def _standing(facts: AccountFacts) -> Standing:
    """CLOSING allows sells only; LOCKED and CLOSED nothing. What holds for the group holds for its accounts."""
    states = {facts.account_status, facts.group_status}
    may_sell = states <= {"ACTIVE", "CLOSING"}
    return Standing(facts.approved, states == {"ACTIVE"}, may_sell, facts.fit_failed)


async def _load(unit: Unit, orders: Sequence[Order]) -> _World:
    tenant = await tenants.get_tenant(unit)
    facts = await accounts.account_facts(unit, sorted({o.account_id for o in orders}))
    known = await instruments.by_id(unit, {o.instrument_id for o in orders})
    listed = await instruments.listings(unit, known)
    wanted = sorted({(o.instrument_id, o.currency) for o in orders})
    found = {key: instruments.home_venue(listed.get(key[0], ()), key[1]) for key in wanted}
    listings = {key: listing for key, listing in found.items() if listing is not None}
    quotes = await instruments.quotes(unit, listings.values(), tenant.pace)
    world = _World(
        tenant=tenant,
        standing={account_id: _standing(fact) for account_id, fact in facts.items()},
        instruments=known,
        listings=listings,
        quotes={key: Quoted(quote.bid, quote.offer) for key, quote in quotes.items() if quote},
    )
    blocks = sorted({o.instrument_id for o in orders if _in_block(world, o)})
    world.inventory = await lock_inventory(unit, blocks)
    balances = await locked(unit, {_key(o) for o in orders if o.lock_amount == 0})
    world.available = {key: balance.available_for_trading for key, balance in balances.items()}
    return world


async def lock_inventory(unit: Unit, instrument_ids: Sequence[UUID]) -> dict[UUID, Inventory]:
    """The house's fractions of these instruments, locked in order. Writes: fraction_reserves (missing rows)."""
    if not instrument_ids:
        return {}
    await unit.run(store_executions.MAKE_RESERVES, unit.tenant_id, list(instrument_ids))
    await unit.rows(store_executions.LOCK_RESERVES, unit.tenant_id, list(instrument_ids))
    found = await unit.rows(store_executions.INVENTORY, unit.tenant_id, list(instrument_ids))
    return {row.instrument_id: row for row in found}


def _in_block(world: _World, order: Order) -> bool:
    listing = world.listings.get((order.instrument_id, order.currency))
    return listing is not None and needs_block(order, listing.whole_shares and world.tenant.pace == "calendar")


async def _check(unit: Unit, orders: Sequence[Order]) -> None:
    world = await _load(unit, orders)
    journals: list[Journal] = []
    saved: list[Order] = []
    final: list[Order] = []
    sent: list[StreetOrder] = []
    inside: dict[UUID, Decimal] = {}
    for order in orders:
        decision = decide(order, _facts(unit, world, order))
        if decision.outcome == "cancel":
            at = unit.moment_after(order.updated_at)
            final.append(moved(order, "cancel", at, decision.reason))
            continue
        after = _locked(unit, world, order, decision, journals)
        if decision.outcome == "wait":
            saved.append(replace(after, due_at=decision.until))
        else:
            after, street_order = _process(unit, world, after)
            saved.append(after)
            sent.append(street_order)
            if street_order.quantity == 0:
                inside[street_order.id] = _inside_price(world, after)
    for order in final:
        journals += service.unlock_journal(unit, order)
    await post(unit, journals)
    final = [replace(order, lock_used=order.lock_amount) for order in final]
    await service.save(unit, saved + final)
    await street.send(unit, sent, inside)
    await _save_reserves(unit, world)
    for order in (*saved, *final):
        if order.status != "NEW":
            service.announce(unit, order, ())


def _inside_price(world: _World, order: Order) -> Decimal:
    """What an order served from the house's own inventory trades at: offer or bid at this instant."""
    quote = world.quotes[world.listings[(order.instrument_id, order.currency)].key]
    return quote.offer if order.side == "BUY" else quote.bid


async def _save_reserves(unit: Unit, world: _World) -> None:
    if world.inventory:
        ids = sorted(world.inventory)
        reserved = [world.inventory[i].reserved for i in ids]
        await unit.run(store_executions.SET_RESERVES, unit.tenant_id, ids, reserved)


def _locked(unit: Unit, world: _World, order: Order, decision: Decision, journals: list[Journal]) -> Order:
    """The order with its lock, the running balance less it, the journal noted."""
    if decision.lock is None:
        return order
    world.available[_key(order)] -= decision.lock
    on = unit.now.date()
    if order.side == "BUY":
        journals.append(lock_cash(order.id, order.account_group_id, order.currency, decision.lock, on))
    else:
        journals.append(lock_units(order.id, order.account_id, order.instrument_id, decision.lock, on))
    return replace(order, lock_amount=decision.lock)


def _facts(unit: Unit, world: _World, order: Order) -> CheckFacts:
    instrument = world.instruments[order.instrument_id]
    listing = world.listings.get((order.instrument_id, order.currency))
    quote = world.quotes.get(listing.key) if listing else None
    waits, following = _cut_offs(unit, world, order, listing)
    return CheckFacts(
        standing=world.standing[order.account_id],
        instrument_active=instrument.trading_status == "ACTIVE",
        currency_traded=listing is not None,
        quote=quote,
        decimals=instrument.quantity_decimals,
        available=world.available.get(_key(order), Decimal(0)),
        opens_at=_opens_at(unit.now, world.tenant, listing),
        cut_off=waits,
        next_cut_off=following,
    )


def _opens_at(now: datetime, tenant: Tenant, listing: Listing | None) -> datetime | None:
    """When the venue opens next; None where it is open now or knows no sessions."""
    if listing is None or tenant.pace == "instant" or session_at(listing.mic, now) is not None:
        return None
    return next_session(listing.mic, now).opens_at


def _cut_offs(
    unit: Unit, world: _World, order: Order, listing: Listing | None
) -> tuple[datetime | None, datetime | None]:
    """The cut-off a BLOCK order waits for (None: it has come), and the next one after now."""
    if order.execution_flow != "BLOCK" or listing is None:
        return None, None
    first = _cut_off_after(world.tenant, listing.mic, order.created_at + JOINS_BEFORE)
    following = _cut_off_after(world.tenant, listing.mic, unit.now + timedelta(microseconds=1))
    return (first if first > unit.now else None), following


def _cut_off_after(tenant: Tenant, mic: str, at: datetime) -> datetime:
    """The first cut-off at or after an instant: the tenant's venue-local time, on short days the close."""
    session: Session | None = session_on(mic, venue_date(mic, at))
    while True:
        if session is not None:
            found = min(cut_off(mic, tenant.block_cut_off, session.on), session.closes_at)
            if found >= at:
                return found
        session = session_after(mic, session.opens_at if session is not None else at)


def _process(unit: Unit, world: _World, order: Order) -> tuple[Order, StreetOrder]:
    """The order as PROCESSING and the street order that serves it."""
    listing = world.listings[(order.instrument_id, order.currency)]
    decimals = world.instruments[order.instrument_id].quantity_decimals
    processing = moved(order, "process", unit.moment_after(order.updated_at))
    processing = replace(processing, mic=listing.mic)
    quantity, cash_amount, reserve = order.quantity, order.cash_amount, Decimal(0)
    if _in_block(world, order):
        quote = world.quotes[listing.key]
        stock = world.inventory[order.instrument_id]
        block = block_of(order.side, needed_units(order, quote, decimals), stock.free)
        world.inventory[order.instrument_id] = replace(stock, reserved=stock.reserved + block.reserve)
        processing = replace(processing, through="fractions")
        quantity, cash_amount, reserve = block.street_quantity, None, block.reserve
    street_order = StreetOrder(
        id=unit.ids.new("street_order", cause=order.id),
        order_id=order.id,
        account_id=order.account_id,
        user_id=order.user_id,
        client_reference=order.client_reference,
        instrument_id=order.instrument_id,
        isin=order.isin,
        mic=listing.mic,
        currency=order.currency,
        side=order.side,
        order_type=order.order_type,
        quantity=quantity,
        cash_amount=cash_amount,
        reserve=reserve,
        done=Decimal(0),
        limit_price=street_limit(order, order.lock_amount, listing.tick_size),
        stop_price=street_stop(order, listing.tick_size),
        quantity_decimals=decimals,
        pace=world.tenant.pace,
        status="WORKING",
        cancel_requested=False,
        active_at=unit.now,
        look_after=unit.now,
    )
    return processing, street_order


CHECK = Sweep("orders.check", _claim, _check, _next)
