"""The program as its user starts it: processes of the command line on a data directory of their own."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from openvest.core.sealing import Secrets
from openvest.core.signing_keys import generate_ed25519
from openvest.db.address import DatabaseAddress, EmbeddedError, read_address
from openvest.db.attach import attach_or_start
from openvest.db.connections import open_pool
from openvest.db.embedded import ADDRESS_FILE, remove_database
from openvest.db.unit import Database
from openvest.main import assemble
from openvest.main.installation import KEY_FILE
from tests.kit.wire import Credentials

ROOT = Path(__file__).resolve().parents[2]
READY = ("openvest ready", "openvest worker ready")
START_SECONDS, STOP_SECONDS = 90, 30
LAST_LINES = 8
"""Of each process, shown with whatever goes wrong."""
_AWAY = frozenset({"worker.database_down", "worker.busy", "work.put_off"})
"""What a worker says of a database that is away, busy or without room: no fault of its own."""


class DidNotStart(Exception):
    """A process ended or kept silent; the text holds its last words."""


@dataclass
class Running:
    """A process and where it writes."""

    process: subprocess.Popen[bytes]
    log: Path
    arguments: Sequence[str] = ()

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


@dataclass
class Stage:
    """Processes on one data directory. `module` is what Python runs; a control names a start script of its own."""

    root: Path
    module: str = "openvest"
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    running: dict[str, Running] = field(default_factory=dict[str, Running])
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def data_dir(self) -> Path:
        return self.root / "var"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", self.module, *arguments, "--data-dir", str(self.data_dir)]

    async def start(self, name: str, *arguments: str, also: Mapping[str, str] | None = None) -> Running:
        """Start a process under a name and wait until it says that it is ready. `also` is in its environment.

        Raises: DidNotStart.
        """
        log = self.root / f"{name}-{next(self._numbers)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command(*arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**self._environment(), **(also or {})},
                cwd=ROOT,
            )
        started = self.running[name] = Running(process, log, arguments)
        try:
            async with asyncio.timeout(START_SECONDS):
                while not any(line.startswith(READY) for line in started.said.splitlines()):
                    if process.poll() is not None:
                        raise DidNotStart(f"{name} ended with {process.returncode}:\n{started.said[-3_000:]}")
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise DidNotStart(f"{name} is not ready after {START_SECONDS} s:\n{started.said[-3_000:]}") from None
        return started

    def run(self, *arguments: str) -> str:
        """Run a command to its end; what it printed. Raises: DidNotStart."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, check=False, env=self._environment(), cwd=ROOT
        )
        if done.returncode:
            raise DidNotStart(f"{arguments[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def create_client(self, tenant: str, *options: str) -> Credentials:
        """A v1 client with an Ed25519 key and without a rate limit."""
        private, public = generate_ed25519()
        file = self.root / f"public-{next(self._numbers)}.pem"
        file.write_bytes(public)
        basis = ("--tenant", tenant, "--contract", "v1", "--scopes", "all", "--rate-limit", "none", "--json")
        printed = self.run("client", "create", *basis, "--public-key", str(file), *options)
        return Credentials.created(printed, private)

    def kill(self, name: str) -> None:
        """SIGKILL, and wait for the end."""
        process = self.running[name].process
        process.kill()
        process.wait(STOP_SECONDS)

    def address(self) -> DatabaseAddress:
        """Raises: FileNotFoundError, ValueError while nothing is published."""
        return read_address(self.data_dir / ADDRESS_FILE)

    @asynccontextmanager
    async def database_alone(self) -> AsyncGenerator[None]:
        """The database without a process of the program; all that were started meanwhile are stopped before it."""
        async with attach_or_start(self.data_dir):
            try:
                yield
            finally:
                self.stop()

    @asynccontextmanager
    async def database(self) -> AsyncGenerator[Database]:
        """The installation's database as its processes have it: to read what happened, and to make something due."""
        secrets = Secrets.from_hex((self.data_dir / KEY_FILE).read_text())
        pool = await open_pool(self.address().app_dsn(), size=2, application="checker")
        try:
            yield assemble(pool, seed="checker", secrets=secrets).database
        finally:
            pool.terminate()

    def faults(self) -> Counter[str]:
        """What processes logged as faults of theirs: kind and innermost places, with how often."""
        found: Counter[str] = Counter()
        for log in sorted(self.root.glob("*.log")):
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
                if not line.startswith("{") or '"fault"' not in line:
                    continue
                facts = json.loads(line)
                if facts["event"] in _AWAY:
                    continue
                found[f"{facts['event']}: {facts.get('fault')} at {' < '.join(facts.get('trace', [])[:-5:-1])}"] += 1
        return found

    def last_words(self) -> str:
        """What each process wrote last."""
        said = {log.stem: log.read_text(encoding="utf-8", errors="replace") for log in sorted(self.root.glob("*.log"))}
        return "\n".join(f"{name}: {line}" for name, text in said.items() for line in text.splitlines()[-LAST_LINES:])

    def stop(self) -> None:
        """End everything in the reverse order of its start."""
        for running in reversed(self.running.values()):
            if running.process.poll() is None:
                running.process.send_signal(signal.SIGTERM)
                try:
                    running.process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    running.process.kill()
                    running.process.wait(STOP_SECONDS)
        self.running.clear()

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENVEST_", "DATABASE_"))}
        kept |= {name: os.environ[name] for name in ("OPENVEST_POSTGRES_BIN",) if name in os.environ}
        return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **self.environment}


@asynccontextmanager
async def staged(module: str = "openvest", environment: Mapping[str, str] | None = None) -> AsyncGenerator[Stage]:
    """A stage that leaves neither process nor database behind."""
    root = Path(tempfile.mkdtemp(prefix="ovs"))
    stage = Stage(root, module, environment or {})
    try:
        yield stage
    except Exception as error:
        error.add_note(stage.last_words())
        raise
    finally:
        stage.stop()
        try:
            remove_database(stage.data_dir)
        except EmbeddedError as error:
            print(f"the database of {stage.data_dir} stays behind: {error}", file=sys.stderr)
        shutil.rmtree(root, ignore_errors=True)


def free_ports(count: int) -> Sequence[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
