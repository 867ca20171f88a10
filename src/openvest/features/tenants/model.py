"""What tenants, clients and their keys are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Literal
from uuid import UUID

from openvest.core.sealing import SealedColumn
from openvest.declarations import Contract

Licence = Literal["TOL", "BYOL"]
Mode = Literal["sandbox", "production"]
Pace = Literal["instant", "calendar"]
KeyAlgorithm = Literal["ecdsa-p521", "ed25519"]


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation as its own unit of work sees it."""

    tenant_id: UUID
    name: str
    licence: Licence
    mode: Mode
    pace: Pace
    block_cut_off: time
    """When orders of execution flow BLOCK are executed, in the venue's local time."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ListedTenant:
    """A tenant, as it is known before anything is asked of it."""

    tenant_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class TenantClock:
    """How a tenant's clock stands. `dirty`: a frozen one has work that is due before its next write."""

    tenant_id: UUID
    frozen: bool
    advancing: bool
    dirty: bool
    closed: bool


@dataclass(frozen=True, slots=True)
class Client:
    """An API client. Units: `rate_limit` is requests per second, None for no limit."""

    tenant_id: UUID
    id: UUID
    name: str
    contract: Contract
    scopes: list[str]
    rate_limit: int | None
    strict_idempotency: bool
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client just made, or one whose secret was exchanged: the only moment its secret can be read."""

    tenant_id: UUID
    client_id: UUID
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """The public half of one of our signing keys."""

    id: UUID
    public_key: str


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One of our signing keys, opened. Shape: `private_pem` is PKCS#8 PEM."""

    id: UUID
    private_pem: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A fresh access token as its client gets it. Units: `expires_in` is seconds."""

    access_token: str = field(repr=False)
    expires_in: int
    scopes: tuple[str, ...]


PRIVATE_KEY = SealedColumn("signing_keys", "sealed_private_key", "signing_keys.sealed_private_key {tenant_id} {id}")

SCOPES: Mapping[str, str] = {
    "account_liquidations:admin": "Start, read and cancel liquidations of accounts.",
    "account_liquidations:read": "Read liquidations of accounts.",
    "account_returns:read": "Read the returns of accounts.",
    "account_transfers:admin": "Start and read transfers of whole accounts.",
    "account_transfers:read": "Read transfers of whole accounts.",
    "accounts:admin": "Create, change and close accounts and account groups.",
    "accounts:read": "Read accounts and account groups.",
    "businesses:admin": "Create, read and change businesses.",
    "businesses:read": "Read businesses.",
    "cash_balance_transfers:admin": "Create and read transfers between cash balances.",
    "cash_balance_transfers:read": "Read transfers between cash balances.",
    "cash_credits:admin": "Create and read cash credits.",
    "cash_credits:read": "Read cash credits.",
    "checks:admin": "Create and read checks of users.",
    "checks:read": "Read checks of users.",
    "corporate_actions:admin": "Instruct corporate actions.",
    "credit_fundings:read": "Read credit fundings.",
    "fees:admin": "Create and read fee collections and fee models.",
    "fees:read": "Read fee collections and fee models.",
    "files:read": "Read files.",
    "instruments:read": "Read instruments and their venues.",
    "isa_transfers:admin": "Create transfers of ISA subscriptions.",
    "mandates:admin": "Create, read and revoke mandates.",
    "mandates:read": "Read mandates.",
    "orders:admin": "Place, read and cancel orders.",
    "orders:read": "Read orders and executions.",
    "payments:admin": "Create, read and cancel direct debits and withdrawals.",
    "payments:read": "Read direct debits and withdrawals.",
    "portfolios:admin": "Create, read and change portfolio allocations, configurations and orders.",
    "portfolios:read": "Read portfolio allocations, configurations and orders.",
    "positions:read": "Read positions and cash balances.",
    "positions_performance:read": "Read the performance of positions.",
    "prices:read": "Read prices of instruments.",
    "reference_accounts:admin": "Create, read and remove reference accounts.",
    "reference_accounts:read": "Read reference accounts.",
    "reports:admin": "Ask for and read reports.",
    "reports:read": "Read reports.",
    "roles:admin": "Create, read and end roles.",
    "roles:read": "Read roles.",
    "savings_plans:admin": "Create, read, change and cancel savings plans.",
    "savings_plans:read": "Read savings plans.",
    "securities_transfers:admin": "Create, read and decide transfers of securities.",
    "securities_transfers:read": "Read transfers of securities.",
    "taxes:admin": "Set and read tax residencies and exemptions.",
    "taxes:read": "Read tax residencies and exemptions.",
    "tests:admin": "Move the clock, set scenarios and simulate the outside world; sandboxes only.",
    "topups:admin": "Create, read and remove top-ups.",
    "topups:read": "Read top-ups.",
    "transaction_fees:admin": "Set and read transaction fees.",
    "transaction_fees:read": "Read transaction fees.",
    "transactions:read": "Read cash and securities transactions.",
    "users:admin": "Create, read, change and offboard users.",
    "users:read": "Read users.",
    "valuations:read": "Read valuations of accounts.",
    "virtual_cash_balances:admin": "Increase and decrease virtual cash balances.",
    "webhooks:admin": "Create, read, change and remove webhook subscriptions.",
    "webhooks:read": "Read webhook subscriptions and verification keys.",
}
"""Every scope the contract knows, also those whose operations are not served yet: a client is made once.

Units: all in one line have at most 1000 characters, what a token request and its answer may carry.
Source: reference (authentication).
"""
