"""The laws of the books as queries that find what breaks them, and the proof that runs them all.

Each query returns the offending rows, so a clean ledger gives none. Features add their own laws (what their tables say
must be what the books say) as further `AuditQuery` rows. Every query takes the tenant as $1.

Source: DOMAIN.md section 1; POSTINGS.md section 1 "Audit queries" and section 9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from openvest.core.clock import monotonic_ns
from openvest.core.records import record
from openvest.db.query import Query
from openvest.db.unit import Database, Unit
from openvest.declarations import AuditQuery


@record
class AuditFigure:
    """Figures that are told with a proof and judged by a person. `sql` selects (name, value as text)."""

    name: str
    sql: LiteralString


@record
class Named:
    name: str
    value: str


@record
class Finding:
    """A broken law. `rows` are offending rows as JSON text, at most as many as the proof was limited to."""

    name: str
    law: str
    rows: tuple[str, ...]


@record
class Proof:
    """What a proof found at one snapshot of a tenant's books."""

    tenant_id: UUID
    at: datetime
    laws: int
    findings: tuple[Finding, ...]
    figures: Mapping[str, str]
    milliseconds: int

    @property
    def clean(self) -> bool:
        return not self.findings


AUDIT: Sequence[AuditQuery] = (
    AuditQuery(
        "journals_sum_to_zero",
        "The entries of a journal sum to zero for each asset, economic and memo entries each for themselves.",
        """
select journal_id, asset, memo, sum(amount) as total from entries where tenant_id = $1
 group by journal_id, asset, memo having sum(amount) <> 0
""",
    ),
    AuditQuery(
        "journals_have_entries",
        "Every journal has entries.",
        """
select j.id, j.kind, j.object_id from journals j
 where j.tenant_id = $1 and not exists (select from entries e where e.tenant_id = $1 and e.journal_id = j.id)
""",
    ),
    AuditQuery(
        "entries_have_owners",
        "Every entry belongs to a journal and to the house or to a balance of the same asset.",
        """
select e.journal_id, e.line, e.asset, e.balance_id, b.asset as balance_asset
  from entries e
  left join journals j on j.tenant_id = e.tenant_id and j.id = e.journal_id
  left join balances b on b.tenant_id = e.tenant_id and b.id = e.balance_id
 where e.tenant_id = $1 and (j.id is null or e.balance_id is not null and b.asset is distinct from e.asset)
""",
    ),
    AuditQuery(
        "balances_are_entries",
        "Every bucket of a stored balance is the sum of its entries.",
        """
select coalesce(s.id, e.balance_id) as balance_id, s.owner_id, s.asset, coalesce(s.bucket, e.bucket) as bucket,
       coalesce(s.stored, 0) as stored, coalesce(e.booked, 0) as booked
  from (select b.id, b.owner_id, b.asset, v.bucket, v.stored
          from balances b cross join lateral (values
            ('available', b.available), ('locked', b.locked), ('withdrawing', b.withdrawing), ('covering', b.covering),
            ('blocked', b.blocked), ('due', b.due), ('unsettled_in', b.unsettled_in),
            ('unsettled_out', b.unsettled_out)) as v(bucket, stored)
         where b.tenant_id = $1) s
  full join (select balance_id, bucket, sum(amount) as booked from entries
              where tenant_id = $1 and balance_id is not null group by balance_id, bucket) e
    on e.balance_id = s.id and e.bucket = s.bucket
 where coalesce(s.stored, 0) <> coalesce(e.booked, 0)
""",
    ),
    AuditQuery(
        "house_balances_are_entries",
        "Every balance of the house is the sum of its entries.",
        """
select coalesce(h.asset, e.asset) as asset, coalesce(h.bucket, e.bucket) as bucket,
       coalesce(h.detail, e.detail) as detail, coalesce(h.balance, 0) as stored, coalesce(e.booked, 0) as booked
  from (select asset, bucket, detail, balance from house_balances where tenant_id = $1) h
  full join (select asset, bucket, case bucket when 'street' then detail else '' end as detail, sum(amount) as booked
               from entries where tenant_id = $1 and balance_id is null group by 1, 2, 3) e
    on e.asset = h.asset and e.bucket = h.bucket and e.detail = h.detail
 where coalesce(h.balance, 0) <> coalesce(e.booked, 0)
""",
    ),
    AuditQuery(
        "customers_and_house_are_zero",
        "For each asset, what customers own and what the house holds and owes sum to zero: the custody identity.",
        """
select asset, sum(amount) as total
  from (select asset, available + locked + withdrawing + covering + blocked + due as amount
          from balances where tenant_id = $1
        union all
        select asset, balance from house_balances where tenant_id = $1 and bucket <> 'memo') t
 group by asset having sum(amount) <> 0
""",
    ),
    AuditQuery(
        "memo_mirrors_pending",
        "For each asset, what is remembered as unsettled and the house's memo sum to zero.",
        """
select asset, sum(amount) as total
  from (select asset, unsettled_in + unsettled_out as amount from balances where tenant_id = $1
        union all
        select asset, balance from house_balances where tenant_id = $1 and bucket = 'memo') t
 group by asset having sum(amount) <> 0
""",
    ),
    AuditQuery(
        "due_only_without_available",
        "Who owes us has nothing available: a debt is set off first.",
        "select id, owner_id, asset, available, due from balances where tenant_id = $1 and due < 0 and available <> 0",
    ),
    AuditQuery(
        "balances_in_range",
        "No bucket of a balance is below zero but due, which is never above, and each owner has only its own buckets.",
        """
select id, owner_kind, owner_id, asset, available, locked, withdrawing, covering, blocked, due, unsettled_in,
       unsettled_out
  from balances
 where tenant_id = $1
   and (least(available, locked, withdrawing, covering, blocked, unsettled_in, unsettled_out) < 0 or due > 0
        or (owner_kind = 'group') <> (length(asset) = 3)
        or case owner_kind when 'group' then blocked <> 0 or unsettled_out <> 0
                           else withdrawing <> 0 or covering <> 0 end)
""",
    ),
    AuditQuery(
        "locks_are_locked",
        "The locks of a balance sum to what it has locked.",
        """
select b.id, b.owner_id, b.asset, b.locked, coalesce(l.amount, 0) as locks
  from balances b
  left join (select balance_id, sum(amount) as amount from locks where tenant_id = $1 group by balance_id) l
    on l.balance_id = b.id
 where b.tenant_id = $1 and b.locked <> coalesce(l.amount, 0)
""",
    ),
    AuditQuery(
        "lots_are_positions",
        "The open lots of an account and instrument sum to the units it holds.",
        """
select coalesce(b.owner_id, l.account_id) as account_id, coalesce(b.asset, l.asset) as asset,
       coalesce(b.held, 0) as held, coalesce(l.remaining, 0) as lots
  from (select owner_id, asset, available + locked + blocked as held from balances
         where tenant_id = $1 and owner_kind = 'account') b
  full join (select account_id, instrument_id::text as asset, sum(remaining) as remaining from lots
              where tenant_id = $1 and remaining > 0 group by account_id, instrument_id) l
    on l.account_id = b.owner_id and l.asset = b.asset
 where coalesce(b.held, 0) <> coalesce(l.remaining, 0)
""",
    ),
    AuditQuery(
        "lots_are_their_uses",
        "What is left of a lot, in units, cost and advance tax, is what it had without what disposals took of it.",
        """
select l.id, l.account_id, l.instrument_id, l.quantity, l.remaining, u.quantity as used, l.cost, l.remaining_cost,
       u.cost as used_cost
  from lots l
  left join (select lot_id, sum(quantity) as quantity, sum(cost) as cost, sum(advance_tax) as advance_tax
               from lot_uses where tenant_id = $1 and not given_back group by lot_id) u on u.lot_id = l.id
 where l.tenant_id = $1
   and (l.remaining <> l.quantity - coalesce(u.quantity, 0)
        or l.remaining_cost is distinct from l.cost - coalesce(u.cost, 0)
        or l.remaining_advance_tax <> l.sum_advance_tax - coalesce(u.advance_tax, 0))
""",
    ),
    AuditQuery(
        "lot_sums_are_open_lots",
        "For each account, instrument and currency of cost, what is kept is what its open lots sum to.",
        """
select coalesce(s.account_id, l.account_id) as account_id, coalesce(s.instrument_id, l.instrument_id) as instrument_id,
       coalesce(s.currency, l.currency) as currency, s.remaining as kept, l.remaining, s.cost as kept_cost, l.cost
  from (select account_id, instrument_id, currency, remaining, cost from lot_sums where tenant_id = $1) s
  full join (select account_id, instrument_id, coalesce(currency, '') as currency, sum(remaining) as remaining,
                    coalesce(sum(remaining_cost), 0) as cost
               from lots where tenant_id = $1 and remaining > 0 group by 1, 2, 3) l
    on l.account_id = s.account_id and l.instrument_id = s.instrument_id and l.currency = s.currency
 where coalesce(s.remaining, 0) <> coalesce(l.remaining, 0) or coalesce(s.cost, 0) <> coalesce(l.cost, 0)
""",
    ),
    AuditQuery(
        "events_are_in_sets",
        "Every event stands in a set, and every set has the events it counts, numbered without a gap.",
        """
select coalesce(s.id, e.set_id) as set_id, s.events as counted, coalesce(e.found, 0) as found, e.last
  from (select id, events from event_sets where tenant_id = $1) s
  full join (select set_id, count(*) as found, max(n) as last from events where tenant_id = $1 group by set_id) e
    on e.set_id = s.id
 where s.events is distinct from e.found or s.events <> e.last
""",
    ),
    AuditQuery(
        "reversals_negate",
        "A reversal takes from customers, per asset, what the original gave them and the other way round.",
        """
select r.id, r.kind, r.object_id, e.asset, sum(e.amount) as left_over
  from journals r
  join entries e on e.tenant_id = r.tenant_id and e.journal_id in (r.id, r.reverses)
 where r.tenant_id = $1 and r.reverses is not null and e.balance_id is not null and not e.memo
 group by r.id, r.kind, r.object_id, e.asset having sum(e.amount) <> 0
""",
    ),
    AuditQuery(
        "rounding_never_loses",
        "In no currency has rounding given customers more than it took from them.",
        """
select asset, sum(balance) as balance from house_balances where tenant_id = $1 and bucket = 'rounding'
 group by asset having sum(balance) < 0
""",
    ),
)

FIGURES: Sequence[AuditFigure] = (
    AuditFigure(
        "books",
        """
select 'journals' as name, count(*)::text as value from journals where tenant_id = $1
union all select 'entries', count(*)::text from entries where tenant_id = $1
union all select 'owners', count(distinct owner_id)::text from balances where tenant_id = $1 and version > 0
union all select 'balances', count(*)::text from balances where tenant_id = $1 and version > 0
union all select 'open lots', count(*)::text from lots where tenant_id = $1 and remaining > 0
""",
    ),
    AuditFigure(
        "cash",
        """
select 'customers ' || asset as name,
       trim_scale(sum(available + locked + withdrawing + covering + due))::text as value
  from balances where tenant_id = $1 and owner_kind = 'group' and version > 0 group by asset
union all
select 'due ' || asset, trim_scale(sum(due))::text
  from balances where tenant_id = $1 and owner_kind = 'group' and due < 0 group by asset
union all
select bucket || ' ' || asset, trim_scale(sum(balance))::text
  from house_balances where tenant_id = $1 and length(asset) = 3 and bucket <> 'memo'
 group by bucket, asset having sum(balance) <> 0
""",
    ),
)


_ROWS: LiteralString = "select to_jsonb(q)::text from ({query}) q limit $2"
_TAKE_TIME = Query(
    str,
    "select set_config('statement_timeout', '0', true) || set_config('max_parallel_workers_per_gather', '2', true)",
)
"""As long as it takes, and with the workers of the database's own default."""


async def prove(
    unit: Unit,
    queries: Sequence[AuditQuery] = AUDIT,
    figures: Sequence[AuditFigure] = FIGURES,
    *,
    limit: int = 20,
) -> Proof:
    """Hold the tenant's books to the laws. The unit should be a read of one snapshot (`prove_tenant`)."""
    started = monotonic_ns()
    await unit.one(_TAKE_TIME)
    findings: list[Finding] = []
    for query in queries:
        select = Query(str, _ROWS.replace("{query}", query.sql))
        rows = await unit.rows(select, unit.tenant_id, limit)
        if rows:
            findings.append(Finding(query.name, query.law, tuple(rows)))
    told: dict[str, str] = {}
    for figure in figures:
        told |= {row.name: row.value for row in await unit.rows(Query(Named, figure.sql), unit.tenant_id)}
    elapsed = (monotonic_ns() - started) // 1_000_000
    return Proof(unit.tenant_id, unit.now, len(queries), tuple(findings), told, elapsed)


async def prove_tenant(
    database: Database,
    tenant_id: UUID,
    queries: Sequence[AuditQuery] = AUDIT,
    figures: Sequence[AuditFigure] = FIGURES,
    *,
    limit: int = 20,
) -> Proof:
    """Prove a tenant's books at one snapshot of the database."""
    return await database.read(tenant_id, lambda unit: prove(unit, queries, figures, limit=limit), one_snapshot=True)
