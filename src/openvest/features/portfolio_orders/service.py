"""Verbs of portfolio orders: place, preview, find, cancel; and how they follow their orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from openvest.core.paging import Page, PageRequest
from openvest.core.records import replace
from openvest.core.shown import filled
from openvest.db.paging import page
from openvest.db.rows import next_version, save
from openvest.db.unit import Unit
from openvest.features.accounts import service as accounts
from openvest.features.executions import service as executions
from openvest.features.orders import service as orders
from openvest.features.portfolio_orders import rules, service_plans, store
from openvest.features.portfolio_orders.model import (
    CancellationReason,
    ChildOrder,
    NewPortfolioOrder,
    PortfolioOrder,
    PreviewedOrder,
    Status,
    StoredPortfolioOrder,
)
from openvest.features.portfolios import service as portfolios
from openvest.features.portfolios.model import Configuration

_new = filled(
    StoredPortfolioOrder,
    NewPortfolioOrder,
    beside="id version created_at updated_at user_id account_group_id portfolio_id allocation_id status"
    " cancellation_reason cancellation_details cancel_asked_at due_at",
)
_whole = filled(PortfolioOrder, StoredPortfolioOrder, beside="orders")
_previewed = filled(PreviewedOrder, PortfolioOrder, beside="preview")


# Placing


async def place_order(unit: Unit, new: NewPortfolioOrder) -> PortfolioOrder:
    """Accept an order for the portfolio of an account; it is divided later.

    Raises: AccountNotFound, NotTheOwner, NothingFollowed. Writes: portfolio_orders, PORTFOLIO_ORDER.NEW.
    """
    order = await _accepted(unit, new)
    await save(unit, store.ADD_ORDER, order)
    placed = _whole(order, orders=())
    unit.emit("PORTFOLIO_ORDER.NEW", order.id, 1, order.created_at, placed)
    return placed


async def preview_order(unit: Unit, new: NewPortfolioOrder) -> PreviewedOrder:
    """What an order would be accepted as, and what it would come to. Nothing of it stays, be it a key.

    Raises: as place_order.
    """
    order = await _accepted(unit, new)
    plans = await service_plans.plans_of(unit, [order])
    unit.abandon()
    return _previewed(_whole(order, orders=()), preview=plans[order.id])


async def _accepted(unit: Unit, new: NewPortfolioOrder) -> StoredPortfolioOrder:
    account = await accounts.get_account(unit, new.account_id)
    if new.user_id not in (None, account.user_id):
        raise rules.NotTheOwner
    followed = await portfolios.find_configuration(unit, account.id)
    if followed is None:
        raise rules.NothingFollowed
    at = unit.moment_after(None)
    return _new(
        new,
        id=unit.ids.new("portfolio_order"),
        version=1,
        created_at=at,
        updated_at=at,
        user_id=account.user_id,
        account_group_id=account.account_group_id,
        portfolio_id=followed.id,
        allocation_id=followed.allocation_id,
        status="NEW",
        cancellation_reason=None,
        cancellation_details=None,
        cancel_asked_at=None,
        due_at=at,
    )


async def open_portfolio(unit: Unit, portfolio_id: UUID) -> Configuration:
    """One that takes orders. Raises: PortfolioNotFound, PortfolioIsClosed."""
    portfolio = await portfolios.get_portfolio(unit, portfolio_id)
    if portfolio.status == "CLOSED":
        raise rules.PortfolioIsClosed
    return portfolio


# Reading


async def get_order(unit: Unit, portfolio_order_id: UUID) -> PortfolioOrder:
    """Raises: PortfolioOrderNotFound."""
    unknown = rules.PortfolioOrderNotFound()
    found = await unit.known(unknown, store.ORDER_BY_ID, unit.tenant_id, portfolio_order_id)
    return (await _with_orders(unit, [found]))[0]


async def list_orders(unit: Unit, request: PageRequest, filters: Mapping[str, Any] = {}) -> Page[PortfolioOrder]:
    """A page of all portfolio orders, or of those that the filters leave."""
    found = await page(unit, store.PORTFOLIO_ORDERS, request, filters)
    return found.of(await _with_orders(unit, found.rows))


async def _with_orders(unit: Unit, found: Sequence[StoredPortfolioOrder]) -> list[PortfolioOrder]:
    """These with their orders as they stand, in the order of their instruments."""
    if not found:
        return []
    links = await unit.rows(store.LINKS, unit.tenant_id, [one.id for one in found])
    known = await orders.orders_of(unit, [link.order_id for link in links]) if links else {}
    of_each: dict[UUID, list[ChildOrder]] = {one.id: [] for one in found}
    for link in links:
        order = known[link.order_id]
        of_each[link.portfolio_order_id].append(ChildOrder(order.id, order.side, order.status))
    return [_whole(one, orders=tuple(of_each[one.id])) for one in found]


# Ending


async def cancel_order(unit: Unit, portfolio_order_id: UUID) -> None:
    """Have a portfolio order end: at once where it is not divided yet, else with its orders, each of which is asked to.
    That one is final is told by the events of its orders.

    Why the orders come before it: whoever works on orders has them before their portfolio order.
    Raises: PortfolioOrderNotFound. Writes: portfolio_orders, PORTFOLIO_ORDER.CANCELLED, and what orders write.
    """
    for link in await unit.rows(store.LINKS, unit.tenant_id, [portfolio_order_id]):
        await orders.cancel_order(unit, link.order_id)
    unknown = rules.PortfolioOrderNotFound()
    order = await unit.known(unknown, store.ORDER_FOR_UPDATE, unit.tenant_id, portfolio_order_id)
    if order.due_at is not None:
        await end_undivided(unit, order, "CANCELLED_BY_CLIENT", "It was cancelled before it was divided into orders.")
    elif order.status in ("NEW", "PROCESSING") and order.cancel_asked_at is None:
        await save(unit, store.SAVE_ORDERS, replace(order, cancel_asked_at=unit.now))


async def end_undivided(unit: Unit, order: StoredPortfolioOrder, reason: CancellationReason, details: str) -> None:
    """End a locked portfolio order that has no orders. Writes: portfolio_orders, PORTFOLIO_ORDER.CANCELLED."""
    ended = _moved(unit, _whole(order, orders=()), "cancel", (reason, details))
    await save(unit, store.SAVE_ORDERS, ended)


async def drop_order(unit: Unit, portfolio_order_id: UUID) -> None:
    """End one that cannot be divided. Writes: as end_undivided."""
    order = await unit.row(store.ORDER_FOR_UPDATE, unit.tenant_id, portfolio_order_id)
    if order is not None and order.due_at is not None:
        await end_undivided(unit, order, "CANCELLED_BY_UPVEST", "It could not be divided into orders.")


# Following


async def follow(unit: Unit, order_ids: Sequence[UUID]) -> None:
    """Some of these orders may be of a portfolio order: it stands as they do.

    Why it is locked before its orders are read: two that end at once wait here for each other, and the later sees both.
    Writes: portfolio_orders, PORTFOLIO_ORDER.PROCESSING, .FILLED, .SETTLED, .CANCELLED.
    """
    found = await unit.rows(store.PARENTS_FOR_UPDATE, unit.tenant_id, sorted(order_ids))
    changed = list[StoredPortfolioOrder]()
    for order in await _with_orders(unit, found):
        settled, stands = await _is_settled(unit, order), order
        while (verb := rules.next_verb(stands.status, order.orders, settled)) is not None:
            stands = _moved(unit, stands, verb, rules.end_of(stands, order.orders) if verb == "cancel" else None)
        if stands is not order:
            changed.append(stands)
    await save(unit, store.SAVE_ORDERS, *changed)


async def _is_settled(unit: Unit, order: PortfolioOrder) -> bool:
    """Whether all that its orders traded is settled; asked only where they are filled."""
    if any(child.status != "FILLED" for child in order.orders):
        return False
    traded = await executions.executions_of(unit, [child.id for child in order.orders])
    return all(one.status != "FILLED" for of_one in traded.values() for one in of_one)


def _moved(
    unit: Unit, order: PortfolioOrder, verb: str, end: tuple[CancellationReason, str] | None = None
) -> PortfolioOrder:
    """The order after this verb, and its news; the caller stores it. Raises: WrongState."""
    status = cast(Status, rules.PORTFOLIO_ORDER.move(order.status, verb))
    reason, details = end or (None, None)
    changed = next_version(
        unit, order, status=status, cancellation_reason=reason, cancellation_details=details, due_at=None
    )
    unit.emit(f"PORTFOLIO_ORDER.{status}", changed.id, changed.version, changed.updated_at, changed)
    return changed
