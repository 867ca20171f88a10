"""What subscriptions and their packages are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from openvest.declarations import Contract

Category = Literal[
    "BUSINESS", "ROLE", "USER", "USER_CHECK", "ORDER", "ORDER_CANCELLATION", "EXECUTION", "POSITION", "CASH_BALANCE",
    "ACCOUNT", "ACCOUNT_GROUP", "INSTRUMENT", "REPORT", "TREASURY_REPORT", "DIRECT_DEBIT", "WITHDRAWAL", "PORTFOLIO",
    "PORTFOLIO_ALLOCATION", "PORTFOLIO_ORDER", "CORPORATE_ACTION", "ACCOUNT_VALUATION", "INTRADAY_ACCOUNT_VALUATION",
    "CASH_TRANSACTION", "SECURITY_TRANSACTION", "ACCOUNT_LIQUIDATION", "ACCOUNT_RETURNS", "VIRTUAL_CASH_INCREASE",
    "VIRTUAL_CASH_DECREASE", "FEE_COLLECTION", "SAVINGS_PLAN", "SAVINGS_PLAN_EXECUTION", "REBALANCING_EXECUTION_ORDER",
    "TAX_EXEMPTION", "TAX_COLLECTION", "ISA_WRAPPER", "ISA_WRAPPER_ALLOWANCE", "CREDIT_FUNDING",
    "VIRTUAL_BANK_ACCOUNT", "SECURITIES_TRANSFER", "ACCOUNT_TRANSFER", "TOPUP", "ISA_TRANSFER", "CASH_BALANCE_TRANSFER",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """What a client says of a new subscription. Shape: `type` holds categories or `ALL`; `exclude_type` counts only
    beside `ALL`.
    """

    title: str
    url: str
    type: list[str]
    exclude_type: list[str] | None
    delay_seconds: int
    max_package_size: int


@dataclass(frozen=True, slots=True)
class Webhook(NewWebhook):
    """A subscription of one contract."""

    id: UUID
    contract: Contract
    enabled: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class LeasedPackage:
    """A package somebody may try to deliver now, and the token that lets them record what came of it."""

    webhook_id: UUID
    url: str
    body: bytes = field(repr=False)
    first_sequence: int
    last_sequence: int
    previous_sequence: int
    attempts: int
    lease_token: UUID


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt. `failure` None: the endpoint has it."""

    package: LeasedPackage
    failure: str | None


@dataclass(frozen=True, slots=True)
class Tried:
    """A test delivery and what the endpoint answered."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class NextLook:
    """When this tenant's subscriptions want attention next, and the wire time it was asked at."""

    now: datetime
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Room:
    """How many packages may be taken: such as were never tried, and such as failed the last time."""

    fresh: int
    failing: int
