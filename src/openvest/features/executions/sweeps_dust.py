"""Dust leaves accounts that are closing: what cannot be sold must not keep anybody from closing an account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from openvest.core.money import ZERO
from openvest.core.records import record
from openvest.db.unit import Unit
from openvest.declarations import Phase, Sweep
from openvest.features.accounts import service as accounts
from openvest.features.executions import service, store_dust
from openvest.features.executions.rules_dust import NEAR, Resting, next_look, transaction_of, worth
from openvest.features.instruments import service as instruments
from openvest.features.positions import service as positions
from openvest.features.tenants import service as tenants
from openvest.ledger.chart import Key, units_of
from openvest.ledger.lot_book import open_lots, use_lots
from openvest.ledger.lots import LotUse, consume
from openvest.ledger.posting import balances_for_update, post
from openvest.ledger.posting_rules import dust_cleanup


@record
class _Seen:
    """What is dust now, and whether something else is so small that it may be soon."""

    dust: list[Resting]
    near: bool


async def _look(unit: Unit) -> _Seen:
    """Look at small positions of closing accounts, closely only at those that are near: each at its own instant."""
    resting = await unit.rows(store_dust.RESTING, unit.tenant_id, unit.now)
    present = await _worth(unit, resting, unit.now)
    near = [one for one, brings in present if brings is not None and brings < NEAR]
    by_instant: dict[datetime, list[Resting]] = defaultdict(list)
    for one in near:
        by_instant[one.looked_at].append(one)
    dust: list[Resting] = []
    for at, looked in by_instant.items():
        dust += [one for one, brings in await _worth(unit, looked, at) if brings == 0]
    return _Seen(dust, len(dust) < len(near))


async def _worth(unit: Unit, rows: Sequence[Resting], at: datetime) -> list[tuple[Resting, Decimal | None]]:
    """What each of these would bring at an instant."""
    if not rows:
        return []
    listed = await instruments.listings(unit, {row.instrument_id for row in rows})
    pace = (await tenants.get_tenant(unit)).pace
    quotes = await instruments.quotes(unit, [one for found in listed.values() for one in found], pace, at)
    bids: dict[UUID, list[Decimal]] = {
        instrument_id: [quote.bid for one in found if (quote := quotes[one.key]) is not None]
        for instrument_id, found in listed.items()
    }
    return [(row, worth(row.quantity, bids.get(row.instrument_id, ()))) for row in rows]


async def _next(unit: Unit) -> datetime | None:
    """Why not SQL: what a position is worth is said by prices, which need not be in the database."""
    seen = await _look(unit)
    if seen.dust:
        return unit.now
    return next_look(unit.now) if seen.near else None


async def _claim(unit: Unit, limit: int) -> Sequence[Resting]:
    return (await _look(unit)).dust[:limit]


async def _clean(unit: Unit, rows: Sequence[Resting]) -> None:
    """Take dust out of accounts that are still CLOSING, where nothing has happened to it since it was seen.

    Writes: ledger (DUST_CLEANUP), lots, lot_uses, securities_transactions; SECURITY_TRANSACTION.EXECUTED.
    """
    facts = await accounts.account_facts_for_share(unit, {row.id: row.user_id for row in rows})
    await service.inventory_for_update(unit, [row.instrument_id for row in rows])
    keys = {row: Key(row.id, units_of(row.instrument_id)) for row in rows}
    balances = await balances_for_update(unit, keys.values())
    dust: dict[UUID, Resting] = {}
    for row, key in keys.items():
        held = balances[key]
        untouched = (held.balance, held.available, held.unsettled_in, held.unsettled_out)
        if facts[row.id].account_status == "CLOSING" and untouched == (row.quantity, row.quantity, ZERO, ZERO):
            dust[unit.ids.new("dust_cleanup", f"{row.id} {row.instrument_id} {held.version}")] = row
    on = unit.now.date()
    await post(unit, [dust_cleanup(i, row.id, row.instrument_id, row.quantity, on) for i, row in dust.items()])
    lots = await open_lots(unit, {(row.id, row.instrument_id) for row in dust.values()})
    uses: list[LotUse] = []
    for act_id, row in dust.items():
        uses += consume(lots[row.id, row.instrument_id], row.quantity, act_id)[0]
    await use_lots(unit, uses)
    known = await instruments.by_id(unit, {row.instrument_id for row in dust.values()})
    await positions.record_transactions(
        unit,
        [
            transaction_of(row, known[row.instrument_id].isin, unit.now, positions.transaction_id(unit, act_id, row.id))
            for act_id, row in dust.items()
        ],
    )


CLEAN_DUST = Sweep("executions.clean_dust", _claim, _clean, store_dust.MAY_BE_DUST, Phase.SETTLEMENT, closer_look=_next)
