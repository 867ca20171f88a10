"""Folders every user can pass through, databases removed afterwards, and helper processes that never outlive a test."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from openvest.db.embedded import EmbeddedServer
from openvest.db.postmaster import is_postmaster, read_pid_file

SOURCES = Path(__file__).resolve().parents[2] / "src"
SCRIPT = Path(__file__).with_name("supervise.py")


@dataclass(frozen=True)
class Folders:
    """A data directory and the folder that stands for /var/lib/openvest, both below `root`."""

    root: Path
    data_dir: Path
    base: Path

    def server(self, **options: Any) -> EmbeddedServer:
        return EmbeddedServer(self.data_dir, base=self.base, **options)


def roomy_memory() -> str | None:
    """A file system in memory that may hold programs; making a cluster is several times faster there."""
    memory = "/dev/shm"
    try:
        facts = os.statvfs(memory)
    except OSError:
        return None
    usable = facts.f_frsize * facts.f_bavail >= 2 * 2**30 and not facts.f_flag & os.ST_NOEXEC
    return memory if usable and os.access(memory, os.W_OK) else None


@pytest.fixture
def folders() -> Generator[Folders]:
    """In memory where there is room, else in the system's temporary folder: pytest's own is closed to other users."""
    root = Path(tempfile.mkdtemp(prefix="ovf", dir=roomy_memory()))
    root.chmod(0o711)
    try:
        yield Folders(root, root / "var", root / "lib")
    finally:
        for file in [*root.rglob("postmaster.pid")]:
            found = read_pid_file(file.parent)
            if found is not None and is_postmaster(found[0], file.parent):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(found[0], signal.SIGQUIT)
        shutil.rmtree(root)


@dataclass(frozen=True)
class Helper:
    """A helper process and the line it printed."""

    process: subprocess.Popen[str]
    facts: dict[str, Any]

    def end(self) -> None:
        """Let it end by itself."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(30) == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)


Run = Callable[..., Helper]


@pytest.fixture
def run(folders: Folders) -> Generator[Run]:
    """Start the helper program; options are those of `subprocess`."""
    started: list[subprocess.Popen[str]] = []

    def start(
        verb: str,
        data_dir: Path | None = None,
        *,
        python: str = sys.executable,
        sources: Path = SOURCES,
        script: Path = SCRIPT,
        binaries: str = "",
        **options: Any,
    ) -> Helper:
        process = subprocess.Popen(
            [python, str(script), verb, str(data_dir or folders.data_dir), str(folders.base), binaries],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(sources), "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"},
            cwd="/",
            **options,
        )
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the helper ended with status {process.wait(10)}"
        return Helper(process, json.loads(line))

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.wait(30)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()


async def fetch(dsn: str, sql: str, *values: object) -> Any:
    """The first column of the first row, over a connection of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql, *values)
    finally:
        await connection.close()


async def execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
