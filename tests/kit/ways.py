"""A way to a server that can be cut: what is sent on it is taken and goes nowhere, as behind a dead switch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

Upstream = tuple[str, int] | Path | None
"""Host and port, the path of a socket, or nobody: then nothing that is sent is ever answered."""
_CHUNK = 65_536


@dataclass(eq=False)
class _Line:
    """One connection, both ends of it. Nothing passes on a dead one, and neither end hears of the other."""

    writers: list[asyncio.StreamWriter]
    dead: bool
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(_CHUNK):
            if not self.dead:
                writer.write(chunk)
                await writer.drain()

    def end(self) -> None:
        self.released.set()
        for writer in self.writers:
            writer.transport.abort()


@dataclass
class Way:
    """A port of this machine in front of a server. What was open when it was cut stays dead when it is mended."""

    upstream: Upstream
    port: int = 0
    is_cut: bool = False
    _lines: dict[asyncio.Task[object], _Line] = field(default_factory=dict["asyncio.Task[object]", _Line])

    def cut(self) -> None:
        """From now on nothing passes and nobody is told, neither those who are connected nor those who connect."""
        self.is_cut = True
        for line in self._lines.values():
            line.dead = True

    def mend(self) -> None:
        """Whoever connects from now on is let through; those from before hear that their connection is gone."""
        self.is_cut = False
        for line in self._lines.values():
            if line.dead:
                line.end()

    async def close(self) -> None:
        await asyncio.sleep(0)  # who was just let in is among the lines then
        while self._lines:
            for line in self._lines.values():
                line.end()
            await asyncio.gather(*self._lines, return_exceptions=True)
        await asyncio.sleep(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it; a dead one lasts until the way is mended or closed."""
        line = _Line([writer], self.is_cut or self.upstream is None)
        task = asyncio.current_task()
        assert task is not None
        self._lines[task] = line
        try:
            with suppress(OSError):
                await self._pass(line, reader)
            if line.dead:
                await line.released.wait()
        finally:
            for one in line.writers:
                one.close()
            del self._lines[task]

    async def _pass(self, line: _Line, reader: asyncio.StreamReader) -> None:
        if line.dead or self.upstream is None:
            return
        if isinstance(self.upstream, Path):
            back, forth = await asyncio.open_unix_connection(self.upstream)
        else:
            back, forth = await asyncio.open_connection(*self.upstream)
        line.writers.append(forth)
        both = [asyncio.create_task(line.pump(*ends)) for ends in ((reader, forth), (back, line.writers[0]))]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not line.dead:
                for one in both:
                    one.cancel()
                await asyncio.gather(*both, return_exceptions=True)
        if line.dead:
            await line.released.wait()
            await asyncio.gather(*both, return_exceptions=True)


@asynccontextmanager
async def way_to(upstream: Upstream) -> AsyncGenerator[Way]:
    """A way on a port of its own."""
    way = Way(upstream)
    server = await asyncio.start_server(way.serve, "127.0.0.1", 0)
    way.port = server.sockets[0].getsockname()[1]
    try:
        yield way
    finally:
        server.close()
        await way.close()
