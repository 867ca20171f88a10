"""R46: whoever holds the application role's session is refused by the database itself, statement by statement."""

from __future__ import annotations

from collections import Counter

from tests.gates.gate import Gate, Run, Verdict
from tests.gates.walls_prey import outcome, prey
from tests.gates.walls_statements import every_attempt


async def adversary(run: Run) -> Verdict:
    """Make every attempt; each must be refused, and for the reason that the wall in question gives."""
    findings: list[str] = []
    told: Counter[str] = Counter()
    async with prey() as known:
        for attempt in await every_attempt(known):
            said = await outcome(known.session, attempt)
            right = said.partition(":")[0] == attempt.refusal
            told[attempt.kind] += 1
            if not right:
                findings.append(f"{attempt.kind}: {attempt.sql[:160]} → {said[:160]}, expected {attempt.refusal}")
    assert sum(told.values()) > 60
    refused = sum(told.values()) - len(findings)
    kinds = ", ".join(f"{count} {kind}" for kind, count in told.items())
    return Verdict(f"{refused} statements refused, {len(findings)} not as they must be ({kinds})", findings)


R46 = Gate("R46", "the database itself refuses whoever holds the application's session", adversary, quick=True)
