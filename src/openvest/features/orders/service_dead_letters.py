"""Orders whose work was set aside: how they are ended for good, and what their customer hears meanwhile."""

from __future__ import annotations

from uuid import UUID

from openvest.core.money import ZERO
from openvest.core.records import replace
from openvest.db.unit import Unit
from openvest.declarations import WorkKept
from openvest.features.blocks import service as blocks
from openvest.features.executions import service as executions
from openvest.features.orders import service, store
from openvest.features.orders.model import Order
from openvest.features.orders.rules import is_final, moved, released
from openvest.features.street import service as street
from openvest.ledger.posting import post

_UNDECIDED = "What the venue says of the order cannot be processed at present; the order goes on."


async def drop_order(unit: Unit, order_id: UUID) -> None:
    """End an open order that cannot go on: CANCELLED_BY_UPVEST_PLATFORM, what is left of its lock returned.

    Raises: WorkKept where the venue has traded for it and that is not booked.
    Writes: orders, street_orders, venue_reports, fraction_reserves, ledger (ORDER_UNLOCK); event ORDER.CANCELLED.
    """
    order = await unit.row(store.ORDER_FOR_UPDATE, unit.tenant_id, order_id)
    if order is None:
        await drop_block(unit, order_id)
    if order is None or is_final(order):
        return
    if order.status == "PROCESSING":
        await _leave_the_street(unit, order)
    at = unit.moment_after(order.updated_at)
    done = moved(order, "cancel", at, cancellation_reason="CANCELLED_BY_UPVEST_PLATFORM")
    await post(unit, list(service.release_journals(unit, [done])))
    ended = released(done)
    await service.save(unit, [ended])
    service.announce(unit, ended, (await executions.executions_of(unit, [order_id]))[order_id])


async def _leave_the_street(unit: Unit, order: Order) -> None:
    """Nothing works for the order any more, and a block counts on nothing of the house's inventory."""
    were_in = (await blocks.leave(unit, [order.id])).get(order.id)
    if were_in is not None:
        if were_in.status == "COLLECTING":
            return
        raise WorkKept("the order is in a block that was sent; it ends with the block")
    block = order.through == "fractions"
    traded = block and (await street.fills_of(unit, [order.id]))[order.id]
    if traded or not await street.end_unheard(unit, order.id):
        raise WorkKept("the venue has traded for this order; repair the cause and retry it, a trade cannot be dropped")
    if block:
        reserve = sum((one.reserve for one in (await street.street_orders_of(unit, [order.id]))[order.id]), ZERO)
        stock = (await executions.inventory_for_update(unit, [order.instrument_id]))[order.instrument_id]
        await executions.save_reserves(unit, [replace(stock, reserved=stock.reserved - reserve)])


async def drop_block(unit: Unit, block_id: UUID) -> None:
    """End a block that cannot go on: its members are CANCELLED_BY_TRADING_PARTNER.

    Raises: WorkKept where the venue has traded for it, or its members are being served.
    Writes: blocks, street_orders, venue_reports, fraction_reserves.
    """
    traded = (await street.fills_of(unit, [block_id])).get(block_id)
    if traded or not await street.end_unheard(unit, block_id) or not await blocks.give_up(unit, block_id):
        raise WorkKept("the venue has traded for this block; repair the cause and retry it, a trade cannot be dropped")


async def keep_share(unit: Unit, order_id: UUID) -> None:
    """A share is the customer's. Raises: WorkKept."""
    raise WorkKept("the venue has traded for this order; repair the cause and retry it, a trade cannot be dropped")


async def drop_question(unit: Unit, street_order_id: UUID) -> None:
    """The same for a street order the venue cannot be asked about. Raises and writes: as drop_order."""
    for found in (await street.street_orders(unit, [street_order_id])).values():
        await drop_order(unit, found.order_id)


async def drop_report(unit: Unit, report_id: UUID) -> None:
    """The same for a report that cannot be booked. Raises and writes: as drop_order."""
    order_id = await street.order_of_report(unit, report_id)
    if order_id is not None:
        await drop_order(unit, order_id)


async def tell_of_question(unit: Unit, street_order_id: UUID) -> None:
    """A customer who waits for the end of the order hears that it is not ended now. Writes: as _tell."""
    for found in (await street.street_orders(unit, [street_order_id])).values():
        await _tell(unit, found.order_id)


async def tell_of_report(unit: Unit, report_id: UUID) -> None:
    """The same where a report cannot be booked. Writes: as _tell."""
    order_id = await street.order_of_report(unit, report_id)
    if order_id is not None:
        await _tell(unit, order_id)


async def _tell(unit: Unit, order_id: UUID) -> None:
    """Writes: orders, street_orders; event ORDER_CANCELLATION.REJECTED."""
    order = await unit.row(store.ORDER_FOR_UPDATE, unit.tenant_id, order_id)
    if order is None or is_final(order) or order.cancel_asked_at is None:
        return
    refused = service.reject_cancellation(unit, order, _UNDECIDED)
    if refused.cancellation_reason == "CANCELLED_BY_CLIENT":
        goes_on = await street.withdraw_cancel(unit, order_id)
        refused = replace(refused, cancellation_reason=None if goes_on else "CANCELLED_BY_UPVEST_PLATFORM")
    await service.save(unit, [refused])
