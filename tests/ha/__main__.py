"""`make ha`: five failovers under load, a table, and a verdict: 0 lost, 0 doubled, in time, the books proved."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from openvest.core.clock import monotonic_ns
from tests.faults.crash.run import since
from tests.ha.cases import control, patroni_cases, plain_cases, warned
from tests.ha.parts import Missing, find_parts, housed
from tests.ha.trial import Tried

SHOWN = 8
HEAD = ("case", "acknowledged", "lost", "doubled", "asked again", "first after", "counted from", "limit", "proof")


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.ha", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="of everything random")
    parser.add_argument("--control", action="store_true", help="with an asynchronous standby: must find losses")
    parser.add_argument("--only", choices=("plain", "patroni", "asynchronous"), help="a part of it")
    return parser.parse_args(arguments)


async def main(asked: argparse.Namespace) -> int:
    try:
        parts = find_parts()
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    begun, results, said = monotonic_ns(), list[Tried](), list[str]()
    print(f"seed={asked.seed}")
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _end, asyncio.current_task())
    async with housed(parts) as house:
        if asked.control:
            found = await control(house, asked.seed)
            told(found)
            print(f"{found.lost} of {found.acknowledged} acknowledged writes are found lost, which must be some")
            return 0 if found.lost else 1
        for part, cases in (("plain", plain_cases), ("patroni", patroni_cases)):
            if asked.only in (None, part):
                async for found in cases(house, asked.seed):
                    results.append(found)
                    told(found)
                    print(f"{since(begun)} so far")
        if asked.only in (None, "asynchronous"):
            said = await warned(house)
        if any(found.faults for found in results):
            print(f"what all parts said is kept in {house.keep_logs()}")
    if results:
        print("\n".join(table(results)))
    for line in said:
        print(f"an asynchronous standby is warned of by {line}")
    failed = [found.name for found in results if found.faults]
    print(f"{'failed: ' + ', '.join(failed) if failed else 'all as it must be'}; {since(begun)} in all")
    return 1 if failed else 0


def _end(task: asyncio.Task[object] | None) -> None:
    if task is not None:
        task.cancel()


def told(found: Tried) -> None:
    print(f"{found.name}: {found.acknowledged} acknowledged, {len(found.faults)} faults")
    for fault in found.faults[:SHOWN]:
        print(f"  {fault}")


def table(results: Sequence[Tried]) -> list[str]:
    rows = [HEAD, *(_row(found) for found in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(found: Tried) -> tuple[str, ...]:
    return (
        found.name,
        str(found.acknowledged),
        str(found.lost),
        str(found.doubled),
        str(found.asked_again),
        "never" if found.seconds is None else f"{found.seconds:.1f} s",
        found.since,
        f"{found.limit_seconds:g} s",
        "clean" if found.proved else "NOT CLEAN",
    )


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # pyright: ignore[reportAttributeAccessIssue] - a text stream
    os.chdir(Path(__file__).resolve().parents[2])
    sys.exit(asyncio.run(main(options())))
