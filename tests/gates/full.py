"""A disk that is full (R8): writes are told to come again, nothing acknowledged is lost, and all heals by itself."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import aiohttp
import asyncpg

from openvest import catalog
from openvest.core.clock import monotonic_ns
from openvest.ledger.audit import prove_tenant
from tests.gates.frozen import Caller, furnish
from tests.gates.gate import Run, Verdict
from tests.kit.stage import Stage, free_ports, staged
from tests.kit.wire import Reply

HEALED_SECONDS = 15
ROOM = "300m"
_LEFT_FOR_LOG = 10_000_000
_READY_SECONDS = 5
_TABLES = ("users", "orders", "event_sets", "nonces", "idempotency")

What = Literal["disk", "log"]
"""What finds no room first: rows, or the log that the database writes ahead, without which it must stop."""


@dataclass
class Seen:
    """What was answered, and what was acknowledged."""

    answers: Counter[str] = field(default_factory=Counter[str])
    findings: list[str] = field(default_factory=list[str])
    users: list[str] = field(default_factory=list[str])
    over: bool = False

    def judge(self, what: str, reply: Reply) -> None:
        refused = reply.status == 503
        if refused and not reply.retry_after:
            self.findings.append(f"{what} was refused without Retry-After")
        elif not refused and not 200 <= reply.status < 300:
            self.findings.append(f"{what} was answered {reply.status}: {reply.content[:300]!r}")
        self.answers[f"{what} {'refused' if refused else 'done'}"] += 1


async def full_disk(run: Run) -> Verdict:
    """Fill the disk under load, empty it again."""
    (port,) = free_ports(1)
    seen, healed = Seen(), list[float]()
    timeout = aiohttp.ClientTimeout(total=90)
    async with staged() as stage, aiohttp.ClientSession(timeout=timeout) as http, small_disk(stage) as disk:
        process = (await stage.start("serve", "serve", "--port", str(port))).process
        (caller,) = await furnish(stage, http, port, 1)
        first = (await caller.write()).json["id"]
        for number in range(run["fills"]):
            what: What = "disk" if number % 2 == 0 else "log"
            seen.over = False
            load = [asyncio.create_task(_go_on(seen, "a write", lambda: _write(seen, caller))) for _ in range(3)]
            load.append(asyncio.create_task(_go_on(seen, "a read", lambda: caller.read(first))))
            before = seen.answers["a write refused"]
            async with filled(stage, disk, what):
                await asyncio.sleep(run["seconds"])
            begun = monotonic_ns()
            healed.append(await _healed(caller, first, begun))
            seen.over = True
            await asyncio.gather(*load)
            if seen.answers["a write refused"] == before:
                seen.findings.append(f"no write was refused while the {what} was full, so nothing was shown")
        if process.poll() is not None:
            seen.findings.append(f"the process ended with {process.poll()}")
        for user in seen.users:
            if (await caller.read(user)).status != 200:
                seen.findings.append(f"user {user} was acknowledged and is lost")
        async with stage.database() as database:
            proof = await prove_tenant(database, caller.wire.credentials.tenant_id, catalog.INVARIANTS)
        seen.findings += [f"law broken: {finding}" for finding in proof.findings]
        seen.findings += [f"logged as a fault: {text} ({times} times)" for text, times in stage.faults().items()]
    if max(healed) > HEALED_SECONDS:
        seen.findings.append(f"healthy only {max(healed):.1f} s after there was room again")
    told = ", ".join(f"{times} × {what}" for what, times in sorted(seen.answers.items()))
    where = "a full disk" if disk else "refusals put into the database, since nothing can be mounted here"
    return Verdict(f"{run['fills']} times {where}: {told}; healthy {max(healed):.1f} s later", seen.findings)


async def _write(seen: Seen, caller: Caller) -> Reply:
    reply = await caller.write()
    if reply.status == 200:
        seen.users.append(reply.json["id"])
    return reply


async def _go_on(seen: Seen, what: str, act: Callable[[], Awaitable[Reply]]) -> None:
    while not seen.over:
        seen.judge(what, await act())
        await asyncio.sleep(0.02)


async def _healed(caller: Caller, user: str, begun: int) -> float:
    """Seconds until a write and a read are served."""
    while monotonic_ns() - begun < 60_000_000_000:
        read = await caller.read(user)
        if read.status == 200 and (await caller.write()).status == 200:
            break
        await asyncio.sleep(0.1)
    return (monotonic_ns() - begun) / 1e9


@asynccontextmanager
async def small_disk(stage: Stage) -> AsyncGenerator[Path | None]:
    """The stage's data directory on a small disk of its own; None where nobody may mount one."""
    # The user that runs the database passes through.
    stage.root.chmod(0o711)
    stage.data_dir.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(stage.data_dir)]
    with suppress(OSError):
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            try:
                yield stage.data_dir / "ballast"
            finally:
                stage.stop()
                subprocess.run(["umount", "-l", str(stage.data_dir)], check=True)
            return
    yield None


@asynccontextmanager
async def filled(stage: Stage, ballast: Path | None, what: What) -> AsyncGenerator[None]:
    """No room for the length of the block."""
    superuser = await asyncpg.connect(stage.address().superuser_dsn("openvest"))
    try:
        if ballast is None:
            await superuser.execute(
                "create function no_room() returns trigger language plpgsql as"
                " $$ begin raise exception using errcode = 'disk_full'; end $$"
            )
            for table in _TABLES:
                await superuser.execute(
                    f"create trigger a_full before insert on {table} for each row execute function no_room()"
                )
            yield
            await superuser.execute("drop function no_room() cascade")
            return
        _fill(ballast)
        if what == "log":
            os.truncate(ballast, ballast.stat().st_size - _LEFT_FOR_LOG)
            with suppress(asyncpg.PostgresError, OSError):
                for _ in range(8):  # until those kept for use again are used up
                    await superuser.execute("select txid_current()")
                    await superuser.execute("select pg_switch_wal()", timeout=_READY_SECONDS)
        yield
        ballast.unlink()
    finally:
        superuser.terminate()


def _fill(ballast: Path) -> None:
    with ballast.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(65_536))
