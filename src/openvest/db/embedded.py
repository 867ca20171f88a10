"""The embedded PostgreSQL under our own supervisor.

One process holds the lock of a data directory, watches the server and starts it again when it dies. The others find it
through `postgres.json` and say with a shared lock that they use it. Both locks die with their process, so the server
needs nobody in particular: whoever watched it leaves it running where others use it, one of them watches it from then
on, and the last one stops it. An orphan that nobody uses is stopped by the next start, which begins afresh.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self, cast

from openvest.core.failpoints import failpoint
from openvest.db import postmaster
from openvest.db.address import (
    APP_ROLE,
    DATABASE,
    OWNER_ROLE,
    PORT,
    AlreadyServing,
    DatabaseAddress,
    EmbeddedError,
    Progress,
    silent,
)
from openvest.db.cluster import (
    MAX_CONNECTIONS,
    PASSWORD_FILE,
    make_log_folder,
    prune_logs,
    settings,
    write_settings,
)
from openvest.db.data_dir import (
    BASE_FOLDER,
    POINTER,
    SOCKET_BASE,
    claim,
    cluster_home,
    open_data_dir,
    runs_as,
    socket_folder,
)
from openvest.db.ending import Ending
from openvest.db.files import FileLock, write_private
from openvest.db.memory import machine_mb
from openvest.db.prepare import Prepared, adopt, make

LOCK_FILE = "supervisor.lock"
USED_FILE = "attached.lock"
ADDRESS_FILE = "postgres.json"
LINGER_SECONDS = 30
EARLY_SECONDS, LONGEST_PAUSE_SECONDS, PRUNE_SECONDS = 5, 5, 600

Process = subprocess.Popen[bytes] | postmaster.Adopted
_BEFORE_PUBLISHED = failpoint("database.before_published")


class EmbeddedServer:
    """Supervises one PostgreSQL. A thread waits for its end and starts it again when that was unasked.

    `binaries` is what OPENVEST_POSTGRES_BIN names; `memory_mb` its memory, the machine's unless given.
    `on_restart` is called in the supervisor's thread with a sentence each time the server came back.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        binaries: Path | None = None,
        memory_mb: int | None = None,
        progress: Progress = silent,
        on_restart: Callable[[str], None] = silent,
        base: Path = BASE_FOLDER,
        socket_base: Path = SOCKET_BASE,
        ending: Ending | None = None,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self.data_dir = data_dir
        self.restarts = 0
        self._named, self._memory_mb = binaries, memory_mb or machine_mb()
        self._progress, self._on_restart = _unfailing(progress), _unfailing(on_restart)
        self._base, self._socket_base = base, socket_base
        self._process_id = os.getpid()
        self._ending, self._max_connections = ending or Ending(), max_connections
        self._locks: list[FileLock] = []
        self._guard = threading.Lock()
        self._stopping, self._ready = threading.Event(), threading.Event()
        self._process: Process | None = None
        self._theirs = False
        self._watcher: threading.Thread | None = None
        self._address: DatabaseAddress | None = None

    @property
    def running(self) -> bool:
        """Whether the server takes connections, as far as the supervisor knows."""
        return self._ready.is_set()

    @property
    def address(self) -> DatabaseAddress:
        """Raises: EmbeddedError before the start."""
        if self._address is None:
            raise EmbeddedError("The database has not been started.")
        return self._address

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> DatabaseAddress:
        """Take the lock, make the cluster if there is none, start the server and watch it.

        A server that others use is watched as it is; an orphan that nobody uses is stopped first.
        Raises: AlreadyServing at once, EmbeddedError.
        """
        self.data_dir = open_data_dir(self.data_dir)
        self._process_id = os.getpid()
        self._stopping.clear()
        # Held alone until the server answers, so that nobody takes up one that is about to be stopped.
        alone = FileLock(self.data_dir / USED_FILE)
        try:
            prepared = self._prepare(alone)
            process = self._adopt(prepared) or self._launch_patiently(prepared)
        except OSError as error:
            self._abandon()
            raise EmbeddedError(
                f"The database of {self.data_dir} cannot be started ({error}). Mend that, or choose another folder "
                "with --data-dir."
            ) from error
        except BaseException:
            self._abandon()
            raise
        finally:
            alone.release()
        if process is None or not self.running:
            self._abandon()
            raise EmbeddedError("The start was interrupted.")
        arguments = (prepared, process)
        self._watcher = threading.Thread(target=self._watch, args=arguments, name="postgres-supervisor", daemon=True)
        self._watcher.start()
        threading.Thread(target=self._prune, args=arguments[:1], name="postgres-logs", daemon=True).start()
        return self.address

    def stop(self) -> None:
        """Stop the server and let go of the data directory. Safe to call twice; does nothing in a forked child."""
        if os.getpid() != self._process_id:
            return
        process, watcher = self.interrupt(), self._watcher
        self._ready.clear()
        if process is not None and watcher is not None:
            if process.poll() is None:
                postmaster.stop(process.pid, watcher.is_alive, self._progress, self._ending)
            watcher.join(self._ending.left(1, LINGER_SECONDS))
        self._abandon()

    def interrupt(self) -> Process | None:
        """End a start that another thread makes, and every attempt to start the server again."""
        with self._guard:
            self._stopping.set()
            return self._process

    def leave(self) -> None:
        """Let go of the data directory and leave the server running. Does nothing in a forked child."""
        if os.getpid() == self._process_id:
            self.interrupt()
            self._ready.clear()
            self._let_go()

    def kill(self) -> None:
        """End the server by force, for a process whose time is over; the next start finds every commit."""
        process = self.interrupt()
        if process is not None and process.poll() is None:
            with contextlib.suppress(OSError):
                postmaster.kill(process.pid)

    def _prepare(self, alone: FileLock) -> Prepared:
        """Take the locks and bring the cluster to rest, unless others use it. Raises: AlreadyServing, EmbeddedError."""
        self._take_lock(self.data_dir / LOCK_FILE)
        home = cluster_home(self.data_dir)
        keep = not alone.acquire()
        if home is None:
            prepared = make(self.data_dir, self._named, self._base, self._progress)
            self._take_lock(prepared.home / LOCK_FILE)
        else:
            # A copied data directory points to the same cluster: this lock keeps the two supervisors apart.
            self._take_lock(home / LOCK_FILE)
            prepared = adopt(self.data_dir, home, self._named, self._base, self._progress, keep=keep)
            self._theirs = prepared.running is not None
        make_log_folder(prepared.logs, prepared.user)
        return prepared

    def _take_lock(self, path: Path) -> None:
        """Raises: AlreadyServing, EmbeddedError where the file is another user's."""
        lock = FileLock(path)
        try:
            if not lock.acquire():
                raise already_running(self.data_dir, path)
        except PermissionError as error:
            raise EmbeddedError(
                f"{path} belongs to another user. Run the command as the user who started OpenVest there, or choose "
                "another folder with --data-dir."
            ) from error
        lock.note(json.dumps({"pid": os.getpid()}))
        self._locks.append(lock)

    def _adopt(self, prepared: Prepared) -> Process | None:
        """The running server that others use, published as watched by us; None where one has to be started."""
        if prepared.running is None:
            return None
        process = postmaster.Adopted(prepared.running, prepared.data)
        with contextlib.suppress(EmbeddedError):  # It died just now; the others go on with the one we start.
            postmaster.wait_ready(process, prepared.data, prepared.logs, self._progress, self._stopping.is_set)
        if self._stopping.is_set():
            raise EmbeddedError("The start was interrupted.")
        sockets = postmaster.socket_of(prepared.data) if process.poll() is None else None
        if sockets is not None:
            self._publish(prepared, sockets, process.pid)
            self._process = process
        self._theirs = False
        return self._process

    def _launch_patiently(self, prepared: Prepared) -> Process | None:
        """Start the server; wait while the processes of a killed one are still going away.

        While the supervisor is being stopped it may return None or a server that is not ready. Raises: EmbeddedError.
        """
        deadline = time.monotonic() + LINGER_SECONDS
        while True:
            postmaster.clear_way(prepared.data, self._progress)
            sockets = socket_folder(self.data_dir, prepared.user, self._socket_base)
            values = settings(prepared.binaries, sockets, prepared.logs, self._memory_mb, self._max_connections)
            write_settings(prepared.data, prepared.user, values)
            prune_logs(prepared.logs)
            with self._guard:
                if self._stopping.is_set():
                    return None
                process = postmaster.spawn(prepared.binaries, prepared.data, prepared.logs, prepared.user)
                self._process = process
            try:
                if not postmaster.wait_ready(
                    process, prepared.data, prepared.logs, self._progress, self._stopping.is_set
                ):
                    return process
            except EmbeddedError as error:
                lingering = any(words in str(error) for words in postmaster.NOT_YET)
                if process.poll() is None or not lingering or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
                continue
            _BEFORE_PUBLISHED()
            self._publish(prepared, sockets, process.pid)
            return process

    def _publish(self, prepared: Prepared, sockets: Path, pid: int) -> None:
        """Let every other command of this data directory find the server."""
        password_file = self.data_dir / PASSWORD_FILE
        self._address = DatabaseAddress(
            host=sockets,
            port=PORT,
            database=DATABASE,
            app_user=APP_ROLE,
            app_password=prepared.passwords.app,
            owner_user=OWNER_ROLE,
            owner_password=prepared.passwords.owner,
            password_file=password_file,
            pid=pid,
            supervisor_pid=os.getpid(),
            server_version=prepared.binaries.version,
        )
        write_private(self.data_dir / ADDRESS_FILE, self._address.published())
        self._ready.set()

    def _watch(self, prepared: Prepared, process: Process) -> None:
        """The supervisor's thread: wait for the server's end, start it again unless it was asked to stop.

        Why it goes on waiting after `leave`: a child that nobody waits for stays behind as a zombie.
        """
        early_deaths = 0
        while True:
            begun = time.monotonic()
            status = process.wait()
            self._ready.clear()
            if self._stopping.is_set():
                return
            self._progress(f"PostgreSQL ended unasked (status {status}); starting it again…")
            # A server that dies again and again, say on a full disk, is not started in a tight loop.
            early_deaths = early_deaths + 1 if time.monotonic() - begun < EARLY_SECONDS else 0
            if early_deaths > 1:
                self._stopping.wait(min(0.1 * 2**early_deaths, LONGEST_PAUSE_SECONDS))
            revived = self._revive(prepared)
            if revived is None:
                return
            process = revived
            if not self._stopping.is_set():
                self.restarts += 1
                self._on_restart(f"PostgreSQL runs again (process {process.pid}).")

    def _revive(self, prepared: Prepared) -> Process | None:
        """Try until it runs or the supervisor stops."""
        pause = 0.1
        while not self._stopping.is_set():
            try:
                return self._launch_patiently(prepared)
            except (EmbeddedError, OSError, subprocess.SubprocessError) as error:
                self._progress(f"{error} Trying again in {pause:.1f} s.")
            if (failed := self._process) is not None and failed.poll() is None:
                return failed
            self._stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        return None

    def _prune(self, prepared: Prepared) -> None:
        """The second thread: the log of a long run stays small."""
        while not self._stopping.wait(PRUNE_SECONDS):
            prune_logs(prepared.logs)

    def _abandon(self) -> None:
        """Leave nothing of ours running and nothing published, then let go of the locks."""
        process = self._process
        if process is not None and process.poll() is None:
            postmaster.stop(process.pid, lambda: process.poll() is None, self._progress, self._ending)
        if self._locks and not self._theirs:
            unpublish(self.data_dir, self._address.host if self._address is not None else None)
        self._let_go()

    def _let_go(self) -> None:
        while self._locks:
            self._locks.pop().release()


def _unfailing(tell: Progress) -> Progress:
    """The same, its failures ignored: a console that went away must not end the supervision."""

    def told(sentence: str) -> None:
        with contextlib.suppress(Exception):
            tell(sentence)

    return told


def unpublish(data_dir: Path, sockets: Path | None) -> None:
    """Take away what leads others to a server that has stopped."""
    with contextlib.suppress(OSError):
        (data_dir / ADDRESS_FILE).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        # The server took its socket away; what is not empty is not only ours.
        if sockets is not None:
            sockets.rmdir()


def already_running(data_dir: Path, lock_file: Path) -> AlreadyServing:
    """The refusal of a data directory whose lock another process holds."""
    return AlreadyServing(
        f"OpenVest already runs on {data_dir} (process {read_note(lock_file).get('pid', 'unknown')}). "
        "Stop it first, or choose another folder with --data-dir."
    )


def read_note(lock_file: Path) -> dict[str, object]:
    """What the holder of a lock wrote into it; empty while it is only just taking it."""
    try:
        note = json.loads(lock_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, object]", note) if isinstance(note, dict) else {}


def remove_database(data_dir: Path, *, socket_base: Path = SOCKET_BASE) -> None:
    """Delete the database of a data directory that nothing runs on, wherever it is kept. For demos and tests.

    Raises: AlreadyServing, EmbeddedError.
    """
    data_dir = open_data_dir(data_dir)
    lock, used = FileLock(data_dir / LOCK_FILE), FileLock(data_dir / USED_FILE)
    try:
        if not lock.acquire() or not used.acquire():
            raise AlreadyServing(f"OpenVest runs on {data_dir}. Stop it before its database is removed.")
        home = cluster_home(data_dir)
        if home is not None:
            claim(data_dir, home)
            postmaster.clear_way(home / "data", silent)
            user = runs_as((home / "data").stat().st_uid)
            shutil.rmtree(socket_folder(data_dir, user, socket_base), ignore_errors=True)
            (data_dir / POINTER).unlink(missing_ok=True)
            (data_dir / PASSWORD_FILE).unlink(missing_ok=True)
            shutil.rmtree(home)
    finally:
        used.release()
        lock.release()
