"""The work of orders that is due, in the order in which it is done at one instant, and reactions to features below."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from openvest.core.snapshots import Emitted
from openvest.db.unit import Unit
from openvest.declarations import DeadLetterKind, Phase, Reaction, Sweep
from openvest.features.executions.model import Side
from openvest.features.orders import rules, service, service_dead_letters, store
from openvest.features.orders.model import Order
from openvest.features.orders.sweeps_blocks import ALLOT, CLOSE_BLOCKS
from openvest.features.orders.sweeps_book import BOOK
from openvest.features.orders.sweeps_check import CHECK
from openvest.features.orders.sweeps_news import NEWS, end_unfit_orders
from openvest.features.street import service as street


async def _claim_expired(unit: Unit, limit: int) -> Sequence[Order]:
    return await unit.rows(store.CLAIM_EXPIRED, unit.tenant_id, unit.now, limit)


async def _expire(unit: Unit, orders: Sequence[Order]) -> None:
    """End orders whose last day is over. Writes: as service.end_working."""
    await service.end_working(unit, orders, "CANCELLED_BY_TRADING_PARTNER")


EXPIRE = Sweep("orders.expire", _claim_expired, _expire, store.NEXT_EXPIRY, Phase.ORDERS)


async def _wake(unit: Unit, events: Sequence[Emitted]) -> None:
    """What orders without an instant wait for has happened to account, group or user: they are looked at again."""
    await unit.run(store.WAKE, unit.tenant_id, _ids(events), unit.now)


async def _end_purchases(unit: Unit, events: Sequence[Emitted]) -> None:
    """Accounts or groups are being closed: they buy nothing more."""
    await _end(unit, events, "BUY")


async def _end_orders(unit: Unit, events: Sequence[Emitted]) -> None:
    """Accounts or groups were locked: nothing is allowed any more."""
    await _end(unit, events, "BUY", "SELL")


async def _end(unit: Unit, events: Sequence[Emitted], *sides: Side) -> None:
    found = await unit.rows(store.NEW_TO_END_FOR_UPDATE, unit.tenant_id, _ids(events), list(sides))
    found += await unit.rows(store.WORKING_TO_END_FOR_UPDATE, unit.tenant_id, _ids(events), list(sides))
    await service.end_working(unit, found, "CANCELLED_BY_UPVEST_PLATFORM", ended_at=unit.now)


async def _wake_purchases(unit: Unit, events: Sequence[Emitted]) -> None:
    """Groups may owe money now: what they mean to buy is looked at again, and ends where they do.

    Why not ended here: their balances are locked already, and orders are locked before balances. Writes: orders.
    """
    groups = sorted({UUID(event.snapshot["account_group_id"]) for event in events})
    await unit.run(store.WAKE_PURCHASES, unit.tenant_id, groups, unit.now)


async def _refuse_if_ordered(unit: Unit, events: Sequence[Emitted]) -> None:
    """Accounts are about to get another type. Raises: AccountOrdered."""
    if await unit.one(store.ANY_ORDERED, unit.tenant_id, _ids(events)):
        raise rules.AccountOrdered


def _ids(events: Sequence[Emitted]) -> list[UUID]:
    return sorted({event.object_id for event in events})


SWEEPS = [BOOK, CHECK, EXPIRE, CLOSE_BLOCKS, ALLOT]
"""Price, then expiry, then blocks, which all have joined by then; settlement, in `executions`, comes after all
(ORDER_MATHS.md section 5)."""

REACTIONS = [
    Reaction(event_type, run)
    for event_type, run in (
        ("ACCOUNT.TYPE_CHANGED", _refuse_if_ordered),
        ("ACCOUNT.LOCKED", _end_orders),
        ("ACCOUNT_GROUP.LOCKED", _end_orders),
        ("ACCOUNT.CLOSING_INITIATED", _end_purchases),
        ("ACCOUNT_GROUP.CLOSING_INITIATED", _end_purchases),
        ("USER.ACTIVATED", _wake),
        ("USER.OFFBOARDING_INITIATED", _wake),
        ("ACCOUNT_GROUP.ACTIVATED", _wake),
        ("ACCOUNT_GROUP.CLOSING_INITIATED", _wake),
        ("ACCOUNT.ACTIVATED", _wake),
        ("ACCOUNT.CLOSING_INITIATED", _wake),
        ("ACCOUNT.CLOSED", _wake),
        ("DIRECT_DEBIT.CHARGED_BACK", _wake_purchases),
        *((news, end_unfit_orders) for news in NEWS),
    )
]
"""What ends orders comes before what wakes the others; who wakes is all that `permissions_of` looks at."""

_ORDER = "orders t where t.tenant_id = $1 and t.id = a.row_id and t.status"

DEAD_LETTER_KINDS = [
    DeadLetterKind("orders.check", "order", f"{_ORDER} = 'NEW'", service_dead_letters.drop_order),
    DeadLetterKind("orders.expire", "order", f"{_ORDER} in ('NEW', 'PROCESSING')", service_dead_letters.drop_order),
    DeadLetterKind(
        "street.ask_venue",
        "question to a venue",
        "pub_street_orders t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'WORKING'",
        service_dead_letters.drop_question,
        told=service_dead_letters.tell_of_question,
    ),
    DeadLetterKind(
        "orders.book",
        "venue's report",
        street.UNBOOKED,
        service_dead_letters.drop_report,
        told=service_dead_letters.tell_of_report,
    ),
    DeadLetterKind(
        "orders.close_blocks",
        "block",
        "pub_blocks t where t.tenant_id = $1 and t.id = a.row_id and t.status = 'COLLECTING'",
        service_dead_letters.drop_block,
    ),
    DeadLetterKind(
        "orders.allot",
        "share of a block",
        "pub_block_members t where t.tenant_id = $1 and t.order_id = a.row_id and t.allotted is null",
        service_dead_letters.keep_share,
    ),
]
"""The street's own work is among them: what becomes of it is decided by the order it serves."""
