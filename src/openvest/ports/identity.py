"""The port to whoever proves that people are who they say: identity providers, screening, document review.

One question form for everything about a person that someone outside decides. An adapter answers in any order and may
leave questions out; those are asked again when their lease has run out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol
from uuid import UUID

from openvest.core.records import record

Outcome = Literal["PASSED", "FAILED", "PENDING"]
"""PENDING: no answer comes by itself; the question is not asked again."""


@record
class CheckRequest:
    """One question. `id` names the check or the data change; `details` is the evidence as the client sent it."""

    id: UUID
    tenant_id: UUID
    user_id: UUID
    subject: Literal["CHECK", "DATA_CHANGE"]
    type: str
    details: Mapping[str, Any]
    client_reference: str | None = None


@record
class CheckResult:
    """The answer to the question of the same id. `reason` says why not, without personal data."""

    id: UUID
    outcome: Outcome
    reason: str | None = None


class Identity(Protocol):
    """What an adapter offers. Called outside any transaction; a repeated question gets an answer again."""

    async def check(self, requests: Sequence[CheckRequest]) -> Sequence[CheckResult]: ...
