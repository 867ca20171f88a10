"""`make gates`: every gate, one after the other, each in a process of its own; then the report.

A seed repeats schedule, faults and payloads of a run; how threads and processes interleave is not repeated.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.gates.catalog import GATES
from tests.gates.gate import Gate
from tests.gates.report import commit, write_report
from tests.gates.scratch import ROOT, NoVerdict, run_gate


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.gates", description=__doc__)
    named = ", ".join(gate.name for gate in GATES.values())
    parser.add_argument(
        "only", nargs="*", metavar="GATE", help=f"gates to run, by the first word of {named}; none: all"
    )
    parser.add_argument("--night", action="store_true", help="at full size")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="of everything random")
    parser.add_argument("--report", type=Path, default=ROOT, help="folder for the report")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.only if name not in GATES]
    if unknown:
        parser.error(f"there is no gate {', '.join(unknown)}; there are {', '.join(GATES)}")
    return asked


async def main(asked: argparse.Namespace) -> int:
    console = Console(highlight=False, soft_wrap=True)
    size = "night" if asked.night else "push"
    gates = [GATES[name] for name in asked.only] or list(GATES.values())
    console.print(f"{len(gates)} gates, size {size}, seed={asked.seed}, commit={commit()}")
    verdicts = [await _shown(gate, size, asked.seed, console) for gate in gates]
    for path in write_report(asked.report, verdicts, size):
        console.print(f"written: {os.path.relpath(path)}", markup=False)
    red = [told["gate"] for told in verdicts if not told["passed"]]
    if red:
        options = " --night" if asked.night else ""
        again = f"python -m tests.gates {' '.join(red)} --seed {asked.seed}{options}"
        console.print(f"[red]{len(red)} of {len(verdicts)} gates did not pass[/]; to repeat them: {again}")
        return 1
    console.print(f"[green]all {len(verdicts)} gates passed[/], in {sum(told['seconds'] for told in verdicts):.0f} s")
    return 0


async def _shown(gate: Gate, size: Any, seed: int, console: Console) -> dict[str, Any]:
    """The verdict on this tree, printed."""
    told = await verdict_of(gate, size, seed)
    mark = "[green]✔[/]" if told["passed"] else "[red]✘[/]"
    console.print(f"{mark} {gate.name:24} {told['seconds']:6.1f} s  {gate.title}: ", end="")
    console.print(told["figure"], markup=False)
    for finding in told["findings"]:
        console.print(f"      {finding}", markup=False)
    return told


async def verdict_of(gate: Gate, size: Any, seed: int) -> dict[str, Any]:
    try:
        return await run_gate(gate, size, seed)
    except NoVerdict as error:
        text = str(error)
        return {
            "gate": gate.key, "figure": "no verdict", "seed": seed, "passed": False, "seconds": 0.0,
            "findings": [text], "fault": text,
        }  # fmt: skip


if __name__ == "__main__":
    sys.exit(asyncio.run(main(options())))
