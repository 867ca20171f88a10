"""The statements of withdrawals. $1 is always the tenant."""

from __future__ import annotations

from openvest.db.paging import listing
from openvest.db.query import Query
from openvest.db.rows import columns, insert, update
from openvest.declarations import AuditQuery, ClosingBlocker
from openvest.features.withdrawals.model import Withdrawal

_WITHDRAWAL = columns(Withdrawal)

WITHDRAWALS = listing("withdrawals", Withdrawal, filters="account_group_id", sorts="created_at id")
WITHDRAWAL_BY_ID = Query(Withdrawal, f"select {_WITHDRAWAL} from withdrawals where tenant_id = $1 and id = $2")
WITHDRAWALS_FOR_UPDATE = Query(
    Withdrawal,
    f"select {_WITHDRAWAL} from withdrawals where tenant_id = $1 and id = any($2::uuid[]) order by id"
    " for no key update",
)
ADD_WITHDRAWAL = insert("withdrawals", Withdrawal)
SAVE_WITHDRAWALS = update(
    "withdrawals", Withdrawal, "version updated_at status cancellation_reason returned_at paid_on"
)

UNDER_WAY = ClosingBlocker(
    "withdrawals w where w.tenant_id = $1 and w.account_group_id = g.id and w.status in ('NEW', 'PROCESSING')", "group"
)
"""A group is not closed while money of it is on its way out: it may come back."""

INVARIANTS = (
    AuditQuery(
        "withdrawals_hold_their_money",
        "What is set apart for a withdrawal is its amount while it is under way, and nothing before and after.",
        """
select w.id, w.status, w.amount, coalesce(h.held, 0) as held
  from withdrawals w
  left join (select j.object_id, sum(e.amount) as held
               from journals j join entries e on e.tenant_id = j.tenant_id and e.journal_id = j.id
              where j.tenant_id = $1 and j.kind in ('WITHDRAWAL_LOCK', 'WITHDRAWAL_UNLOCK', 'WITHDRAWAL')
                and e.bucket = 'withdrawing'
              group by j.object_id) h on h.object_id = w.id
 where w.tenant_id = $1
   and coalesce(h.held, 0) <> case when w.status in ('NEW', 'PROCESSING') then w.amount else 0 end
""",
    ),
)
