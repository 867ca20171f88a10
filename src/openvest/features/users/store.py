"""The statements of users. $1 is always the tenant."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from openvest.db.paging import Listing
from openvest.db.query import Query, Statement
from openvest.features.users.model import (
    ChangeStatus,
    Check,
    CheckType,
    IdentifierType,
    ResidencyStatus,
    User,
    UserFacts,
)

_USER = (
    "id, version, created_at, updated_at, status, licence, first_name, last_name, email, salutation, title, birth_date,"
    " birth_city, birth_country, birth_name, decease_date, nationalities, phone_number, address, postal_address, fatca,"
    " terms_and_conditions, data_privacy_and_sharing_agreement, branch_id, gender, tags"
)
_USER_VALUES = (
    "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25,"
    " $26, $27"
)

USERS = Listing(
    User, _USER, "users", filters={}, sorts={"created_at": "created_at", "updated_at": "updated_at"},
    default_sort="created_at",
)  # fmt: skip
USER_BY_ID = Query(User, f"select {_USER} from users where tenant_id = $1 and id = $2")
HOLD_USER = Query(User, f"select {_USER} from users where tenant_id = $1 and id = $2 for share")
LOCK_USERS = Query(
    User, f"select {_USER} from users where tenant_id = $1 and id = any($2::uuid[]) order by id for no key update"
)
USER_FACTS = Query(
    UserFacts,
    "select id as user_id, status, instrument_fit as fit from users where tenant_id = $1 and id = any($2::uuid[])",
)
INSERT_USER = Statement(
    f"insert into users (tenant_id, {_USER}, sealed_social_security_number) values ($1, {_USER_VALUES}, $28)"
)
SAVE_USER = Statement(f"update users set ({_USER}) = ({_USER_VALUES}) where tenant_id = $1 and id = $2")
SAVE_FIT = Statement(
    "update users set instrument_fit = $3 where tenant_id = $1 and id = $2 and instrument_fit is distinct from $3"
)


@dataclass(frozen=True, slots=True)
class SealedNumber:
    """A user's sealed social security number."""

    id: UUID
    sealed: bytes


SEALED_NUMBERS = Query(
    SealedNumber,
    "select id, sealed_social_security_number as sealed from users"
    " where tenant_id = $1 and id = any($2::uuid[]) and sealed_social_security_number is not null",
)

_CHECK = "id, version, created_at, updated_at, user_id, type, status, check_confirmed_at, details"
CHECK_BY_ID = Query(Check, f"select {_CHECK} from user_checks where tenant_id = $1 and user_id = $2 and id = $3")
CHECKS_OF_USERS = Query(
    Check,
    f"select {_CHECK} from user_checks where tenant_id = $1 and user_id = any($2::uuid[]) order by created_at, id",
)
LOCK_CHECK = Query(
    Check, f"select {_CHECK} from user_checks where tenant_id = $1 and user_id = $2 and id = $3 for no key update"
)
LOCK_LEASED_CHECKS = Query(
    Check,
    f"select {_CHECK} from user_checks where tenant_id = $1 and id = any($2::uuid[]) and lease_token = $3"
    " and status = 'IN_PROGRESS' order by created_at, id for no key update",
)
INSERT_CHECK = Statement(
    f"insert into user_checks (tenant_id, {_CHECK}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
)
SAVE_CHECK = Statement(
    "update user_checks set version = $3, updated_at = $4, status = $5, lease_token = null, leased_until = null"
    " where tenant_id = $1 and id = $2"
)
HOLD_CHECKS = Statement(
    "update user_checks set held = true, lease_token = null, leased_until = null"
    " where tenant_id = $1 and id = any($2::uuid[])"
)


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


CHECKS_WAIT = Query(
    bool,
    "select exists (select from user_checks where tenant_id = $1 and status = 'IN_PROGRESS' and not held"
    " and (leased_until is null or leased_until < wire_now()))",
)
LEASE_CHECKS = Query(
    LeasedCheck,
    "update user_checks c set lease_token = $2, leased_until = wire_now() + interval '60 seconds'"
    " where c.tenant_id = $1 and c.id in (select w.id from user_checks w where w.tenant_id = $1"
    " and w.status = 'IN_PROGRESS' and not w.held and (w.leased_until is null or w.leased_until < wire_now())"
    " order by w.created_at, w.id limit $3 for update skip locked)"
    " returning c.tenant_id, c.id, c.created_at, c.user_id, c.type, c.details, c.lease_token",
)


@dataclass(frozen=True, slots=True)
class SealedIdentifier:
    """An identifier as stored. No sealed value: it is made from the user's own data."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    user_id: UUID
    type: IdentifierType
    issuing_country: str
    identifier_standard: str
    sealed: bytes | None


_IDENTIFIER = "id, created_at, updated_at, user_id, type, issuing_country, identifier_standard"
IDENTIFIERS = Query(
    SealedIdentifier,
    f"select {_IDENTIFIER}, sealed_identifier as sealed from user_identifiers"
    " where tenant_id = $1 and user_id = $2 order by created_at, id",
)
LOCK_IDENTIFIER = Query(
    SealedIdentifier,
    f"select {_IDENTIFIER}, sealed_identifier as sealed from user_identifiers"
    " where tenant_id = $1 and user_id = $2 and id = $3 for no key update",
)
INSERT_IDENTIFIER = Statement(
    f"insert into user_identifiers (tenant_id, {_IDENTIFIER}, sealed_identifier)"
    " values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
)
SAVE_IDENTIFIER = Statement(
    "update user_identifiers set updated_at = $3, identifier_standard = $4, sealed_identifier = $5"
    " where tenant_id = $1 and id = $2"
)


@dataclass(frozen=True, slots=True)
class Country:
    """A country for which a user has what is asked."""

    user_id: UUID
    country: str


IDENTIFIER_COUNTRIES = Query(
    Country,
    "select user_id, issuing_country as country from user_identifiers"
    " where tenant_id = $1 and user_id = any($2::uuid[])",
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


_CHANGE = "id, created_at, updated_at, user_id, status, changes, evidence, reason"
INSERT_CHANGE = Statement(
    f"insert into data_changes (tenant_id, {_CHANGE}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
)
LOCK_LEASED_CHANGES = Query(
    DataChange,
    f"select {_CHANGE} from data_changes where tenant_id = $1 and id = any($2::uuid[]) and lease_token = $3"
    " and status = 'RECEIVED' order by created_at, id for no key update",
)
SAVE_CHANGE = Statement(
    "update data_changes set updated_at = $3, status = $4, reason = $5, lease_token = null, leased_until = null"
    " where tenant_id = $1 and id = $2"
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


CHANGES_WAIT = Query(
    bool,
    "select exists (select from data_changes where tenant_id = $1 and status = 'RECEIVED' and not held"
    " and (leased_until is null or leased_until < wire_now()))",
)
LEASE_CHANGES = Query(
    LeasedChange,
    "update data_changes c set lease_token = $2, leased_until = wire_now() + interval '60 seconds'"
    " where c.tenant_id = $1 and c.id in (select w.id from data_changes w where w.tenant_id = $1"
    " and w.status = 'RECEIVED' and not w.held and (w.leased_until is null or w.leased_until < wire_now())"
    " order by w.created_at, w.id limit $3 for update skip locked)"
    " returning c.tenant_id, c.id, c.created_at, c.user_id, c.evidence, c.lease_token",
)


def values(row: Any) -> list[Any]:
    """The fields of a dataclass in order, as the parameters of its insert."""
    return [getattr(row, field.name) for field in fields(row)]
