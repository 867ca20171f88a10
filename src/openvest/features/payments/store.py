"""SQL of top-ups and bank lines."""

from __future__ import annotations

from datetime import datetime

from openvest.db.paging import Listing
from openvest.db.query import Query, Statement
from openvest.features.payments.model import BankLine, Receipt, Topup

_TOPUP = "id, version, created_at, updated_at, account_group_id, cash_amount, currency, status, settlement_reference"

TOPUPS = Listing(
    Topup,
    columns=_TOPUP,
    source="topups",
    filters={"account_group_id": "account_group_id = {}"},
    sorts={"id": "id", "created_at": "created_at"},
    default_sort="created_at",
)

TOPUP_BY_ID = Query(Topup, f"select {_TOPUP} from topups where tenant_id = $1 and id = $2")
LOCK_TOPUP = Query(Topup, f"select {_TOPUP} from topups where tenant_id = $1 and id = $2 for no key update")
LOCK_TOPUPS_BY_REFERENCE = Query(
    Topup,
    f"select {_TOPUP} from topups where tenant_id = $1 and settlement_reference = any($2::text[])"
    " order by id for no key update",
)

ADD_TOPUP = Statement(f"insert into topups (tenant_id, {_TOPUP}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
MOVE_TOPUPS = Statement(
    """
    update topups t set status = m.status, version = m.version, updated_at = m.updated_at
      from unnest($2::uuid[], $3::text[], $4::integer[], $5::timestamptz[]) as m(id, status, version, updated_at)
     where t.tenant_id = $1 and t.id = m.id
    """
)

ADD_LINES = Statement(
    """
    insert into bank_lines (tenant_id, id, external_id, created_at, due_at, status, amount, currency, client_reference,
                            remittance_information, virtual_bank_account_id, purpose_code, sealed_parties)
    select $1, l.id, l.external_id, $2, l.due_at, 'RECEIVED', l.amount, l.currency, l.client_reference,
           l.remittance_information, l.virtual_bank_account_id, l.purpose_code, l.sealed_parties
      from unnest($3::uuid[], $4::text[], $5::timestamptz[], $6::numeric[], $7::text[], $8::text[], $9::text[],
                  $10::uuid[], $11::text[], $12::bytea[])
        as l(id, external_id, due_at, amount, currency, client_reference, remittance_information,
             virtual_bank_account_id, purpose_code, sealed_parties)
    on conflict (tenant_id, external_id) do nothing
    """
)
LINES_BY_EXTERNAL_ID = Query(
    Receipt,
    "select id, external_id as bank_reference from bank_lines where tenant_id = $1 and external_id = any($2::text[])",
)
_DUE = """
      from bank_lines l
     where tenant_id = $1 and status = 'RECEIVED'
       and not exists (select from set_aside a where a.tenant_id = $1 and a.sweep = 'bank_intake' and a.row_id = l.id)
"""
NEXT_LINE = Query(datetime, f"select due_at {_DUE} order by due_at limit 1")
CLAIM_LINES = Query(
    BankLine,
    f"""
    select id, amount, currency, remittance_information {_DUE} and due_at <= $2
     order by due_at, id limit $3 for update skip locked
    """,
)
LOCK_RECEIVED = Query(
    BankLine,
    "select id, amount, currency, remittance_information from bank_lines"
    " where tenant_id = $1 and id = $2 and status = 'RECEIVED' for update",
)
MOVE_LINES = Statement(
    """
    update bank_lines l set status = m.status, topup_id = m.topup_id, booked_at = $5
      from unnest($2::uuid[], $3::text[], $4::uuid[]) as m(id, status, topup_id)
     where l.tenant_id = $1 and l.id = m.id
    """
)
