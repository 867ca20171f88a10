"""The hosts of one database: which of them takes writes is found anew by every connection.

A URL may name several hosts, of which one at a time is the primary. The driver's own limit is for all of them together,
so one that hangs would hide the rest; here each has a limit of its own, a standby is passed over, and whoever answered
last is asked first.

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
SILENT_SECONDS = 4.0
"""How long a host may leave the simplest question open. What works answers it in milliseconds, however busy it is."""
UNACKNOWLEDGED_MS = 10_000
"""How long the other side's system may leave what was sent, or a look whether it is there, without acknowledgement."""
_IDLE_SECONDS = 5
_STALLED_SECONDS = 1.0
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
    """None of several hosts takes writes now; the text says what each of them said."""


def urls_of(url: str) -> tuple[str, ...]:
    """The URL once for each host it names, in their order."""
    parts = urlsplit(url)
    who, at, hosts = parts.netloc.rpartition("@")
    return tuple(parts._replace(netloc=f"{who}{at}{host}").geturl() for host in hosts.split(","))


@dataclass(slots=True)
class Hosts:
    """One URL, and what is connected to each of its hosts. `first` is the place of the one to be asked first."""

    urls: Sequence[str]
    connect_seconds: float = CONNECT_SECONDS
    first: int = 0
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
        said: dict[int, Exception] = {}
        start = self.first
        for step in range(len(self.urls)):
            place = (start + step) % len(self.urls)
            try:
                connection = await self._connect_to(place, options)
            except _FAILED as error:
                said[place] = error
                if self.first == place:
                    self.first = (place + 1) % len(self.urls)
                continue
            self.first = place
            self._open.setdefault(place, WeakSet()).add(connection)
            return connection
        raise self._refusal(said)

    async def _connect_to(self, place: int, options: dict[str, Any]) -> Connection:
        chosen: dict[str, Any] = {"connection_class": PlainConnection, **options}
        if self.several:
            chosen["timeout"] = self.connect_seconds
        return await asyncpg.connect(self.urls[place], target_session_attrs=SessionAttribute.primary, **chosen)

    def _refusal(self, said: dict[int, Exception]) -> Exception:
        """Why a refusal of one host comes before the rest: no room, or a wrong password, is for somebody to mend."""
        if not self.several:
            return next(iter(said.values()))
        for error in said.values():
            if isinstance(error, asyncpg.PostgresError) and not isinstance(error, _PASSING):
                return error
        each = (f"{self.name_of(place)}: {_words(said[place])}" for place in sorted(said))
        return NoPrimary("no host takes writes (" + "; ".join(each) + ")")

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
) -> None:
    """Until cancelled, ask the primary whether it lives; the sessions of one that is silent are ended.

    Why: a server that was stopped, or is cut off, takes what it is sent and says nothing, for as long as a statement
    may last. There is one primary, so whatever still hangs on another host than the one found here is ended as well.
    """
    place: int | None = None
    while True:
        try:
            connection = await hosts.connect(command_timeout=silent_seconds)
        except _FAILED:
            await asyncio.sleep(pulse_seconds)
            continue
        before, place, asked = place, hosts.place_of(connection), monotonic_ns()
        hosts.drop(but=place)
        if before not in (None, place):
            tell(f"{hosts.name_of(place)} takes the writes now.")
        try:
            while True:
                asked = monotonic_ns()
                async with asyncio.timeout(silent_seconds):
                    await connection.execute("select 1")
                await asyncio.sleep(pulse_seconds)
        except TimeoutError:
            # A process that stood still itself has not heard what was said meanwhile.
            if monotonic_ns() - asked < (silent_seconds + _STALLED_SECONDS) * 1_000_000_000:
                dropped = hosts.drop(only=place)
                tell(f"{hosts.name_of(place)} says nothing for {silent_seconds:g} s; {dropped} connections end…")
        except _FAILED:
            await asyncio.sleep(pulse_seconds)
        finally:
            connection.terminate()


def _words(error: Exception) -> str:
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return "a standby"
    if isinstance(error, TimeoutError):
        return "silent"
    return str(error) or type(error).__name__
