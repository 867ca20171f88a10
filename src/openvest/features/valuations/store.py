"""SQL of valuations. $1 is always the tenant."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from openvest.core.records import record
from openvest.core.snapshots import Json
from openvest.db.paging import Listing, days_of
from openvest.db.query import Query
from openvest.db.rows import columns, insert, update
from openvest.features.valuations.model import AccountReturn


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
        **days_of("valuation_time"),
    },
    sorts={"valuation_time": "valuation_time"},
    default_sort="valuation_time",
)
"""An account has one row for each day of trading, so nothing here needs marks."""


@record
class Kept:
    """What was kept of an account last, before an instant."""

    account_id: UUID
    valuation_time: datetime
    security_positions: Json
    currency: str
    value: Decimal
    cumulative: Decimal | None
    cumulative_start_date: datetime


LAST = Query(
    Kept,
    """
select k.id as account_id, v.valuation_time, v.security_positions, r.currency, r.value, r.cumulative,
       r.cumulative_start_date
  from unnest($2::uuid[]) as k(id)
 cross join lateral (
   select * from valuations v where v.tenant_id = $1 and v.account_id = k.id and v.valuation_time < $3
    order by v.valuation_time desc, v.id desc limit 1) v
 cross join lateral (
   select * from account_returns r
    where r.tenant_id = $1 and r.account_id = k.id and r.date < date_trunc('day', $3::timestamptz, 'UTC')
    order by r.date desc, r.id desc limit 1) r
""",
)
"""Of each account its last valuation before an instant, and the return of that day."""


@record
class MovedRow:
    """Units that one booking moved into an account, or out of it, and at which price they were traded."""

    account_id: UUID
    asset: str
    units: Decimal
    price: Decimal | None
    currency: str | None


# A balance that did not change since has nothing that was booked since.
MOVED = Query(
    MovedRow,
    """
select b.owner_id as account_id, b.asset, e.units, x.price, x.currency
  from unnest($2::uuid[], $3::date[]) as k(account_id, after)
  join balances b on b.tenant_id = $1 and b.owner_id = k.account_id and b.owner_kind = 'account' and b.version > 0
                 and b.updated_at >= (k.after + 1)::timestamp at time zone 'UTC'
 cross join lateral (
   select j.id, j.kind, j.object_id, sum(e.amount) as units
     from entries e join journals j on j.tenant_id = e.tenant_id and j.id = e.journal_id
    where e.tenant_id = $1 and e.balance_id = b.id and not e.memo and j.booking_on > k.after and j.booking_on <= $4
    group by 1, 2, 3 having sum(e.amount) <> 0) e
  left join pub_executions x on x.tenant_id = $1 and x.id = e.object_id and e.kind = 'ORDER_EXECUTION'
 order by b.owner_id, b.asset, e.id
""",
)


@record
class Late:
    """An account in whose past something was booked after it was valued; `since` is the first day it changes."""

    account_id: UUID
    since: date


# What was booked within a minute before may have been committed after it, and is looked at once more.
LATE = Query(
    Late,
    """
select k.id as account_id, min(j.booking_on) as since
  from unnest($2::uuid[]) as k(id)
 cross join lateral (
   select r.date, r.updated_at from account_returns r where r.tenant_id = $1 and r.account_id = k.id
    order by r.date desc, r.id desc limit 1) r
  join balances b on b.tenant_id = $1 and b.owner_id = k.id and b.owner_kind = 'account'
                 and b.updated_at > r.updated_at - interval '1 minute'
  join entries e on e.tenant_id = $1 and e.balance_id = b.id and not e.memo
  join journals j on j.tenant_id = $1 and j.id = e.journal_id and j.at > r.updated_at - interval '1 minute'
                 and j.booking_on <= (r.date at time zone 'UTC')::date
 group by k.id
""",
)

ADD_RETURNS = insert("account_returns", AccountReturn)
RESTATE_VALUATIONS = update("valuations", ValuationRow, "version updated_at amount currency security_positions")
RESTATE_RETURNS = update(
    "account_returns",
    AccountReturn,
    "version updated_at currency value inflow outflow daily cumulative cumulative_start_date",
)
VALUATIONS_OF_DAY = Query(
    ValuationRow,
    f"select {columns(ValuationRow)} from valuations"
    " where tenant_id = $1 and account_id = any($2::uuid[]) and valuation_time = $3",
)
RETURNS_OF_DAY = Query(
    AccountReturn,
    f"select {columns(AccountReturn)} from account_returns"
    " where tenant_id = $1 and account_id = any($2::uuid[]) and date = date_trunc('day', $3::timestamptz, 'UTC')",
)
RETURNS = Listing(
    AccountReturn,
    columns=columns(AccountReturn),
    source="account_returns",
    filters={
        "account_id": "account_id = {}",
        **days_of("date"),
    },
    sorts={"date": "date"},
    default_sort="date",
)
"""As many as valuations."""


@record
class Summed:
    """What crossed an account's border in all its days, and what it came to on the last."""

    inflow: Decimal
    outflow: Decimal
    value: Decimal
    currency: str
    period_start: datetime
    period_end: datetime


SUMMED = Query(
    Summed,
    """
select sum(r.inflow) as inflow, sum(r.outflow) as outflow, min(last.value) as value, min(last.currency) as currency,
       min(r.date) as period_start, max(r.date) as period_end
  from (select * from account_returns l where l.tenant_id = $1 and l.account_id = $2
         order by l.date desc, l.id desc limit 1) last
  join account_returns r on r.tenant_id = $1 and r.account_id = $2
                        and r.cumulative_start_date = last.cumulative_start_date
having count(*) > 0
""",
)
"""The days of the last chain: all of one currency."""

CLOSED = Query(
    UUID,
    "select account_id from pub_accounts where tenant_id = $1 and account_id = any($2::uuid[])"
    " and account_status = 'CLOSED'",
)
