"""`make crash`: load, kills, restarts, and a verdict: 0 lost, 0 doubled, 0 events lost, the books proved."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from openvest.core.clock import monotonic_ns
from tests.faults.crash.checker import Findings
from tests.faults.crash.killer import VICTIMS, Killer, killing
from tests.faults.crash.load import Load
from tests.faults.crash.run import Plan, run, since
from tests.kit.stage import staged

SHOWN = 8


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=16, help="how many processes are killed at random moments")
    parser.add_argument("--acknowledged", type=int, default=10_500, help="how many acknowledged writes the run needs")
    parser.add_argument("--clients", type=int, default=24, help="how many send at once")
    parser.add_argument("--minutes", type=float, default=20, help="give up after this long")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="of everything random")
    parser.add_argument("--control", action="store_true", help="with commits that do not wait: must find losses")
    return parser.parse_args(arguments)


async def main(asked: argparse.Namespace) -> int:
    print(
        f"seed={asked.seed} kills={asked.kills} acknowledged={asked.acknowledged} control={asked.control}", flush=True
    )
    begun = monotonic_ns()
    module = "tests.controls.commits_that_do_not_wait" if asked.control else "openvest"
    victims = ("postgres",) if asked.control else VICTIMS
    disturb = killing(asked.seed, asked.kills, asked.acknowledged, victims)
    plan = Plan(asked.seed, asked.acknowledged, asked.clients, disturb)
    async with staged(module) as stage, asyncio.timeout(asked.minutes * 60):
        outcome = await run(stage, plan)
    findings, killer, load = outcome.findings, outcome.killer, outcome.load
    journal = load.journal.acknowledged
    tell(findings, killer, load)
    for fault in outcome.faults:
        print(f"logged {fault}")
    backs = [kill.back_seconds for kill in killer.kills] or [0.0]
    print(f"time back to service {sum(backs) / len(backs):.1f} s mean, {max(backs):.1f} s max")
    print(
        f"kills {len(killer.kills)}, acknowledged {journal}, lost {len(findings.lost)}, "
        f"doubled {len(findings.doubled)}, events lost {len(findings.events_lost)}: "
        f"{len(findings.lost)}, {len(findings.doubled)}, {len(findings.events_lost)}"
    )
    proof = findings.proof
    print(f"ledger prove: {'clean' if proof is not None and proof.clean else 'NOT CLEAN'}")
    print(f"{since(begun)} in all")
    return 0 if findings.clean and journal >= asked.acknowledged and len(killer.kills) >= asked.kills else 1


def tell(findings: Findings, killer: Killer, load: Load) -> None:
    """What was done and what was found, before the verdict."""
    counted = Counter(kill.victim for kill in killer.kills)
    print("killed: " + ", ".join(f"{victim} {times}" for victim, times in sorted(counted.items())))
    answers = ", ".join(f"{status} x {times}" for status, times in sorted(load.statuses.items()))
    print(f"answers: {answers}; asked again {load.asked_again}")
    for title, rows in (
        ("lost", list(findings.lost.values())),
        ("doubled", findings.doubled),
        ("events lost", findings.events_lost),
        ("fault", load.faults),
        ("further findings", findings.others),
        ("laws broken", [str(finding) for finding in (findings.proof.findings if findings.proof else ())]),
    ):
        for row in rows[:SHOWN]:
            print(f"{title}: {row}")
        if len(rows) > SHOWN:
            print(f"{title}: … {len(rows) - SHOWN} more")


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # pyright: ignore[reportAttributeAccessIssue] - a text stream
    os.chdir(Path(__file__).resolve().parents[3])
    sys.exit(asyncio.run(main(options())))
