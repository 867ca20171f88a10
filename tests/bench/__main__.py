"""`python -m tests.bench [--rounds N] [--seconds N] [ROW …]`: a line per figure, then the machine and the versions."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
from importlib.metadata import version

from openvest import __name__ as package
from tests.bench import acceptance, lives, memory, requests
from tests.bench.figures import TARGETS, line
from tests.kit.cluster import Cluster, start_cluster

GROUPS = {
    "requests": ("T1", "T1p", "T1L", "T2", "T3"),
    "acceptance": ("T1d",),
    "lives": ("T7", "T7n", "T8"),
    "memory": ("T11a", "T11b", "T12"),
}


async def measure(cluster: Cluster, wanted: set[str], rounds: int, seconds: int) -> None:
    """Measure the groups that hold a wanted row, and print each row when it is known."""
    if wanted & set(GROUPS["requests"]):
        show(await requests.measure(cluster, rounds, seconds), wanted)
    if wanted & set(GROUPS["acceptance"]):
        show(await acceptance.measure(cluster, rounds, seconds), wanted)
    if wanted & set(GROUPS["lives"]):
        show(await lives.measure(cluster, rounds, seconds), wanted)
    if "T11a" in wanted:
        show({"T11a": [await memory.after_requests(cluster)]}, wanted)
    if wanted & {"T11b", "T12"}:
        found = [await memory.serve_idle() for _ in range(min(rounds, 3))]
        show({"T11b": [size for size, _ in found], "T12": [seconds for _, seconds in found]}, wanted)


def show(found: dict[str, list[float]], wanted: set[str]) -> None:
    for name, values in found.items():
        if name in wanted:
            print(line(name, values), flush=True)


def machine() -> str:
    names = ("asyncpg", "httptools", "starlette", "pydantic", "uvloop", "cryptography")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    cores = os.cpu_count()
    return f"{platform.machine()}, {cores} cores, {platform.system()}, Python {platform.python_version()}, {versions}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog=f"python -m tests.bench ({package})")
    parser.add_argument("rows", nargs="*", choices=[*TARGETS, []], help="rows to measure; all unless given")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each comparison")
    parser.add_argument("--seconds", type=int, default=5, help="seconds of each side of a round")
    given = parser.parse_args()
    cluster = start_cluster(durable=True)
    try:
        asyncio.run(measure(cluster, set(given.rows or TARGETS), given.rounds, given.seconds))
    finally:
        cluster.stop()
    print(machine())


if __name__ == "__main__":
    main()
