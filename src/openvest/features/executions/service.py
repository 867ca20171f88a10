"""Verbs of executions: read them, keep the house's inventory of fractions. Booking stands in `service_booking`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from openvest.core.money import ZERO
from openvest.core.problems import NotFound
from openvest.db.query import numeric_array
from openvest.db.unit import Unit
from openvest.features.executions import store, store_blocks
from openvest.features.executions.model import Execution, Inventory
from openvest.features.executions.store_audit import AUDIT

INVARIANTS = AUDIT
"""What this feature adds to a proof of the books."""


async def get_execution(unit: Unit, order_id: UUID, execution_id: UUID) -> Execution:
    """One execution of an order. Raises: NotFound."""
    execution = await unit.row(store.BY_ID, unit.tenant_id, order_id, execution_id)
    if execution is None:
        raise NotFound("The order has no execution with this id.")
    return execution


async def executions_of(unit: Unit, order_ids: Sequence[UUID]) -> dict[UUID, tuple[Execution, ...]]:
    """Executions by order, as they were booked; an order without any has an empty tuple."""
    found: dict[UUID, list[Execution]] = {order_id: [] for order_id in order_ids}
    if found:
        for execution in await unit.rows(store.OF_ORDERS, unit.tenant_id, list(order_ids)):
            found[execution.order_id].append(execution)
    return {order_id: tuple(executions) for order_id, executions in found.items()}


async def inventory_for_update(unit: Unit, instrument_ids: Sequence[UUID]) -> dict[UUID, Inventory]:
    """The house's fractions of these instruments, their rows locked in order; before any customer's balance is.

    Why the units may be read after the lock: whoever changes them holds the same row until its commit.
    Writes: fraction_reserves (rows that are missing).
    """
    wanted = sorted(set(instrument_ids))
    if not wanted:
        return {}
    found = set(await unit.rows(store_blocks.RESERVES_FOR_UPDATE, unit.tenant_id, wanted))
    if len(found) < len(wanted):
        await unit.run(store_blocks.MAKE_RESERVES, unit.tenant_id, [i for i in wanted if i not in found])
        await unit.rows(store_blocks.RESERVES_FOR_UPDATE, unit.tenant_id, wanted)
    rows = {row.instrument_id: row for row in await unit.rows(store_blocks.INVENTORY, unit.tenant_id, wanted)}
    return {i: rows.get(i, Inventory(i, ZERO, ZERO)) for i in wanted}


async def save_reserves(unit: Unit, inventory: Iterable[Inventory]) -> None:
    """Write what blocks count on now, of inventories that are locked. Writes: fraction_reserves."""
    rows = list(inventory)
    if rows:
        await unit.run(
            store_blocks.SET_RESERVES,
            unit.tenant_id,
            [row.instrument_id for row in rows],
            numeric_array(row.reserved for row in rows),
        )
