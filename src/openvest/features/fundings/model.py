"""Virtual bank accounts and credit fundings, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from openvest.declarations import Event

FundingStatus = Literal["CONFIRMED", "CANCELLED"]


@dataclass(frozen=True, slots=True)
class BankCode:
    """Under which code of which bank a tenant's virtual accounts are numbered. Shape: `country` is of ISO 3166-1."""

    country: str
    bank_code: str
    bic: str


@dataclass(frozen=True, slots=True)
class NewVirtualAccount:
    """What a client says of a virtual bank account."""

    account_group_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class VirtualAccount(NewVirtualAccount):
    """An IBAN of ours that belongs to one account group. `owner_name`: what its user was called when it was opened."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    currency: str
    owner_name: str
    iban: str
    bic: str


@dataclass(frozen=True, slots=True)
class Funding:
    """A transfer that arrived for an account group.

    `counterparty_iban` is masked; in full it stands sealed with the bank's line. `end_to_end_id` is the payer's own,
    which a recall names again.
    """

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    account_group_id: UUID
    cash_amount: Decimal
    currency: str
    remittance_information: str
    counterparty_name: str
    counterparty_iban: str
    status: FundingStatus
    virtual_bank_account_id: UUID | None
    purpose_code: str | None
    bank_line_id: UUID
    end_to_end_id: str


EVENTS: Sequence[Event] = (
    Event("VIRTUAL_BANK_ACCOUNT.CREATED", "virtual bank account"),
    Event("CREDIT_FUNDING.CONFIRMED", "credit funding"),
    Event("CREDIT_FUNDING.CANCELLED", "credit funding"),
)
