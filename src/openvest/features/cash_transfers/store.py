"""The statements of cash balance transfers. $1 is always the tenant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from openvest.db.paging import listing
from openvest.db.query import Query
from openvest.db.rows import columns, insert, update
from openvest.declarations import AuditQuery, ClosingBlocker
from openvest.features.cash_transfers.model import Transfer

_TRANSFER = columns(Transfer)

TRANSFERS = listing("cash_balance_transfers", Transfer, filters="user_id", sorts="created_at id")
TRANSFER_BY_ID = Query(Transfer, f"select {_TRANSFER} from cash_balance_transfers where tenant_id = $1 and id = $2")
TRANSFER_FOR_UPDATE = Query(
    Transfer, f"select {_TRANSFER} from cash_balance_transfers where tenant_id = $1 and id = $2 for no key update"
)
ISSUED_FOR_UPDATE = Query(
    Transfer,
    f"select {_TRANSFER} from cash_balance_transfers"
    " where tenant_id = $1 and id = $2 and status = 'ISSUED' for no key update",
)
ADD_TRANSFER = insert("cash_balance_transfers", Transfer)
MOVE_TRANSFERS = update("cash_balance_transfers", Transfer, "version updated_at status cancellation_reason")

_DUE = """
      from cash_balance_transfers t
     where tenant_id = $1 and status = 'ISSUED'
       and not exists (select from dead_letters a
             where a.tenant_id = $1 and a.sweep = 'cash_transfers.book' and a.row_id = t.id)
"""
NEXT_DUE = Query(datetime, f"select due_at {_DUE} order by due_at limit 1")
CLAIM_DUE = Query(
    Transfer,
    f"select {_TRANSFER} {_DUE} and due_at <= $2 order by due_at, id limit $3 for no key update skip locked",
)

UNDER_WAY = ClosingBlocker(
    "cash_balance_transfers t where t.tenant_id = $1 and t.status = 'ISSUED'"
    " and g.id in (t.source_account_group_id, t.target_account_group_id)",
    "group",
)
"""A group is not closed while a transfer takes from it, or brings to it."""

AUDIT: Sequence[AuditQuery] = (
    AuditQuery(
        "transfers_are_set_apart",
        "What an issued transfer takes is set apart in the books, and nothing is set apart for one that ended.",
        """
select coalesce(t.id, b.object_id) as transfer_id, coalesce(t.amount, 0) as transfer_says,
       coalesce(b.amount, 0) as books_say
  from (select id, amount from cash_balance_transfers where tenant_id = $1 and status = 'ISSUED') t
  full join (select j.object_id, sum(e.amount) as amount
               from journals j
               join entries e on e.tenant_id = j.tenant_id and e.journal_id = j.id and e.bucket = 'withdrawing'
              where j.tenant_id = $1 and j.kind like 'CASH_BALANCE_TRANSFER%'
              group by j.object_id having sum(e.amount) <> 0) b on b.object_id = t.id
 where coalesce(t.amount, 0) <> coalesce(b.amount, 0)
""",
    ),
)
