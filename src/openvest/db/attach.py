"""One database for every command of a data directory: attach to the running one, or start one; the last stops it."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import socket
import threading
import time
import weakref
from pathlib import Path

from openvest.db import postmaster
from openvest.db.address import PORT, AlreadyServing, DatabaseAddress, EmbeddedError, Progress, read_address, silent
from openvest.db.cluster import MAX_CONNECTIONS
from openvest.db.data_dir import BASE_FOLDER, SOCKET_BASE, cluster_home, open_data_dir
from openvest.db.embedded import (
    ADDRESS_FILE,
    LOCK_FILE,
    USED_FILE,
    EmbeddedServer,
    already_running,
    unpublish,
)
from openvest.db.ending import Ending
from openvest.db.files import FileLock

SERVE_FILE = "serve.lock"
ATTACH_SECONDS = 60
# How long one waits for a `serve` that is about to end, and how often one looks whether nobody watches the server.
SERVE_SECONDS, LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.5, 0.25, 5


_ATTACHED: weakref.WeakSet[Attachment] = weakref.WeakSet()


def kill_unused() -> None:
    """End by force every server that this process watches and no other process uses."""
    for attachment in list(_ATTACHED):
        attachment.kill_unused()


class Attachment:
    """A database for the length of a `with` or an `async with`.

    Every process that uses the server says so with a shared lock, and is ready to watch it when nobody does any more.
    Who leaves waits for nobody: a server that others use runs on, and the last one stops it. `alone` refuses a second
    process that is alone too, as two of `serve` would be.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        binaries: Path | None = None,
        alone: bool = False,
        ending: Ending | None = None,
        max_connections: int = MAX_CONNECTIONS,
        progress: Progress = silent,
        base: Path = BASE_FOLDER,
        socket_base: Path = SOCKET_BASE,
    ) -> None:
        self._data_dir, self._binaries, self._progress = data_dir, binaries, progress
        self._base, self._socket_base, self._max_connections = base, socket_base, max_connections
        self._wants_alone, self._ending = alone, ending or Ending()
        self._alone: FileLock | None = None
        self._used: FileLock | None = None
        self._server: EmbeddedServer | None = None
        self._process_id = os.getpid()
        self._leaving, self._guard = threading.Event(), threading.Lock()
        self._heir: threading.Thread | None = None

    def __enter__(self) -> DatabaseAddress:
        data_dir = self._data_dir = open_data_dir(self._data_dir)
        self._process_id = os.getpid()
        atexit.register(self.close)
        _ATTACHED.add(self)
        try:
            if self._wants_alone:
                self._alone = self._lone(data_dir)
            address = self._found(data_dir)
        except BaseException:
            self.close()
            raise
        self._heir = threading.Thread(target=self._stand_by, name="postgres-heir", daemon=True)
        self._heir.start()
        return address

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> DatabaseAddress:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *_: object) -> None:
        ending = asyncio.ensure_future(asyncio.to_thread(self.close))
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            await ending
            raise

    def close(self) -> None:
        """Let go of the server, and stop it where nobody else uses it. Safe to call twice, and in a forked child."""
        atexit.unregister(self.close)
        if os.getpid() != self._process_id:
            return
        with self._guard:
            self._leaving.set()
            server, used, alone = self._server, self._used, self._alone
            self._server = self._used = self._alone = None
        if server is not None:
            server.interrupt()
        if self._heir is not None:
            self._heir.join()
        if server is not None:
            server.leave()
        if used is not None:
            used.release()
        if server is not None or used is not None:
            stop_unused(self._data_dir, self._progress, self._ending)
        if alone is not None:
            alone.release()

    def kill_unused(self) -> None:
        """End the server by force unless others use it, for a process whose time is over. It may hang in `close`."""
        server, used = self._server, self._used
        if used is not None:
            used.release()
        if server is not None and FileLock(self._data_dir / USED_FILE).acquire():
            server.kill()

    def _lone(self, data_dir: Path) -> FileLock:
        """Raises: AlreadyServing."""
        lock = FileLock(data_dir / SERVE_FILE)
        deadline = time.monotonic() + SERVE_SECONDS
        while not lock.acquire():
            if time.monotonic() > deadline:
                raise already_running(data_dir, lock.path)
            time.sleep(0.05)
        lock.note(json.dumps({"pid": os.getpid()}))
        return lock

    def _found(self, data_dir: Path) -> DatabaseAddress:
        """Raises: EmbeddedError."""
        deadline = time.monotonic() + ATTACH_SECONDS
        while True:
            address = self._start() or self._attach(data_dir)
            if address is not None:
                return address
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"Another OpenVest holds {data_dir}, but its database does not answer. Stop it and try again."
                )
            time.sleep(0.05)

    def _start(self) -> DatabaseAddress | None:
        """Watch the server, started if need be; None when another process does. Raises: EmbeddedError."""
        server = EmbeddedServer(
            self._data_dir,
            binaries=self._binaries,
            progress=self._progress,
            on_restart=self._progress,
            base=self._base,
            socket_base=self._socket_base,
            ending=self._ending,
            max_connections=self._max_connections,
        )
        with self._guard:
            if self._leaving.is_set():
                return None
            self._server = server
        try:
            address = server.start()
        except BaseException as error:
            with self._guard:
                self._server = None
            if isinstance(error, AlreadyServing):
                return None
            raise
        # Others have it alone for a look at most: what they would need to stop the server is ours.
        while self._used is None and not self._leaving.wait(0.001):
            self._used = self._shared(self._data_dir)
        return address

    def _attach(self, data_dir: Path) -> DatabaseAddress | None:
        """The published address if its server answers; None while it starts or stops.

        Why the shared lock first: whoever stops the server asks for it alone before.
        """
        used = self._shared(data_dir)
        if used is None:
            return None
        with contextlib.suppress(FileNotFoundError, ValueError):
            address = read_address(data_dir / ADDRESS_FILE)
            if answers(address):
                self._used = used
                return address
        used.release()
        return None

    def _shared(self, data_dir: Path) -> FileLock | None:
        used = FileLock(data_dir / USED_FILE)
        try:
            return used if used.acquire(shared=True) else None
        except PermissionError as error:
            raise EmbeddedError(f"{data_dir} is in use by another user. Use another --data-dir.") from error

    def _stand_by(self) -> None:
        """The heir's thread: as soon as nobody watches the server, do."""
        pause = LOOK_SECONDS
        while self._server is None and not self._leaving.wait(pause):
            try:
                self._start()
                pause = LOOK_SECONDS
            except (EmbeddedError, OSError) as error:
                if not self._leaving.is_set():
                    pause = min(pause * 2, LONGEST_LOOK_SECONDS)
                    self._progress(f"{error} Trying again in {pause:.0f} s.")


def attach_or_start(
    data_dir: Path,
    *,
    binaries: Path | None = None,
    alone: bool = False,
    ending: Ending | None = None,
    max_connections: int = MAX_CONNECTIONS,
    progress: Progress = silent,
    base: Path = BASE_FOLDER,
    socket_base: Path = SOCKET_BASE,
) -> Attachment:
    """The database of a data directory for one process. Raises: EmbeddedError on entry, AlreadyServing if `alone`."""
    return Attachment(
        data_dir,
        binaries=binaries,
        alone=alone,
        ending=ending,
        max_connections=max_connections,
        progress=progress,
        base=base,
        socket_base=socket_base,
    )


def refuse_second(data_dir: Path) -> None:
    """Say at once what a second process that is `alone` would be told in the end. Raises: AlreadyServing."""
    lock = FileLock(data_dir / SERVE_FILE)
    with contextlib.suppress(OSError):
        if not lock.acquire(shared=True):
            raise already_running(data_dir, lock.path)
        lock.release()


def stop_unused(data_dir: Path, progress: Progress = silent, ending: Ending | None = None) -> None:
    """Stop the server of a data directory unless somebody watches it or uses it. Called by everyone who leaves.

    Why again after a refusal: two that leave at once may each be in the other's way. Whoever finds the second lock
    taken has let go of the first before, and so the other one, who leaves later, finds it free.
    """
    while True:
        locks = [FileLock(data_dir / LOCK_FILE)]
        try:
            if not locks[0].acquire():
                return
            alone = FileLock(data_dir / USED_FILE)
            if alone.acquire():
                locks.append(alone)
                _stop_orphan(data_dir, progress, ending)
                return
        finally:
            for lock in reversed(locks):
                lock.release()
        if not alone.acquire():
            return
        alone.release()


def _stop_orphan(data_dir: Path, progress: Progress, ending: Ending | None) -> None:
    """Stop a server whose locks are ours; that of a copied data directory is its original's."""
    home = cluster_home(data_dir)
    if home is None or not (lock := FileLock(home / LOCK_FILE)).acquire():
        return
    try:
        data = home / "data"
        found, sockets = postmaster.running(data), postmaster.socket_of(data)
        if found is not None:
            postmaster.stop(found, lambda: postmaster.is_postmaster(found, data), progress, ending)
        unpublish(data_dir, sockets)
    finally:
        lock.release()


def answers(address: DatabaseAddress) -> bool:
    """Whether a server listens at the address."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(address.host / f".s.PGSQL.{PORT}"))
        except OSError:
            return False
    return True
