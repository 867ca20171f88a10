"""The embedded PostgreSQL under our own supervisor.

One process holds the lock of a data directory, runs the server as its child and starts it again when it dies. The
others find it through `postgres.json`. When the supervisor is killed the server lives on as an orphan; the next
supervisor stops it and starts its own, so that there is always exactly one that watches.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import subprocess
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self, cast

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
from openvest.db.ending import Ending
from openvest.db.files import FileLock, write_private
from openvest.db.place import (
    BASE_FOLDER,
    POINTER,
    SOCKET_BASE,
    claim,
    cluster_home,
    open_data_dir,
    runs_as,
    socket_folder,
)
from openvest.db.prepare import Prepared, adopt, make

LOCK_FILE = "supervisor.lock"
ADDRESS_FILE = "postgres.json"
# How long one waits for a command that is about to end, and how long a `serve` must be seen holding the lock.
COMMAND_SECONDS, SERVE_SECONDS = 20, 0.5
LINGER_SECONDS = 30
EARLY_SECONDS, LONGEST_PAUSE_SECONDS, PRUNE_SECONDS = 5, 5, 600

Kind = Literal["serve", "command"]
_BEFORE_PUBLISHED = failpoint("database.before_published")


_STARTED: weakref.WeakSet[EmbeddedServer] = weakref.WeakSet()


def kill_started() -> None:
    """End by force every server that this process supervises."""
    for server in list(_STARTED):
        server.kill()


class EmbeddedServer:
    """Supervises one PostgreSQL. A thread waits for the child and starts it again when it ends unasked.

    `binaries` is what OPENVEST_POSTGRES_BIN names. `on_restart` is called in the supervisor's thread with a sentence
    each time the server came back. `kind` is what the lock file tells others: a server, or a short command.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        binaries: Path | None = None,
        kind: Kind = "serve",
        shared_buffers_mb: int = 128,
        progress: Progress = silent,
        on_restart: Callable[[str], None] = silent,
        base: Path = BASE_FOLDER,
        socket_base: Path = SOCKET_BASE,
        patience_seconds: float = COMMAND_SECONDS,
        ending: Ending | None = None,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self.data_dir = data_dir
        self.restarts = 0
        self._named, self._kind, self._shared_buffers_mb = binaries, kind, shared_buffers_mb
        self._progress, self._on_restart = _unfailing(progress), _unfailing(on_restart)
        self._base, self._socket_base = base, socket_base
        self._patience, self._process_id = patience_seconds, os.getpid()
        self._ending, self._max_connections = ending or Ending(), max_connections
        self._locks: list[FileLock] = []
        self._guard = threading.Lock()
        self._stopping, self._ready = threading.Event(), threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
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
        """Take the lock, make the cluster if there is none, stop an orphan, start the server and watch it.

        Raises: AlreadyServing, EmbeddedError.
        """
        self.data_dir = open_data_dir(self.data_dir)
        self._process_id = os.getpid()
        self._stopping.clear()
        atexit.register(self.stop)
        _STARTED.add(self)
        try:
            prepared = self._prepare()
            process = self._launch_patiently(prepared)
        except OSError as error:
            self._abandon()
            raise EmbeddedError(
                f"The database of {self.data_dir} cannot be started ({error}). Mend that, or choose another folder "
                "with --data-dir."
            ) from error
        except BaseException:
            self._abandon()
            raise
        if process is None:
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
        with self._guard:
            self._stopping.set()
            process, watcher = self._process, self._watcher
        self._ready.clear()
        if process is not None and watcher is not None:
            if process.poll() is None:
                postmaster.stop(process.pid, watcher.is_alive, self._progress, self._ending)
            watcher.join(self._ending.left(1, LINGER_SECONDS))
        self._abandon()

    def kill(self) -> None:
        """End the server by force, for a process whose time is over; the next start finds every commit."""
        self._stopping.set()
        process = self._process
        if process is not None and process.poll() is None:
            with contextlib.suppress(OSError):
                postmaster.kill(process.pid)

    def _prepare(self) -> Prepared:
        """Take the locks and bring the cluster to rest. Raises: AlreadyServing, EmbeddedError."""
        self._take_lock(self.data_dir / LOCK_FILE)
        home = cluster_home(self.data_dir)
        if home is None:
            prepared = make(self.data_dir, self._named, self._base, self._progress)
            self._take_lock(prepared.home / LOCK_FILE)
        else:
            # A copied data directory points to the same cluster: this lock keeps the two supervisors apart.
            self._take_lock(home / LOCK_FILE)
            prepared = adopt(self.data_dir, home, self._named, self._base, self._progress)
        make_log_folder(prepared.logs, prepared.user)
        return prepared

    def _take_lock(self, path: Path) -> None:
        """Raises: AlreadyServing soon for a running server, after a while for a command that does not end."""
        lock = FileLock(path)
        begun = time.monotonic()
        try:
            while not lock.acquire():
                holder, waited = read_note(path), time.monotonic() - begun
                # Not at once: the note may be the last one of a killed server, seen while another takes its place.
                limit = SERVE_SECONDS if holder.get("kind") == "serve" else COMMAND_SECONDS
                if waited >= min(limit, self._patience):
                    raise _already(self.data_dir, holder)
                time.sleep(0.05)
        except PermissionError as error:
            raise EmbeddedError(
                f"{path} belongs to another user. Run the command as the user who started OpenVest there, or choose "
                "another folder with --data-dir."
            ) from error
        lock.note(json.dumps({"pid": os.getpid(), "kind": self._kind}))
        self._locks.append(lock)

    def _launch_patiently(self, prepared: Prepared) -> subprocess.Popen[bytes] | None:
        """Start the server; wait while the processes of a killed one are still going away.

        While the supervisor is being stopped it may return None or a server that is not ready. Raises: EmbeddedError.
        """
        deadline = time.monotonic() + LINGER_SECONDS
        while True:
            postmaster.clear_way(prepared.data, self._progress)
            sockets = socket_folder(self.data_dir, prepared.user, self._socket_base)
            values = settings(prepared.binaries, sockets, prepared.logs, self._shared_buffers_mb, self._max_connections)
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

    def _watch(self, prepared: Prepared, process: subprocess.Popen[bytes]) -> None:
        """The supervisor's thread: wait for the child, start it again unless it was asked to stop."""
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

    def _revive(self, prepared: Prepared) -> subprocess.Popen[bytes] | None:
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
        """Leave nothing running and nothing published, then let go of the locks."""
        process = self._process
        if process is not None and process.poll() is None:
            postmaster.stop(process.pid, lambda: process.poll() is None, self._progress, self._ending)
        if self._locks:
            with contextlib.suppress(OSError):
                (self.data_dir / ADDRESS_FILE).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                # The server took its socket away; what is not empty is not only ours.
                if self._address is not None:
                    self._address.host.rmdir()
        while self._locks:
            self._locks.pop().release()
        atexit.unregister(self.stop)


def _unfailing(tell: Progress) -> Progress:
    """The same, its failures ignored: a console that went away must not end the supervision."""

    def told(sentence: str) -> None:
        with contextlib.suppress(Exception):
            tell(sentence)

    return told


def _already(data_dir: Path, holder: dict[str, object]) -> AlreadyServing:
    return AlreadyServing(
        f"OpenVest already runs on {data_dir} (process {holder.get('pid', 'unknown')}). "
        "Stop it first, or choose another folder with --data-dir."
    )


def refuse_second(data_dir: Path) -> None:
    """Say at once what `start` would say in the end, before anything else is said. Raises: AlreadyServing."""
    lock = FileLock(data_dir / LOCK_FILE)
    with contextlib.suppress(OSError):
        if lock.acquire():
            lock.release()
        elif (holder := read_note(lock.path)).get("kind") == "serve":
            raise _already(data_dir, holder)


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
    lock = FileLock(data_dir / LOCK_FILE)
    if not lock.acquire():
        raise AlreadyServing(f"OpenVest runs on {data_dir}. Stop it before its database is removed.")
    try:
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
        lock.release()
