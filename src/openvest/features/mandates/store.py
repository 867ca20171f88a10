"""The statements of mandates and creditors. $1 is always the tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from openvest.db.paging import Listing
from openvest.db.query import Query, Statement
from openvest.db.rows import columns, insert, update
from openvest.features.mandates.model import Creditor, StoredMandate


@dataclass(frozen=True, slots=True)
class SealedMandate(StoredMandate):
    """A mandate as stored."""

    sealed_account: bytes
    last_used_on: date | None


_ROW = columns(SealedMandate)

MANDATES = Listing(
    SealedMandate,
    columns=_ROW,
    source="mandates",
    filters={"user_id": "user_id = {} and revoked_at is null"},
    sorts={"created_at": "created_at", "id": "id"},
    default_sort="created_at",
)
MANDATE_BY_ID = Query(SealedMandate, f"select {_ROW} from mandates where tenant_id = $1 and id = $2")
MANDATE_FOR_UPDATE = Query(
    SealedMandate,
    f"select {_ROW} from mandates where tenant_id = $1 and id = $2 and revoked_at is null for no key update",
)
ADD_MANDATE = insert("mandates", SealedMandate)
REVOKE_MANDATE = update("mandates", SealedMandate, "version updated_at revoked_at")
USE_MANDATE = Statement("update mandates set last_used_on = $3 where tenant_id = $1 and id = $2")

CREDITOR = Query(Creditor, f"select {columns(Creditor)} from creditors where tenant_id = $1")
SAVE_CREDITOR = Statement(
    "insert into creditors (tenant_id, creditor_name, creditor_id, creditor_address, updated_at)"
    " values ($1, $2, $3, $4::jsonb, $5) on conflict (tenant_id) do update set"
    " creditor_name = $2, creditor_id = $3, creditor_address = $4::jsonb, updated_at = $5"
)
