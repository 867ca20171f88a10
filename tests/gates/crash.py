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
select pid from pg_stat_activity where usename = 'openvest_app' and application_name = 'openvest' order by pid
"""


async def killed(asked: Run, victims: Sequence[Victim], names: Sequence[str] = PROCESSES[:3]) -> Verdict:
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


async def database_killed(asked: Run) -> Verdict:
    return await killed(asked, ("postmaster", "backend", "postgres"))


async def servers_killed(asked: Run) -> Verdict:
    return await killed(asked, ("server", "serve"), PROCESSES[:2])


async def workers_killed(asked: Run) -> Verdict:
    """The worker inside `serve` goes on beside the two that are killed."""
    return await killed(asked, ("worker", "second worker"), PROCESSES)


async def connections_cut(asked: Run) -> Verdict:
    """End random sessions of the application while clients write: the pools heal, and nobody calls it a fault."""
    cuts, acknowledged = asked["cuts"], asked["acknowledged"]

    async def disturb(killer: Killer, done: Progress) -> None:
        chance = random.Random(f"{asked.seed} cuts")
        superuser = await asyncpg.connect(killer.stage.address().superuser_dsn("openvest"))
        try:
            for number in range(cuts):
                while done() < acknowledged * 9 // 10 * number // cuts:
                    await asyncio.sleep(0.002)
                while not (sessions := [row["pid"] for row in await superuser.fetch(_SESSIONS)]):
                    await asyncio.sleep(0.01)
                await superuser.execute("select pg_terminate_backend($1)", chance.choice(sessions))
        finally:
            await superuser.close()

    async with staged() as stage:
        outcome = await run(stage, Plan(asked.seed, acknowledged, asked["clients"], disturb))
    return Verdict(f"{cuts} sessions ended; {outcome.figure}", outcome.sentences)


GATES: tuple[Gate, ...] = (
    Gate(
        "R1",
        "PostgreSQL killed under load loses nothing that was acknowledged",
        database_killed,
        push={"kills": 8, "acknowledged": 4_000, "clients": 24},
        night={"kills": 60, "acknowledged": 40_000},
    ),
    Gate(
        "R2",
        "API processes killed under load lose and double nothing",
        servers_killed,
        push={"kills": 8, "acknowledged": 1_200, "clients": 24},
        night={"kills": 40, "acknowledged": 20_000},
    ),
    Gate(
        "R3",
        "workers killed while others compete lose and double nothing",
        workers_killed,
        push={"kills": 10, "acknowledged": 1_000, "clients": 8},
        night={"kills": 40, "acknowledged": 20_000},
    ),
    Gate(
        "R7",
        "connections cut under load: the pools heal, nothing is lost or doubled",
        connections_cut,
        push={"cuts": 100, "acknowledged": 2_000, "clients": 24},
        night={"cuts": 5_000, "acknowledged": 40_000},
    ),
)
