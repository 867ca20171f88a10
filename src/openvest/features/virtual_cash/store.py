"""The statements of virtual cash. $1 is always the tenant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from openvest.db.query import Query
from openvest.db.rows import columns, insert, update
from openvest.declarations import AuditQuery, ClosingBlocker
from openvest.features.virtual_cash.model import Decrease, Increase

_INCREASE = columns(Increase)
_DECREASE = columns(Decrease)

INCREASE_BY_ID = Query(Increase, f"select {_INCREASE} from virtual_cash_increases where tenant_id = $1 and id = $2")
ISSUED_INCREASE_FOR_UPDATE = Query(
    Increase,
    f"select {_INCREASE} from virtual_cash_increases"
    " where tenant_id = $1 and id = $2 and status = 'ISSUED' for no key update",
)
ADD_INCREASE = insert("virtual_cash_increases", Increase)
MOVE_INCREASES = update("virtual_cash_increases", Increase, "version updated_at status")

_ISSUED = """
      from virtual_cash_increases i
     where tenant_id = $1 and status = 'ISSUED'
       and not exists (select from dead_letters a
             where a.tenant_id = $1 and a.sweep = 'virtual_cash.increase' and a.row_id = i.id)
"""
NEXT_INCREASE = Query(datetime, f"select created_at {_ISSUED} order by created_at limit 1")
CLAIM_INCREASES = Query(
    Increase, f"select {_INCREASE} {_ISSUED} order by created_at, id limit $2 for no key update skip locked"
)

DECREASE_BY_ID = Query(Decrease, f"select {_DECREASE} from virtual_cash_decreases where tenant_id = $1 and id = $2")
DECREASE_FOR_UPDATE = Query(
    Decrease, f"select {_DECREASE} from virtual_cash_decreases where tenant_id = $1 and id = $2 for no key update"
)
OPEN_DECREASE_FOR_UPDATE = Query(
    Decrease,
    f"select {_DECREASE} from virtual_cash_decreases"
    " where tenant_id = $1 and id = $2 and status in ('ISSUED', 'QUEUED') for no key update",
)
ADD_DECREASE = insert("virtual_cash_decreases", Decrease)
MOVE_DECREASES = update("virtual_cash_decreases", Decrease, "version updated_at status set_apart")

# A decrease that is QUEUED is due once all of its money is there, one of a group that is LOCKED never. Both is read
# again once the row is held.
_DECIDABLE = """
      from virtual_cash_decreases d
     where d.tenant_id = $1 and d.status in ('ISSUED', 'QUEUED')
       and (d.status = 'ISSUED' or exists (
             select from pub_balances b
              where b.tenant_id = $1 and b.owner_id = d.account_group_id and b.owner_kind = 'group'
                and b.asset = d.currency and b.available_for_withdrawal >= d.amount))
       and exists (select from pub_account_groups g
              where g.tenant_id = $1 and g.id = d.account_group_id and g.status in ('ACTIVE', 'CLOSING'))
       and not exists (select from dead_letters a
             where a.tenant_id = $1 and a.sweep = 'virtual_cash.decrease' and a.row_id = d.id)
"""
NEXT_DECREASE = Query(datetime, f"select d.created_at {_DECIDABLE} order by d.created_at limit 1")
CLAIM_DECREASES = Query(
    Decrease,
    f"select {_DECREASE} {_DECIDABLE} order by d.created_at, d.id limit $2 for no key update of d skip locked",
)

INCREASES_UNDER_WAY = ClosingBlocker(
    "virtual_cash_increases i where i.tenant_id = $1 and i.account_group_id = g.id and i.status = 'ISSUED'", "group"
)
DECREASES_UNDER_WAY = ClosingBlocker(
    "virtual_cash_decreases d where d.tenant_id = $1 and d.account_group_id = g.id"
    " and d.status in ('ISSUED', 'QUEUED')",
    "group",
)

AUDIT: Sequence[AuditQuery] = (
    AuditQuery(
        "decreases_are_set_apart",
        "What a decrease has set apart is set apart in the books, and nothing is set apart for one that ended.",
        """
select coalesce(d.id, b.object_id) as decrease_id, coalesce(d.amount, 0) as decrease_says,
       coalesce(b.amount, 0) as books_say
  from (select id, amount from virtual_cash_decreases where tenant_id = $1 and set_apart) d
  full join (select j.object_id, sum(e.amount) as amount
               from journals j
               join entries e on e.tenant_id = j.tenant_id and e.journal_id = j.id and e.bucket = 'withdrawing'
              where j.tenant_id = $1 and j.kind like 'VIRTUAL_CASH_DECREASE%'
              group by j.object_id having sum(e.amount) <> 0) b on b.object_id = d.id
 where coalesce(d.amount, 0) <> coalesce(b.amount, 0)
""",
    ),
)
