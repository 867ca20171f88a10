"""The port to whoever receives our news over HTTP.

One request is one attempt: signed afresh, sent once, never redirected, never retried in here. What came back is told as
it is; whether it counts as received is not this port's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """What is to be posted. Shape: `private_pem` is PKCS#8 PEM of the signing key with this id."""

    url: str
    body: bytes
    key_id: UUID
    private_pem: bytes = field(repr=False)
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Headers beyond those that every request has. Shape: names in lower case."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the receiver said. Shape: `body` is cut off after a bounded number of bytes."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


class NotSent(Exception):
    """No answer came, or nothing may be sent there. The text is one sentence that may be shown to the sender."""


class WebhookSender(Protocol):
    """What an adapter offers. Called outside any transaction."""

    async def send(self, webhook_request: WebhookRequest, *, read_body: bool = False) -> Receipt:
        """One attempt; the body is read only where asked for. Raises: NotSent."""
        ...

    async def close(self) -> None: ...
