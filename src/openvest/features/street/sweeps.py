"""Asking the venue: lease street orders that are to be looked at, ask without a transaction, keep what it said."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from openvest.core.records import record
from openvest.db.query import numeric_array
from openvest.db.unit import Unit
from openvest.declarations import Outbound, Phase
from openvest.features.street import store
from openvest.features.street.model import StreetOrder
from openvest.ports import Ports
from openvest.ports.venue import VenueAnswer, VenueOrder


@record
class Asked:
    """A leased street order, its lease and the business time of the question."""

    order: StreetOrder
    tenant_id: UUID
    token: UUID
    asked_at: datetime

    @property
    def id(self) -> UUID:
        """The street order's, by which it is set aside where its answer cannot be recorded."""
        return self.order.id


async def _lease(unit: Unit, limit: int) -> Sequence[Asked]:
    token = UUID(bytes=secrets.token_bytes(16))
    found = await unit.rows(store.LEASE, unit.tenant_id, unit.now, token, limit, unit.frozen)
    found.sort(key=lambda order: (order.accepted_at, order.order_id))
    return [Asked(order, unit.tenant_id, token, unit.now) for order in found]


def _as_venue_order(asked: Asked) -> VenueOrder:
    o = asked.order
    return VenueOrder(
        id=o.id,
        tenant_id=asked.tenant_id,
        instrument_id=o.instrument_id,
        isin=o.isin,
        mic=o.mic,
        currency=o.currency,
        side=o.side,
        order_type=o.order_type,
        quantity=o.quantity,
        cash_amount=o.cash_amount,
        done=o.done,
        limit_price=o.limit_price,
        stop_price=o.stop_price,
        quantity_decimals=o.quantity_decimals,
        pace=o.pace,
        active_at=o.active_at,
        look_after=o.look_after,
        asked_at=asked.asked_at,
        cancel=o.cancel_requested,
        ended_at=o.cancel_at,
        account_id=o.account_id,
        user_id=o.user_id,
        client_reference=o.client_reference,
    )


async def _call(ports: Ports, rows: Sequence[Asked]) -> Sequence[VenueAnswer]:
    return await ports.venue.ask([_as_venue_order(asked) for asked in rows])


async def _record(unit: Unit, rows: Sequence[Asked], said: Sequence[VenueAnswer]) -> None:
    found = await unit.rows(store.STILL_LEASED, unit.tenant_id, [a.order.id for a in rows], rows[0].token)
    leased = {one.id: one.cancel_at for one in found}
    kept = [(a, answer) for a, answer in zip(rows, said, strict=True) if a.order.id in leased]
    if not kept:
        return
    dropped = [(answer.order_id, answer.drop_after) for _, answer in kept if answer.drop_after is not None]
    if dropped:
        await unit.run(store.DROP_LATER, unit.tenant_id, [d[0] for d in dropped], [d[1] for d in dropped])
    # What was said before the venue knew of an end that is dated may lie after it: it is asked once more.
    current = [answer for a, answer in kept if leased[a.order.id] == a.order.cancel_at]
    reports = [report for answer in current for report in answer.reports]
    if reports:
        await unit.run(
            store.INSERT_REPORTS,
            unit.tenant_id,
            [unit.ids.new("venue_report", cause=f"{r.order_id}/{r.external_id}") for r in reports],
            [r.order_id for r in reports],
            [r.external_id for r in reports],
            [r.kind for r in reports],
            [r.last for r in reports],
            [r.due_at for r in reports],
            numeric_array(r.quantity for r in reports),
            numeric_array(r.cash_amount for r in reports),
            numeric_array(r.price for r in reports),
        )
    await unit.run(
        store.ANSWERED,
        unit.tenant_id,
        [a.order.id for a, _ in kept],
        [answer.look_at for _, answer in kept],
        [a.asked_at for a, _ in kept],
        [a.order.cancel_requested and leased[a.order.id] == a.order.cancel_at for a, _ in kept],
    )


ASK_VENUE = Outbound("street.ask_venue", _lease, _call, _record, store.NEXT_LOOK, Phase.STREET, writes_events=False)

SWEEPS = [ASK_VENUE]
