"""Rows of the performance targets, a line each, then the machine and the versions. The verdict is by the median.

With `--before CHECKOUT` another checkout, set up by its own `make setup`, is measured by turns with this one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from asyncio.subprocess import PIPE, Process
from importlib.metadata import version
from pathlib import Path

import uvloop

from openvest import __name__ as package
from tests.bench.cpu import Cpu
from tests.bench.figures import TARGETS, Sample, compared, line
from tests.bench.requests import bare
from tests.bench.run import command

HERE = Path(__file__).resolve().parents[2]


async def begin(checkout: Path, bare_port: int, *, quick: bool) -> Process:
    """A side, once it is there."""
    python = str(checkout / ".venv/bin/python")
    words = command(python, "tests.bench.side", str(bare_port), str(quick))
    side = await asyncio.create_subprocess_exec(*words, cwd=checkout, stdin=PIPE, stdout=PIPE)
    assert side.stdout is not None
    if not await side.stdout.readline():
        raise RuntimeError(f"no side begins in {checkout}")
    return side


async def ask(side: Process, row: str, seconds: int) -> Sample:
    assert side.stdin is not None and side.stdout is not None
    side.stdin.write(f"{row} {seconds}\n".encode())
    answer = await side.stdout.readline()
    if not answer:
        raise RuntimeError(f"a side ended over {row}")
    raw = json.loads(answer)
    return Sample(raw["figure"], raw["per_second"], Cpu(**raw["cpu"]) if raw["cpu"] else None)


async def measure(rows: list[str], checkouts: list[Path], rounds: int, seconds: int, *, quick: bool) -> None:
    """Row by row, round by round: every side once, and who begins changes from round to round."""
    async with bare() as bare_port:
        sides = [await begin(checkout, bare_port, quick=quick) for checkout in checkouts]
        try:
            for row in rows:
                found: list[list[Sample]] = [[] for _ in sides]
                for number in range(min(rounds, TARGETS[row].rounds or rounds)):
                    turn = list(enumerate(sides))
                    for place, side in turn[:: -1 if number % 2 else 1]:
                        found[place].append(await ask(side, row, seconds))
                for checkout, samples in zip(checkouts, found, strict=True):
                    print(line(row, samples) + (f"  {checkout.name}" if len(sides) > 1 else ""), flush=True)
                if len(sides) > 1:
                    print(compared(row, *found), flush=True)
        finally:
            for side in sides:
                if side.stdin is not None:
                    side.stdin.close()
                await side.wait()


def machine() -> str:
    names = ("asyncpg", "httptools", "starlette", "pydantic", "uvloop", "cryptography")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    cores = os.cpu_count()
    return f"{platform.machine()}, {cores} cores, {platform.system()}, Python {platform.python_version()}, {versions}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog=f"python -m tests.bench ({package})")
    parser.add_argument("rows", nargs="*", choices=[*TARGETS, []], help="rows to measure; all unless given")
    parser.add_argument("--rounds", type=int, help="rounds of each row; 15 unless given")
    parser.add_argument("--seconds", type=int, default=3, help="seconds of each side of a round")
    parser.add_argument("--quick", action="store_true", help="3 rounds, and fewer lives in each")
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="another checkout, measured by turns with this")
    given = parser.parse_args()
    checkouts = [HERE] if given.before is None else [given.before.resolve(), HERE]
    rounds = given.rounds or (3 if given.quick else 15)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(given.rows or list(TARGETS), checkouts, rounds, given.seconds, quick=given.quick))
    print(f"{rounds} rounds of {given.seconds} s, {machine()}", file=sys.stdout)


if __name__ == "__main__":
    main()
