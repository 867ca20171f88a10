"""The movable clock: what crosses loses no target (R28), and work at the end of the calendars is decided (R27)."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

from openvest.work.clockwork import ClockMoves, Clockwork
from tests.features.simulation.test_clock import START, Due, Work
from tests.gates.clock_end import ended
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.ground import ground
from tests.kit.world import make_tenant

_DAYS: Final = 60


@dataclass(slots=True)
class _Crossed:
    """A tenant whose clock two processes move at once, and what they were promised. `asked` counts what was allowed."""

    tenant_id: UUID
    processes: list[Clockwork]
    work: Work
    chance: Random
    latest: datetime = START
    asked: Counter[str] = field(default_factory=Counter[str])

    async def one(self, process: Clockwork) -> None:
        verb = self.chance.choice(("advance", "advance", "freeze", "thaw"))
        try:
            if verb == "advance":
                ahead = timedelta(hours=self.chance.randint(1, 48))
                to = await process.set_target(
                    self.tenant_id, lambda row: max(row.now, row.advance_to or row.now) + ahead
                )
                self.latest = max(self.latest, to)
                state = await process.advance(self.tenant_id, to=to)
                assert state.now >= to, f"an advance to {to} was answered at {state.now}"
            elif verb == "freeze":
                await process.freeze(self.tenant_id)
            else:
                await process.thaw(self.tenant_id)
            self.asked[verb] += 1
        except ClockMoves:
            self.asked[f"{verb} refused"] += 1

    def findings(self, now: datetime, target: datetime | None) -> list[str]:
        found: list[str] = []
        if target is not None or now < self.latest:
            found.append(f"the clock stands at {now}, the target {target}; an advance to {self.latest} was accepted")
        left = [row.at for row in self.work.due if row.at <= now]
        early = [f"{at} at {done}" for at, done in self.work.did if done < at]
        if left or early:
            found.append(f"work passed over: {left[:3]}, done early: {early[:3]}")
        return found


async def crossed(run: Run) -> Verdict:
    """Advances, freezes and thaws of one tenant by several at once; whoever is done last finds every target reached."""
    findings: list[str] = []
    asked: Counter[str] = Counter()
    async with ground(pool_size=20) as under:
        for number in range(run["tenants"]):
            tenant_id = await make_tenant(
                under.world.database, f"Crossed {number}", frozen_at=START if number % 2 else None
            )
            first = (await under.world.clockwork.show(tenant_id)).now
            work = Work([Due(UUID(int=n), first + timedelta(hours=7 * n)) for n in range(1, _DAYS * 3)])
            processes = [work.clockwork(under.world.database) for _ in range(2)]
            trial = _Crossed(tenant_id, processes, work, run.chance(str(number)), first)
            for _ in range(run["rounds"]):
                await asyncio.gather(*(trial.one(process) for process in processes for _ in range(2)))
            await processes[0].advance(tenant_id)
            state = await processes[0].show(tenant_id)
            findings += trial.findings(state.now, state.target)
            asked += trial.asked
    if not asked["advance"] or not (asked["freeze refused"] or asked["thaw refused"]):
        findings.append(f"nothing crossed: {dict(asked)}")
    said = ", ".join(f"{count} {what}" for what, count in sorted(asked.items()))
    return Verdict(f"{run['tenants']} clocks: {said}; every target reached, no work passed over", findings)


GATES = (
    Gate(
        "R27 end-of-calendars",
        "at the end of the calendars work is decided, neither set aside nor left waiting",
        ended,
        push={"lives": 2, "orders": 40},
        night={"lives": 40, "orders": 60},
    ),
    Gate(
        "R28 crossing-advances",
        "advances, freezes and thaws that cross lose no target",
        crossed,
        push={"tenants": 4, "rounds": 8},
        night={"tenants": 60, "rounds": 30},
    ),
)
