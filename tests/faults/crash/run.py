"""One run: processes, load, something that disturbs them, rest, and the checker's word on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import aiohttp
import asyncpg

from openvest.core.clock import monotonic_ns
from tests.faults.crash.checker import Findings, check, wait_for_rest
from tests.faults.crash.journal import Journal, read_journal
from tests.faults.crash.killer import PROCESSES, Killer
from tests.faults.crash.load import Load
from tests.kit.stage import Stage, free_ports
from tests.kit.wire import Wire
from tests.repeat.life import Person, Steps, onboard

PEOPLE = 12
SCOPE = (
    "users:admin users:read checks:admin checks:read taxes:admin taxes:read accounts:admin accounts:read "
    "orders:admin orders:read topups:admin topups:read"
)

Progress = Callable[[], int]
"""How many writes are acknowledged so far. Raises: what ended the load, if it ended."""
Disturb = Callable[[Killer, Progress], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is made of. `names` are the processes, the one that supervises the database first."""

    seed: int
    acknowledged: int
    clients: int
    disturb: Disturb
    names: Sequence[str] = PROCESSES[:3]


@dataclass
class Outcome:
    """What a run came to."""

    findings: Findings
    killer: Killer
    load: Load
    faults: Sequence[str] = field(default_factory=list[str])

    @property
    def sentences(self) -> list[str]:
        """All that is wrong, for a gate."""
        return [
            *self.findings.sentences,
            *(f"answered 500: {text}" for text in self.load.faults),
            *(f"logged as a fault: {text}" for text in self.faults),
        ]

    @property
    def figure(self) -> str:
        found = self.findings
        return (
            f"{self.load.journal.acknowledged} acknowledged, lost {len(found.lost)}, doubled {len(found.doubled)},"
            f" events lost {len(found.events_lost)}, books {'proved' if found.proof and found.proof.clean else 'NOT'}"
        )


async def run(stage: Stage, plan: Plan) -> Outcome:
    """Start, load, disturb, come to rest, check."""
    begun, ports = monotonic_ns(), free_ports(2)
    timeout = aiohttp.ClientTimeout(total=15, connect=5)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http:
        killer = Killer(stage, ports, http, plan.names)
        await killer.start("serve")
        known = stage.create_client("Crash", "--pace", "instant", "--licence", "TOL")
        await killer.start(*plan.names[1:])
        wires = [Wire(http, f"http://127.0.0.1:{port}", known, scope=SCOPE) for port in ports]
        people = await furnished(wires)
        await keep_what_is_there(stage)
        print(f"{len(people)} customers after {since(begun)}; {plan.clients} clients begin")
        load = Load(plan.seed, Journal(stage.root / "journal.jsonl"), wires, people)
        await loaded(load, plan, killer)
        print(f"{load.journal.acknowledged} acknowledged after {since(begun)}; the workers do what is left")
        async with stage.database() as database:
            await wait_for_rest(database, known.tenant_id)
            print(f"at rest after {since(begun)}; every key is sent again and the books are proved")
            findings = await check(read_journal(load.journal.path), database, known.tenant_id, wires[-1])
        faults = [f"{times} x {fault}" for fault, times in stage.faults().most_common()]
        return Outcome(findings, killer, load, [fault for fault in faults if "worker.database_down" not in fault])


async def loaded(load: Load, plan: Plan, killer: Killer) -> None:
    """Send and disturb until enough is acknowledged, then until every request under way is settled."""
    under_load = asyncio.create_task(load.run(plan.clients))

    def alive() -> int:
        if under_load.done():
            under_load.result()
        return load.journal.acknowledged

    try:
        await plan.disturb(killer, alive)
        while alive() < plan.acknowledged:
            await asyncio.sleep(0.02)
    finally:
        load.stop.set()
    await under_load
    await load.journal.close()


def since(begun: int) -> str:
    return f"{(monotonic_ns() - begun) / 1e9:.0f} s"


async def furnished(wires: Sequence[Wire], people: int = PEOPLE) -> list[Person]:
    """Customers with more money than the load can spend; their top-ups are told apart from the load's by size."""
    steps = Steps([wire.send for wire in wires])
    known = [await onboard(steps, f"Person{letter}") for letter in "ABCDEFGHIJKL"[:people]]
    for person in known:
        await person.until_active()
        await person.top_up("5000000.00")
    return known


async def keep_what_is_there(stage: Stage) -> None:
    """Bring all so far to disk. Why: where commits do not wait, the client itself could be lost with its load."""
    connection = await asyncpg.connect(stage.address().superuser_dsn("openvest"))
    try:
        await connection.execute("checkpoint")
    finally:
        await connection.close()
