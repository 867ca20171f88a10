"""One gate in a process of its own: `python -m tests.gates.one R13 [--size night] [--seed N] [--set NAME=N]…`.

Prints the verdict as one JSON line, last; ends with 0 where the gate passed, 1 where it did not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import uvloop

from openvest.core.clock import monotonic_ns
from tests.gates.catalog import GATES
from tests.gates.gate import Gate, Run, Size, Verdict, listed


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.gates.one", description=__doc__)
    parser.add_argument("gate", choices=sorted(GATES), metavar="GATE", help=", ".join(g.name for g in GATES.values()))
    parser.add_argument("--size", choices=("test", "push", "night"), default="push")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="of everything random")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=N", help="another value for one size")
    return parser.parse_args(arguments)


def judged(gate: Gate, size: Size, seed: int, changed: dict[str, int]) -> dict[str, Any]:
    """Run a gate and tell what came of it, whatever it raises. `fault` is what a gate never should."""
    begun, fault = monotonic_ns(), None
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            verdict = runner.run(gate.run(Run({**gate.sizes(size), **changed}, seed, size)))
    except AssertionError as error:
        verdict = Verdict("an expectation does not hold", [_told(error)])
    except Exception as error:
        fault = _told(error)
        verdict = Verdict("the gate itself failed", [fault])
    return {
        "gate": gate.key,
        "figure": verdict.figure,
        "seed": seed,
        "passed": verdict.passed,
        "seconds": round((monotonic_ns() - begun) / 1e9, 1),
        "findings": listed(verdict.findings),
        "fault": fault,
    }


def _told(error: BaseException) -> str:
    """The error, where it was met and what was noted beside it, shortly."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    said = f"{type(error).__name__}: {str(error)[:4_000]} (at {place.name}, line {place.lineno})"
    return "\n".join([said, *(note[:8_000] for note in getattr(error, "__notes__", ()))])


def main(asked: argparse.Namespace) -> int:
    changed = {name: int(value) for name, _, value in (text.partition("=") for text in asked.set)}
    told = judged(GATES[asked.gate], asked.size, asked.seed, changed)
    print(json.dumps(told), flush=True)
    return 0 if told["passed"] else 1


if __name__ == "__main__":
    sys.exit(main(options()))
