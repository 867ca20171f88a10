"""The work of orders that is due, in the order in which it is done at one instant, and reactions to features below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from openvest.core.declarations import Emitted, Reaction, Sweep
from openvest.db.unit import Unit
from openvest.features.orders import service, store
from openvest.features.orders.model import Order
from openvest.features.orders.sweeps_book import BOOK
from openvest.features.orders.sweeps_check import CHECK
from openvest.features.street import service as street


async def _next_expiry(unit: Unit) -> datetime | None:
    return await unit.row(store.NEXT_EXPIRY, unit.tenant_id)


async def _claim_expired(unit: Unit, limit: int) -> Sequence[Order]:
    return await unit.rows(store.CLAIM_EXPIRED, unit.tenant_id, unit.now, limit)


async def _expire(unit: Unit, orders: Sequence[Order]) -> None:
    """End orders whose last day is over: NEW ones at once; for the others the venue is asked, and what it has traded
    before it answers stands.

    Writes: orders, street_orders, ledger (ORDER_UNLOCK); events ORDER.CANCELLED.
    """
    working = [order for order in orders if order.status == "PROCESSING"]
    if working:
        await street.request_cancel(unit, [order.id for order in working])
        await service.save(unit, [replace(o, cancellation_reason="CANCELLED_BY_TRADING_PARTNER") for o in working])
    new = [order for order in orders if order.status == "NEW"]
    if new:
        await service.cancel_now(unit, new, "CANCELLED_BY_TRADING_PARTNER")


EXPIRE = Sweep("orders.expire", _claim_expired, _expire, _next_expiry)


async def _wake(unit: Unit, events: Sequence[Emitted]) -> None:
    """What orders without an instant wait for has happened to their accounts: they are looked at again."""
    accounts: list[UUID] = sorted({event.object_id for event in events})
    await unit.run(store.WAKE_ACCOUNTS, unit.tenant_id, accounts, unit.now)


SWEEPS = [BOOK, CHECK, EXPIRE]
"""Price, then expiry; settlement, in `executions`, comes after both (ORDER_MATHS section 5)."""

REACTIONS = [Reaction("ACCOUNT.ACTIVATED", _wake), Reaction("ACCOUNT.CLOSED", _wake)]
