"""The statements of portfolio orders. $1 is always the tenant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from openvest.core.records import record
from openvest.db.paging import Chain, Listing, days_of
from openvest.db.query import Query
from openvest.db.rows import columns, insert, update
from openvest.declarations import AuditQuery, ClosingBlocker
from openvest.features.portfolio_orders.model import StoredPortfolioOrder


@record
class Link:
    """Which portfolio order an order is of, and the place it has there."""

    order_id: UUID
    portfolio_order_id: UUID
    position: int


@record
class Held:
    """A position of which something can be sold."""

    account_id: UUID
    asset: str


_ORDER, _LINK = columns(StoredPortfolioOrder), columns(Link)

PORTFOLIO_ORDERS = Listing(
    StoredPortfolioOrder,
    columns=_ORDER,
    source="portfolio_orders",
    filters={
        **days_of("created_at"),
        "account_id": "account_id = {}",
        "allocation_id": "allocation_id = {}",
    },
    sorts={"id": "id"},
    default_sort="id",
    chains=(Chain(),),
)
ORDER_BY_ID = Query(StoredPortfolioOrder, f"select {_ORDER} from portfolio_orders where tenant_id = $1 and id = $2")
ORDER_FOR_UPDATE = Query(StoredPortfolioOrder, f"{ORDER_BY_ID.sql} for no key update")
PARENTS_FOR_UPDATE = Query(
    StoredPortfolioOrder,
    f"""select {_ORDER} from portfolio_orders
 where tenant_id = $1
   and id in (select portfolio_order_id from portfolio_order_children
               where tenant_id = $1 and order_id = any($2::uuid[]))
 order by id for no key update""",
)
LINKS = Query(
    Link,
    f"select {_LINK} from portfolio_order_children where tenant_id = $1 and portfolio_order_id = any($2::uuid[])"
    " order by portfolio_order_id, position",
)
ADD_ORDER = insert("portfolio_orders", StoredPortfolioOrder)
ADD_LINKS = insert("portfolio_order_children", Link)
SAVE_ORDERS = update(
    "portfolio_orders",
    StoredPortfolioOrder,
    "version updated_at status cancellation_reason cancellation_details cancel_asked_at due_at",
)

_DUE = """
  from portfolio_orders o
 where tenant_id = $1 and due_at is not null
   and not exists (select from dead_letters a
                    where a.tenant_id = $1 and a.sweep = 'portfolio_orders.divide' and a.row_id = o.id)
"""
# What was set aside is not due: it would hold the clock at its instant for ever.
NEXT_DUE = Query(datetime, f"select due_at {_DUE} order by due_at limit 1")
CLAIM_DUE = Query(
    StoredPortfolioOrder,
    f"select {_ORDER} {_DUE} and due_at <= $2 order by due_at, id limit $3 for no key update skip locked",
)

HELD = Query(
    Held,
    "select owner_id as account_id, asset from pub_balances where tenant_id = $1 and owner_kind = 'account'"
    " and owner_id = any($2::uuid[]) and available_for_trading > 0 order by owner_id, asset",
)

UNDER_WAY = ClosingBlocker(
    "portfolio_orders p where p.tenant_id = $1 and p.account_id = a.id and p.status in ('NEW', 'PROCESSING')"
)

AUDIT: Sequence[AuditQuery] = (
    AuditQuery(
        "portfolio_orders_follow_their_orders",
        "The orders of a portfolio order are on its side and its account and come to no more than its amount; it is"
        " FILLED or SETTLED while all are filled, CANCELLED once all are final and one is not filled.",
        """
select p.id, p.status, p.cash_amount, count(*) as orders, sum(o.cash_amount) as ordered
  from portfolio_orders p
  join portfolio_order_children c on c.tenant_id = p.tenant_id and c.portfolio_order_id = p.id
  join pub_orders o on o.tenant_id = c.tenant_id and o.id = c.order_id
 where p.tenant_id = $1
 group by p.id, p.status, p.cash_amount, p.side, p.account_id
having sum(o.cash_amount) > p.cash_amount or bool_or(o.side <> p.side or o.account_id <> p.account_id)
    or (p.status in ('FILLED', 'SETTLED')) <> bool_and(o.status = 'FILLED')
    or (p.status = 'CANCELLED') <> (bool_and(o.status in ('FILLED', 'CANCELLED')) and bool_or(o.status = 'CANCELLED'))
""",
    ),
)
