"""Workers stopped inside a transaction, and tables that nobody may write: nothing is left behind (R6-inside)."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg

from openvest import catalog
from openvest.core.clock import monotonic_ns
from openvest.db.unit import Database
from openvest.declarations import Outbound
from openvest.features.bank.model import PARTIES
from openvest.ledger.audit import prove_tenant
from openvest.main.failpoints import PAUSE
from tests.faults.crash.checker import check, wait_for_rest
from tests.faults.crash.journal import Journal, read_journal
from tests.faults.crash.load import Load, order_body
from tests.faults.crash.run import furnished, since
from tests.gates.gate import Run, Verdict
from tests.kit.samples import NO_OCCASION, every, lacks
from tests.kit.stage import Stage, free_ports, staged
from tests.kit.wire import Credentials, Wire
from tests.repeat.life import Person, Steps, onboard

SCOPE = (
    "users:admin users:read checks:admin checks:read taxes:admin taxes:read accounts:admin accounts:read "
    "orders:admin orders:read topups:admin topups:read tests:admin"
)
HIT_SECONDS, REST_SECONDS = 120, 120
SWEEP_POINTS = ("sweep.after_claim",)
OUTBOUND_POINTS = ("outbound.in_lease", "outbound.after_lease", "outbound.after_call", "outbound.in_record")
GROUPS: Sequence[str] = (
    "executions, block_trades, fraction_reserves",
    "street_orders, venue_reports",
    "orders",
    "balances, house_balances, journals, entries, locks, lots",
    "event_sets, events, event_counters",
    "users, user_checks, data_changes, accounts, account_groups",
    "topups, bank_instructions, bank_lines, clocks, instrument_cursors",
)
"""What an index build might keep from being written at one time. First what orders that still come in run into."""
WAITS = "select exists (select from dead_letters where tenant_id = $1 and row_id = $2)"
PLANT = """
insert into bank_lines (tenant_id, id, external_id, created_at, due_at, ordinal, kind, status, amount, currency,
                        booking_on, value_on, end_to_end_id, transaction_code, remittance_information, sealed_parties)
values ($1, $2, 'spoilt', wire_now(), wire_now(), 0, 'CREDIT', 'RECEIVED', 'NaN', 'EUR', current_date,
        current_date, '', '', 'spoilt', $3)
"""
REPAIR = "update bank_lines set amount = 12.34 where id = $1"
IS_BOOKED = "select status = 'UNMATCHED' from bank_lines where id = $1"
SPOILT = UUID(int=7)
OCCASIONS = every(lambda sample: sample.occasions)
NEVER_STOPPED = every(lambda sample: sample.never_stopped)


def points() -> list[str]:
    """Every place at which a worker may stop in every work, as OPENVEST_FAILPOINT has it."""
    return [
        f"{place}@{work.name}"
        for work in catalog.WORKS
        if work.name not in NEVER_STOPPED
        for place in (OUTBOUND_POINTS if isinstance(work, Outbound) else SWEEP_POINTS)
    ]


@dataclass
class Field:
    """One installation with a server and two workers, and clients that go on whatever happens."""

    stage: Stage
    database: Database
    superuser: asyncpg.Connection[asyncpg.Record]
    known: Credentials
    load: Load
    steps: Steps
    stopped: int = 0
    locked: int = 0
    findings: list[str] = field(default_factory=list[str])
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def due(self, work: str) -> None:
        """Make something due for this work, in the way its users do."""
        assert work in OCCASIONS, lacks(work.partition(".")[0], "occasions", NO_OCCASION.format(work))
        await OCCASIONS[work](self, next(self._numbers))

    async def order(self, number: int, what: str, *, market: bool = True) -> None:
        """An order that the journal knows."""
        chance = random.Random(f"{self.load.seed} {what} {number}")
        body = order_body(chance, self.load.people[number % len(self.load.people)], market)
        await self.load.settle(chance, "order", "POST", "/orders", body)

    async def active_one(self, name: str) -> Person:
        """Somebody with an account that may trade."""
        person = await onboard(self.steps, name)
        await self.shows(f"/accounts/{person.account_id}", "ACTIVE")
        return person

    async def shows(self, path: str, status: str) -> None:
        """Wait until an object has come to a state."""
        async with asyncio.timeout(HIT_SECONDS):
            while (await self.steps.get(path))["status"] != status:
                await asyncio.sleep(0.1)

    async def paused(self, point: str, seconds: float, orders: int) -> None:
        """A worker stops where it stands in this work, as long as that, while orders come and the other one works.

        Until it gets there the other one is stopped too, wherever that is, so that it takes nothing away.
        """
        armed = {"OPENVEST_FAILPOINT": f"{PAUSE}{point}"}
        other = self.stage.running["second"].process
        process = (await self.stage.start("first", "worker", also=armed)).process
        other.send_signal(signal.SIGSTOP)
        there = asyncio.Event()
        async with self._loaded(orders):
            making = asyncio.create_task(self._due_until(there, point.partition("@")[2]))
            try:
                async with asyncio.timeout(HIT_SECONDS):
                    while not _is_stopped(process.pid):
                        if making.done():
                            making.result()
                        await asyncio.sleep(0.02)
                there.set()
                self.stopped += 1
                other.send_signal(signal.SIGCONT)
                await asyncio.sleep(seconds)
            except TimeoutError:
                self.findings.append(f"no worker passes {point} within {HIT_SECONDS} s")
            finally:
                there.set()
                other.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGCONT)
                await making
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 30)
        self.stage.running.pop("first")

    async def _due_until(self, there: asyncio.Event, work: str) -> None:
        """Make something due for this work, again and again, until a worker is there; then end what was begun.

        Why beside the look for the worker: what makes one work due waits for others, and so for the other worker once
        the one that is to stop has stopped. Who looked only after it would keep both of them stopped, for ever.
        """
        while not there.is_set():
            await self.due(work)
            with suppress(TimeoutError):
                await asyncio.wait_for(there.wait(), 0.2)

    async def kept_out(self, tables: str, seconds: float, orders: int) -> None:
        """Nobody may write these tables, as long as that, while orders come.

        Why the lock first: a few orders are done with before whoever waits for it has it.
        """
        lock = await self._locked(tables)
        async with self._loaded(orders):
            await asyncio.sleep(seconds)
            await lock.rollback()
        self.locked += 1

    async def _locked(self, tables: str) -> Any:
        """A transaction that has the lock."""
        while True:
            lock = self.superuser.transaction()
            await lock.start()
            try:
                await self.superuser.execute(f"lock table {tables} in share mode")
            except asyncpg.DeadlockDetectedError:
                await lock.rollback()
                continue
            return lock

    @asynccontextmanager
    async def _loaded(self, orders: int) -> AsyncGenerator[None]:
        """Clients write while the block lasts, and until so many more are acknowledged."""
        load = self.load
        wanted = load.journal.acknowledged + orders
        load.stop.clear()
        load.seed += 1
        under_load = asyncio.create_task(load.run(4))

        async def enough() -> None:
            while load.journal.acknowledged < wanted and not under_load.done():
                await asyncio.sleep(0.02)
            load.stop.set()

        counting = asyncio.create_task(enough())
        try:
            yield
        finally:
            await asyncio.gather(counting, under_load)

    async def rest(self) -> None:
        """No order in hand, no cash locked for none, nothing set aside, every event told, the books proved."""
        try:
            await wait_for_rest(self.database, self.known.tenant_id, REST_SECONDS)
        except TimeoutError as left:
            self.findings.append(str(left))
        await self.load.journal.close()
        journal = read_journal(self.load.journal.path)
        self.findings += (await check(journal, self.database, self.known.tenant_id, self.load.wires[0])).sentences
        self.findings += [f"answered 500: {text}" for text in self.load.faults]
        told = ("work.put_off", "worker.database_down")
        faults = self.stage.faults().most_common()
        self.findings += [f"logged: {times} x {text}" for text, times in faults if not text.startswith(told)]

    async def undecidable(self) -> None:
        """A row that cannot be decided is told by everybody who should, and goes on once it is repaired."""
        tenant_id = self.known.tenant_id
        secrets = self.database.secrets
        assert secrets is not None
        await self.superuser.execute(PLANT, tenant_id, SPOILT, secrets.seal(b"{}", PARTIES.place(id=SPOILT)))
        await self._until(WAITS, tenant_id, SPOILT)
        proof = await prove_tenant(self.database, tenant_id, catalog.INVARIANTS)
        listed = json.loads(self.stage.run("work", "list", "--json"))
        told = {
            "the log": any('"work.dead_letter"' in one.said for one in self.stage.running.values()),
            "the proof": [one.name for one in proof.findings] == ["no_open_work_is_hidden"],
            "work list": [row["row_id"] for row in listed if row["state"] == "waiting"] == [str(SPOILT)],
            "the doctor": "1 of bank.book set aside" in self._doctor(),
        }
        self.findings += [
            f"{who} does not tell of a row that cannot be decided" for who, tells in told.items() if not tells
        ]
        await self.superuser.execute(REPAIR, SPOILT)
        self.stage.run("work", "retry", str(SPOILT))
        await self._until(IS_BOOKED, SPOILT)
        proof = await prove_tenant(self.database, tenant_id, catalog.INVARIANTS)
        self.findings += [f"law broken after the retry: {finding}" for finding in proof.findings]

    def _doctor(self) -> str:
        try:
            return self.stage.run("doctor")
        except Exception as refused:
            return str(refused)

    async def _until(self, question: str, *values: Any) -> None:
        async with asyncio.timeout(HIT_SECONDS):
            while not await self.superuser.fetchval(question, *values):
                await asyncio.sleep(0.05)


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0] == "T"


@dataclass(frozen=True, slots=True)
class Told:
    """What one installation came to."""

    stopped: int
    locked: int
    acknowledged: int
    put_off: int
    findings: Sequence[str]


async def pauses(run: Run) -> Verdict:
    """Stop a worker at each point in turn, keep everybody from each group of tables, then count what is left."""
    stops, fields = points(), run["fields"]
    if run["pauses"] < len(stops):
        stops = run.chance("points").sample(stops, run["pauses"])
    groups = GROUPS[: run["groups"]]
    told = await asyncio.gather(
        *(_one(run, number, stops[number::fields], groups[number::fields]) for number in range(fields))
    )
    findings = [text for one in told for text in one.findings]
    stopped, locked = sum(one.stopped for one in told), sum(one.locked for one in told)
    written, put_off = sum(one.acknowledged for one in told), sum(one.put_off for one in told)
    figure = (
        f"{stopped} workers stopped for {run['pause_seconds']} s, {locked} groups of tables locked for"
        f" {run['lock_seconds']} s; {written} writes acknowledged, work put off {put_off} times"
    )
    return Verdict(f"{figure}, {len(findings)} findings", findings)


async def _one(run: Run, number: int, stops: Sequence[str], groups: Sequence[str]) -> Told:
    """One installation and its share. Orders are spread over what is done to it."""
    begun, share = monotonic_ns(), run["orders"] // run["fields"] // max(1, len(stops) + len(groups))
    async with fielded(run.seed + number) as field:
        for point in stops:
            await field.paused(point, run["pause_seconds"], share)
            print(f"  {since(begun):>6}  {point}, {field.load.journal.acknowledged} acknowledged", flush=True)
        for tables in groups:
            await field.kept_out(tables, run["lock_seconds"], share)
            print(f"  {since(begun):>6}  {tables}, {field.load.journal.acknowledged} acknowledged", flush=True)
        await field.rest()
        print(f"  {since(begun):>6}  at rest", flush=True)
        if number == 0:
            await field.undecidable()
        said = [log.read_text(encoding="utf-8", errors="replace") for log in field.stage.root.glob("*.log")]
        put_off = sum(text.count('"event":"work.put_off"') for text in said)
        return Told(field.stopped, field.locked, field.load.journal.acknowledged, put_off, field.findings)


@asynccontextmanager
async def fielded(seed: int) -> AsyncGenerator[Field]:
    """An installation with customers who have money, a server and one of the two workers."""
    (port,) = free_ports(1)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout) as http, staged() as stage, stage.database_alone():
        await stage.start("server", "server", "--port", str(port))
        await stage.start("second", "worker")
        known = stage.create_client("Paused", "--pace", "instant", "--licence", "TOL")
        wire = Wire(http, f"http://127.0.0.1:{port}", known, SCOPE)
        people = await furnished([wire], 4)
        superuser = await asyncpg.connect(stage.address().superuser_dsn("openvest"))
        try:
            async with stage.database() as database:
                await wait_for_rest(database, known.tenant_id)
                load = Load(seed, Journal(stage.root / "journal.jsonl"), [wire], people)
                yield Field(stage, database, superuser, known, load, Steps([wire.send], 1_000_000))
        finally:
            await superuser.close()
