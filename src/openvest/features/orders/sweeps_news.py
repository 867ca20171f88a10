"""What news of instruments do to orders: those that do not fit any more end, in the unit that tells the tenant.

Whoever has such an order in hand is waited for, so that none slips from one state into the next beside the news; the
check and the booking leave alone what there is untold news of, so that nothing later is filled before they are told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from openvest.core.clock import parse_instant
from openvest.core.snapshots import Emitted
from openvest.db.unit import Unit
from openvest.features.blocks import service as blocks
from openvest.features.instruments import service as instruments
from openvest.features.instruments import service_news
from openvest.features.orders import service, store
from openvest.features.orders.model import CancellationReason, Order
from openvest.features.orders.rules_fit import unfit_reason
from openvest.features.street import service as street
from openvest.features.tenants import service as tenants

NEWS = ("INSTRUMENT.DEACTIVATED", "INSTRUMENT.FRACTIONAL_TRADING_DISABLED", "INSTRUMENT.DATA_CHANGED")
"""Events of instruments that can make an order unfit."""


async def end_unfit_orders(unit: Unit, events: Sequence[Emitted]) -> None:
    """End the open orders that their instruments do not allow any more, as of the change; what a venue had traded
    before it stands.

    Writes: as service.end_working; for their blocks street_orders, venue_reports.
    """
    told = await service_news.as_told(unit, {event.object_id for event in events})
    found = await unit.rows(store.NEW_OF_INSTRUMENTS_FOR_UPDATE, unit.tenant_id, list(told.instruments))
    found += await unit.rows(store.WORKING_OF_INSTRUMENTS_FOR_UPDATE, unit.tenant_id, list(told.instruments))
    if not found:
        return
    placed = await street.street_orders_of(unit, [order.id for order in found if order.status == "PROCESSING"])
    ended: dict[tuple[CancellationReason, UUID], list[Order]] = defaultdict(list)
    for order in found:
        home = instruments.home_venue(told.listings.get(order.instrument_id, ()), order.currency)
        works = placed[order.id][-1] if order.id in placed else None
        reason = unfit_reason(order, told.instruments[order.instrument_id], home, works)
        if reason is not None:
            ended[reason, order.instrument_id].append(order)
    changed = {event.object_id: parse_instant(event.snapshot["updated_at"]) for event in events}
    for (reason, instrument_id), orders in ended.items():
        ended_at = await tenants.happened_at(unit, changed[instrument_id])
        await service.end_working(unit, orders, reason, ended_at=ended_at)
        await blocks.end_at_street(unit, [instrument_id], ended_at)
