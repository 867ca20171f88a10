"""One database for every command of a data directory: attach to the running one, or start one for as long as needed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from pathlib import Path

from openvest.db.address import PORT, AlreadyServing, DatabaseAddress, EmbeddedError, Progress, read_address, silent
from openvest.db.cluster import MAX_CONNECTIONS
from openvest.db.embedded import ADDRESS_FILE, EmbeddedServer
from openvest.db.ending import Ending
from openvest.db.files import FileLock
from openvest.db.place import BASE_FOLDER, SOCKET_BASE, open_data_dir

ATTACHED_FILE = "attached.lock"
LASTING_FILE = "lasting.lock"
ATTACH_SECONDS = 60


class Attachment:
    """A database for the length of a `with` or an `async with`.

    Who started the server waits for the commands that attached to it before it stops the server. `lasting` is said by
    a process that runs until it is told to end: it waits for others like it too, and no short command waits for it,
    since it goes on when the database is back. `now` ends a wait, and so does a cancellation during it. A running
    `serve` does not wait, its visitors lose their connections.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        binaries: Path | None = None,
        lasting: bool = False,
        now: threading.Event | None = None,
        max_connections: int = MAX_CONNECTIONS,
        progress: Progress = silent,
        base: Path = BASE_FOLDER,
        socket_base: Path = SOCKET_BASE,
    ) -> None:
        self._data_dir, self._binaries, self._progress = data_dir, binaries, progress
        self._lasting, self._now = lasting, now or threading.Event()
        self._base, self._socket_base, self._max_connections = base, socket_base, max_connections
        self._server: EmbeddedServer | None = None
        self._attached: FileLock | None = None

    @property
    def started_it(self) -> bool:
        """Whether this command runs the server itself."""
        return self._server is not None

    def __enter__(self) -> DatabaseAddress:
        data_dir = self._data_dir = open_data_dir(self._data_dir)
        deadline = time.monotonic() + ATTACH_SECONDS
        while True:
            address = self._start(data_dir) or self._attach(data_dir)
            if address is not None:
                return address
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"Another OpenVest holds {data_dir}, but its database does not answer. Stop it and try again."
                )
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        if self._attached is not None:
            self._attached.release()
        if self._server is not None:
            kinds = (ATTACHED_FILE, LASTING_FILE) if self._lasting else (ATTACHED_FILE,)
            others = [FileLock(self._data_dir / name) for name in kinds]
            try:
                self._wait_for(others)
            finally:
                self._server.stop()
                for lock in others:
                    lock.release()

    async def __aenter__(self) -> DatabaseAddress:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *_: object) -> None:
        ending = asyncio.ensure_future(asyncio.to_thread(self.__exit__))
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            self._now.set()
            await ending
            raise

    def _start(self, data_dir: Path) -> DatabaseAddress | None:
        """Start a server of our own; None when another command was quicker."""
        server = EmbeddedServer(
            data_dir,
            binaries=self._binaries,
            kind="command",
            progress=self._progress,
            base=self._base,
            socket_base=self._socket_base,
            patience_seconds=0,
            ending=self._now if isinstance(self._now, Ending) else None,
            max_connections=self._max_connections,
        )
        try:
            address = server.start()
        except AlreadyServing:
            return None
        self._server = server
        return address

    def _attach(self, data_dir: Path) -> DatabaseAddress | None:
        """The published address if its server answers; None while it starts or stops.

        Why the shared lock first: whoever started the server asks for it alone before stopping.
        """
        attached = FileLock(data_dir / ATTACHED_FILE)
        try:
            if not attached.acquire(shared=True):
                return None
        except PermissionError as error:
            raise EmbeddedError(f"{data_dir} is in use by another user. Use another --data-dir.") from error
        with contextlib.suppress(FileNotFoundError, ValueError):
            address = read_address(data_dir / ADDRESS_FILE)
            if answers(address):
                self._attached = self._kept(attached, data_dir)
                return address
        attached.release()
        return None

    def _kept(self, attached: FileLock, data_dir: Path) -> FileLock:
        """The lock that says how long this one stays."""
        if not self._lasting:
            return attached
        lasting = FileLock(data_dir / LASTING_FILE)
        # Refused only while a process like this one stops the server, which is then lost as it would be later.
        lasting.acquire(shared=True)
        attached.release()
        return lasting

    def _wait_for(self, others: list[FileLock]) -> None:
        told = False
        for lock in others:
            while not lock.acquire():
                if not told:
                    self._progress(
                        "other commands still use this database; it stops when they end (Ctrl-C stops it now)…"
                    )
                    told = True
                if self._now.wait(0.05):
                    return


def attach_or_start(
    data_dir: Path,
    *,
    binaries: Path | None = None,
    lasting: bool = False,
    now: threading.Event | None = None,
    max_connections: int = MAX_CONNECTIONS,
    progress: Progress = silent,
    base: Path = BASE_FOLDER,
    socket_base: Path = SOCKET_BASE,
) -> Attachment:
    """The database of a data directory for one command. Raises: EmbeddedError on entry."""
    return Attachment(
        data_dir,
        binaries=binaries,
        lasting=lasting,
        now=now,
        max_connections=max_connections,
        progress=progress,
        base=base,
        socket_base=socket_base,
    )


def answers(address: DatabaseAddress) -> bool:
    """Whether a server listens at the address."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(address.host / f".s.PGSQL.{PORT}"))
        except OSError:
            return False
    return True
