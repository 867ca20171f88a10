"""SQL of orders: intake, reading, lists, the claims of the check and of expiry, and saving what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from openvest.core.records import record
from openvest.db.paging import Chain, Listing
from openvest.db.query import Query, Statement
from openvest.db.rows import arrays, update
from openvest.features.orders.model import Order

_COLUMNS = (
    "id, version, created_at, updated_at, user_id, account_id, account_group_id, instrument_id, isin, side, order_type,"
    " cash_amount, quantity, currency, limit_price, stop_price, expiry_date, execution_flow, initiation_flow,"
    " fit_acknowledged, client_reference, decision_maker_id, fee, fee_collected, fee_type, status, cancellation_reason,"
    " due_at, expires_at, mic, lock_amount, through, executed_quantity, executed_cash, executed_value, fee_booked,"
    " lock_used, cancel_asked_at"
)

INSERT = Statement(
    """
    insert into orders (tenant_id, id, created_at, user_id, account_id, account_group_id, instrument_id, isin, side,
      order_type, currency, expiry_date, execution_flow, initiation_flow, fit_acknowledged, client_reference,
      decision_maker_id, fee_collected, fee_type, cash_amount, quantity, limit_price, stop_price, fee, version,
      updated_at, status, due_at)
    select o.tenant_id, t.*, 1, t.created_at, 'NEW', t.created_at
      from tenants o cross join unnest($2::text::uuid[], $3::timestamptz[], $4::text::uuid[], $5::text::uuid[],
             $6::text::uuid[], $7::text::uuid[], $8::text::text[], $9::text::text[], $10::text::text[],
             $11::text::text[], $12::date[], $13::text::text[], $14::text::text[], $15::text::boolean[],
             $16::text::text[], $17::text::uuid[], $18::text::boolean[], $19::text::text[], $20::text::numeric[],
             $21::text::numeric[], $22::text::numeric[], $23::text::numeric[], $24::text::numeric[])
           as t(id, created_at, user_id, account_id, account_group_id, instrument_id, isin, side, order_type, currency,
                expiry_date, execution_flow, initiation_flow, fit_acknowledged, client_reference, decision_maker_id,
                fee_collected, fee_type, cash_amount, quantity, limit_price, stop_price, fee) where o.tenant_id = $1
    """
)


def insert_values(orders: Sequence[Order]) -> list[Any]:
    """The parameters of INSERT after the tenant."""
    return arrays(
        Order,
        orders,
        "id created_at user_id account_id account_group_id instrument_id isin side order_type currency expiry_date"
        " execution_flow initiation_flow fit_acknowledged client_reference decision_maker_id fee_collected fee_type"
        " cash_amount quantity limit_price stop_price fee",
    )


SAVE = update(
    "orders",
    Order,
    "version updated_at status cancellation_reason due_at expires_at mic through cancel_asked_at"
    " lock_amount executed_quantity executed_cash executed_value fee_booked lock_used",
)


ANY_ORDERED = Query(bool, "select exists (select from orders where tenant_id = $1 and account_id = any($2::uuid[]))")

BY_ID = Query(Order, f"select {_COLUMNS} from orders where tenant_id = $1 and id = $2")

ORDER_FOR_UPDATE = Query(
    Order,
    f"select {_COLUMNS} from orders where tenant_id = $1 and id = $2 for no key update",
)

FREE_FOR_UPDATE = Query(
    Order,
    f"select {_COLUMNS} from orders where tenant_id = $1 and id = any($2) order by id for no key update skip locked",
)

_OF_ANY = """
    account_id in (select unnest($2::uuid[])
                   union all select account_id from pub_accounts where tenant_id = $1 and group_id = any($2::uuid[])
                   union all select account_id from pub_accounts where tenant_id = $1 and user_id = any($2::uuid[]))
"""
"""On these accounts, or on the accounts of these groups or of these users."""

_TO_END = f"""
    select {_COLUMNS} from orders where tenant_id = $1 and side = any($3::text[])
       and {_OF_ANY} and status =
"""

WORKING_TO_END_FOR_UPDATE = Query(Order, f"{_TO_END} 'PROCESSING' order by id for no key update")

NEW_TO_END_FOR_UPDATE = Query(Order, f"{_TO_END} 'NEW' order by id for no key update skip locked")
"""Who has one of them in hand, such as the check, does not hold the account yet and decides by what it becomes."""

# NEW ones first: who of them was in hand and works now is among the others. Both halves of what is NEW have an index.

_OF_INSTRUMENTS = f"""
    select {_COLUMNS} from orders where tenant_id = $1 and instrument_id = any($2::uuid[]) and status =
"""

NEW_OF_INSTRUMENTS_FOR_UPDATE = Query(
    Order,
    f"{_OF_INSTRUMENTS} 'NEW' and (due_at is null or due_at is not null) order by id for no key update",
)

WORKING_OF_INSTRUMENTS_FOR_UPDATE = Query(Order, f"{_OF_INSTRUMENTS} 'PROCESSING' order by id for no key update")

ORDERS = Listing(
    row=Order,
    columns=_COLUMNS,
    source="orders",
    filters={
        "account_id": "account_id = {}",
        "account_group_id": "account_group_id = {}",
        "user_id": "user_id = {}",
        "status": "status = {}",
        "cancelled_by_client": "status = 'CANCELLED' and (cancellation_reason = 'CANCELLED_BY_CLIENT') = {}",
        "date_created_from": "created_at >= {}",
        "date_created_to": "created_at <= {}",
    },
    sorts={"id": "id"},
    default_sort="id",
    chains=(Chain(), Chain("account_id"), Chain("account_id", "status")),
    settled="hour",
)

# What was set aside is not due: it would hold the clock at its instant for ever.

_DUE = """
    from orders o
   where tenant_id = $1 and status = 'NEW' and due_at is not null
     and not exists (select from dead_letters a where a.tenant_id = $1 and a.sweep = 'orders.check' and a.row_id = o.id)
"""

NEXT_DUE = Query(datetime, f"select due_at {_DUE} order by due_at limit 1")

CLAIM_DUE = Query(
    Order,
    f"""
    select {_COLUMNS} {_DUE} and due_at <= $2
     order by due_at, created_at, id
     limit $3
       for no key update skip locked
    """,
)


@record
class QueuePosition:
    """Where an order stands in the line of its account group."""

    account_group_id: UUID
    due_at: datetime
    created_at: datetime
    id: UUID


AHEAD = Query(
    QueuePosition,
    f"""
    select account_group_id, due_at, created_at, id {_DUE}
     and (due_at, created_at, id) < ($2::timestamptz, $3::timestamptz, $4::uuid) and not id = any($5::uuid[])
    """,
)
"""Due orders that stand before the last of a claimed set and are not in it: other workers have them in hand."""

WAKE = Statement(
    f"update orders set due_at = $3 where tenant_id = $1 and status = 'NEW' and due_at is null and {_OF_ANY}"
)

WAKE_PURCHASES = Statement(
    """
    update orders set due_at = $3
     where tenant_id = $1 and id in (
       select id from orders where tenant_id = $1 and account_group_id = any($2::uuid[]) and side = 'BUY'
          and status = 'NEW' and due_at > $3 for no key update skip locked)
    """
)
"""Who has one of them in hand, such as the check, does not hold the balance yet and decides by what it becomes."""

# A block is sent when no order waits any more that may still join it; one that was set aside does not hold it up.

_CLOSING = """
    from pub_blocks b
   where b.tenant_id = $1 and b.status = 'COLLECTING'
     and not exists (
       select from orders o
        where o.tenant_id = $1 and o.status = 'NEW' and o.due_at is not null and o.due_at <= b.cut_off_at
          and o.execution_flow = 'BLOCK' and o.instrument_id = b.instrument_id and o.side = b.side
          and not exists (
            select from dead_letters a
             where a.tenant_id = $1 and a.sweep = 'orders.check' and a.row_id = o.id))
     and not exists (
       select from dead_letters a
        where a.tenant_id = $1 and a.sweep = 'orders.close_blocks' and a.row_id = b.id)
"""

NEXT_CLOSING = Query(datetime, f"select b.cut_off_at {_CLOSING} order by b.cut_off_at limit 1")

CLOSING = Query(UUID, f"select b.id {_CLOSING} and b.cut_off_at <= $2 order by b.cut_off_at, b.side, b.id limit $3")

_EXPIRING = """
    from orders o
   where tenant_id = $1 and status in ('NEW', 'PROCESSING') and expires_at is not null and cancellation_reason is null
    and not exists (select from dead_letters a where a.tenant_id = $1 and a.sweep = 'orders.expire' and a.row_id = o.id)
"""

NEXT_EXPIRY = Query(datetime, f"select expires_at {_EXPIRING} order by expires_at limit 1")

CLAIM_EXPIRED = Query(
    Order,
    f"""
    select {_COLUMNS} {_EXPIRING} and expires_at <= $2
     order by expires_at, created_at, id
     limit $3
       for no key update skip locked
    """,
)
