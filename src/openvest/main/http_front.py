"""All connections of one port: how many there are, which of them take too long, how they end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from email.utils import formatdate
from typing import Any, Protocol

CONNECTIONS = 16_384
"""Connections held at once, idle ones among them; one more is closed as soon as it is there."""
READ_BYTES = 64 * 1024
_LOOK_SECONDS = 1.0
_CLOSED_AT_ONCE = 100
"""In one turn of the loop: a thousand that end together would make everybody else wait 20 ms."""


class Held(Protocol):
    """What is known here of a connection. Units: `deadline` is a time of the loop; `task` answers its requests."""

    transport: asyncio.Transport
    deadline: float
    task: asyncio.Task[None] | None

    def end(self) -> None: ...


class Front:
    """All connections of one port."""

    def __init__(self, app: Any, head_seconds: float) -> None:
        self.app, self.head_seconds = app, head_seconds
        self.loop = asyncio.get_running_loop()
        self.connections: set[Held] = set()
        self.empty = asyncio.Event()
        self.empty.set()
        # One for all: what arrives is parsed, and so copied, before the next connection is read.
        self.buffer = memoryview(bytearray(READ_BYTES))
        self.date = b""

    def enter(self, connection: Held) -> None:
        if len(self.connections) >= CONNECTIONS:
            connection.transport.abort()
        else:
            self.connections.add(connection)
            self.empty.clear()

    def leave(self, connection: Held) -> None:
        """It is gone, or what it asked for is; counted until both are."""
        if connection.task is None and connection.transport.is_closing():
            self.connections.discard(connection)
            if not self.connections:
                self.empty.set()

    async def watch(self) -> None:
        """Close what takes too long. Why looked at now and then: a timer for each request costs more than that."""
        while True:
            self.date = formatdate(usegmt=True).encode()
            now = self.loop.time()
            for number, connection in enumerate([one for one in self.connections if one.deadline < now], 1):
                connection.transport.abort()
                if number % _CLOSED_AT_ONCE == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(min(_LOOK_SECONDS, self.head_seconds / 4))

    async def end(self, seconds: float) -> None:
        """Close what is idle at once, and the rest when it is answered or the time is over."""
        for connection in list(self.connections):
            connection.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.empty.wait()
        for connection in list(self.connections):
            connection.transport.abort()
            if connection.task is not None:
                connection.task.cancel()
