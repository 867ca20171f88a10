"""The statements of checks, identifiers and tax residencies. $1 is always the tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from openvest.db.query import Query, Statement
from openvest.db.rows import columns, insert, update
from openvest.features.onboarding.model import Check, CheckType, ResidencyStatus, StoredIdentifier
from openvest.work.leases import leasing

_CHECK = columns(Check)
CHECK_BY_ID = Query(Check, f"select {_CHECK} from user_checks where tenant_id = $1 and user_id = $2 and id = $3")
CHECKS_OF_USERS = Query(
    Check,
    f"select {_CHECK} from user_checks where tenant_id = $1 and user_id = any($2::uuid[]) order by created_at, id",
)
CHECK_FOR_UPDATE = Query(
    Check, f"select {_CHECK} from user_checks where tenant_id = $1 and user_id = $2 and id = $3 for no key update"
)
LEASED_CHECKS_FOR_UPDATE = Query(
    Check,
    f"select {_CHECK} from user_checks where tenant_id = $1 and id = any($2::uuid[]) and lease_token = $3"
    " and status = 'IN_PROGRESS' order by created_at, id for no key update",
)
INSERT_CHECK = insert("user_checks", Check)
SAVE_CHECK = update("user_checks", Check, "version updated_at status", also="lease_token = null, leased_until = null")
USER_OF_CHECK = Query(UUID, "select user_id from user_checks where tenant_id = $1 and id = $2")


@dataclass(frozen=True, slots=True)
class LeasedCheck:
    """A check on its way to the identity port."""

    tenant_id: UUID
    id: UUID
    created_at: datetime
    user_id: UUID
    type: CheckType
    details: dict[str, Any]
    lease_token: UUID


CHECKS_DUE, LEASE_CHECKS, HOLD_CHECKS = leasing(
    "user_checks", LeasedCheck, sweep="onboarding.check", waiting="IN_PROGRESS"
)


@dataclass(frozen=True, slots=True)
class SealedIdentifier(StoredIdentifier):
    """An identifier as stored. No sealed value: it is made from the user's own data."""

    sealed_identifier: bytes | None


_IDENTIFIER = columns(SealedIdentifier)
IDENTIFIERS = Query(
    SealedIdentifier,
    f"select {_IDENTIFIER} from user_identifiers where tenant_id = $1 and user_id = $2 order by created_at, id",
)
IDENTIFIER_FOR_UPDATE = Query(
    SealedIdentifier,
    f"select {_IDENTIFIER} from user_identifiers where tenant_id = $1 and user_id = $2 and id = $3 for no key update",
)
INSERT_IDENTIFIER = insert("user_identifiers", SealedIdentifier)
SAVE_IDENTIFIER = update("user_identifiers", SealedIdentifier, "updated_at identifier_standard sealed_identifier")
IDENTIFIERS_OF_USERS = Query(
    StoredIdentifier,
    f"select {columns(StoredIdentifier)} from user_identifiers where tenant_id = $1 and user_id = any($2::uuid[])",
)
DECLARED_USERS = Query(UUID, "select user_id from tax_residencies where tenant_id = $1 and user_id = any($2::uuid[])")


@dataclass(frozen=True, slots=True)
class SealedResidencies:
    """A declared set as stored."""

    user_id: UUID
    created_at: datetime
    updated_at: datetime
    status: ResidencyStatus
    sealed: bytes


RESIDENCIES = Query(
    SealedResidencies,
    "select user_id, created_at, updated_at, status, sealed_residencies as sealed from tax_residencies"
    " where tenant_id = $1 and user_id = any($2::uuid[])",
)
SAVE_RESIDENCIES = Statement(
    "insert into tax_residencies (tenant_id, user_id, created_at, updated_at, status, countries, sealed_residencies)"
    " values ($1, $2, $3, $3, $4, $5, $6) on conflict (tenant_id, user_id) do update set"
    " updated_at = $3, status = $4, countries = $5, sealed_residencies = $6"
)
