"""A proxy between clients and a server that loses replies, repeats requests byte for byte and takes its time."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Lossy:
    """Shares are of requests. `repeated` keeps both statuses of each request that was sent twice."""

    port: int
    upstream: int
    chance: random.Random
    dropped_share: float = 0.1
    repeated_share: float = 0.05
    late_share: float = 0.05
    dropped: int = 0
    passed: int = 0
    repeated: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    _serving: set[asyncio.Task[object]] = field(default_factory=set["asyncio.Task[object]"])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's connection, a request at a time."""
        if (task := asyncio.current_task()) is not None:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        ways: list[_Streams] = []
        try:
            ways += [await self._connect(), await self._connect()]
            while True:
                reply = await self._pass_on(await _message(reader), *ways)
                if self.chance.random() < self.dropped_share:
                    self.dropped += 1
                    return
                writer.write(reply)
                await writer.drain()
                self.passed += 1
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            for _, way in ways:
                way.close()
            writer.close()

    async def close(self) -> None:
        """End the connections that are open still."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _connect(self) -> _Streams:
        return await asyncio.open_connection("127.0.0.1", self.upstream)

    async def _pass_on(self, request: bytes, first: _Streams, second: _Streams) -> bytes:
        """Returns the reply of the one that was taken. A repeated request is sent at once or after the first."""
        if self.chance.random() < self.late_share:
            await asyncio.sleep(self.chance.random() / 5)
        if self.chance.random() >= self.repeated_share:
            return await _asked(request, first)
        if self.chance.random() < 0.5:
            replies = [await _asked(request, first), await _asked(request, second)]
        else:
            replies = list(await asyncio.gather(_asked(request, first), _asked(request, second)))
        replies.sort(key=_status)
        self.repeated.append((_status(replies[0]), _status(replies[1])))
        return replies[0]


async def _asked(request: bytes, streams: _Streams) -> bytes:
    reader, writer = streams
    writer.write(request)
    await writer.drain()
    return await _message(reader)


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


def _status(reply: bytes) -> int:
    return int(reply.split(b" ", 2)[1])


@asynccontextmanager
async def lossy(upstream: int, chance: random.Random) -> AsyncGenerator[Lossy]:
    """A proxy in front of a port of this machine."""
    proxy = Lossy(0, upstream, chance)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
