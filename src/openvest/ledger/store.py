"""The ledger's statements."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from openvest.core.records import record
from openvest.db.query import Query, Statement
from openvest.ledger.chart import Balance
from openvest.ledger.lots import Lot, LotUse


@record
class Known:
    """A journal that exists; the first row of the query is a fresh block of ids instead, without an object."""

    kind: str
    object_id: UUID | None
    id: int


@record
class Lock:
    """What an order has locked and not used yet, of which balance."""

    object_id: UUID
    owner_id: UUID
    asset: str
    amount: Decimal


# A lateral look-up with a limit is a loop over the array whatever the planner believes of the table's size: rows are
# locked in the order of the array, and a database whose statistics are still missing is not read whole for every set.

BALANCES_FOR_UPDATE = Query(
    Balance,
    """
select b.id, b.public_id, b.owner_id, b.asset, b.available, b.locked, b.withdrawing, b.covering, b.blocked, b.due,
       b.unsettled_in, b.unsettled_out, b.version, b.created_at, b.updated_at
  from unnest($2::uuid[], $3::text::text[]) as k(owner_id, asset)
 cross join lateral (
   select * from balances b where b.tenant_id = $1 and b.owner_id = k.owner_id and b.asset = k.asset
    limit 1 for no key update) b
""",
)

READ_BALANCES = Query(
    Balance,
    """
select b.id, b.public_id, b.owner_id, b.asset, b.available, b.locked, b.withdrawing, b.covering, b.blocked, b.due,
       b.unsettled_in, b.unsettled_out, b.version, b.created_at, b.updated_at
  from unnest($2::uuid[], $3::text[]) as k(owner_id, asset)
 cross join lateral (
   select * from balances b
    where b.tenant_id = $1 and b.owner_id = k.owner_id and b.asset = k.asset and b.version > 0 limit 1) b
""",
)

# Not from a row of `tenants`: the id is drawn where the sequence is, and not in the shard, whatever stands here.
MAKE_BALANCES = Query(
    Balance,
    """
insert into balances (tenant_id, owner_kind, owner_id, asset, public_id, created_at, updated_at)
select $1, k.owner_kind, k.owner_id, k.asset, k.public_id, $6, $6
  from unnest($2::text[], $3::uuid[], $4::text[], $5::uuid[]) as k(owner_kind, owner_id, asset, public_id)
 order by k.owner_id, k.asset
on conflict (tenant_id, owner_id, asset) do nothing
returning id, public_id, owner_id, asset, available, locked, withdrawing, covering, blocked, due, unsettled_in,
          unsettled_out, version, created_at, updated_at
""",
)

KNOWN_JOURNALS = Query(Known, "select kind, object_id, id from known_journals($1, $2::text::text[], $3)")

# One statement, because the database wants a journal whole: its row and its entries are looked at when both are there.
# Entries first, for a database that writes the parts one after the other. It tells how many entries were written.
ADD_JOURNALS = Query(
    int,
    """
with lines as (
  insert into entries (tenant_id, journal_id, line, asset, balance_id, bucket, amount, detail)
  select o.tenant_id, e.journal_id, e.line, e.asset, e.balance_id, e.bucket, e.amount, e.detail
    from tenants o
   cross join unnest($9::text::bigint[], $10::text::smallint[], $11::text::text[], $12::text::bigint[],
                     $13::text::text[], $14::text::numeric[], $15::text::text[])
         as e(journal_id, line, asset, balance_id, bucket, amount, detail)
   where o.tenant_id = $1
  returning 1),
heads as (
  insert into journals (tenant_id, id, kind, object_id, reverses, booking_on, value_on, at)
  select o.tenant_id, j.id, j.kind, j.object_id, j.reverses, j.booking_on, j.value_on, $2
    from tenants o
   cross join unnest($3::text::bigint[], $4::text::text[], $5::uuid[], $6::text::bigint[], $7::date[],
                     $8::date[]) as j(id, kind, object_id, reverses, booking_on, value_on)
   where o.tenant_id = $1)
select count(*) from lines
""",
)

UPDATE_BALANCES = Statement(
    """
update balances b
   set available = c.available, locked = c.locked, withdrawing = c.withdrawing, covering = c.covering,
       blocked = c.blocked, due = c.due, unsettled_in = c.unsettled_in, unsettled_out = c.unsettled_out,
       version = c.version, updated_at = c.updated_at
  from unnest($2::text::bigint[], $3::text::integer[], $4::timestamptz[],
              $5::text::numeric[], $6::text::numeric[], $7::text::numeric[], $8::text::numeric[],
              $9::text::numeric[], $10::text::numeric[], $11::text::numeric[], $12::text::numeric[])
       as c(id, version, updated_at,
            available, locked, withdrawing, covering, blocked, due, unsettled_in, unsettled_out)
 where b.tenant_id = $1 and b.id = c.id
"""
)

ADD_LOCKS = Statement(
    """
insert into locks (tenant_id, object_id, balance_id, amount)
select o.tenant_id, l.object_id, l.balance_id, l.amount
  from tenants o
 cross join unnest($2::uuid[], $3::text::bigint[], $4::text::numeric[]) as l(object_id, balance_id, amount)
 where o.tenant_id = $1
on conflict (tenant_id, object_id, balance_id) do update set amount = locks.amount + excluded.amount
"""
)

CONSUME_LOCKS = Statement(
    """
update locks l set amount = l.amount + c.amount
  from unnest($2::uuid[], $3::text::bigint[], $4::text::numeric[]) as c(object_id, balance_id, amount)
 where l.tenant_id = $1 and l.object_id = c.object_id and l.balance_id = c.balance_id and l.amount + c.amount >= 0
"""
)

OPEN_LOCKS = Query(
    Lock,
    """
select l.object_id, b.owner_id, b.asset, l.amount
  from locks l join balances b on b.tenant_id = l.tenant_id and b.id = l.balance_id
 where l.tenant_id = $1 and l.object_id = any($2::uuid[]) and l.amount > 0
""",
)

ADD_TO_HOUSE = Statement(
    """
insert into house_balances (tenant_id, asset, bucket, detail, balance)
select o.tenant_id, h.asset, h.bucket, h.detail, h.balance
  from tenants o cross join unnest($2::text[], $3::text[], $4::text[], $5::text::numeric[])
       with ordinality as h(asset, bucket, detail, balance, n)
 where o.tenant_id = $1
 order by h.n
on conflict (tenant_id, asset, bucket, detail) do update set balance = house_balances.balance + excluded.balance
"""
)

OPEN_LOTS = Query(
    Lot,
    """
select l.id, l.account_id, l.instrument_id, l.acquired_at, l.quantity, l.remaining, l.cost, l.remaining_cost,
       l.currency, l.sum_advance_tax, l.remaining_advance_tax, l.origin, l.origin_id
  from unnest($2::uuid[], $3::uuid[]) as k(account_id, instrument_id)
  join lots l on l.tenant_id = $1 and l.account_id = k.account_id and l.instrument_id = k.instrument_id
             and l.remaining > 0
 order by l.account_id, l.instrument_id, l.acquired_at, l.id
""",
)

LOTS = Query(
    Lot,
    """
select l.id, l.account_id, l.instrument_id, l.acquired_at, l.quantity, l.remaining, l.cost, l.remaining_cost,
       l.currency, l.sum_advance_tax, l.remaining_advance_tax, l.origin, l.origin_id
  from lots l where l.tenant_id = $1 and l.id = any($2::uuid[]) order by l.acquired_at, l.id
""",
)

ADD_LOTS = Statement(
    """
insert into lots (tenant_id, id, account_id, instrument_id, acquired_at, quantity, remaining, cost, remaining_cost,
                  currency, sum_advance_tax, remaining_advance_tax, origin, origin_id)
select o.tenant_id, l.id, l.account_id, l.instrument_id, l.acquired_at, l.quantity, l.quantity, l.cost, l.cost,
       l.currency, l.advance_tax, l.advance_tax, l.origin, l.origin_id
  from tenants o
 cross join unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[],
                   $6::text::numeric[], $7::text::numeric[], $8::text[], $9::text::numeric[], $10::text[], $11::uuid[])
       as l(id, account_id, instrument_id, acquired_at, quantity, cost, currency, advance_tax, origin, origin_id)
 where o.tenant_id = $1
"""
)

ADD_TO_SUMS = Statement(
    """
insert into lot_sums as s (tenant_id, account_id, instrument_id, currency, remaining, cost)
select o.tenant_id, l.account_id, l.instrument_id, l.currency, l.quantity, l.cost
  from tenants o
 cross join lateral (
       select account_id, instrument_id, coalesce(currency, '') as currency, sum(quantity) as quantity,
              coalesce(sum(cost), 0) as cost
         from unnest($2::uuid[], $3::uuid[], $4::text::numeric[], $5::text::numeric[], $6::text[])
              as l(account_id, instrument_id, quantity, cost, currency)
        group by 1, 2, 3) l
 where o.tenant_id = $1
on conflict (tenant_id, account_id, instrument_id, currency)
   do update set remaining = s.remaining + excluded.remaining, cost = s.cost + excluded.cost
"""
)

USE_LOTS = Query(
    int,
    """
with used as (
  insert into lot_uses (tenant_id, disposal_id, lot_id, quantity, cost, advance_tax)
  select o.tenant_id, u.disposal_id, u.lot_id, u.quantity, u.cost, u.advance_tax
    from tenants o
   cross join unnest($2::uuid[], $3::uuid[], $4::text::numeric[], $5::text::numeric[], $6::text::numeric[])
         as u(disposal_id, lot_id, quantity, cost, advance_tax)
   where o.tenant_id = $1
  returning lot_id, quantity, cost, advance_tax),
taken as (
  update lots l
     set remaining = l.remaining - u.quantity, remaining_cost = l.remaining_cost - u.cost,
         remaining_advance_tax = l.remaining_advance_tax - u.advance_tax
    from (select lot_id, sum(quantity) as quantity, sum(cost) as cost, sum(advance_tax) as advance_tax
            from used group by lot_id) u
   where l.tenant_id = $1 and l.id = u.lot_id
  returning l.account_id, l.instrument_id, l.currency, u.quantity, u.cost),
summed as (
  update lot_sums s set remaining = s.remaining - t.quantity, cost = s.cost - t.cost
    from (select account_id, instrument_id, coalesce(currency, '') as currency, sum(quantity) as quantity,
                 coalesce(sum(cost), 0) as cost
            from taken group by 1, 2, 3) t
   where s.tenant_id = $1 and s.account_id = t.account_id and s.instrument_id = t.instrument_id
     and s.currency = t.currency)
select count(*) from taken
""",
)
"""How many lots there were to take from."""

USES = Query(
    LotUse,
    """
select u.disposal_id, u.lot_id, u.quantity, u.cost, u.advance_tax
  from lot_uses u
 where u.tenant_id = $1 and u.disposal_id = any($2::uuid[]) and not u.given_back order by u.disposal_id, u.lot_id
""",
)

GIVE_BACK = Query(
    LotUse,
    """
with back as (
  update lot_uses u set given_back = true
   where u.tenant_id = $1 and u.disposal_id = any($2::uuid[]) and not u.given_back
  returning u.disposal_id, u.lot_id, u.quantity, u.cost, u.advance_tax),
returned as (
  update lots l
     set remaining = l.remaining + b.quantity, remaining_cost = l.remaining_cost + b.cost,
         remaining_advance_tax = l.remaining_advance_tax + b.advance_tax
    from (select lot_id, sum(quantity) as quantity, sum(cost) as cost, sum(advance_tax) as advance_tax
            from back group by lot_id) b
   where l.tenant_id = $1 and l.id = b.lot_id
  returning l.account_id, l.instrument_id, l.currency, b.quantity, b.cost),
summed as (
  update lot_sums s set remaining = s.remaining + r.quantity, cost = s.cost + r.cost
    from (select account_id, instrument_id, coalesce(currency, '') as currency, sum(quantity) as quantity,
                 coalesce(sum(cost), 0) as cost
            from returned group by 1, 2, 3) r
   where s.tenant_id = $1 and s.account_id = r.account_id and s.instrument_id = r.instrument_id
     and s.currency = r.currency)
select disposal_id, lot_id, quantity, cost, advance_tax from back order by disposal_id, lot_id
""",
)
