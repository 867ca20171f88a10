"""The end of a day: what accounts are worth then, and what they did since the last one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

from openvest.core.clock import parse_instant
from openvest.core.money import Money
from openvest.core.records import replace
from openvest.core.shown import filled
from openvest.core.snapshots import Snapshot, snapshot_value
from openvest.core.trading_calendar import FIRST_DAY
from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.features.cash.model import Instrument
from openvest.features.instruments import service as instruments
from openvest.features.tenants import service as tenants
from openvest.features.valuations import rules, rules_returns, store
from openvest.features.valuations.model import AccountReturn, Price, Quality, Valuation, Value, ValuedPosition
from openvest.features.valuations.rules import Holding
from openvest.features.valuations.rules_returns import Moved, Twr
from openvest.features.valuations.store import Kept
from openvest.ledger.chart import instrument_of


@dataclass(frozen=True, slots=True)
class Priced:
    """The currency of an account's valuation, and what its instruments cost in it."""

    currency: str
    prices: Mapping[UUID, Price | None]


@dataclass(frozen=True, slots=True)
class _Day:
    """All that is known of a day that ends: what accounts hold, what moved, at which prices, and what was before."""

    at: datetime
    held: Mapping[UUID, Sequence[Holding]]
    moved: Mapping[UUID, Sequence[Moved]]
    priced: Mapping[UUID, Priced]
    last: Mapping[UUID, Kept]


async def restate_days(unit: Unit, account_ids: Sequence[UUID], until: datetime) -> None:
    """Value anew the days before this instant that something was booked on after they were valued.

    Writes: as `close_day`.
    """
    for late in await unit.rows(store.LATE, unit.tenant_id, account_ids):
        for at in rules.closes_between(late.since, until):
            await close_day(unit, [late.account_id], at, again=True)


async def close_day(unit: Unit, account_ids: Sequence[UUID], at: datetime, *, again: bool = False) -> None:
    """Value these accounts as of the end of the day that ends at this instant, those without positions only if they
    had some the last time. The caller holds them. `again`: the day was valued before, and only what changed is told.

    Writes: valuations, account_returns, ACCOUNT_VALUATION.CREATED, ACCOUNT_RETURNS.CREATED.
    """
    asked = (unit.tenant_id, account_ids, at)
    kept = {row.account_id: row for row in await unit.rows(store.VALUATIONS_OF_DAY, *asked)} if again else {}
    done = {row.account_id: row for row in await unit.rows(store.RETURNS_OF_DAY, *asked)} if again else {}
    day = await _day(unit, account_ids, at, kept)
    valued = [account_id for account_id in account_ids if account_id in day.priced]
    await _keep_valuations(unit, [_valued(unit, day, account_id) for account_id in valued], kept)
    await _keep_returns(unit, [_returned(unit, day, account_id) for account_id in valued], done)


async def _day(unit: Unit, account_ids: Sequence[UUID], at: datetime, kept: Collection[UUID]) -> _Day:
    held = await holdings_of(unit, account_ids, at.date())
    last = {row.account_id: row for row in await unit.rows(store.LAST, unit.tenant_id, account_ids, at)}
    valued = [
        one for one in account_ids
        if one in held or one in kept or (one in last and last[one].security_positions)
    ]  # fmt: skip
    after = [last[one].valuation_time.date() if one in last else FIRST_DAY for one in valued]
    moved: dict[UUID, list[Moved]] = {}
    for row in await unit.rows(store.MOVED, unit.tenant_id, valued, after, at.date()):
        one = Moved(row.account_id, instrument_of(row.asset), row.units, row.price, row.currency)
        moved.setdefault(row.account_id, []).append(one)
    wanted = {
        one: {
            *(holding.instrument.uuid for holding in held.get(one, ())),
            *(change.instrument_id for change in moved.get(one, ())),
        }
        for one in valued
    }
    return _Day(at, held, moved, await prices_of(unit, wanted, at, "EOD"), last)


def _valued(unit: Unit, day: _Day, account_id: UUID) -> Valuation:
    priced = day.priced[account_id]
    total, rows = rules.value_of(day.held.get(account_id, ()), priced.prices, priced.currency)
    return Valuation(
        id=unit.ids.new("valuation", cause=f"{account_id} {day.at.date()}"),
        version=1,
        created_at=unit.now,
        updated_at=unit.now,
        account_id=account_id,
        total_security_value=total,
        price_quality="EOD",
        security_positions=rows,
        valuation_time=day.at,
    )


def _returned(unit: Unit, day: _Day, account_id: UUID) -> AccountReturn:
    """What an account did on the day. A chain begins with the first valuation, and where the currency changes."""
    priced, last, held = day.priced[account_id], day.last.get(account_id), day.held.get(account_id, ())
    unpriced = () if last is None else [
        UUID(row["instrument"]["uuid"]) for row in last.security_positions if row["value"] is None
    ]  # fmt: skip
    flows = rules_returns.flows_of(day.moved.get(account_id, ()), held, priced.prices, priced.currency, unpriced)
    value = rules_returns.worth(held, priced.prices)
    date_ = datetime.combine(day.at.date(), time(), UTC)
    if last is None or last.currency != priced.currency:
        twr, start = Twr(), date_
        flows = rules_returns.first_flows(flows, value, begun=last is None)
    else:
        twr, start = rules_returns.return_of(value, flows, last.value, last.cumulative), last.cumulative_start_date
    return AccountReturn(
        id=unit.ids.new("account_return", cause=f"{account_id} {day.at.date()}"),
        version=1,
        created_at=unit.now,
        updated_at=unit.now,
        account_id=account_id,
        date=date_,
        currency=priced.currency,
        value=value,
        inflow=flows.inflow,
        outflow=flows.out,
        daily=twr.daily,
        cumulative=twr.cumulative,
        cumulative_start_date=start,
    )


async def _keep_valuations(unit: Unit, made: Sequence[Valuation], kept: Mapping[UUID, store.ValuationRow]) -> None:
    fresh = [one for one in made if one.account_id not in kept]
    changed: list[Valuation] = []
    for one in made:
        if (before := kept.get(one.account_id)) is not None:
            old = valuation(before)
            now = replace(
                old, total_security_value=one.total_security_value, security_positions=one.security_positions
            )  # fmt: skip
            if now != old:
                changed.append(replace(now, version=old.version + 1, updated_at=unit.moment_after(old.updated_at)))
    await save(unit, store.ADD_VALUATIONS, *map(_row, fresh))
    await save(unit, store.RESTATE_VALUATIONS, *map(_row, changed))
    for one in (*fresh, *changed):
        unit.emit("ACCOUNT_VALUATION.CREATED", one.id, one.version, one.updated_at, one)


async def _keep_returns(unit: Unit, made: Sequence[AccountReturn], done: Mapping[UUID, AccountReturn]) -> None:
    fresh = [one for one in made if one.account_id not in done]
    changed: list[AccountReturn] = []
    for one in made:
        if (old := done.get(one.account_id)) is not None:
            now = replace(one, id=old.id, version=old.version, created_at=old.created_at, updated_at=old.updated_at)
            if now != old:
                changed.append(replace(now, version=old.version + 1, updated_at=unit.moment_after(old.updated_at)))
    await save(unit, store.ADD_RETURNS, *fresh)
    await save(unit, store.RESTATE_RETURNS, *changed)
    for one in (*fresh, *changed):
        unit.emit("ACCOUNT_RETURNS.CREATED", one.id, one.version, one.updated_at, one)


async def holdings_of(unit: Unit, account_ids: Sequence[UUID], day: date) -> dict[UUID, list[Holding]]:
    """The positions of these accounts as of a day of booking; an account without any is left out."""
    rows = await unit.rows(store.HOLDINGS, unit.tenant_id, account_ids, day)
    known = await instruments.by_id(unit, {instrument_of(row.asset) for row in rows}) if rows else {}
    held: dict[UUID, list[Holding]] = {}
    for row in rows:
        found = known.get(instrument_of(row.asset))
        instrument = Instrument(instrument_of(row.asset), None if found is None else found.isin)
        held.setdefault(row.account_id, []).append(Holding(row.account_id, instrument, row.quantity))
    return held


async def prices_of(
    unit: Unit, wanted: Mapping[UUID, Iterable[UUID]], at: datetime, quality: Quality
) -> dict[UUID, Priced]:
    """What these instruments cost at an instant, by account; one whose venues trade another currency has no price."""
    ids = {instrument_id for of_one in wanted.values() for instrument_id in of_one}
    listed = await instruments.listings(unit, ids) if ids else {}
    currencies = {
        account_id: rules.currency_of(listing.currency for one in of_one for listing in listed.get(one, ()))
        for account_id, of_one in wanted.items()
    }
    homes = {
        currency: {
            instrument_id: home
            for instrument_id, listings in listed.items()
            if (home := instruments.home_venue(listings, currency)) is not None
        }
        for currency in set(currencies.values())
    }
    asked = [home for of_one in homes.values() for home in of_one.values()]
    pace = (await tenants.get_tenant(unit)).pace
    quotes = await instruments.quotes(unit, asked, pace, at) if asked else {}
    prices = {
        currency: {one: rules.price_of(quotes[home.key], at, quality) for one, home in of_one.items()}
        for currency, of_one in homes.items()
    }
    return {account_id: Priced(currency, prices[currency]) for account_id, currency in currencies.items()}


_row = filled(
    store.ValuationRow,
    Valuation,
    amount=lambda one: one.total_security_value.amount,
    currency=lambda one: one.total_security_value.currency,
    security_positions=lambda one: snapshot_value(one.security_positions),
)
valuation = filled(
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
