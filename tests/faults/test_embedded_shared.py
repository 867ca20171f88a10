"""One embedded server used by several processes: whoever goes, by its will or killed, leaves it to the others."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import psutil

from openvest.db.address import read_address
from openvest.db.attach import SERVE_FILE, answers, attach_or_start, stop_unused
from openvest.db.data_dir import POINTER, cluster_home
from openvest.db.embedded import ADDRESS_FILE
from openvest.db.files import FileLock
from tests.faults.conftest import Folders, Helper, Run, execute, fetch

KEPT = ("create table kept (n int primary key)", "insert into kept values (1)", "grant select on kept to openvest_app")


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether it runs. One whose parent was killed may stay behind as a zombie for a while."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def watcher(folders: Folders) -> int:
    return read_address(folders.data_dir / ADDRESS_FILE).supervisor_pid


def close(helper: Helper) -> None:
    """Let it end, without waiting for that."""
    assert helper.process.stdin is not None
    helper.process.stdin.close()


async def test_whoever_started_it_leaves_it_to_the_others_and_the_last_one_stops_it(folders: Folders, run: Run) -> None:
    first, second = run("attach"), run("attach")
    pid, dsn = int(first.facts["pid"]), second.facts["app_dsn"]
    assert first.facts["supervisor_pid"] == first.process.pid and second.facts["pid"] == pid
    open_connection = await asyncpg.connect(dsn)
    begun = time.monotonic()
    first.end()
    assert time.monotonic() - begun < 2, "it waits for nobody"
    assert await open_connection.fetchval("select 1") == 1, "not even a connection is lost"
    until(lambda: watcher(folders) == second.process.pid)
    os.kill(pid, signal.SIGKILL)
    until(lambda: read_address(folders.data_dir / ADDRESS_FILE).pid != pid)
    assert await fetch(dsn, "select 1") == 1, "the heir starts it again"
    open_connection.terminate()
    last = read_address(folders.data_dir / ADDRESS_FILE)
    second.end()
    assert not is_alive(last.pid) and not last.host.exists() and not (folders.data_dir / ADDRESS_FILE).exists()


async def test_kills_of_the_first_of_the_last_and_of_all(folders: Folders, run: Run) -> None:
    first, second = run("attach"), run("attach")
    pid, dsn = int(first.facts["pid"]), second.facts["app_dsn"]
    with attach_or_start(folders.data_dir, base=folders.base) as visitor:
        await execute(visitor.owner_dsn(), *KEPT)
    open_connection = await asyncpg.connect(dsn)
    first.kill()
    third = run("attach")
    assert third.facts["pid"] == pid and await open_connection.fetchval("select n from kept") == 1
    until(lambda: watcher(folders) in (second.process.pid, third.process.pid))
    # The one who watches and the server at once: who is left starts it again.
    heir, left = (second, third) if watcher(folders) == second.process.pid else (third, second)
    heir.kill()
    os.kill(pid, signal.SIGKILL)
    until(lambda: watcher(folders) == left.process.pid and answers(read_address(folders.data_dir / ADDRESS_FILE)))
    assert await fetch(dsn, "select n from kept") == 1
    open_connection.terminate()
    left.kill()
    orphan = read_address(folders.data_dir / ADDRESS_FILE).pid
    assert is_alive(orphan)
    with attach_or_start(folders.data_dir, base=folders.base) as address:
        assert address.pid != orphan and not is_alive(orphan), "an orphan that nobody uses is not trusted"
        assert await fetch(address.app_dsn(), "select n from kept") == 1
    assert not is_alive(address.pid)


async def test_a_serve_begins_beside_a_command_and_outlives_it(folders: Folders, run: Run) -> None:
    command, serve = run("attach"), run("alone")
    assert serve.facts["pid"] == command.facts["pid"]
    assert f"process {serve.process.pid})" in run("alone").facts["refused"]
    command.end()
    until(lambda: watcher(folders) == serve.process.pid)
    later = run("attach")
    assert later.facts["pid"] == serve.facts["pid"]
    serve.end()
    assert await fetch(later.facts["app_dsn"], "select 1") == 1, "nor does a serve take it away from a command"
    again = run("alone")
    assert again.facts["pid"] == serve.facts["pid"]
    again.kill()
    assert "pid" in run("alone").facts, "the lock dies with its process"


async def test_those_who_leave_at_once_leave_nothing_behind(folders: Folders, run: Run) -> None:
    for _ in range(3):
        helpers = [run("attach") for _ in range(4)]
        pid = int(helpers[0].facts["pid"])
        for helper in helpers:
            close(helper)
        for helper in helpers:
            assert helper.process.wait(20) == 0
        assert not is_alive(pid) and not (folders.data_dir / ADDRESS_FILE).exists()


def test_a_copy_of_a_data_directory_stops_nothing(folders: Folders, tmp_path: Path) -> None:
    """Its files lead to a server that is not its own."""
    with folders.server() as server:
        home = cluster_home(folders.data_dir.resolve())
        (tmp_path / POINTER).write_text(f"{home}\n")
        stop_unused(tmp_path)
        assert answers(server.address)


def test_a_serve_that_ends_just_now_refuses_nobody(folders: Folders) -> None:
    folders.data_dir.mkdir()
    lock = FileLock(folders.data_dir / SERVE_FILE)
    assert lock.acquire()
    ending = threading.Timer(0.2, lock.release)
    ending.start()
    with attach_or_start(folders.data_dir, base=folders.base, alone=True) as address:
        assert answers(address)
    ending.join()
