"""SQL of orders: intake, reading, lists, the claim of the check and of expiry, and saving what was decided."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from openvest.db.paging import Listing
from openvest.db.query import Query, Statement
from openvest.features.orders.model import Order

ORDER_COLUMNS = (
    "id, version, created_at, updated_at, user_id, account_id, account_group_id, instrument_id, isin, side, order_type,"
    " cash_amount, quantity, currency, limit_price, stop_price, expiry_date, execution_flow, initiation_flow,"
    " fit_acknowledged, client_reference, decision_maker_id, fee, fee_collected, fee_type, status, cancellation_reason,"
    " due_at, expires_at, mic, lock_amount, through, executed_quantity, executed_cash, executed_value, fee_booked,"
    " lock_used"
)

INSERT = Statement(
    """
    insert into orders (tenant_id, id, version, created_at, updated_at, user_id, account_id, account_group_id,
      instrument_id, isin, side, order_type, cash_amount, quantity, currency, limit_price, stop_price, expiry_date,
      execution_flow, initiation_flow, fit_acknowledged, client_reference, decision_maker_id, fee, fee_collected,
      fee_type, status, due_at, expires_at, mic)
    select $1, t.id, 1, t.created_at, t.created_at, t.user_id, t.account_id, t.account_group_id, t.instrument_id,
           t.isin, t.side, t.order_type, t.cash_amount, t.quantity, t.currency, t.limit_price, t.stop_price,
           t.expiry_date, t.execution_flow, t.initiation_flow, t.fit_acknowledged, t.client_reference,
           t.decision_maker_id, t.fee, t.fee_collected, t.fee_type, 'NEW', t.created_at, t.expires_at, t.mic
      from unnest($2::uuid[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::text[],
                  $9::text[], $10::text[], $11::numeric[], $12::numeric[], $13::text[], $14::numeric[],
                  $15::numeric[], $16::date[], $17::text[], $18::text[], $19::boolean[], $20::text[], $21::uuid[],
                  $22::numeric[], $23::boolean[], $24::text[], $25::timestamptz[], $26::text[])
           as t(id, created_at, user_id, account_id, account_group_id, instrument_id, isin, side, order_type,
                cash_amount, quantity, currency, limit_price, stop_price, expiry_date, execution_flow,
                initiation_flow, fit_acknowledged, client_reference, decision_maker_id, fee, fee_collected, fee_type,
                expires_at, mic)
    """
)

SAVE = Statement(
    """
    update orders o
       set version = t.version, updated_at = t.updated_at, status = t.status,
           cancellation_reason = t.cancellation_reason, due_at = t.due_at, mic = t.mic, lock_amount = t.lock_amount,
           through = t.through, executed_quantity = t.executed_quantity, executed_cash = t.executed_cash,
           executed_value = t.executed_value, fee_booked = t.fee_booked, lock_used = t.lock_used
      from unnest($2::uuid[], $3::integer[], $4::timestamptz[], $5::text[], $6::text[], $7::timestamptz[], $8::text[],
                  $9::numeric[], $10::text[], $11::numeric[], $12::numeric[], $13::numeric[], $14::numeric[],
                  $15::numeric[])
           as t(id, version, updated_at, status, cancellation_reason, due_at, mic, lock_amount, through,
                executed_quantity, executed_cash, executed_value, fee_booked, lock_used)
     where o.tenant_id = $1 and o.id = t.id
    """
)

BY_ID = Query(Order, f"select {ORDER_COLUMNS} from orders where tenant_id = $1 and id = $2")

LOCK = Query(
    Order,
    f"select {ORDER_COLUMNS} from orders where tenant_id = $1 and id = $2 for no key update",
)

LOCK_FREE = Query(
    Order,
    f"select {ORDER_COLUMNS} from orders where tenant_id = $1 and id = any($2)"
    " order by id for no key update skip locked",
)

OF_ACCOUNT = Listing(
    row=Order,
    columns=ORDER_COLUMNS,
    source="orders",
    filters={
        "account_id": "account_id = {}",
        "account_group_id": "account_group_id = {}",
        "user_id": "user_id = {}",
        "status": "status = {}",
        "date_created_from": "created_at >= {}",
        "date_created_to": "created_at <= {}",
    },
    sorts={"id": "id"},
    default_sort="id",
)

NEXT_DUE = Query(
    datetime, "select min(due_at) as due_at from orders where tenant_id = $1 and status = 'NEW' and due_at is not null"
)

CLAIM_DUE = Query(
    Order,
    f"""
    select {ORDER_COLUMNS} from orders o
     where tenant_id = $1 and status = 'NEW' and due_at <= $2
       and not exists (select from set_aside a where a.tenant_id = $1 and a.sweep = 'orders.check' and a.row_id = o.id)
     order by due_at, created_at, id
     limit $3
       for no key update skip locked
    """,
)

BEHIND_ANOTHER = Query(
    UUID,
    """
    select o.id from orders o
     where o.tenant_id = $1 and o.id = any($2)
       and exists (
         select from orders e
          where e.tenant_id = $1 and e.account_group_id = o.account_group_id and e.status = 'NEW' and e.due_at <= $3
            and (e.created_at, e.id) < (o.created_at, o.id)
            and e.id not in (select unnest($2::uuid[]))
            and not exists (
              select from set_aside a where a.tenant_id = $1 and a.sweep = 'orders.check' and a.row_id = e.id))
    """,
)
"""Claimed orders that another worker's earlier order of the same group stands before: they wait for it."""

WAKE_ACCOUNTS = Statement(
    "update orders set due_at = $3 where tenant_id = $1 and account_id = any($2) and status = 'NEW' and due_at is null"
)

NEXT_EXPIRY = Query(
    datetime,
    """
    select min(expires_at) as expires_at from orders
     where tenant_id = $1 and status in ('NEW', 'PROCESSING') and expires_at is not null and cancellation_reason is null
    """,
)

CLAIM_EXPIRED = Query(
    Order,
    f"""
    select {ORDER_COLUMNS} from orders o
     where tenant_id = $1 and status in ('NEW', 'PROCESSING') and expires_at <= $2 and cancellation_reason is null
       and not exists (select from set_aside a where a.tenant_id = $1 and a.sweep = 'orders.expire' and a.row_id = o.id)
     order by expires_at, created_at, id
     limit $3
       for no key update skip locked
    """,
)
