"""Reference accounts, opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from openvest.core.sealing import SealedColumn


@dataclass(frozen=True, slots=True)
class NewReferenceAccount:
    """What a client says of a reference account. Its holder is a user or a business."""

    user_id: UUID | None
    business_id: UUID | None
    account_owner: str
    name: str | None
    iban: str = field(repr=False)
    bic: str
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class StoredReferenceAccount:
    """A reference account without what is sealed: whose it is, and where."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    user_id: UUID | None
    business_id: UUID | None
    confirmed_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReferenceAccount(StoredReferenceAccount):
    """A bank account that its holder's money is paid to."""

    name: str
    account_owner: str
    iban: str = field(repr=False)
    bic: str


ACCOUNT = SealedColumn("reference_accounts", "sealed_account", "reference_accounts.sealed_account {id}")
