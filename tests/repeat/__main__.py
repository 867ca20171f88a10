"""`make repeat`: one life lived twice; one year at once, day by day, and under fire; equal logs, or exit status 1."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from openvest.core.clock import monotonic_ns
from tests.repeat.disturbed import advance_under_fire
from tests.repeat.life import FROZEN_AT, begin, live
from tests.repeat.outside import outside
from tests.repeat.prints import Print, first_difference

OTHER_ZONE = "Pacific/Auckland"
EXPIRIES_APART = 36
"""Days between the expiries of the year's orders, so that they fall due all over it."""


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.repeat", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="of the kills")
    parser.add_argument("--days", type=int, default=365, help="how long the second part's time is")
    return parser.parse_args(arguments)


async def life(servers: int, timezone: str) -> Print:
    """The demo's life, then that of three customers with orders of every kind."""
    async with outside(servers=servers, timezone=timezone) as world:
        await world.demo()
        await live(world.steps)
        return await world.print()


async def time(advances: Sequence[str]) -> Print:
    """Customers with resting orders, and nothing but time."""
    async with outside() as world:
        steps = world.steps
        await begin(steps, days_apart=EXPIRIES_APART)
        for by in advances:
            await steps.advance(by=by)
        return await world.print()


async def disturbed(days: int, seed: int) -> Print:
    """The same in one call, with two API processes and a worker that are killed on the way."""
    async with outside(servers=2) as world:
        await begin(world.steps, days_apart=EXPIRIES_APART)
        kills = await advance_under_fire(world, FROZEN_AT + timedelta(days=days), seed)
        print(f"  {kills} kills on the way")
        return await world.print()


def compare(one: Print, other: Print) -> bool:
    """Print both fingerprints and the first difference, if any."""
    for title, mine in (("log  ", one.log), ("     ", other.log), ("books", one.books), ("     ", other.books)):
        print(f"  {title}  {mine}")
    print(f"  events {len(one.events)} and {len(other.events)}; {facts(one)}")
    equal = True
    for left, right in ((one.events, other.events), (one.balances, other.balances)):
        difference = first_difference(left, right)
        if difference is not None:
            equal = False
            print(f"  they differ in {difference}")
    return equal


def facts(taken: Print) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in taken.facts.items())


async def main(asked: argparse.Namespace) -> int:
    begun = monotonic_ns()
    print(f"the same life twice: one process, then two API processes and a worker under {OTHER_ZONE}")
    one, other = await life(1, "UTC"), await life(2, OTHER_ZONE)
    lived = compare(one, other)
    known = one.facts
    enough = len(one.events) >= 500 and known["resting"] >= 50 and known["expired"] >= 20
    if not enough or not known["open_settlements"]:
        print("  the life was too short to show anything")
    print(f"the same {asked.days} days: in one call, then day by day")
    at_once = await time([f"P{asked.days}D"])
    passed = compare(at_once, await time(["P1D"] * asked.days))
    print(f"the same {asked.days} days in one call, while processes are killed, seed={asked.seed}")
    survived = compare(at_once, await disturbed(asked.days, asked.seed))
    good = lived and passed and survived and enough and known["open_settlements"] > 0
    print(f"{'equal' if good else 'NOT EQUAL'}, in {(monotonic_ns() - begun) / 1e9:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # pyright: ignore[reportAttributeAccessIssue] - a text stream
    os.chdir(Path(__file__).resolve().parents[2])
    sys.exit(asyncio.run(main(options())))
