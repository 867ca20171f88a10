"""The statements of users. $1 is always the tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from openvest.core.records import record
from openvest.db.paging import Chain, listing
from openvest.db.query import Query, Statement
from openvest.db.rows import columns, insert, update
from openvest.features.users.model import ChangeStatus, User, UserFacts
from openvest.work.leases import leasing

_USER = columns(User)


@record
class ListedUser(User):
    """A user as lists read one: with the sealed number, which a user is never told with."""

    sealed_social_security_number: bytes | None = None


USERS = listing("users", ListedUser, sorts="created_at updated_at", chains=[Chain()])
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
WAITING_CHANGES = Query(
    DataChange,
    f"select {_CHANGE} from data_changes where tenant_id = $1 and user_id = $2 and status = 'RECEIVED'"
    " order by created_at, id",
)
RECEIVED_FOR_UPDATE = Query(
    DataChange,
    f"select {_CHANGE} from data_changes where tenant_id = $1 and id = $2 and status = 'RECEIVED' for no key update",
)
SAVE_CHANGE = update(
    "data_changes", DataChange, "updated_at status reason", also="lease_token = null, leased_until = null"
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


CHANGES_DUE, LEASE_CHANGES, HOLD_CHANGES = leasing(
    "data_changes", LeasedChange, sweep="users.review_changes", waiting="RECEIVED"
)
