"""The simulated identity provider: it passes everything at once unless a scenario says otherwise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from openvest.ports.identity import CheckRequest, CheckResult, Outcome

Take = Callable[[UUID, str, UUID], Awaitable[str | None]]
"""Takes the next scenario of a tenant for a kind of object and a user, or None: (tenant, kind, user) to its name."""

CHECK_KIND = "user_check"

OUTCOMES: dict[str, Outcome] = {"check_fails": "FAILED", "check_stays_open": "PENDING"}
"""The scenarios this provider plays, by name. A check that stays open waits for the pass and fail calls."""


async def no_scenarios(tenant_id: UUID, kind: str, user_id: UUID) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class SimulatedIdentity:
    """Implements `ports.identity.Identity`."""

    take: Take = no_scenarios

    async def check(self, requests: Sequence[CheckRequest]) -> Sequence[CheckResult]:
        return [await self._answer(request) for request in requests]

    async def _answer(self, request: CheckRequest) -> CheckResult:
        name = await self.take(request.tenant_id, CHECK_KIND, request.user_id)
        outcome = OUTCOMES.get(name or "", "PASSED")
        return CheckResult(request.id, outcome, None if outcome == "PASSED" else f"scenario {name}")
