"""The statements of reference accounts. $1 is always the tenant."""

from __future__ import annotations

from dataclasses import dataclass

from openvest.db.paging import Listing
from openvest.db.query import Query
from openvest.db.rows import columns, insert, update
from openvest.features.reference_accounts.model import StoredReferenceAccount


@dataclass(frozen=True, slots=True)
class SealedReferenceAccount(StoredReferenceAccount):
    """A reference account as stored."""

    name: str | None
    sealed_account: bytes


_ROW = columns(SealedReferenceAccount)

ACCOUNTS = Listing(
    SealedReferenceAccount,
    columns=_ROW,
    source="reference_accounts",
    filters={"user_id": "user_id = {} and deleted_at is null", "ever_of_user": "user_id = {}"},
    sorts={"created_at": "created_at", "id": "id"},
    default_sort="created_at",
)
ACCOUNTS_BY_ID = Query(
    SealedReferenceAccount,
    f"select {_ROW} from reference_accounts where tenant_id = $1 and id = any($2::uuid[])",
)
ACCOUNT_IN_USE = Query(
    SealedReferenceAccount,
    f"select {_ROW} from reference_accounts where tenant_id = $1 and id = $2 and deleted_at is null",
)
ACCOUNT_FOR_UPDATE = Query(
    SealedReferenceAccount,
    f"select {_ROW} from reference_accounts where tenant_id = $1 and id = $2 and deleted_at is null for no key update",
)
ADD_ACCOUNT = insert("reference_accounts", SealedReferenceAccount)
DELETE_ACCOUNT = update("reference_accounts", SealedReferenceAccount, "updated_at deleted_at")
