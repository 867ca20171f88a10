"""Blocks: they are sent once nothing is left to join them, and their members are served, set by set."""

from __future__ import annotations

from collections.abc import Sequence

from openvest.core.money import ZERO
from openvest.core.records import replace
from openvest.db.unit import Unit
from openvest.declarations import Phase, Sweep
from openvest.features.blocks import service as blocks
from openvest.features.blocks.model import Block, Member
from openvest.features.blocks.model_shares import share_of
from openvest.features.executions import service_booking
from openvest.features.executions.model import NewExecution
from openvest.features.orders import service, store
from openvest.features.orders.model import Order
from openvest.features.orders.rules import is_final
from openvest.features.orders.rules_amounts import Fill
from openvest.features.orders.rules_blocks import served
from openvest.features.orders.sweeps_book import announce


async def _claim_closing(unit: Unit, limit: int) -> Sequence[Block]:
    due = await unit.rows(store.CLOSING, unit.tenant_id, unit.now, limit)
    free = {block.id: block for block in await blocks.free_for_update(unit, due)}
    return [free[block_id] for block_id in due if block_id in free]


async def _close(unit: Unit, closing: Sequence[Block]) -> int:
    """Send blocks. Writes: as blocks.send."""
    mine = [block for block in closing if block.status == "COLLECTING"]
    await blocks.send(unit, mine)
    return len(mine)


CLOSE_BLOCKS = Sweep(
    "orders.close_blocks", _claim_closing, _close, store.NEXT_CLOSING, Phase.ORDERS, writes_events=False
)


async def _claim_shares(unit: Unit, limit: int) -> Sequence[Member]:
    return await blocks.claim_shares(unit, limit)


async def _allot(unit: Unit, members: Sequence[Member]) -> int:
    """Serve members of blocks that have traded, but for those in somebody's hand. Returns how many were served.

    Writes: orders, blocks, block_members, fraction_reserves, block_trades, and what `service_booking.book` writes;
    events ORDER.FILLED, ORDER.CANCELLED.
    """
    found = await unit.rows(store.FREE_FOR_UPDATE, unit.tenant_id, sorted(member.order_id for member in members))
    orders = {order.id: order for order in found}
    mine = [member for member in members if member.order_id in orders]
    if not mine:
        return 0
    of_block = await blocks.sharing_for_update(unit, {member.block_id for member in mine})
    booked: list[Order] = []
    new: list[NewExecution] = []
    given: list[Member] = []
    for member in mine:
        block, order = of_block[member.block_id], orders[member.order_id]
        share = share_of(member, block)
        done, fill = served(order, block, share, unit.moment_after(order.updated_at))
        if fill is not None:
            new.append(_execution(order, block, fill))
        booked.append(done)
        given.append(replace(member, allotted=share))
    final = [order for order in booked if is_final(order)]
    made = await service_booking.book(unit, new, (), list(service.release_journals(unit, final)))
    await blocks.allot(unit, of_block, given)
    await announce(unit, booked, orders, made)
    return len(mine)


def _execution(order: Order, block: Block, fill: Fill) -> NewExecution:
    if block.street_order_id is None:
        raise ValueError("nobody is served of a block that was not sent")
    return NewExecution(
        cause=order.id,
        street_order_id=block.street_order_id,
        order_id=order.id,
        user_id=order.user_id,
        account_id=order.account_id,
        account_group_id=order.account_group_id,
        instrument_id=order.instrument_id,
        isin=order.isin,
        mic=block.mic,
        pace=block.pace,
        side=order.side,
        currency=order.currency,
        quantity=fill.quantity,
        cash_amount=fill.cash,
        price=fill.price,
        through="fractions",
        transaction_time=block.traded_at or order.updated_at,
        fee=fill.fee,
        rounding=fill.rounding,
        fee_outside=ZERO if order.fee_collected else order.fee,
    )


ALLOT = Sweep("orders.allot", _claim_shares, _allot, blocks.NEXT_SHARE, Phase.ORDERS)
