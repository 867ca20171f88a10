"""Lots in the database, in sets. Callers hold the lock of the position's balance (`posting.balances_for_update`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from openvest.db.query import numeric_array
from openvest.db.unit import Unit
from openvest.ledger import store
from openvest.ledger.apply import LedgerFault
from openvest.ledger.lots import Lot, LotUse

Holding = tuple[UUID, UUID]
"""An account and an instrument."""


async def open_lots(unit: Unit, holdings: Iterable[Holding]) -> dict[Holding, list[Lot]]:
    """What is left of each holding's lots, first in first; an empty list where nothing is held."""
    found: dict[Holding, list[Lot]] = {holding: [] for holding in holdings}
    if not found:
        return found
    accounts, instruments = [a for a, _ in found], [i for _, i in found]
    for lot in await unit.rows(store.OPEN_LOTS, unit.tenant_id, accounts, instruments):
        found[lot.account_id, lot.instrument_id].append(lot)
    return found


async def lots_by_id(unit: Unit, ids: Sequence[UUID]) -> dict[UUID, Lot]:
    """Lots as they stand, also those used up. The lot of an execution has its id."""
    return {lot.id: lot for lot in await unit.rows(store.LOTS, unit.tenant_id, ids)}


async def add_lots(unit: Unit, lots: Sequence[Lot]) -> None:
    """Open lots, whole. Writes: lots, lot_sums."""
    if not lots:
        return
    accounts, instruments = [lot.account_id for lot in lots], [lot.instrument_id for lot in lots]
    quantities, costs = numeric_array(lot.quantity for lot in lots), numeric_array(lot.cost for lot in lots)
    currencies = [lot.currency for lot in lots]
    await unit.run(
        store.ADD_LOTS,
        unit.tenant_id,
        [lot.id for lot in lots],
        accounts,
        instruments,
        [lot.acquired_at for lot in lots],
        quantities,
        costs,
        currencies,
        numeric_array(lot.sum_advance_tax for lot in lots),
        [lot.origin for lot in lots],
        [lot.origin_id for lot in lots],
    )
    await unit.run(store.ADD_TO_SUMS, unit.tenant_id, accounts, instruments, quantities, costs, currencies)


async def use_lots(unit: Unit, uses: Sequence[LotUse]) -> None:
    """Take what `consume` decided, in the same unit that read the lots. Writes: lot_uses, lots, lot_sums.

    Raises: LedgerFault.
    """
    if not uses:
        return
    touched = await unit.one(
        store.USE_LOTS,
        unit.tenant_id,
        [use.disposal_id for use in uses],
        [use.lot_id for use in uses],
        numeric_array(use.quantity for use in uses),
        numeric_array(use.cost for use in uses),
        numeric_array(use.advance_tax for use in uses),
    )
    if touched != len({use.lot_id for use in uses}):
        raise LedgerFault("a lot that was consumed is not there")


async def uses_of(unit: Unit, disposal_ids: Sequence[UUID]) -> dict[UUID, list[LotUse]]:
    """What each disposal has taken and not given back."""
    return _by_disposal(await unit.rows(store.USES, unit.tenant_id, disposal_ids))


async def give_back(unit: Unit, disposal_ids: Sequence[UUID]) -> dict[UUID, list[LotUse]]:
    """Undo disposals: their lots get units and cost back, with their old dates. Writes: lot_uses, lots,
    lot_sums.
    """
    return _by_disposal(await unit.rows(store.GIVE_BACK, unit.tenant_id, disposal_ids))


def _by_disposal(uses: Iterable[LotUse]) -> dict[UUID, list[LotUse]]:
    found: dict[UUID, list[LotUse]] = {}
    for use in uses:
        found.setdefault(use.disposal_id, []).append(use)
    return found
