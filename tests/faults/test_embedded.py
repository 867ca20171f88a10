"""The embedded server under its supervisor: first start, deaths, orphans, sharing."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path

import asyncpg
import pytest

from openvest.db import postmaster
from openvest.db.address import AlreadyServing, DatabaseAddress, EmbeddedError
from openvest.db.attach import answers, attach_or_start
from openvest.db.cluster import PASSWORD_FILE
from openvest.db.data_dir import POINTER, cluster_home, runs_as
from openvest.db.databases import create_database, drop_database
from openvest.db.embedded import ADDRESS_FILE, LOCK_FILE, EmbeddedServer, remove_database
from openvest.db.facts import look
from openvest.db.files import FileLock
from openvest.db.postmaster import is_alive, is_postmaster, read_pid_file
from tests.faults.conftest import Folders, Run, execute, fetch

KEPT = (
    "create table kept (n int primary key)",
    "insert into kept select generate_series(1, 1000)",
    "grant select on kept to openvest_app",
)
HOW_MANY = "select count(*) from kept"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


def data_of(folders: Folders) -> Path:
    home = cluster_home(folders.data_dir.resolve())
    assert home is not None
    return home / "data"


async def test_a_first_start_makes_a_closed_and_durable_database(folders: Folders) -> None:
    said: list[str] = []
    begun = time.monotonic()
    with folders.server(progress=said.append, memory_mb=2_048) as server:
        assert time.monotonic() - begun < 5
        assert any("making the database cluster" in sentence for sentence in said)
        address = server.address
        assert server.running and is_postmaster(address.pid, data_of(folders))
        expected = {
            **{"listen_addresses": "", "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"},
            **{"data_checksums": "on", "TimeZone": "UTC", "server_encoding": "UTF8", "jit": "off"},
            **{"password_encryption": "scram-sha-256", "shared_buffers": "256MB", "wal_compression": "pglz"},
        }
        for name, value in expected.items():
            assert await fetch(address.app_dsn(), "select current_setting($1)", name) == value, name
        assert len(os.fsencode(address.host / ".s.PGSQL.5432")) <= 103
        assert mode(address.host) == 0o700
        assert mode(folders.data_dir / PASSWORD_FILE) == mode(folders.data_dir / ADDRESS_FILE) == 0o600
        published = (folders.data_dir / ADDRESS_FILE).read_text()
        for secret in (address.app_password, address.owner_password):
            assert len(secret) >= 32 and secret not in published
    assert gone(address.pid) and not answers(address) and not server.running
    assert not (folders.data_dir / ADDRESS_FILE).exists() and not address.host.exists()


async def test_roles_have_just_the_rights_they_need(folders: Folders) -> None:
    with folders.server() as server:
        address = server.address
        for dsn, role in ((address.app_dsn(), "openvest_app"), (address.owner_dsn(), "openvest_owner")):
            assert await fetch(dsn, "select current_user || '@' || current_database()") == f"{role}@openvest"
            rights = "rolsuper or rolbypassrls or rolcreatedb or rolcreaterole or rolreplication"
            assert await fetch(dsn, f"select {rights} from pg_roles where rolname = current_user") is False
        owner = "select datdba::regrole::text from pg_database where datname = 'openvest'"
        assert await fetch(address.app_dsn(), owner) == "openvest_owner"
        stored = await fetch(address.superuser_dsn(), "select min(rolpassword) from pg_authid where rolcanlogin")
        assert stored.startswith("SCRAM-SHA-256$")
        await execute(address.owner_dsn(), "create schema ours", "create table plain (n int)")
        for refused in ("create table mine (n int)", "create temp table mine (n int)", "select * from plain"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await execute(address.app_dsn(), refused)
        for dsn in (address.app_dsn().replace(address.app_password, "guess"), address.app_dsn("postgres")):
            with pytest.raises((asyncpg.InvalidPasswordError, asyncpg.InsufficientPrivilegeError)):
                await execute(dsn, "select 1")


async def test_a_killed_server_comes_back_with_every_commit(folders: Folders) -> None:
    back = threading.Event()
    sentences: list[str] = []
    with folders.server(on_restart=lambda sentence: (sentences.append(sentence), back.set())) as server:
        await execute(server.address.owner_dsn(), *KEPT)
        first = server.address
        os.kill(first.pid, signal.SIGKILL)
        assert back.wait(20), "it was not started again"
        second = server.address
        assert server.running and server.restarts == 1 and str(second.pid) in sentences[0]
        assert second.pid != first.pid and second.app_dsn() == first.app_dsn()
        assert await fetch(second.app_dsn(), HOW_MANY) == 1000
        with attach_or_start(folders.data_dir, base=folders.base) as found:
            assert found.pid == second.pid
    assert gone(second.pid)


def test_a_console_that_went_away_does_not_end_the_supervision(folders: Folders) -> None:
    deaths, back = 3, threading.Semaphore(0)

    def broken(sentence: str) -> None:
        if "runs again" in sentence:
            back.release()
        raise BrokenPipeError(sentence)

    with folders.server(progress=broken, on_restart=broken) as server:
        for _ in range(deaths):
            os.kill(server.address.pid, signal.SIGKILL)
            assert back.acquire(timeout=20)
        assert server.running and server.restarts == deaths


def test_a_stop_in_the_middle_of_a_restart_leaves_nothing(folders: Folders) -> None:
    for pause in (0, 0.01, 0.03):
        server = folders.server()
        first = server.start()
        os.kill(first.pid, signal.SIGKILL)
        time.sleep(pause)
        server.stop()
        assert not server.running and not answers(first) and not (folders.data_dir / ADDRESS_FILE).exists()
        found = read_pid_file(data_of(folders))
        assert found is None or not is_postmaster(found[0], data_of(folders))


async def test_a_killed_supervisor_leaves_an_orphan_that_the_next_start_replaces(folders: Folders, run: Run) -> None:
    helper = run("serve")
    orphan = int(helper.facts["pid"])
    with attach_or_start(folders.data_dir, base=folders.base) as visitor:
        await execute(visitor.owner_dsn(), *KEPT)
    open_connection = await asyncpg.connect(visitor.app_dsn())
    helper.kill()
    assert is_postmaster(orphan, data_of(folders)), "the orphan should live on until it is found"
    assert await open_connection.fetchval(HOW_MANY) == 1000
    said: list[str] = []
    with folders.server(progress=said.append) as server:
        assert any("left behind" in sentence and str(orphan) in sentence for sentence in said)
        assert gone(orphan) and server.address.pid != orphan
        assert server.address.app_dsn() == visitor.app_dsn(), "others must find it at the same place"
        assert await fetch(server.address.app_dsn(), HOW_MANY) == 1000
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await open_connection.fetchval("select 1")
    open_connection.terminate()


async def test_both_killed_at_once_recover(folders: Folders, run: Run) -> None:
    helper = run("serve")
    with attach_or_start(folders.data_dir, base=folders.base) as visitor:
        await execute(visitor.owner_dsn(), *KEPT)
    helper.kill()
    os.kill(int(helper.facts["pid"]), signal.SIGKILL)
    with attach_or_start(folders.data_dir, base=folders.base) as address:
        assert await fetch(address.app_dsn(), HOW_MANY) == 1000


def test_a_second_server_is_refused(folders: Folders, run: Run) -> None:
    with folders.server():
        begun = time.monotonic()
        with pytest.raises(AlreadyServing, match=rf"process {os.getpid()}\).*--data-dir"):
            folders.server().start()
        assert time.monotonic() - begun < 1
        assert "already runs" in run("serve").facts["refused"]
    with folders.server() as server:
        assert server.running, "the refused ones must leave nothing behind"


async def test_a_command_attaches_from_another_process(folders: Folders, run: Run) -> None:
    with folders.server() as server:
        visitor = run("attach")
        assert visitor.facts["pid"] == server.address.pid
        assert visitor.facts["supervisor_pid"] == os.getpid()
        assert await fetch(visitor.facts["app_dsn"], "select 1") == 1
        visitor.end()
        assert server.running and answers(server.address)


async def test_an_async_command_has_the_same_database(folders: Folders) -> None:
    async with attach_or_start(folders.data_dir, base=folders.base) as address:
        assert await fetch(address.owner_dsn(), "select current_user") == "openvest_owner"
    assert gone(address.pid)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_worker_does_not_keep_the_lock(folders: Folders) -> None:
    folders.data_dir.mkdir()
    lock = FileLock(folders.data_dir / LOCK_FILE)
    assert lock.acquire()
    ours, childs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        childs.send(b"!")
        childs.recv(1)
        os._exit(0)
    childs.close()
    try:
        assert ours.recv(1) == b"!"
        assert not FileLock(folders.data_dir / LOCK_FILE).acquire()
        lock.release()
        again = FileLock(folders.data_dir / LOCK_FILE)
        assert again.acquire(), "the child still holds it"
        again.release()
    finally:
        ours.close()
        os.waitpid(child, 0)


async def test_a_stranger_with_the_old_number_is_left_alone(folders: Folders) -> None:
    with folders.server() as server:
        await execute(server.address.owner_dsn(), *KEPT)
    data = data_of(folders)
    user = runs_as(data.stat().st_uid)
    stranger = subprocess.Popen(["/bin/sleep", "60"], **user.spawn())
    try:
        lines = f"{stranger.pid}\n{data}\n1700000000\n5432\n{server.address.host}\n\n0 0\nready   \n"
        (data / "postmaster.pid").write_text(lines)
        os.chown(data / "postmaster.pid", user.uid, user.gid)
        assert read_pid_file(data) == (stranger.pid, "ready")
        with folders.server() as server:
            assert await fetch(server.address.app_dsn(), HOW_MANY) == 1000
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait(10)


async def test_lost_passwords_are_replaced_and_the_data_kept(folders: Folders) -> None:
    with folders.server() as server:
        await execute(server.address.owner_dsn(), *KEPT)
    (folders.data_dir / PASSWORD_FILE).unlink()
    old = server.address
    with folders.server() as server:
        assert server.address.app_password != old.app_password
        assert await fetch(server.address.app_dsn(), HOW_MANY) == 1000
        assert mode(folders.data_dir / PASSWORD_FILE) == 0o600
        with pytest.raises(asyncpg.InvalidPasswordError):
            await fetch(old.app_dsn(), HOW_MANY)


async def test_the_log_names_no_values(folders: Folders) -> None:
    with folders.server() as server:
        await execute(server.address.owner_dsn(), "create table people (name text primary key)")
        for _ in range(2):
            try:
                await fetch(server.address.owner_dsn(), "insert into people values ($1)", "canary-4711")
            except asyncpg.UniqueViolationError as error:
                assert "canary" in str(error.detail)
    logged = "".join(file.read_text() for file in (data_of(folders).parent / "log").iterdir())
    assert "people_pkey" in logged and "canary" not in logged


async def test_databases_are_copied_from_a_template(folders: Folders) -> None:
    with folders.server() as server:
        address: DatabaseAddress = server.address
        await execute(address.owner_dsn(), *KEPT)
        await create_database(address, "copied", template="openvest")
        assert await fetch(address.app_dsn("copied"), HOW_MANY) == 1000
        await drop_database(address, "copied")
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await fetch(address.app_dsn("copied"), HOW_MANY)
        with pytest.raises(ValueError, match="plain"):
            await create_database(address, 'x"; drop database openvest; --')


def test_a_removed_database_leaves_nothing(folders: Folders) -> None:
    with folders.server() as server, pytest.raises(AlreadyServing):
        remove_database(folders.data_dir)
    home = data_of(folders).parent
    remove_database(folders.data_dir)
    assert not home.exists() and not server.address.host.exists()
    assert not (folders.data_dir / PASSWORD_FILE).exists() and not (folders.data_dir / POINTER).exists()
    assert look(folders.data_dir, base=folders.base).cluster_folder is None


def test_a_server_object_starts_again_after_a_stop(folders: Folders) -> None:
    server = folders.server()
    with pytest.raises(EmbeddedError):
        _ = server.address
    for _ in range(2):
        assert server.start().pid and server.running
        server.stop()
        server.stop()
    assert isinstance(server, EmbeddedServer) and not server.running


def test_the_words_of_a_server_that_died_are_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They come late, from a process that outlives it; those of an earlier start are not taken for them."""
    earlier = tmp_path / "postgresql-2026-01-01_000000.log"
    earlier.write_text("FATAL:  something else\n")
    os.utime(earlier, (1, 1))
    (tmp_path / postmaster.STARTUP_LOG).write_text("LOG:  redirecting log output\n")

    def later(_: float) -> None:
        (tmp_path / "postgresql-2026-01-02_000000.log").write_text("FATAL:  lock file exists\nLOG:  shut down\n")

    monkeypatch.setattr(postmaster.time, "sleep", later)
    assert "lock file exists" in postmaster.crash_log_tail(tmp_path)
