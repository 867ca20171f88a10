"""The check: decides accepted orders in order of acceptance per account group, takes the lock, sends them out.

One transaction for a set: claim orders, load the facts of all in a few queries, decide row by row on running balances,
write locks, states, events and street orders in a few statements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from openvest.core.clock import instant
from openvest.core.money import ZERO
from openvest.core.records import replace
from openvest.core.trading_calendar import OutsideCalendar, UnknownPaymentCalendar
from openvest.db.unit import Unit
from openvest.declarations import Phase, Sweep
from openvest.features.accounts import service as accounts
from openvest.features.blocks import service as blocks
from openvest.features.blocks.model import Block, BlockKey, Member
from openvest.features.blocks.model_shares import Netted, netted
from openvest.features.executions import service as executions
from openvest.features.executions.model import Inventory
from openvest.features.instruments import service as instruments
from openvest.features.instruments import service_news
from openvest.features.instruments.model import Instrument
from openvest.features.orders import service, store
from openvest.features.orders.model import Order, TradingPermissions
from openvest.features.orders.rules import CheckFacts, Decision, decide, moved, needs_block, permissions_of, released
from openvest.features.orders.rules_amounts import (
    Quoted,
    needed_units,
    street_limit,
    street_stop,
)
from openvest.features.orders.rules_blocks import joins, member_of
from openvest.features.orders.rules_fit import conforms, decimals_for, placeable, sendable
from openvest.features.orders.rules_sessions import cut_offs, expires_at, opens_at
from openvest.features.street import service as street
from openvest.features.street.model import StreetOrder
from openvest.features.tenants import service as tenants
from openvest.features.tenants.model import Tenant
from openvest.ledger.chart import Balance, Key, units_of
from openvest.ledger.posting import balances_for_update, post
from openvest.ledger.posting_rules import Journal, reserve_cash, reserve_units
from openvest.ports.prices import Listing


@dataclass(slots=True)
class _Set:
    """What is known of a set beyond its orders, and what is decided of it."""

    tenant: Tenant
    permissions: dict[UUID, TradingPermissions]
    instruments: dict[UUID, Instrument]
    untold: frozenset[UUID]
    listings: dict[tuple[UUID, str], Listing]
    quotes: dict[tuple[UUID, UUID], Quoted]
    inventory: dict[UUID, Inventory] = field(default_factory=dict[UUID, Inventory])
    balances: dict[Key, Balance] = field(default_factory=dict[Key, Balance])
    available: dict[Key, Decimal] = field(default_factory=dict[Key, Decimal])
    """What orders further down the set may still use, by balance."""
    journals: list[Journal] = field(default_factory=list[Journal])
    decided: list[Order] = field(default_factory=list[Order])
    sent: list[StreetOrder] = field(default_factory=list[StreetOrder])
    inside: dict[UUID, Decimal] = field(default_factory=dict[UUID, Decimal])
    cut_offs: Mapping[str, time] = field(default_factory=dict[str, time])
    """When the tenant's blocks are sent, where it said so."""
    blocks: dict[BlockKey, Block] = field(default_factory=dict[BlockKey, Block])
    """What collects now, of those that orders of this set may join."""
    members: list[Member] = field(default_factory=list[Member])

    def listing(self, order: Order) -> Listing | None:
        return self.listings.get((order.instrument_id, order.currency))

    def decimals(self, order: Order) -> int:
        return decimals_for(order.side, self.instruments[order.instrument_id], self.balances[_key(order)])

    def cut_off(self, listing: Listing) -> time:
        return blocks.cut_off_at(self.cut_offs, listing.mic, self.tenant.block_cut_off)

    def in_block(self, order: Order) -> bool:
        listing = self.listing(order)
        return listing is not None and needs_block(order, listing.whole_shares and self.tenant.pace == "calendar")


async def _claim(unit: Unit, limit: int) -> Sequence[Order]:
    """Due orders; those that stand behind another worker's order of the same group are left for later."""
    claimed = await unit.rows(store.CLAIM_DUE, unit.tenant_id, unit.now, limit)
    if not claimed or unit.frozen:
        return claimed
    last = claimed[-1]
    ahead = await unit.rows(
        store.AHEAD, unit.tenant_id, last.due_at, last.created_at, last.id, [order.id for order in claimed]
    )
    first: dict[UUID, tuple[datetime, datetime, UUID]] = {}
    for place in ahead:
        key = (place.due_at, place.created_at, place.id)
        first[place.account_group_id] = min(first.get(place.account_group_id, key), key)
    return [
        order
        for order in claimed
        if order.account_group_id not in first
        or (order.due_at or unit.now, order.created_at, order.id) < first[order.account_group_id]
    ]


def _key(order: Order) -> Key:
    """The balance an order locks."""
    if order.side == "BUY":
        return Key(order.account_group_id, order.currency)
    return Key(order.account_id, units_of(order.instrument_id))


async def _load(unit: Unit, orders: Sequence[Order]) -> _Set:
    """What is known of a set.

    Why the accounts are held: an activation that committed between our reading and our commit would find no order that
    sleeps yet, and a closing or a lock no order that works yet; nobody would wake the one or end the other.
    """
    tenant = await tenants.get_tenant(unit)
    facts = await accounts.account_facts_for_share(unit, {order.account_id: order.user_id for order in orders})
    told = await service_news.as_told(unit, {o.instrument_id for o in orders})
    wanted = sorted({(o.instrument_id, o.currency) for o in orders})
    found = {key: instruments.home_venue(told.listings.get(key[0], ()), key[1]) for key in wanted}
    listings = {key: listing for key, listing in found.items() if listing is not None}
    quotes = await instruments.quotes(unit, listings.values(), tenant.pace)
    work = _Set(
        tenant=tenant,
        permissions={account_id: permissions_of(fact) for account_id, fact in facts.items()},
        instruments=told.instruments,
        untold=frozenset() if unit.frozen else told.untold,
        listings=listings,
        quotes={key: Quoted(quote.bid, quote.offer) for key, quote in quotes.items() if quote},
    )
    if any(order.execution_flow == "BLOCK" for order in orders):
        work.cut_offs = await blocks.cut_off_times(unit)
        work.blocks = await blocks.begun(unit, _blocks_of(unit, work, orders))
    work.inventory = await executions.inventory_for_update(unit, [o.instrument_id for o in orders if work.in_block(o)])
    # All at once, also those of orders that hold their lock already: they may have to give it back.
    work.balances = await balances_for_update(unit, {_key(order) for order in orders})
    work.available = {key: balance.available_for_trading for key, balance in work.balances.items()}
    return work


async def _check(unit: Unit, orders: Sequence[Order]) -> int:
    """Decide a set, but for what waits for news of its instrument. Returns how many were decided.

    Writes: orders, blocks, block_members, street_orders, fraction_reserves, ledger; events ORDER.PROCESSING,
    ORDER.CANCELLED.
    """
    work = await _load(unit, orders)
    later = set[UUID]()  # groups of which an order waits for its instrument's news; none behind it comes first
    for order in orders:
        if order.instrument_id in work.untold:
            later.add(order.account_group_id)
        if order.account_group_id not in later:
            _decide(unit, work, order)
    await post(unit, work.journals)
    await service.save(unit, work.decided)
    await blocks.join(unit, work.members)
    await street.send(unit, work.sent, work.inside)
    await executions.save_reserves(unit, work.inventory.values())
    for order in work.decided:
        if order.status != "NEW":
            service.announce(unit, order, ())
    return len(work.decided)


def _decide(unit: Unit, work: _Set, order: Order) -> None:
    """Decide one order on what those before it have left."""
    listing = work.listing(order)
    facts = _facts(unit, work, order, listing)
    decision = decide(order, facts)
    known: dict[str, Any] = {"mic": listing and listing.mic, "expires_at": facts.expires_at}
    if decision.lock is not None:
        _lock(unit, work, order, decision.lock)
        known["lock_amount"] = decision.lock
    lock = known.get("lock_amount", order.lock_amount)
    if decision.outcome == "process" and listing and not sendable(replace(order, lock_amount=lock), listing.tick_size):
        decision = Decision("cancel", reason="CANCELLED_BY_TRADING_PARTNER")
    if decision.outcome == "cancel":
        at, reason = unit.moment_after(order.updated_at), decision.reason
        _cancel(unit, work, moved(order, "cancel", at, cancellation_reason=reason, **known))
    elif listing is None or decision.outcome == "wait":
        work.decided.append(replace(order, due_at=decision.until, **known))
    else:
        block = _joined(unit, work, replace(order, lock_amount=lock), listing)
        through = "fractions" if block or work.in_block(order) else "street"
        done = moved(order, "process", unit.moment_after(order.updated_at), through=through, **known)
        if block is None:
            _send(unit, work, done, listing)
        else:
            work.decided.append(done)
            work.members.append(member_of(done, block.id, work.decimals(order)))


def _key_of(order: Order, listing: Listing) -> BlockKey | None:
    """The block an order would join; None where it has not waited for a cut-off."""
    if order.execution_flow != "BLOCK" or order.due_at is None:
        return None
    return BlockKey(order.instrument_id, order.currency, listing.mic, order.side, order.due_at)


def _joined(unit: Unit, work: _Set, order: Order, listing: Listing) -> Block | None:
    """The block that an order joins whose cut-off has come, or None where it is sent by itself."""
    key, quote = _key_of(order, listing), work.quotes.get(listing.key)
    if key is None or quote is None or not joins(order, quote):
        return None
    return work.blocks.get(key)


def _blocks_of(unit: Unit, work: _Set, orders: Sequence[Order]) -> Iterator[Block]:
    """A block, not begun yet, for everything that orders at their cut-off may join."""
    seen = set[BlockKey]()
    for order in orders:
        listing = work.listing(order)
        if listing is None or (key := _key_of(order, listing)) is None or key in seen:
            continue
        quote, local = work.quotes.get(listing.key), work.cut_off(listing)
        with suppress(OutsideCalendar):
            if quote and joins(order, quote) and cut_offs(order, unit.now, listing.mic, local)[0] is None:
                seen.add(key)
                yield Block(
                    id=unit.ids.new("block", cause=f"{order.id}/{instant(unit.now)}"),
                    created_at=unit.now,
                    updated_at=unit.now,
                    status="COLLECTING",
                    instrument_id=order.instrument_id,
                    isin=order.isin,
                    mic=listing.mic,
                    currency=order.currency,
                    side=order.side,
                    pace=work.tenant.pace,
                    tick_size=listing.tick_size,
                    decimals=work.instruments[order.instrument_id].quantity_decimals,
                    cut_off_at=key.cut_off_at,
                    quote=quote.offer if order.side == "BUY" else quote.bid,
                )


def _lock(unit: Unit, work: _Set, order: Order, lock: Decimal) -> None:
    """Note the journal of a lock; what it takes is not there for those behind the order."""
    work.available[_key(order)] -= lock
    on = unit.now.date()
    if order.side == "BUY":
        work.journals.append(reserve_cash(order.id, order.account_group_id, order.currency, lock, on))
    else:
        work.journals.append(reserve_units(order.id, order.account_id, order.instrument_id, lock, on))


def _cancel(unit: Unit, work: _Set, cancelled: Order) -> None:
    """Note what a refused order gives back; it is there for those behind it."""
    work.journals += service.release_journals(unit, [cancelled])
    work.available[_key(cancelled)] += cancelled.lock_left
    work.decided.append(released(cancelled))


def _facts(unit: Unit, work: _Set, order: Order, listing: Listing | None) -> CheckFacts:
    instrument, key = work.instruments[order.instrument_id], _key(order)
    tenant, opens, ends, waits, following = work.tenant, None, None, None, None
    tradable = listing is not None and placeable(order, listing.tick_size)
    if listing is not None:
        try:
            ends = expires_at(order.expiry_date, listing.mic, tenant.pace, order.side, order.currency)
            opens = opens_at(unit.now, listing.mic, tenant.pace)
            waits, following = cut_offs(order, unit.now, listing.mic, work.cut_off(listing))
        except (OutsideCalendar, UnknownPaymentCalendar):
            tradable = False
    return CheckFacts(
        now=unit.now,
        permissions=work.permissions[order.account_id],
        instrument_active=instrument.trading_status == "ACTIVE",
        tradable=tradable,
        quote=work.quotes.get(listing.key) if listing else None,
        decimals=work.decimals(order),
        available=work.available[key],
        conforms=conforms(order, instrument),
        in_debt=work.balances[key].due < 0,
        expires_at=ends,
        opens_at=opens,
        cut_off=waits,
        next_cut_off=following,
    )


def _send(unit: Unit, work: _Set, order: Order, listing: Listing) -> None:
    """Note an order that is PROCESSING and the street order that serves it, in whole shares where it is a block."""
    limit = street_limit(order, listing.tick_size)
    quantity, cash_amount, reserve = order.quantity, order.cash_amount, ZERO
    street_order_id = unit.ids.new("street_order", cause=order.id)
    if order.through == "fractions":
        quote = work.quotes[listing.key]
        price = quote.offer if order.side == "BUY" else quote.bid
        net = _netted(work, order, price, limit)
        quantity, cash_amount, reserve = net.street_quantity, None, net.reserve
        if quantity == 0:
            work.inside[street_order_id] = price
    work.decided.append(order)
    work.sent.append(
        StreetOrder(
            id=street_order_id,
            order_id=order.id,
            accepted_at=order.created_at,
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
            done=ZERO,
            limit_price=limit,
            stop_price=street_stop(order, listing.tick_size),
            quantity_decimals=work.decimals(order),
            pace=work.tenant.pace,
            status="WORKING",
            cancel_requested=False,
            active_at=unit.now,
            look_after=unit.now,
        )
    )


def _netted(work: _Set, order: Order, price: Decimal, limit: Decimal | None) -> Netted:
    """What the street is to trade for a customer of a fraction, and what of the inventory is kept for it.

    Where the offer is above what the lock can bear, the inventory does not serve: the street waits for the price.
    """
    needed = needed_units(order, price, work.decimals(order))
    stock = work.inventory[order.instrument_id]
    beyond = order.side == "BUY" and limit is not None and price > limit
    net = netted(order.side, needed, ZERO if beyond else stock.free)
    work.inventory[order.instrument_id] = replace(stock, reserved=stock.reserved + net.reserve)
    return net


CHECK = Sweep("orders.check", _claim, _check, store.NEXT_DUE, Phase.ORDERS)
