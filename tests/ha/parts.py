"""The real parts, where they are installed, and a folder in which they run and end."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

PACKAGES = {"postgresql-15": "postgres", "patroni": "patroni", "etcd-server": "etcd"}
"""Packages of Debian 12, and the program of each that is asked for."""
HOST = "127.0.0.1"
ROLES = (
    "create role openvest_owner login",
    "create role openvest_app login",
)
CLOSED = "revoke execute on function lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) from public"


class Missing(Exception):
    """A part is not installed; the text says how to install it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """`postgres` is the folder of its programs."""

    postgres: Path
    patroni: Path
    etcd: Path


def find_parts() -> Parts:
    """Raises: Missing."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: folder.parent.name != "15")
    found = {
        "postgres": next((folder / "postgres" for folder in folders if (folder / "postgres").exists()), None),
        **{name: Path(path) if (path := shutil.which(name)) else None for name in ("patroni", "etcd")},
    }
    postgres, patroni, etcd = found["postgres"], found["patroni"], found["etcd"]
    if postgres is None or patroni is None or etcd is None:
        packages = [package for package, program in PACKAGES.items() if found[program] is None]
        raise Missing(
            f"make ha needs {', '.join(packages)}; run apt-get install --no-install-recommends "
            f"{' '.join([*packages, 'python3-etcd'])} (Debian 12 has them)."
        )
    return Parts(postgres.parent, patroni, etcd)


@dataclass(frozen=True, slots=True)
class House:
    """A folder, and who works in it where we are the superuser, as whom PostgreSQL does not run."""

    root: Path
    parts: Parts
    user: pwd.struct_passwd | None

    def folder(self, name: str) -> Path:
        made = self.root / name
        made.mkdir(mode=0o700)
        if self.user is not None:
            os.chown(made, self.user.pw_uid, self.user.pw_gid)
        return made

    @property
    def _who(self) -> tuple[int | None, int | None, list[int] | None]:
        return (None, None, None) if self.user is None else (self.user.pw_uid, self.user.pw_gid, [])

    def start(self, name: str, *command: object) -> None:
        """A process that writes into a log of its name, and is ended by the reaper."""
        user, group, groups = self._who
        with (self.root / f"{name}.out").open("ab") as log:
            subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd="/",
                user=user,
                group=group,
                extra_groups=groups,
            )

    def run(self, *command: object) -> None:
        """Raises: RuntimeError with what the command said."""
        user, group, groups = self._who
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=user,
            group=group,
            extra_groups=groups,
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")

    def keep_logs(self) -> Path:
        """Copy what every process said to where it outlives the house."""
        kept = Path(tempfile.mkdtemp(prefix="ovha-logs-"))
        for log in (*self.root.glob("*.out"), *self.root.glob("ov-*/*.log")):
            shutil.copy(log, kept / f"{log.parent.name}-{log.name}")
        return kept

    def write(self, path: Path, text: str) -> Path:
        path.write_text(text, encoding="utf-8")
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
        return path


@asynccontextmanager
async def housed(parts: Parts) -> AsyncGenerator[House]:
    """A house whose reaper outlives us, however we end."""
    root = Path(tempfile.mkdtemp(prefix="ovha"))
    root.chmod(0o711)
    reaper = subprocess.Popen(
        [sys.executable, "-m", "tests.ha.reaper", str(root)], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        yield House(root, parts, pwd.getpwnam("nobody") if os.geteuid() == 0 else None)
    finally:
        assert reaper.stdin is not None
        reaper.stdin.close()
        reaper.wait(60)


def urls(ports: Sequence[int], database: str) -> dict[str, str]:
    """The environment of a program whose database has these hosts."""
    hosts = ",".join(f"{HOST}:{port}" for port in ports)
    return {
        "DATABASE_URL": f"postgresql://openvest_app:none@{hosts}/{database}",
        "DATABASE_ADMIN_URL": f"postgresql://openvest_owner:none@{hosts}/{database}",
        "OPENVEST_MASTER_KEY": "11" * 32,
    }


async def ask(port: int, statement: str, database: str = "postgres", seconds: float = 2) -> Any:
    """One value from the server behind a port, as its superuser. Raises: OSError, PostgresError."""
    async with asyncio.timeout(seconds):
        connection = await asyncpg.connect(f"postgresql://postgres:none@{HOST}:{port}/{database}", ssl=False)
        try:
            return await connection.fetchval(statement)
        finally:
            connection.terminate()


async def make_roles(port: int) -> None:
    for statement in ROLES:
        await ask(port, statement, seconds=30)


async def make_database(port: int, name: str) -> None:
    """An empty database as the README wants it."""
    await ask(port, f"create database {name} owner openvest_owner", seconds=30)
    await ask(port, CLOSED, name, seconds=30)


async def is_primary(port: int) -> bool:
    """Whether this server takes writes; one that does not answer does not."""
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return await ask(port, "select not pg_is_in_recovery()", seconds=1)
    return False


async def until(what: str, holds: Callable[[], Any], seconds: float = 60, pause: float = 0.05) -> None:
    """Wait until it holds. Raises: RuntimeError that says what did not come true."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    if await holds():
                        return
                await asyncio.sleep(pause)
    except TimeoutError:
        raise RuntimeError(f"after {seconds:g} s still not: {what}") from None
