"""SQL of street orders and the venue's inbox."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from openvest.db.query import Query, Statement
from openvest.features.street.model import Filled, Report, StreetOrder

_COLUMNS = (
    "id, order_id, account_id, user_id, client_reference, instrument_id, isin, mic, currency, side, order_type,"
    " quantity, cash_amount, reserve, done, limit_price, stop_price, quantity_decimals, pace, status, cancel_requested,"
    " active_at, look_after"
)

INSERT = Statement(
    """
    insert into street_orders (tenant_id, id, order_id, account_id, user_id, client_reference, instrument_id, isin, mic,
      currency, side, order_type, quantity, cash_amount, limit_price, stop_price, quantity_decimals, pace, status,
      active_at, look_after, look_at, created_at, updated_at, reserve)
    select $1, t.id, t.order_id, t.account_id, t.user_id, t.client_reference, t.instrument_id, t.isin, t.mic,
           t.currency, t.side, t.order_type, t.quantity, t.cash_amount, t.limit_price, t.stop_price,
           t.quantity_decimals, t.pace,
           'WORKING', t.active_at, t.active_at, case when t.quantity = 0 then null else t.active_at end, t.active_at,
           t.active_at, t.reserve
      from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::uuid[], $8::text[], $9::text[],
                  $10::text[], $11::text[], $12::text[], $13::numeric[], $14::numeric[], $15::numeric[],
                  $16::numeric[], $17::integer[], $18::text[], $19::timestamptz[],
                  $20::numeric[])
           as t(id, order_id, account_id, user_id, client_reference, instrument_id, isin, mic, currency, side,
                order_type, quantity, cash_amount, limit_price, stop_price, quantity_decimals, pace, active_at, reserve)
    """
)

NEXT_LOOK = Query(
    datetime,
    """
    select min(look_at) as look_at from street_orders
     where tenant_id = $1 and look_at is not null and (leased_until is null or leased_until < wire_now())
    """,
)

LEASE = Query(
    StreetOrder,
    f"""
    update street_orders s set lease_token = $3, leased_until = wire_now() + interval '30 seconds'
      from (select id from street_orders
             where tenant_id = $1 and look_at <= $2 and (leased_until is null or leased_until < wire_now())
             order by look_at, id limit $4 for update skip locked) due
     where s.tenant_id = $1 and s.id = due.id
    returning {", ".join("s." + c.strip() for c in _COLUMNS.split(","))}
    """,
)

STILL_LEASED = Query(
    UUID,
    "select id from street_orders where tenant_id = $1 and id = any($2) and lease_token = $3 order by id for update",
)

ANSWERED = Statement(
    """
    update street_orders s
       set look_at = case when s.cancel_requested and not t.was_cancel then s.look_at else t.look_at end,
           look_after = t.looked, lease_token = null, leased_until = null, updated_at = t.looked
      from unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::boolean[]) as t(id, look_at, looked, was_cancel)
     where s.tenant_id = $1 and s.id = t.id
    """
)

DROP_LATER = Statement(
    """
    delete from venue_reports r using unnest($2::uuid[], $3::timestamptz[]) as t(street_order_id, after)
     where r.tenant_id = $1 and r.street_order_id = t.street_order_id and r.booked_at is null and r.due_at > t.after
    """
)

INSERT_REPORTS = Statement(
    """
    insert into venue_reports (tenant_id, id, street_order_id, external_id, ordinal, kind, last, quantity, cash_amount,
                               price, due_at)
    select $1, t.id, t.street_order_id, t.external_id, t.n, t.kind, t.last, t.quantity, t.cash_amount, t.price, t.due_at
      from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::boolean[], $7::numeric[], $8::numeric[],
                  $9::numeric[], $10::timestamptz[])
           with ordinality as t(id, street_order_id, external_id, kind, last, quantity, cash_amount, price, due_at, n)
    on conflict (tenant_id, street_order_id, external_id) do nothing
    """
)

NEXT_REPORT = Query(
    datetime, "select min(due_at) as due_at from venue_reports where tenant_id = $1 and booked_at is null"
)

CLAIM_REPORTS = Query(
    Report,
    """
    select r.id, r.street_order_id, s.order_id, r.kind, r.last, r.quantity, r.cash_amount, r.price, r.due_at
      from venue_reports r join street_orders s on s.tenant_id = r.tenant_id and s.id = r.street_order_id
     where r.tenant_id = $1 and r.booked_at is null and r.due_at <= $2
       and not exists (select from set_aside a where a.tenant_id = $1 and a.sweep = $4 and a.row_id = r.id)
     order by r.due_at, r.street_order_id, r.ordinal
     limit $3
       for update of s skip locked
    """,
)

STILL_DUE = Query(UUID, "select id from venue_reports where tenant_id = $1 and id = any($2) and booked_at is null")

BOOKED = Statement("update venue_reports set booked_at = $3 where tenant_id = $1 and id = any($2)")

PROGRESS = Statement(
    """
    update street_orders s set done = s.done + t.done, status = t.status, updated_at = $5,
           look_at = case when t.status = 'WORKING' then s.look_at end
      from unnest($2::uuid[], $3::numeric[], $4::text[]) as t(id, done, status)
     where s.tenant_id = $1 and s.id = t.id
    """
)

REQUEST_CANCEL = Query(
    UUID,
    """
    update street_orders set cancel_requested = true, look_at = $3, updated_at = $3
     where tenant_id = $1 and order_id = any($2) and status = 'WORKING' and not cancel_requested
    returning order_id
    """,
)

OF_ORDERS = Query(
    StreetOrder,
    f"select {_COLUMNS} from street_orders where tenant_id = $1 and order_id = any($2) order by created_at, id",
)

FILLS = Query(
    Filled,
    """
    select s.order_id, r.street_order_id, r.quantity, r.price, r.due_at as at
      from street_orders s join venue_reports r on r.tenant_id = s.tenant_id and r.street_order_id = s.id
     where s.tenant_id = $1 and s.order_id = any($2) and r.kind = 'FILL' and r.booked_at is not null
     order by r.due_at, r.street_order_id, r.ordinal
    """,
)

BY_ID = Query(StreetOrder, f"select {_COLUMNS} from street_orders where tenant_id = $1 and id = any($2)")
