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

import aiohttp
import asyncpg

from openvest.core.clock import monotonic_ns
from tests.faults.crash.checker import Findings, check, wait_for_rest
from tests.faults.crash.journal import Journal, read_journal
from tests.faults.crash.killer import VICTIMS, Killer
from tests.faults.crash.load import Load
from tests.kit.stage import Stage, free_ports, staged
from tests.kit.wire import Wire
from tests.repeat.life import Person, Steps, onboard

PEOPLE = 12
SHOWN = 8
SCOPE = (
    "users:admin users:read checks:admin checks:read taxes:admin taxes:read accounts:admin accounts:read "
    "orders:admin orders:read topups:admin topups:read"
)


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
    async with staged(module) as stage, asyncio.timeout(asked.minutes * 60):
        findings, killer, load = await run(stage, asked)
        journal = load.journal.acknowledged
        faults = stage.faults()
    tell(findings, killer, load)
    for fault, times in faults.most_common():
        if not fault.startswith("worker.database_down"):
            print(f"logged {times} x {fault}")
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


async def run(stage: Stage, asked: argparse.Namespace) -> tuple[Findings, Killer, Load]:
    """Start, load, kill, come to rest, check."""
    begun, ports = monotonic_ns(), free_ports(2)
    timeout = aiohttp.ClientTimeout(total=15, connect=5)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http:
        killer = Killer(stage, ports, http)
        await killer.start("serve")
        known = stage.create_client("Crash", "--pace", "instant", "--licence", "TOL")
        await killer.start("server", "worker")
        wires = [Wire(http, f"http://127.0.0.1:{port}", known, scope=SCOPE) for port in ports]
        people = await furnished(wires)
        if asked.control:
            await keep_what_is_there(stage)
        print(f"{len(people)} customers after {since(begun)}; {asked.clients} clients begin")
        load = Load(asked.seed, Journal(stage.root / "journal.jsonl"), wires, people)
        victims = ("postgres",) if asked.control else VICTIMS
        plan = killer.plan(asked.seed, asked.kills, asked.acknowledged, victims)
        under_load = asyncio.create_task(load.run(asked.clients))
        try:
            await killer.carry_out(plan, lambda: _alive(under_load, load.journal))
            while _alive(under_load, load.journal) < asked.acknowledged:
                await asyncio.sleep(0.02)
        finally:
            load.stop.set()
        await under_load
        await load.journal.close()
        print(f"{load.journal.acknowledged} acknowledged after {since(begun)}; the workers do what is left")
        async with stage.database() as database:
            await wait_for_rest(database, known.tenant_id)
            print(f"at rest after {since(begun)}; every key is sent again and the books are proved")
            findings = await check(read_journal(load.journal.path), database, known.tenant_id, wires[-1])
        return findings, killer, load


def since(begun: int) -> str:
    return f"{(monotonic_ns() - begun) / 1e9:.0f} s"


def _alive(under_load: asyncio.Task[None], journal: Journal) -> int:
    if under_load.done():
        under_load.result()
    return journal.acknowledged


async def furnished(wires: Sequence[Wire]) -> list[Person]:
    """Customers with more money than the load can spend; their top-ups are told apart from the load's by size."""
    steps = Steps([wire.send for wire in wires])
    people = [await onboard(steps, f"Person{letter}") for letter in "ABCDEFGHIJKL"[:PEOPLE]]
    for person in people:
        await person.top_up("5000000.00")
    return people


async def keep_what_is_there(stage: Stage) -> None:
    """Bring all so far to disk. Why: where commits do not wait, the client itself could be lost with its load."""
    connection = await asyncpg.connect(stage.address().superuser_dsn("openvest"))
    try:
        await connection.execute("checkpoint")
    finally:
        await connection.close()


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
