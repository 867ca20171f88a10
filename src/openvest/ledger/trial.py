"""The trial balance: what customers own and the house holds and owes, per asset and bucket, summing to zero."""

from __future__ import annotations

from decimal import Decimal

from openvest.core.records import record
from openvest.db.query import Query
from openvest.db.unit import Unit


@record
class TrialLine:
    """One bucket of one asset, over all customers or of the house. `memo` lines sum to zero by themselves."""

    asset: str
    side: str
    bucket: str
    memo: bool
    amount: Decimal


TRIAL_BALANCE = Query(
    TrialLine,
    """
select b.asset, 'customers' as side, v.bucket, v.bucket like 'unsettled%' as memo, sum(v.amount) as amount
  from balances b cross join lateral (values
    ('available', b.available), ('locked', b.locked), ('withdrawing', b.withdrawing), ('covering', b.covering),
    ('blocked', b.blocked), ('due', b.due), ('unsettled_in', b.unsettled_in),
    ('unsettled_out', b.unsettled_out)) as v(bucket, amount)
 where b.tenant_id = $1 group by b.asset, v.bucket having sum(v.amount) <> 0
union all
select h.asset, 'house', h.bucket, h.bucket = 'memo', sum(h.balance)
  from house_balances h where h.tenant_id = $1 group by h.asset, h.bucket having sum(h.balance) <> 0
 order by 1, 4, 2, 3
""",
)


async def trial_balance(unit: Unit) -> list[TrialLine]:
    """By asset, economic lines before memo lines, customers before the house; buckets that are zero are left out."""
    return await unit.rows(TRIAL_BALANCE, unit.tenant_id)
