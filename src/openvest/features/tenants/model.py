"""What tenants, clients and their keys are."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Literal
from uuid import UUID

from openvest.core.declarations import Contract

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
