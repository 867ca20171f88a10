"""SQL of valuations. $1 is always the tenant."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from openvest.core.records import record
from openvest.core.snapshots import Json
from openvest.db.paging import Listing
from openvest.db.query import Query
from openvest.db.rows import columns, insert, update


@record
class ValuedAccount:
    """An account that has or had securities. `next_at`: when it is valued next; None: never again."""

    id: UUID
    next_at: datetime | None


ADD_ACCOUNTS = insert("valued_accounts", ValuedAccount, unless="id")
MOVE_ACCOUNTS = update("valued_accounts", ValuedAccount, "next_at")

_NOT_SET_ASIDE = """
     not exists (
       select from dead_letters a where a.tenant_id = $1 and a.sweep = 'valuations.value' and a.row_id = v.id)
"""
NEXT_DUE = Query(
    datetime,
    f"""
    select v.next_at as due_at from valued_accounts v
     where v.tenant_id = $1 and v.next_at is not null and {_NOT_SET_ASIDE}
     order by v.next_at limit 1
    """,
)
CLAIM = Query(
    ValuedAccount,
    f"""
    select v.id, v.next_at from valued_accounts v
     where v.tenant_id = $1 and v.next_at <= $2 and {_NOT_SET_ASIDE}
     order by v.next_at, v.id limit $3
       for no key update of v skip locked
    """,
)


@record
class HoldingRow:
    """A position of an account as of a day."""

    account_id: UUID
    asset: str
    quantity: Decimal


# What was booked on later days is taken off where there is any; a balance that did not change since has none.
HOLDINGS = Query(
    HoldingRow,
    """
select h.account_id, h.asset, h.quantity
  from unnest($2::uuid[]) as k(account_id)
 cross join lateral (
   select b.owner_id as account_id, b.asset, b.available + b.locked + b.blocked + b.due - case
            when b.updated_at < ($3::date + 1)::timestamp at time zone 'UTC' then 0
            else (select coalesce(sum(e.amount), 0)
                    from entries e join journals j on j.tenant_id = e.tenant_id and j.id = e.journal_id
                   where e.tenant_id = $1 and e.balance_id = b.id and not e.memo and j.booking_on > $3) end as quantity
     from balances b
    where b.tenant_id = $1 and b.owner_id = k.account_id and b.owner_kind = 'account' and b.version > 0) h
 where h.quantity <> 0
 order by h.account_id, h.asset
""",
)


@record
class ValuationRow:
    """A valuation as its table has it. Shape: `security_positions` is a list of snapshots."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    account_id: UUID
    valuation_time: datetime
    amount: Decimal
    currency: str
    security_positions: Json


ADD_VALUATIONS = insert("valuations", ValuationRow)
HISTORY = Listing(
    ValuationRow,
    columns=columns(ValuationRow),
    source="valuations",
    filters={
        "account_id": "account_id = {}",
        "start_date": "valuation_time >= {}::date::timestamp at time zone 'UTC'",
        "end_date": "valuation_time < ({}::date + 1)::timestamp at time zone 'UTC'",
    },
    sorts={"valuation_time": "valuation_time"},
    default_sort="valuation_time",
)
"""An account has one row for each day of trading, so nothing here needs marks."""

STILL_HELD = Query(
    UUID,
    """
select k.id from unnest($2::uuid[]) as k(id)
 cross join lateral (
   select v.security_positions from valuations v
    where v.tenant_id = $1 and v.account_id = k.id order by v.valuation_time desc, v.id desc limit 1) last
 where last.security_positions <> '[]'
""",
)
"""Accounts whose last valuation had positions."""
CLOSED = Query(
    UUID,
    "select account_id from pub_accounts where tenant_id = $1 and account_id = any($2::uuid[])"
    " and account_status = 'CLOSED'",
)
