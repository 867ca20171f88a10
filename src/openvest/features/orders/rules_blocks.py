"""What orders are in blocks: which may join, and what a share makes of one. Pure.

Source: ORDER_MATHS.md sections 1 and 2, POSTINGS.md section 3.4.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from openvest.core.money import CENT, ratio, times
from openvest.features.blocks.model import Block, Member
from openvest.features.orders.model import Order
from openvest.features.orders.rules_amounts import BUFFER, Fill, Quoted, executed, fill_of
from openvest.features.orders.rules_booking import carried


def joins(order: Order, quote: Quoted) -> bool:
    """Whether one price with others is possible. Not with a price of its own, nor where the market has left its lock
    behind, nor for a sale that a little less than the bid would make worthless: these are sent by themselves.
    """
    if order.order_type != "MARKET":
        return False
    if order.side == "SELL":
        return times(order.lock_amount or order.quantity or CENT, quote.bid) * BUFFER >= CENT
    if order.quantity is None or not order.lock_amount:
        return True
    return ratio(order.lock_amount - order.collected_fee, order.quantity) >= quote.offer


def member_of(order: Order, block_id: UUID, decimals: int) -> Member:
    """The order as its block knows it."""
    cap = order.lock_amount - order.collected_fee if order.side == "BUY" else order.lock_amount
    return Member(order.id, block_id, order.created_at, order.quantity, order.cash_amount, cap, decimals)


def served(order: Order, block: Block, share: Decimal, at: datetime) -> tuple[Order, Fill | None]:
    """The order once it has its share, all of it at the block's price. Short of what it asked for it is cancelled."""
    so_far = executed(order)
    if block.price is None or share <= 0:
        return carried(order, so_far, at, block.complete and block.price is not None), None
    fill = fill_of(order, so_far, share, block.price)
    complete = block.complete and (order.quantity is None or share >= order.quantity)
    return carried(order, so_far.plus(fill), at, complete), fill
