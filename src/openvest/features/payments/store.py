"""SQL of top-ups and bank lines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from openvest.db.paging import listing
from openvest.db.query import Query
from openvest.db.rows import columns, insert, update
from openvest.features.payments.model import BankLine, LineStatus, Receipt, Topup

_TOPUP = columns(Topup)
_LINE = columns(BankLine)

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


@dataclass(frozen=True, slots=True)
class ArrivedLine:
    """A bank line as it comes in."""

    id: UUID
    external_id: str
    created_at: datetime
    due_at: datetime
    amount: Decimal
    currency: str
    client_reference: str
    remittance_information: str
    virtual_bank_account_id: UUID | None
    purpose_code: str | None
    sealed_parties: bytes


@dataclass(frozen=True, slots=True)
class BookedLine:
    """What became of a bank line."""

    id: UUID
    status: LineStatus
    topup_id: UUID | None
    booked_at: datetime


ADD_LINES = insert("bank_lines", ArrivedLine, also={"status": "'RECEIVED'"}, unless="external_id")
MOVE_LINES = update("bank_lines", BookedLine)
LINES_BY_EXTERNAL_ID = Query(
    Receipt,
    "select id, external_id as bank_reference from bank_lines where tenant_id = $1 and external_id = any($2::text[])",
)
_DUE = """
      from bank_lines l
     where tenant_id = $1 and status = 'RECEIVED'
       and not exists (select from dead_letters a
             where a.tenant_id = $1 and a.sweep = 'payments.match' and a.row_id = l.id)
"""
NEXT_LINE = Query(datetime, f"select due_at {_DUE} order by due_at limit 1")
CLAIM_LINES = Query(
    BankLine,
    f"""
    select {_LINE} {_DUE} and due_at <= $2
     order by due_at, id limit $3 for update skip locked
    """,
)
RECEIVED_FOR_UPDATE = Query(
    BankLine, f"select {_LINE} from bank_lines where tenant_id = $1 and id = $2 and status = 'RECEIVED' for update"
)
