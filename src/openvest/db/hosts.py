"""The hosts of one database: which of them takes writes is found anew by every connection.

A URL may name several hosts, of which one at a time should be the primary. The driver's own limit is for all of them
together, so one that hangs would hide the rest; here all are asked at once, each with a limit of its own, and whoever
was found is asked alone until it refuses.

A leader that stood still while another took its place says for a moment that it takes writes, and shows the rows of
before. Every promotion begins a timeline, so of two that take writes the higher one is the primary, and none is taken
that is below what was seen before.

Source: docs/operations/high_availability.md.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakSet

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from openvest.core.clock import monotonic_ns
from openvest.db.address import Progress, silent

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

CONNECT_SECONDS = 3.0
"""How long one of several hosts may take until a session is open."""
PULSE_SECONDS = 1.0
OTHERS_SECONDS = 1.0
"""How much longer the others may take to say that they take writes, once one of them said so."""
SILENT_SECONDS = 4.0
"""How long a host may leave the simplest question open. What works answers it in milliseconds, however busy it is."""
UNACKNOWLEDGED_MS = 10_000
"""How long the other side's system may leave what was sent, or a look whether it is there, without acknowledgement."""
_IDLE_SECONDS = 5
_STALLED_SECONDS = 1.0
LATE_SECONDS = 1.0
"""After an answer that took longer, all hosts are asked again: whoever stood still may have been overtaken."""
_PASSING = (asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError)
_FAILED = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class PlainConnection(asyncpg.Connection):  # pyright: ignore[reportMissingTypeArgument] - generic in the stubs only
    """A session that is not reset between uses, since units set nothing beyond their transaction.

    Its socket gives up a machine that is gone, which TCP alone would wait for a quarter of an hour.
    """

    def __init__(self, protocol: Any, transport: Any, *others: Any) -> None:
        super().__init__(protocol, transport, *others)
        end = transport.get_extra_info("socket")
        if end is not None and end.family != socket.AF_UNIX:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if sys.platform == "linux":
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_SECONDS)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _IDLE_SECONDS)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)

    def get_reset_query(self) -> str:
        return ""


class NoPrimary(ConnectionError):
    """None of several hosts takes writes now; the text says what each of them said.

    `overtaken`: of one that does take writes, why it is not used.
    """

    def __init__(self, text: str, overtaken: str | None = None) -> None:
        super().__init__(text)
        self.overtaken = overtaken


def urls_of(url: str) -> tuple[str, ...]:
    """The URL once for each host it names, in their order."""
    parts = urlsplit(url)
    who, at, hosts = parts.netloc.rpartition("@")
    return tuple(parts._replace(netloc=f"{who}{at}{host}").geturl() for host in hosts.split(","))


class Overtaken(ConnectionError):
    """A host takes writes, and another one has taken its place: what it shows may be old."""


_TIMELINE = "select substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)"


@dataclass(frozen=True, slots=True)
class _Found:
    timeline: int
    connection: Connection


@dataclass(slots=True)
class Hosts:
    """One URL, and what is connected to each of its hosts.

    `primary` is the place of the one that was found to take writes, which is asked alone; None: all are asked.
    `timeline` is the highest that was seen.
    """

    urls: Sequence[str]
    connect_seconds: float = CONNECT_SECONDS
    others_seconds: float = OTHERS_SECONDS
    primary: int | None = None
    timeline: int = 0
    _open: dict[int, WeakSet[Any]] = field(default_factory=dict[int, WeakSet[Any]])

    @classmethod
    def of(cls, url: str) -> Hosts:
        return cls(urls_of(url))

    @property
    def several(self) -> bool:
        return len(self.urls) > 1

    async def connect(self, *_: object, **options: Any) -> Connection:
        """A session on the host that takes writes. The driver's pool calls it with an address, which is ours.

        Raises: NoPrimary, or what the only host, or one that refused us for a reason of its own, said.
        """
        if not self.several:
            return await _connect(self.urls[0], options)
        if (place := self.primary) is not None:
            try:
                return self._taken(place, await self._ask(place, options))
            except _FAILED:
                self.primary = None
        return await self._find(options)

    async def _find(self, options: dict[str, Any]) -> Connection:
        """Ask all at once, and take the one of the highest timeline."""
        asked = {asyncio.create_task(self._ask(place, options)): place for place in range(len(self.urls))}
        try:
            waiting = set(asked)
            while waiting and not any(_worked(task) for task in asked):
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if waiting:
                await asyncio.wait(waiting, timeout=self.others_seconds)
            worked = [task for task in asked if _worked(task)]
            if not worked:
                raise self._refusal({place: error for task, place in asked.items() if (error := task.exception())})
            best = max(worked, key=lambda task: task.result().timeline)
            return self._taken(asked.pop(best), best.result())
        finally:
            for task in asked:
                task.cancel()
                task.add_done_callback(_end)

    async def _ask(self, place: int, options: dict[str, Any]) -> _Found:
        """Raises: Overtaken, what the driver raises."""
        async with asyncio.timeout(self.connect_seconds):
            connection = await _connect(self.urls[place], options)
            try:
                timeline = int(await connection.fetchval(_TIMELINE), 16)
            except BaseException:
                connection.terminate()
                raise
        if timeline < self.timeline:
            connection.terminate()
            raise Overtaken(f"takes writes on timeline {timeline}, where another one began {self.timeline}")
        return _Found(timeline, connection)

    def _taken(self, place: int, found: _Found) -> Connection:
        self.primary, self.timeline = place, max(self.timeline, found.timeline)
        self._open.setdefault(place, WeakSet()).add(found.connection)
        return found.connection

    def _refusal(self, said: dict[int, BaseException]) -> BaseException:
        """Why a refusal of one host comes before the rest: no room, or a wrong password, is for somebody to mend."""
        for error in said.values():
            is_of_the_server = isinstance(error, asyncpg.PostgresError) and not isinstance(error, _PASSING)
            if is_of_the_server or not isinstance(error, _FAILED):
                return error
        each = {place: f"{self.name_of(place)}: {_words(said[place])}" for place in sorted(said)}
        overtaken = next((each[place] for place, error in said.items() if isinstance(error, Overtaken)), None)
        return NoPrimary("no host takes writes (" + "; ".join(each.values()) + ")", overtaken)

    def name_of(self, place: int) -> str:
        """Host and port, without who connects as whom."""
        return urlsplit(self.urls[place]).netloc.rpartition("@")[2] or "the socket"

    def place_of(self, connection: Connection) -> int:
        """Which host this open session is on."""
        return next(place for place, opened in self._open.items() if connection in opened)

    def drop(self, *, only: int | None = None, but: int | None = None) -> int:
        """End the sessions on one host, or on all others, whoever holds them. Returns how many there were.

        What was asked of them ends at once, as DatabaseDown, and what became of it is not known.
        """
        dropped = 0
        for place, opened in self._open.items():
            if (only is None or place == only) and place != but:
                for connection in list(opened):
                    dropped += not connection.is_closed()
                    connection.terminate()
                opened.clear()
        return dropped


async def keep_pulse(
    hosts: Hosts,
    tell: Progress = silent,
    *,
    pulse_seconds: float = PULSE_SECONDS,
    silent_seconds: float = SILENT_SECONDS,
    late_seconds: float = LATE_SECONDS,
) -> None:
    """Until cancelled, ask the primary whether it lives; the sessions of one that is silent are ended.

    Why: a server that was stopped, or is cut off, takes what it is sent and says nothing, for as long as a statement
    may last. There is one primary, so whatever still hangs on another host than the one found here is ended as well.
    """
    place: int | None = None
    overtaken: str | None = None
    while True:
        try:
            connection = await hosts.connect(command_timeout=silent_seconds)
        except _FAILED as error:
            if isinstance(error, NoPrimary) and error.overtaken not in (None, overtaken):
                overtaken = error.overtaken
                tell(f"{overtaken}; what was written there may be missing here, so it is not used before a new start.")
            await asyncio.sleep(pulse_seconds)
            continue
        before, place, overtaken, asked = place, hosts.place_of(connection), None, monotonic_ns()
        hosts.drop(but=place)
        if before not in (None, place):
            tell(f"{hosts.name_of(place)} takes the writes now.")
        try:
            while True:
                asked = monotonic_ns()
                async with asyncio.timeout(silent_seconds):
                    await connection.execute("select 1")
                if monotonic_ns() - asked > late_seconds * 1_000_000_000:
                    hosts.primary = None
                    break
                await asyncio.sleep(pulse_seconds)
        except TimeoutError:
            hosts.primary = None
            # A process that stood still itself has not heard what was said meanwhile.
            if monotonic_ns() - asked < (silent_seconds + _STALLED_SECONDS) * 1_000_000_000:
                dropped = hosts.drop(only=place)
                tell(f"{hosts.name_of(place)} says nothing for {silent_seconds:g} s; {dropped} connections end…")
        except _FAILED:
            hosts.primary = None
            await asyncio.sleep(pulse_seconds)
        finally:
            connection.terminate()


async def _connect(url: str, options: dict[str, Any]) -> Connection:
    chosen: dict[str, Any] = {"connection_class": PlainConnection, **options}
    return await asyncpg.connect(url, target_session_attrs=SessionAttribute.primary, **chosen)


def _worked(task: asyncio.Task[_Found]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _end(task: asyncio.Task[_Found]) -> None:
    if _worked(task):
        task.result().connection.terminate()


def _words(error: BaseException) -> str:
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return "a standby"
    if isinstance(error, TimeoutError):
        return "silent"
    return str(error) or type(error).__name__
