"""A backup while clients write, restored elsewhere: what was acknowledged before is there, proved, and served (R9)."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from openvest.core.clock import monotonic_ns
from openvest.db.attach import attach_or_start
from openvest.db.connections import open_pool
from openvest.db.databases import create_database
from openvest.db.unit import Database
from tests.faults.crash.checker import check, wait_for_rest
from tests.faults.crash.journal import Journal, Read, read_journal
from tests.faults.crash.load import Load
from tests.faults.crash.run import SCOPE, furnished
from tests.gates.gate import Gate, Run, Verdict
from tests.kit.stage import DidNotStart, Stage, free_ports, staged
from tests.kit.wire import Credentials, Wire
from tools.check import POSTGRES15_FOLDERS

_UNSETTLED = "requests were never settled"
REST_SECONDS, FILLED_SECONDS = 60, 30


@dataclass(frozen=True, slots=True)
class Place:
    """An installation and how its database is read; `dsn` of a server of one's own, or None for the embedded one."""

    stage: Stage
    dsn: str | None = None

    @asynccontextmanager
    async def database(self) -> AsyncGenerator[Database]:
        pool = await open_pool(self.dsn or self.stage.address().app_dsn(), size=2, application="checker")
        try:
            yield Database(pool)
        finally:
            pool.terminate()


@dataclass(frozen=True, slots=True)
class Saved:
    """A backup, and what had been acknowledged when it began. `meanwhile` was acknowledged before it ended."""

    known: Credentials
    before: Read
    told: dict[str, Any]
    meanwhile: int
    seconds: float


async def saved_under_load(run: Run, place: Place, folder: Path) -> Saved:
    """Serve, write, and take the backup in the middle of it."""
    port = free_ports(1)[0]
    await place.stage.start("serve", "serve", "--port", str(port), "--pace", "instant")
    known = place.stage.create_client("Backup", "--pace", "instant", "--licence", "TOL")
    journal = Journal(place.stage.root / "journal.jsonl")
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        wires = [Wire(http, f"http://127.0.0.1:{port}", known, scope=SCOPE)]
        load = Load(run.seed, journal, wires, await furnished(wires))
        loading = asyncio.create_task(load.run(run["clients"]))
        try:
            await _reached(load, loading, run["acknowledged"])
            before, begun = read_journal(journal.path), monotonic_ns()
            told = json.loads(await asyncio.to_thread(place.stage.run, "backup", str(folder), "--json"))
            meanwhile, seconds = journal.acknowledged - len(before.acknowledged), (monotonic_ns() - begun) / 1e9
            await _reached(load, loading, journal.acknowledged + 50)
        finally:
            load.stop.set()
            await loading
            await journal.close()
    place.stage.stop()
    return Saved(known, before, told, meanwhile, seconds)


async def _reached(load: Load, loading: asyncio.Task[None], acknowledged: int) -> None:
    while load.journal.acknowledged < acknowledged:
        if loading.done():
            loading.result()
        await asyncio.sleep(0.02)


async def restored(place: Place, source: Place, folder: Path, saved: Saved) -> list[str]:
    """Restore with what the operator kept, serve it, send everything again. Returns what is wrong."""
    place.stage.data_dir.mkdir()
    for name in ("master.key", "profile.toml"):
        shutil.copy(source.stage.data_dir / name, place.stage.data_dir / name)
    shutil.copytree(source.stage.data_dir / "keys", place.stage.data_dir / "keys")
    told = json.loads(await asyncio.to_thread(place.stage.run, "restore", str(folder), "--verify", "--json"))
    findings = [f"{proof['tenant']}: {proof['findings']}" for proof in told["proofs"] if proof["findings"]]
    findings += [] if len(told["proofs"]) == 2 else [f"{len(told['proofs'])} tenants were proved"]
    findings += [f"after the restore: {line}" for line in told["grants"]]
    findings += [f"{name} is another" for name in ("rows", "tables", "master_key") if told[name] != saved.told[name]]
    port = free_ports(1)[0]
    await place.stage.start("serve", "serve", "--port", str(port))
    if "as before" not in place.stage.running["serve"].said:
        findings.append("the profile of before is not known to the restored database")
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as http, place.database() as database:
        wire = Wire(http, f"http://127.0.0.1:{port}", saved.known, scope=SCOPE)
        try:
            async with asyncio.timeout(REST_SECONDS):
                await wait_for_rest(database, saved.known.tenant_id)
        except TimeoutError:
            place.stage.stop()
            return [*findings, f"what was under way is not done {REST_SECONDS} s after the restore"]
        found = await check(saved.before, database, saved.known.tenant_id, wire)
        # What was under way when the backup began may be in it or not.
        findings += [sentence for sentence in found.sentences if _UNSETTLED not in sentence]
        findings += await _trades(wire, saved.before)
    faults = [f"{times} x {fault}" for fault, times in place.stage.faults().most_common()]
    place.stage.stop()
    return findings + [f"logged as a fault: {fault}" for fault in faults]


async def _trades(wire: Wire, before: Read) -> list[str]:
    """A new order of a customer of before is filled."""
    asked = next(one.intent.body for one in before.of("order") if "limit_price" not in one.intent.body)
    placed = await wire.send("POST", "/orders", {**asked, "client_reference": "after-the-restore"}, uuid4())
    if placed.status != 202:
        return [f"a new order is answered {placed.status}: {placed.content[:300]!r}"]
    target = f"/orders/{json.loads(placed.content)['id']}"
    try:
        async with asyncio.timeout(FILLED_SECONDS):
            while json.loads((await wire.send("GET", target)).content)["status"] != "FILLED":
                await asyncio.sleep(0.1)
    except TimeoutError:
        return ["a new order is not filled"]
    return []


async def backups(run: Run) -> Verdict:
    """On the embedded database, and on a PostgreSQL 15 of one's own where there is one."""
    figures, findings = list[str](), list[str]()
    for kind in ("embedded", "PostgreSQL 15"):
        async with AsyncExitStack() as stack:
            source, target = await _places(stack, kind)
            if source is None or target is None:
                figures.append(f"no {kind} here")
                findings += [f"there is no {kind} on this machine"] if os.environ.get("CI") == "true" else []
                continue
            folder = source.stage.root / "saved"
            try:
                saved = await saved_under_load(run, source, folder)
                begun = monotonic_ns()
                findings += [f"{kind}: {sentence}" for sentence in await restored(target, source, folder, saved)]
            except DidNotStart as error:
                findings.append(f"{kind}: {error}")
                continue
            acknowledged = len(saved.before.acknowledged)
            findings += [] if saved.meanwhile else [f"{kind}: nobody wrote while the backup was taken"]
            figures.append(
                f"{kind} {saved.told['postgresql']}: {acknowledged} acknowledged before and {saved.meanwhile} during"
                f" the backup of {saved.told['rows']} rows in {saved.seconds:.1f} s; restored, proved and served"
                f" again in {(monotonic_ns() - begun) / 1e9:.1f} s"
            )
    return Verdict("; ".join(figures), findings)


async def _places(stack: AsyncExitStack, kind: str) -> tuple[Place | None, Place | None]:
    """Two installations. Those on a server of one's own share the server, as two databases."""
    if kind == "embedded":
        return Place(await stack.enter_async_context(staged())), Place(await stack.enter_async_context(staged()))
    named = os.environ.get("OPENVEST_POSTGRES15_BIN")
    folders = [Path(named)] if named else [Path(folder) for folder in POSTGRES15_FOLDERS]
    found = next((folder for folder in folders if (folder / "postgres").exists()), None)
    if found is None:
        return None, None
    server = await stack.enter_async_context(staged())
    address = await stack.enter_async_context(attach_or_start(server.data_dir, binaries=found))
    places: list[Place] = []
    for name in ("source", "target"):
        await create_database(address, name)
        urls = {"DATABASE_URL": address.app_dsn(name), "DATABASE_ADMIN_URL": address.owner_dsn(name)}
        places.append(Place(await stack.enter_async_context(staged(environment=urls)), address.app_dsn(name)))
    await asyncio.to_thread(places[0].stage.run, "db", "migrate")
    return places[0], places[1]


GATES: tuple[Gate, ...] = (
    Gate(
        "R9 backups",
        "a backup under load comes back whole, on either kind of database",
        backups,
        push={"acknowledged": 300, "clients": 4},
        night={"acknowledged": 5000, "clients": 16},
    ),
)
