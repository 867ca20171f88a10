"""Verbs of valuations: value accounts now and at the end of a day, and list what they were worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from openvest.core.clock import parse_instant
from openvest.core.ids import deterministic_id
from openvest.core.money import Money
from openvest.core.paging import Page, PageRequest
from openvest.core.shown import filled
from openvest.core.snapshots import Snapshot, snapshot_value
from openvest.db.paging import page
from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.features.cash.model import Instrument
from openvest.features.instruments import service as instruments
from openvest.features.tenants import service as tenants
from openvest.features.valuations import rules, store
from openvest.features.valuations.model import Quality, Valuation, Value, ValuedPosition
from openvest.features.valuations.rules import Holding
from openvest.ledger.chart import instrument_of, owner_kind
from openvest.ledger.posting import touched

Worth = tuple[Money, tuple[ValuedPosition, ...]]
"""A total and its rows."""


async def list_valuations(
    unit: Unit, request: PageRequest, account_id: UUID, **filters: date | None
) -> Page[Valuation]:
    """A page of what an account was worth at the end of each day; both dates are included. Units: days in UTC."""
    found = await page(unit, store.HISTORY, request, {"account_id": account_id, **filters})
    return found.of([_valuation(row) for row in found.rows])


async def current_valuation(unit: Unit, account_id: UUID, quality: Quality) -> Valuation:
    """What an account's positions are worth now: at the prices of the last end of a day, or at the best there are.

    Why its id follows from the account and the instant: it is not kept, and the same question has the same answer.
    Raises: OutsideCalendar.
    """
    held = await _holdings(unit, [account_id], unit.now.date())
    priced_at = unit.now if quality == "HIGHEST_AVAILABLE" else rules.last_close(unit.now)
    total, rows = (await _worth(unit, {account_id: held.get(account_id, ())}, priced_at, quality))[account_id]
    return Valuation(
        id=deterministic_id("current valuation", account_id, quality, unit.now.isoformat()),
        version=1,
        created_at=unit.now,
        updated_at=unit.now,
        account_id=account_id,
        total_security_value=total,
        price_quality=rules.worst_quality(quality, rows),
        security_positions=rows,
        valuation_time=unit.now,
    )


async def close_day(unit: Unit, account_ids: Sequence[UUID], at: datetime) -> None:
    """Value these accounts as of the end of the day that ends at this instant, those without positions only if they
    had some the last time. The caller holds them.

    Writes: valuations, ACCOUNT_VALUATION.CREATED.
    """
    held: Mapping[UUID, Sequence[Holding]] = await _holdings(unit, account_ids, at.date())
    empty = [account_id for account_id in account_ids if account_id not in held]
    left = await unit.rows(store.STILL_HELD, unit.tenant_id, empty) if empty else []
    worth = await _worth(unit, {**held, **dict.fromkeys(left, ())}, at, "EOD")
    made = [
        Valuation(
            id=unit.ids.new("valuation", cause=f"{account_id} {at.date()}"),
            version=1,
            created_at=unit.now,
            updated_at=unit.now,
            account_id=account_id,
            total_security_value=worth[account_id][0],
            price_quality="EOD",
            security_positions=worth[account_id][1],
            valuation_time=at,
        )
        for account_id in account_ids
        if account_id in worth
    ]
    await save(unit, store.ADD_VALUATIONS, *map(_row, made))
    for valuation in made:
        unit.emit("ACCOUNT_VALUATION.CREATED", valuation.id, 1, valuation.created_at, valuation)


async def publish_first_holdings(unit: Unit) -> None:
    """Accounts that got an instrument for the first time in this unit are valued from now on.

    Writes: valued_accounts.
    """
    fresh = {
        balance.owner_id: None
        for balance in touched(unit)
        if owner_kind(balance.asset) == "account" and balance.version == 1
    }
    if fresh:
        next_at = rules.next_close(unit.now)
        await save(unit, store.ADD_ACCOUNTS, *(store.ValuedAccount(one, next_at) for one in sorted(fresh)))


async def _holdings(unit: Unit, account_ids: Sequence[UUID], day: date) -> dict[UUID, list[Holding]]:
    """The positions of these accounts as of a day of booking; an account without any is left out."""
    rows = await unit.rows(store.HOLDINGS, unit.tenant_id, account_ids, day)
    known = await instruments.by_id(unit, {instrument_of(row.asset) for row in rows}) if rows else {}
    held: dict[UUID, list[Holding]] = {}
    for row in rows:
        found = known.get(instrument_of(row.asset))
        instrument = Instrument(instrument_of(row.asset), None if found is None else found.isin)
        held.setdefault(row.account_id, []).append(Holding(row.account_id, instrument, row.quantity))
    return held


async def _worth(
    unit: Unit, held: Mapping[UUID, Sequence[Holding]], at: datetime, quality: Quality
) -> dict[UUID, Worth]:
    """What these holdings are worth at an instant, by account."""
    ids = {holding.instrument.uuid for holdings in held.values() for holding in holdings}
    listed = await instruments.listings(unit, ids) if ids else {}
    currencies = {
        account_id: rules.currency_of(
            listing.currency for holding in holdings for listing in listed.get(holding.instrument.uuid, ())
        )
        for account_id, holdings in held.items()
    }
    homes = {
        (instrument_id, currency): home
        for currency in set(currencies.values())
        for instrument_id, listings in listed.items()
        if (home := instruments.home_venue(listings, currency)) is not None
    }
    pace = (await tenants.get_tenant(unit)).pace
    quotes = await instruments.quotes(unit, homes.values(), pace, at) if homes else {}
    prices = {
        currency: {
            instrument_id: rules.price_of(quotes[home.key], at, quality)
            for (instrument_id, traded_in), home in homes.items()
            if traded_in == currency
        }
        for currency in set(currencies.values())
    }
    return {
        account_id: rules.value_of(holdings, prices[currencies[account_id]], currencies[account_id])
        for account_id, holdings in held.items()
    }


_row = filled(
    store.ValuationRow,
    Valuation,
    amount=lambda valuation: valuation.total_security_value.amount,
    currency=lambda valuation: valuation.total_security_value.currency,
    security_positions=lambda valuation: snapshot_value(valuation.security_positions),
)
_valuation = filled(
    Valuation,
    store.ValuationRow,
    total_security_value=lambda row: Money(row.amount, row.currency),
    price_quality=lambda _: "EOD",
    security_positions=lambda row: tuple(_position(position) for position in row.security_positions),
)


def _position(snapshot: Snapshot) -> ValuedPosition:
    """A row of a valuation as it was kept."""
    value, weight = snapshot["value"], snapshot["weight"]
    return ValuedPosition(
        Instrument(UUID(snapshot["instrument"]["uuid"]), snapshot["instrument"]["isin"]),
        Decimal(snapshot["quantity"]),
        value and Value(Decimal(value["amount"]), value["currency"], parse_instant(value["price_time"])),
        None if weight is None else Decimal(weight),
        snapshot["price_quality"],
    )
