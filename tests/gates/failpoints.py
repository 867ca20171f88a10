"""Every crash point there is (R4): a process ends there, another one goes on, and nothing is lost or doubled."""

from __future__ import annotations

from importlib import import_module

from openvest.core.failpoints import declared
from tests.gates.failpoint_stage import Case, cases_of, crash_while_running
from tests.gates.failpoint_starts import STARTS, crash_while_starting
from tests.gates.gate import Gate, Run, Verdict
from tests.kit.stage import staged

PARTS = ("", "deliveries.", "unit.", "outbound.after_lease")
"""What the size `part` may leave it at, by number; 0 is everything there is."""


async def all_failpoints(run: Run) -> Verdict:
    """Every place once in each round, in each kind of process it lives in."""
    part = PARTS[run["part"]]
    import_module("openvest.main.processes")
    names = [name for name in declared() if name.startswith(part)]
    starts = [name for name in names if name.startswith(("database.", "migrations.", "start."))]
    findings = [f"nobody starts a process for {name}" for name in starts if name not in STARTS]
    cases: list[Case] = []
    for name in names:
        if name not in starts:
            mine = cases_of(name)
            findings += [] if mine else [f"no process is known to pass {name}"]
            cases += mine
    figures: list[str] = []
    for number in range(run["rounds"]):
        chance = run.chance(f"round {number}")
        async with staged() as stage:
            findings += await crash_while_starting(stage, chance, starts) if starts else []
            told = await crash_while_running(stage, chance, cases, run["clients"])
            findings += told.findings
            figures.append(told.figure)
    died = f"{len(names)} places, {len(starts) + len(cases)} deaths x {run['rounds']}"
    return Verdict(f"{died}; {figures[-1]}", findings)


GATES: tuple[Gate, ...] = (
    Gate(
        "R4 crash-points",
        "a crash at any point of any process leaves nothing lost, doubled or stuck",
        all_failpoints,
        push={"rounds": 1, "clients": 4, "part": 0},
        night={"rounds": 2},
        minutes=12,
    ),
)
