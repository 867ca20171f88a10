"""SQL of street orders and the venue's inbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from openvest.core.records import record
from openvest.db.query import Query, Statement
from openvest.db.rows import arrays
from openvest.features.street.model import Filled, Report, StreetOrder

_COLUMNS = (
    "id, order_id, accepted_at, account_id, user_id, client_reference, instrument_id, isin, mic, currency, side,"
    " order_type, quantity, cash_amount, reserve, done, limit_price, stop_price, quantity_decimals, pace, status,"
    " cancel_requested, active_at, look_after, cancel_at"
)

INSERT = Statement(
    """
    insert into street_orders (tenant_id, id, order_id, accepted_at, account_id, user_id, client_reference,
      instrument_id, isin, mic, currency, side, order_type, quantity_decimals, pace, active_at, quantity, cash_amount,
      reserve, limit_price, stop_price, done, status, look_after, look_at, created_at, updated_at)
    select o.tenant_id, t.*, 0, 'WORKING', t.active_at,
           case when t.quantity = 0 then null else t.active_at end, t.active_at, t.active_at
      from tenants o
     cross join unnest($2::text::uuid[], $3::text::uuid[], $4::timestamptz[], $5::text::uuid[], $6::text::uuid[],
                       $7::text::text[], $8::text::uuid[], $9::text::text[], $10::text::text[], $11::text::text[],
                       $12::text::text[], $13::text::text[], $14::text::integer[], $15::text::text[],
                       $16::timestamptz[], $17::text::numeric[], $18::text::numeric[], $19::text::numeric[],
                       $20::text::numeric[], $21::text::numeric[])
           as t(id, order_id, accepted_at, account_id, user_id, client_reference, instrument_id, isin, mic, currency,
                side, order_type, quantity_decimals, pace, active_at, quantity, cash_amount, reserve, limit_price,
                stop_price)
     where o.tenant_id = $1
    """
)


def insert_values(orders: Sequence[StreetOrder]) -> list[Any]:
    """The parameters of INSERT after the tenant."""
    return arrays(
        StreetOrder,
        orders,
        "id order_id accepted_at account_id user_id client_reference instrument_id isin mic currency side order_type"
        " quantity_decimals pace active_at quantity cash_amount reserve limit_price stop_price",
    )


# A leased order is still to be looked at, else the clock would pass over one whose process died. A lease is respected
# only where several runners work side by side: a frozen tenant has one ($5), and what it finds leased is of a dead one.

_LOOK = """
       tenant_id = $1 and look_at is not null
     and not exists (
       select from dead_letters a
             where a.tenant_id = $1 and a.sweep = 'street.ask_venue' and a.row_id = street_orders.id)
"""

NEXT_LOOK = Query(datetime, f"select look_at from street_orders where {_LOOK} order by look_at limit 1")

LEASE = Query(
    StreetOrder,
    f"""
    update street_orders s set lease_token = $3, leased_until = wire_now() + interval '30 seconds'
      from (select id from street_orders
             where {_LOOK} and look_at <= $2 and (leased_until is null or leased_until < wire_now() or $5)
             order by look_at, accepted_at, order_id limit $4 for update skip locked) due
     where s.tenant_id = $1 and s.id = due.id
    returning {", ".join("s." + c.strip() for c in _COLUMNS.split(","))}
    """,
)


@record
class Leased:
    """A street order whose lease still holds, and from when on its end is dated."""

    id: UUID
    cancel_at: datetime | None


STILL_LEASED = Query(
    Leased,
    "select id, cancel_at from street_orders"
    " where tenant_id = $1 and id = any($2) and lease_token = $3 and status = 'WORKING' order by id for update",
)
"""What ended while the venue was asked has heard all it is to hear: a report after its end could never be booked."""

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

DROP_OF_ORDERS = Statement(
    """
    delete from venue_reports r using street_orders s
     where s.tenant_id = $1 and s.order_id = any($2::uuid[]) and s.status = 'WORKING'
       and r.tenant_id = s.tenant_id and r.street_order_id = s.id and r.booked_at is null and r.due_at > $3
    """
)

INSERT_REPORTS = Statement(
    """
    insert into venue_reports (tenant_id, id, street_order_id, order_id, accepted_at, external_id, ordinal, kind, last,
                               quantity, cash_amount, price, due_at)
    select s.tenant_id, t.id, s.id, s.order_id, s.accepted_at, t.external_id, t.n, t.kind, t.last, t.quantity,
           t.cash_amount, t.price, t.due_at
      from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::boolean[], $7::timestamptz[],
                  $8::text::numeric[], $9::text::numeric[], $10::text::numeric[])
           with ordinality as t(id, street_order_id, external_id, kind, last, due_at, quantity, cash_amount, price, n)
      join street_orders s on s.tenant_id = $1 and s.id = t.street_order_id
    on conflict (tenant_id, street_order_id, external_id) do nothing
    """
)

# What was set aside is not due, and what the venue said of the same street order later waits behind it: a fill that
# could not be booked must not be overtaken by the end of its order.

_DUE: LiteralString = """
       r.tenant_id = $1 and r.booked_at is null
     and not exists (
       select from dead_letters a join venue_reports e on e.tenant_id = a.tenant_id and e.id = a.row_id
        where a.tenant_id = $1 and a.sweep = $2 and e.street_order_id = r.street_order_id and e.booked_at is null)
"""


def next_report(sweep: LiteralString) -> Query[datetime]:
    """When the next report falls due that this sweep may book."""
    due = _DUE.replace("$2", f"'{sweep}'")
    return Query(datetime, f"select r.due_at from venue_reports r where {due} order by r.due_at limit 1")


CLAIM_REPORTS = Query(
    Report,
    f"""
    select r.id, r.street_order_id, r.order_id, r.kind, r.last, r.quantity, r.cash_amount, r.price, r.due_at
      from venue_reports r join street_orders s on s.tenant_id = r.tenant_id and s.id = r.street_order_id
     where {_DUE} and r.due_at <= $3
     order by r.due_at, r.accepted_at, r.order_id, r.last, r.ordinal
     limit $4
       for update of s skip locked
    """,
)

STILL_DUE = Query(UUID, "select id from venue_reports where tenant_id = $1 and id = any($2) and booked_at is null")

BOOKED = Statement("update venue_reports set booked_at = $3 where tenant_id = $1 and id = any($2)")

PROGRESS = Statement(
    """
    update street_orders s set done = s.done + t.done, status = t.status, updated_at = $5,
           look_at = case when t.status = 'WORKING' then s.look_at end
      from unnest($2::uuid[], $3::text[], $4::text::numeric[]) as t(id, status, done)
     where s.tenant_id = $1 and s.id = t.id
    """
)

# Nobody can end what the house's inventory has already served: no venue works for it. Nor what has ended at the venue
# and is only not booked yet, by now or by the instant as of which it is to end: a second end could never be booked.

REQUEST_CANCEL = Query(
    UUID,
    """
    update street_orders set cancel_requested = true, look_at = $3, updated_at = $3, cancel_at = $4::timestamptz
     where tenant_id = $1 and order_id = any($2) and status = 'WORKING'
       and (not cancel_requested or cancel_at is null and $4::timestamptz is not null)
       and (quantity is null or quantity > 0)
       and not exists (
         select from venue_reports r where r.tenant_id = $1 and r.street_order_id = street_orders.id
            and r.last and r.booked_at is null and r.due_at <= coalesce($4::timestamptz, $3))
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
    select r.order_id, r.street_order_id, r.quantity, r.price, r.due_at as at
      from street_orders s join venue_reports r on r.tenant_id = s.tenant_id and r.street_order_id = s.id
     where s.tenant_id = $1 and s.order_id = any($2) and r.kind = 'FILL' and r.booked_at is not null
     order by r.due_at, r.street_order_id, r.ordinal
    """,
)

BY_ID = Query(StreetOrder, f"select {_COLUMNS} from street_orders where tenant_id = $1 and id = any($2)")

ORDER_OF_REPORT = Query(UUID, "select order_id from venue_reports where tenant_id = $1 and id = $2")

WORKING_FOR_UPDATE = Query(
    StreetOrder,
    f"""
    select {_COLUMNS} from street_orders
     where tenant_id = $1 and order_id = $2 and status = 'WORKING' order by created_at, id for update
    """,
)

REPORTS_OF = Query(
    Report,
    """
    select id, street_order_id, order_id, kind, last, quantity, cash_amount, price, due_at
      from venue_reports where tenant_id = $1 and street_order_id = any($2) and booked_at is null
     order by due_at, ordinal
    """,
)

WITHDRAW_CANCEL = Statement(
    "update street_orders set cancel_requested = false where tenant_id = $1 and order_id = any($2)"
    " and status = 'WORKING' and cancel_requested and cancel_at is null"
)

ENDS_ANYWAY = Query(
    bool,
    "select exists (select from street_orders where tenant_id = $1 and order_id = $2 and status = 'WORKING'"
    " and cancel_at is not null)",
)

FREE_QUESTIONS = Statement(
    """
    delete from dead_letters a using street_orders s
     where a.tenant_id = $1 and a.sweep = 'street.ask_venue' and a.row_id = s.id
       and s.tenant_id = $1 and s.order_id = any($2) and s.status = 'WORKING'
    """
)

FREE_REPORTS = Statement(
    """
    delete from dead_letters a using venue_reports r
     where a.tenant_id = $1 and a.sweep = $3 and a.row_id = r.id
       and r.tenant_id = $1 and r.order_id = any($2) and r.booked_at is null
    """
)
