"""The statements of direct debits. $1 is always the tenant."""

from __future__ import annotations

from openvest.db.paging import listing
from openvest.db.query import Query
from openvest.db.rows import columns, insert, update
from openvest.declarations import ClosingBlocker
from openvest.features.direct_debits.model import DirectDebit

_DEBIT = columns(DirectDebit)

DEBITS = listing("direct_debits", DirectDebit, filters="account_group_id", sorts="created_at id")
DEBIT_BY_ID = Query(DirectDebit, f"select {_DEBIT} from direct_debits where tenant_id = $1 and id = $2")
DEBITS_FOR_UPDATE = Query(
    DirectDebit,
    f"select {_DEBIT} from direct_debits where tenant_id = $1 and id = any($2::uuid[]) order by id for no key update",
)
NEW_OF_MANDATES_FOR_UPDATE = Query(
    DirectDebit,
    f"select {_DEBIT} from direct_debits where tenant_id = $1 and mandate_id = any($2::uuid[]) and status = 'NEW'"
    " order by id for no key update",
)
ADD_DEBIT = insert("direct_debits", DirectDebit)
MOVE_DEBITS = update("direct_debits", DirectDebit, "version updated_at status cancellation_reason settled_on")

UNDER_WAY = ClosingBlocker(
    "direct_debits d where d.tenant_id = $1 and d.account_group_id = g.id and d.status in ('NEW', 'PROCESSING')",
    of="group",
)
"""A group to which money may still come is not closed."""
