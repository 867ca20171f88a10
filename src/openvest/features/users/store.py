"""The statements of users. $1 is always the tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from openvest.db.paging import Listing
from openvest.db.query import Query, Statement
from openvest.db.rows import columns, insert, update
from openvest.features.users.model import (
    ChangeStatus,
    User,
    UserFacts,
)

_USER = columns(User)

USERS = Listing(
    User, _USER, "users", filters={}, sorts={"created_at": "created_at", "updated_at": "updated_at"},
    default_sort="created_at",
)  # fmt: skip
USER_BY_ID = Query(User, f"select {_USER} from users where tenant_id = $1 and id = $2")
USER_FOR_SHARE = Query(User, f"select {_USER} from users where tenant_id = $1 and id = $2 for share")
USERS_FOR_SHARE = Query(
    UUID, "select id from users where tenant_id = $1 and id = any($2::uuid[]) order by id for share"
)
USERS_FOR_UPDATE = Query(
    User, f"select {_USER} from users where tenant_id = $1 and id = any($2::uuid[]) order by id for no key update"
)
USER_FACTS = Query(
    UserFacts,
    "select id as user_id, status, instrument_fit as fit from users where tenant_id = $1 and id = any($2::uuid[])",
)
INSERT_USER = insert("users", User)
SAVE_USER = update("users", User)
SAVE_FIT = Statement(
    "update users set instrument_fit = $3 where tenant_id = $1 and id = $2 and instrument_fit is distinct from $3"
)


@dataclass(frozen=True, slots=True)
class SealedNumber:
    """A user's sealed social security number."""

    id: UUID
    sealed_social_security_number: bytes


SAVE_NUMBERS = update("users", SealedNumber)
SEALED_NUMBERS = Query(
    SealedNumber,
    f"select {columns(SealedNumber)} from users"
    " where tenant_id = $1 and id = any($2::uuid[]) and sealed_social_security_number is not null",
)


@dataclass(frozen=True, slots=True)
class DataChange:
    """A request to change a user. Shape: `changes` are fields of `User`, in snapshot form."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    user_id: UUID
    status: ChangeStatus
    changes: dict[str, Any]
    evidence: dict[str, Any] | None
    reason: str | None


_CHANGE = columns(DataChange)
INSERT_CHANGE = insert("data_changes", DataChange)
LEASED_CHANGES_FOR_UPDATE = Query(
    DataChange,
    f"select {_CHANGE} from data_changes where tenant_id = $1 and id = any($2::uuid[]) and lease_token = $3"
    " and status = 'RECEIVED' order by created_at, id for no key update",
)
RECEIVED_FOR_UPDATE = Query(
    DataChange,
    f"select {_CHANGE} from data_changes where tenant_id = $1 and id = $2 and status = 'RECEIVED' for no key update",
)
SAVE_CHANGE = update(
    "data_changes", DataChange, "updated_at status reason", also="lease_token = null, leased_until = null"
)
HOLD_CHANGES = Statement(
    "update data_changes set held = true, lease_token = null, leased_until = null"
    " where tenant_id = $1 and id = any($2::uuid[])"
)


@dataclass(frozen=True, slots=True)
class LeasedChange:
    """A data change on its way to the identity port."""

    tenant_id: UUID
    id: UUID
    created_at: datetime
    user_id: UUID
    evidence: dict[str, Any] | None
    lease_token: UUID


# A leased row still waits, else a clock would pass over one whose process died. A lease is respected only where several
# runners work side by side: a frozen tenant has one ($4), and what it finds leased is of a dead one.

_WAITING = """
  w.tenant_id = $1 and w.status = 'RECEIVED' and not w.held
  and not exists (
    select from dead_letters a where a.tenant_id = $1 and a.sweep = 'users.review_changes' and a.row_id = w.id)
"""

CHANGES_DUE = Query(datetime, f"select $2::timestamptz where exists (select from data_changes w where {_WAITING})")
LEASE_CHANGES = Query(
    LeasedChange,
    "update data_changes c set lease_token = $2, leased_until = wire_now() + interval '60 seconds'"
    f" where c.tenant_id = $1 and c.id in (select w.id from data_changes w where {_WAITING}"
    " and (w.leased_until is null or w.leased_until < wire_now() or $4)"
    " order by w.created_at, w.id limit $3 for update skip locked)"
    " returning c.tenant_id, c.id, c.created_at, c.user_id, c.evidence, c.lease_token",
)
