"""Verbs of the street: send orders, claim what venues reported, record how far they came, ask for cancellation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import LiteralString
from uuid import UUID

from openvest.db.query import Query, numeric_array
from openvest.db.unit import Unit
from openvest.features.street import store
from openvest.features.street.model import Filled, Report, StreetOrder
from openvest.features.street.rules import STREET_ORDER

UNBOOKED = "venue_reports t where t.tenant_id = $1 and t.id = a.row_id and t.booked_at is null"
"""What finds a report that was set aside and is not booked (declarations.DeadLetterKind)."""


async def send(unit: Unit, orders: Sequence[StreetOrder], inside: Mapping[UUID, Decimal] | None = None) -> None:
    """Put street orders on their way: the venue is asked about them at once.

    `inside` gives the price of those of quantity zero, which the house's inventory serves: they are reported filled
    without a venue. Writes: street_orders, venue_reports.
    """
    if orders:
        await unit.run(store.INSERT, unit.tenant_id, *store.insert_values(orders))
    if inside:
        await unit.run(
            store.INSERT_REPORTS,
            unit.tenant_id,
            [unit.ids.new("venue_report", cause=i) for i in inside],
            list(inside),
            ["inside" for _ in inside],
            ["FILL" for _ in inside],
            [True for _ in inside],
            [unit.now for _ in inside],
            numeric_array(None for _ in inside),
            numeric_array(None for _ in inside),
            numeric_array(inside.values()),
        )


async def fills_of(unit: Unit, order_ids: Sequence[UUID]) -> dict[UUID, list[Filled]]:
    """Fills booked before, by the order they serve."""
    found: dict[UUID, list[Filled]] = defaultdict(list)
    if order_ids:
        for fill in await unit.rows(store.FILLS, unit.tenant_id, list(order_ids)):
            found[fill.order_id].append(fill)
    return found


async def request_cancel(unit: Unit, order_ids: Sequence[UUID], *, ended_at: datetime | None = None) -> set[UUID]:
    """Ask the venue to end what works for these orders. Returns the orders that have a working street order.

    `ended_at`: their trading was over then, so what the venue has announced for later is void at once. What the house's
    inventory serves cannot be ended any more: it has been traded. Writes: street_orders, venue_reports.
    """
    asked = set(await unit.rows(store.REQUEST_CANCEL, unit.tenant_id, list(order_ids), unit.now, ended_at))
    if asked and ended_at is not None:
        await unit.run(store.DROP_OF_ORDERS, unit.tenant_id, sorted(asked), ended_at)
    return asked


async def try_again(unit: Unit, order_ids: Sequence[UUID], sweep: str) -> None:
    """Take up again what was set aside of these orders here; `sweep` names who books reports. Writes: dead_letters."""
    await unit.run(store.FREE_QUESTIONS, unit.tenant_id, list(order_ids))
    await unit.run(store.FREE_REPORTS, unit.tenant_id, list(order_ids), sweep)


async def withdraw_cancel(unit: Unit, order_id: UUID) -> bool:
    """What works for the order is not to be ended any more, unless its trading was over at an instant.

    Returns whether it goes on. Writes: street_orders.
    """
    await unit.run(store.WITHDRAW_CANCEL, unit.tenant_id, [order_id])
    return not await unit.one(store.ENDS_ANYWAY, unit.tenant_id, order_id)


async def order_of_report(unit: Unit, report_id: UUID) -> UUID | None:
    """The order a report is about, or None where there is no such report."""
    return await unit.row(store.ORDER_OF_REPORT, unit.tenant_id, report_id)


async def end_unheard(unit: Unit, order_id: UUID) -> bool:
    """End what works for an order without asking the venue. Returns False, having written nothing, where the venue has
    reported a trade that is not booked.

    Writes: venue_reports, street_orders.
    """
    working = await unit.rows(store.WORKING_FOR_UPDATE, unit.tenant_id, order_id)
    ids = [order.id for order in working]
    reports = await unit.rows(store.REPORTS_OF, unit.tenant_id, ids)
    heard = [report for report in reports if report.due_at <= unit.now]
    if any(report.kind == "FILL" for report in heard):
        return False
    await unit.run(store.DROP_LATER, unit.tenant_id, ids, [unit.now for _ in ids])
    await unit.run(store.BOOKED, unit.tenant_id, [report.id for report in heard], unit.now)
    ended = [STREET_ORDER.move(order.status, "end") for order in working]
    await unit.run(store.PROGRESS, unit.tenant_id, ids, ended, numeric_array(Decimal(0) for _ in ids), unit.now)
    return True


def next_report(sweep: LiteralString) -> Query[datetime]:
    """The question when the next report falls due that this sweep may book."""
    return store.next_report(sweep)


async def claim_reports(unit: Unit, limit: int, sweep: str) -> list[Report]:
    """Reports that are due, by their instant, then by the acceptance of the order; their street orders are locked.

    `sweep` names who books them: what it has set aside holds back the later reports of the same street order.
    """
    found = await unit.rows(store.CLAIM_REPORTS, unit.tenant_id, sweep, unit.now, limit)
    if not found:
        return []
    # The lock was waited for by nobody, but a report may have been booked between its reading and the lock.
    still = set(await unit.rows(store.STILL_DUE, unit.tenant_id, [r.id for r in found]))
    return [report for report in found if report.id in still]


async def booked(unit: Unit, reports: Sequence[Report]) -> None:
    """Record that reports were booked and how far their street orders came. Writes: venue_reports, street_orders."""
    if not reports:
        return
    done: dict[UUID, Decimal] = defaultdict(Decimal)
    status: dict[UUID, str] = {}
    for report in reports:
        measure = report.cash_amount if report.cash_amount is not None else report.quantity
        done[report.street_order_id] += measure or Decimal(0)
        verb = "complete" if report.kind == "FILL" else "end"
        known = status.get(report.street_order_id, "WORKING")
        status[report.street_order_id] = STREET_ORDER.move(known, verb) if report.last else known
    await unit.run(store.BOOKED, unit.tenant_id, [r.id for r in reports], unit.now)
    ids = sorted(status)
    await unit.run(
        store.PROGRESS, unit.tenant_id, ids, [status[i] for i in ids], numeric_array(done[i] for i in ids), unit.now
    )


async def street_orders(unit: Unit, ids: Sequence[UUID]) -> dict[UUID, StreetOrder]:
    """Street orders by id."""
    return {o.id: o for o in await unit.rows(store.BY_ID, unit.tenant_id, list(ids))}


async def street_orders_of(unit: Unit, order_ids: Sequence[UUID]) -> dict[UUID, list[StreetOrder]]:
    """Street orders by the order they serve, oldest first."""
    found: dict[UUID, list[StreetOrder]] = defaultdict(list)
    for order in await unit.rows(store.OF_ORDERS, unit.tenant_id, list(order_ids)):
        found[order.order_id].append(order)
    return found
