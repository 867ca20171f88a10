"""Verbs of valuations: value an account now, list what it was worth and what it did, keep who is valued."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from openvest.core.ids import deterministic_id
from openvest.core.paging import Page, PageRequest
from openvest.db.paging import page
from openvest.db.rows import save
from openvest.db.unit import Unit
from openvest.features.valuations import rules, rules_returns, service_days, store
from openvest.features.valuations.model import AccountReturn, Quality, SimpleReturn, Valuation
from openvest.ledger.chart import owner_kind
from openvest.ledger.posting import touched


async def list_valuations(
    unit: Unit, request: PageRequest, account_id: UUID, **filters: date | None
) -> Page[Valuation]:
    """A page of what an account was worth at the end of each day; both dates are included. Units: days in UTC."""
    found = await page(unit, store.HISTORY, request, {"account_id": account_id, **filters})
    return found.of([service_days.valuation(row) for row in found.rows])


async def current_valuation(unit: Unit, account_id: UUID, quality: Quality) -> Valuation:
    """What an account's positions are worth now: at the prices of the last end of a day, or at the best there are.

    Why its id follows from the account and the instant: it is not kept, and the same question has the same answer.
    Raises: OutsideCalendar.
    """
    held = (await service_days.holdings_of(unit, [account_id], unit.now.date())).get(account_id, [])
    priced_at = unit.now if quality == "HIGHEST_AVAILABLE" else rules.last_close(unit.now)
    wanted = {account_id: {holding.instrument.uuid for holding in held}}
    priced = (await service_days.prices_of(unit, wanted, priced_at, quality))[account_id]
    total, rows = rules.value_of(held, priced.prices, priced.currency)
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


async def list_returns(
    unit: Unit, request: PageRequest, account_id: UUID, start_date: date | None = None, end_date: date | None = None
) -> Page[AccountReturn]:
    """A page of what an account's securities did, day by day; both dates are included. Units: days in UTC."""
    filters = {"account_id": account_id, "start_date": start_date, "end_date": end_date}
    return await page(unit, store.RETURNS, request, filters)


async def simple_return(unit: Unit, account_id: UUID) -> SimpleReturn | None:
    """What an account's securities gained since they were first valued; None where they never were."""
    summed = await unit.row(store.SUMMED, unit.tenant_id, account_id)
    if summed is None:
        return None
    gain, percentage = rules_returns.simple_return_of(summed.value, summed.inflow, summed.outflow)
    return SimpleReturn(account_id, gain, percentage, summed.period_start, summed.period_end, summed.currency)


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
