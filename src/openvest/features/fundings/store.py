"""The statements of fundings. $1 is always the tenant."""

from __future__ import annotations

from openvest.db.paging import listing
from openvest.db.query import Query, Statement
from openvest.db.rows import columns, insert, update
from openvest.features.fundings.model import BankCode, Funding, VirtualAccount

_ACCOUNT = columns(VirtualAccount)
_FUNDING = columns(Funding)

BANK_CODE = Query(BankCode, f"select {columns(BankCode)} from bank_codes where tenant_id = $1")
SAVE_BANK_CODE = Statement(
    "insert into bank_codes (tenant_id, country, bank_code, bic, updated_at) values ($1, $2, $3, $4, $5)"
    " on conflict (tenant_id) do update set country = $2, bank_code = $3, bic = $4, updated_at = $5"
)

ACCOUNTS = listing("virtual_bank_accounts", VirtualAccount, filters="account_group_id", sorts="created_at id")
ACCOUNT_BY_ID = Query(VirtualAccount, f"select {_ACCOUNT} from virtual_bank_accounts where tenant_id = $1 and id = $2")
ACCOUNTS_NAMED = Query(
    VirtualAccount,
    f"select {_ACCOUNT} from virtual_bank_accounts"
    " where tenant_id = $1 and (id = any($2::uuid[]) or iban = any($3::text[])) order by id",
)
ADD_ACCOUNT = insert("virtual_bank_accounts", VirtualAccount, unless="iban")

FUNDINGS = listing("credit_fundings", Funding, filters="account_group_id", sorts="created_at")
FUNDING_BY_ID = Query(Funding, f"select {_FUNDING} from credit_fundings where tenant_id = $1 and id = $2")
CONFIRMED_FOR_UPDATE = Query(
    Funding,
    f"select {_FUNDING} from credit_fundings"
    " where tenant_id = $1 and end_to_end_id = any($2::text[]) and status = 'CONFIRMED'"
    " order by created_at, id for no key update",
)
ADD_FUNDINGS = insert("credit_fundings", Funding)
MOVE_FUNDINGS = update("credit_fundings", Funding, "version updated_at status")
