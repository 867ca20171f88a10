"""The simulated identity provider: it passes everything at once unless a scenario says otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from openvest.db.unit import Database
from openvest.ports.identity import CheckRequest, CheckResult, Outcome
from openvest.simulation.scenarios import Candidate, take

OUTCOMES: dict[str, Outcome] = {
    "check_fails": "FAILED",
    "check_pending": "PENDING",
    "data_change_fails": "FAILED",
    "data_change_pending": "PENDING",
}
"""What each scenario for checks and data changes answers. A pending check waits for the pass and fail calls."""


@dataclass(frozen=True, slots=True)
class SimulatedIdentity:
    """Implements `ports.identity.Identity`."""

    database: Database

    async def check(self, requests: Sequence[CheckRequest]) -> Sequence[CheckResult]:
        by_tenant: dict[UUID, list[Candidate]] = defaultdict(list)
        for request in requests:
            by_tenant[request.tenant_id].append(_candidate(request))
        drawn: dict[UUID, str] = {}
        for tenant_id, candidates in by_tenant.items():
            drawn |= await take(self.database, tenant_id, candidates)
        return [_result(request, drawn.get(request.id)) for request in requests]


def _candidate(request: CheckRequest) -> Candidate:
    kind = "check" if request.subject == "CHECK" else "data_change"
    return Candidate(request.id, kind, request.user_id, client_reference=request.client_reference)


def _result(request: CheckRequest, scenario: str | None) -> CheckResult:
    if scenario is None:
        return CheckResult(request.id, "PASSED")
    return CheckResult(request.id, OUTCOMES[scenario], f"scenario {scenario}")
