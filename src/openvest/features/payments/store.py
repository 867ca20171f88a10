"""SQL of top-ups."""

from __future__ import annotations

from openvest.db.paging import listing
from openvest.db.query import Query
from openvest.db.rows import columns, insert, update
from openvest.features.payments.model import Topup

_TOPUP = columns(Topup)

TOPUPS = listing("topups", Topup, filters="account_group_id", sorts="created_at id")

TOPUP_BY_ID = Query(Topup, f"select {_TOPUP} from topups where tenant_id = $1 and id = $2")
TOPUP_FOR_UPDATE = Query(Topup, f"select {_TOPUP} from topups where tenant_id = $1 and id = $2 for no key update")
TOPUPS_BY_REFERENCE_FOR_UPDATE = Query(
    Topup,
    f"select {_TOPUP} from topups where tenant_id = $1 and settlement_reference = any($2::text[])"
    " order by id for no key update",
)

ADD_TOPUP = insert("topups", Topup)
MOVE_TOPUPS = update("topups", Topup, "status version updated_at")
