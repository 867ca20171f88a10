"""Processes killed and connections cut under load (R1, R2, R3, R7)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import asyncpg

from tests.faults.crash.killer import PROCESSES, Killer, Victim, killing
from tests.faults.crash.run import Plan, Progress, run
from tests.gates.gate import Gate, Run, Verdict
from tests.kit.stage import staged

BACK_SECONDS = 10
"""Until everything answers again after a kill. It decides at night, on a machine that does nothing else."""
_SESSIONS = """
select pid, xact_start is not null as busy from pg_stat_activity
 where usename = 'openvest_app' and application_name = 'openvest' order by pid
"""


async def killed(asked: Run, victims: Sequence[Victim], names: Sequence[str]) -> Verdict:
    """Kill these while clients write, and account for every acknowledgement."""
    kills, acknowledged = asked["kills"], asked["acknowledged"]
    disturb = killing(asked.seed, kills, acknowledged, victims)
    async with staged() as stage:
        outcome = await run(stage, Plan(asked.seed, acknowledged, asked["clients"], disturb, names))
    longest = max(kill.back_seconds for kill in outcome.killer.kills)
    findings = outcome.sentences
    if asked.size == "night" and longest > BACK_SECONDS:
        findings.append(f"it took {longest:.1f} s until everything answered again")
    return Verdict(f"{kills} kills, back within {longest:.1f} s; {outcome.figure}", findings)


async def connections_cut(asked: Run) -> Verdict:
    """End random sessions of the application while clients write: the pools heal, and nobody calls it a fault.

    Why every other cut looks for one in a transaction: most sessions of a pool idle, and losing those shows little.
    """
    cuts, acknowledged = asked["cuts"], asked["acknowledged"]

    async def disturb(killer: Killer, done: Progress) -> None:
        chance = random.Random(f"{asked.seed} cuts")
        superuser = await asyncpg.connect(killer.stage.address().superuser_dsn("openvest"))
        try:
            for number in range(cuts):
                while done() < acknowledged * 9 // 10 * number // cuts:
                    await asyncio.sleep(0.002)
                while not (sessions := await superuser.fetch(_SESSIONS)):
                    await asyncio.sleep(0.01)
                busy = [row for row in sessions if row["busy"]] if number % 2 else []
                await superuser.execute("select pg_terminate_backend($1)", chance.choice(busy or sessions)["pid"])
        finally:
            await superuser.close()

    async with staged() as stage:
        outcome = await run(stage, Plan(asked.seed, acknowledged, asked["clients"], disturb))
    return Verdict(f"{cuts} sessions ended; {outcome.figure}", outcome.sentences)


def _kills(
    name: str,
    title: str,
    victims: Sequence[Victim],
    *,
    kills: tuple[int, int],
    acknowledged: tuple[int, int],
    clients: int = 24,
    names: Sequence[str] = PROCESSES[:3],
) -> Gate:
    """A gate of kills. Shape: its sizes on push, then at night."""

    async def run_kills(asked: Run) -> Verdict:
        return await killed(asked, victims, names)

    push, night = ({"kills": times, "acknowledged": writes} for times, writes in zip(kills, acknowledged, strict=True))
    return Gate(name, title, run_kills, push={**push, "clients": clients}, night=night)


GATES: tuple[Gate, ...] = (
    _kills(
        "R1 database-kills",
        "PostgreSQL killed under load loses nothing that was acknowledged",
        ("postmaster", "backend", "postgres"),
        kills=(8, 60),
        acknowledged=(4_000, 40_000),
    ),
    _kills(
        "R2 server-kills",
        "API processes killed under load lose and double nothing",
        ("server", "serve"),
        kills=(8, 40),
        acknowledged=(1_200, 20_000),
        names=PROCESSES[:2],
    ),
    # The worker inside `serve` goes on beside the two that are killed.
    _kills(
        "R3 worker-kills",
        "workers killed while others compete lose and double nothing",
        ("worker", "second worker"),
        kills=(10, 40),
        acknowledged=(1_000, 20_000),
        clients=8,
        names=PROCESSES,
    ),
    Gate(
        "R7 connection-cuts",
        "connections cut under load: the pools heal, nothing is lost or doubled",
        connections_cut,
        push={"cuts": 100, "acknowledged": 2_000, "clients": 24},
        night={"cuts": 5_000, "acknowledged": 40_000},
    ),
)
