"""The statements of segregation. $1 is always the tenant."""

from __future__ import annotations

from datetime import datetime
from typing import LiteralString

from openvest.db.query import Query, Statement
from openvest.declarations import AuditQuery
from openvest.features.segregation.model import Requirement, Segregation

_REQUIREMENTS: LiteralString = """
  with waiting as (
    select account_group_id, currency, sum(cash_amount + fee) as paid
      from pub_executions where tenant_id = $1 and status = 'FILLED' and side = 'BUY' group by 1, 2
  ), part as (
    select b.asset as currency, 'customers' as name,
           greatest(0, b.available + b.locked + b.withdrawing - b.unsettled_in + coalesce(w.paid, 0)) as amount
      from balances b left join waiting w on w.account_group_id = b.owner_id and w.currency = b.asset
     where b.tenant_id = $1 and b.owner_kind = 'group'
    union all
    select currency, 'suspense', amount from pub_suspense where tenant_id = $1 and amount > 0
    union all
    select asset, 'charges', balance from pub_house_balances
     where tenant_id = $1 and bucket in ('fees', 'vat', 'tax_income', 'tax_solidarity', 'tax_church')
    union all
    select currency, 'charges', -fee from pub_executions where tenant_id = $1 and status = 'FILLED'
    union all
    select asset, 'held', -balance from pub_house_balances where tenant_id = $1 and bucket = 'bank'
  )
  select currency,
         coalesce(sum(amount) filter (where name = 'customers'), 0) as customers,
         coalesce(sum(amount) filter (where name = 'suspense'), 0) as suspense,
         greatest(0, coalesce(sum(amount) filter (where name = 'charges'), 0)) as charges,
         coalesce(sum(amount) filter (where name = 'held'), 0) as held
    from part
   group by currency having bool_or(amount <> 0)
"""
"""Why a debt is left out of a group's sum: it counts as zero, whatever else the group has. What is covering is in the
balance and pending at once. What the bank took and nobody knows is the house's to bear until it is known."""

REQUIREMENTS = Query(Requirement, _REQUIREMENTS + " order by currency")

_NEWS: LiteralString = """
   from journals j
  where j.tenant_id = $1 and j.kind <> 'SEGREGATION'
    and j.id > coalesce((select s.through from segregations s where s.tenant_id = $1), 0)
"""
CLOSES_AT: LiteralString = """
  (((j.at at time zone 'Europe/Berlin' - interval '18 hours')::date + 1) + time '18:00') at time zone 'Europe/Berlin'
"""
"""When the day closes on which a journal was booked."""

_NOT_SET_ASIDE: LiteralString = """
     not exists (
       select from dead_letters a where a.tenant_id = $1 and a.sweep = 'segregation.book' and a.row_id = $1)
"""

NEXT_CLOSE = Query(
    datetime,
    f"""
    select greatest(s.next_at, first.closes_at) as due_at
      from (select {CLOSES_AT} as closes_at {_NEWS} order by j.id limit 1) first
      left join segregations s on s.tenant_id = $1
     where {_NOT_SET_ASIDE}
    """,
)
MAKE = Statement(
    "insert into segregations (tenant_id, next_at) select tenant_id, '-infinity' from tenants where tenant_id = $1"
    " on conflict (tenant_id) do nothing"
)
CLAIM = Query(
    Segregation,
    f"""
    select s.tenant_id as id, s.done_on from segregations s
     where s.tenant_id = $1 and s.next_at <= $2 and {_NOT_SET_ASIDE}
       and exists (select 1 from (select {CLOSES_AT} as closes_at {_NEWS} order by j.id limit 1) first
                    where first.closes_at <= $2)
       for update of s skip locked
    """,
)
# What was booked within a minute before may be committed after this, and is looked at once more.
DONE = Statement(
    """
    update segregations
       set next_at = $2, done_on = $3,
           through = coalesce((select j.id from journals j
                                where j.tenant_id = $1 and j.at < $4::timestamptz - interval '1 minute'
                                order by j.id desc limit 1), 0)
     where tenant_id = $1
    """
)
PUT_OFF = Statement("update segregations set next_at = $2 where tenant_id = $1")
BY_TENANT = Query(Segregation, "select tenant_id as id, done_on from segregations where tenant_id = $1")

INVARIANTS = (
    AuditQuery(
        "client_money_is_segregated",
        "When nothing was booked since the day's segregation, what must be at the bank for customers is there.",
        f"""
select r.* from ({_REQUIREMENTS}) r join segregations s on s.tenant_id = $1 and s.done_on is not null
 where r.customers + r.suspense + r.charges <> r.held and not exists (select 1 {_NEWS})
""",
    ),
)
