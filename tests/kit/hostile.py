"""Endpoints that misbehave, as servers on loopback: what each does after it has read a delivery."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def endpoint(behave: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncGenerator[int]:
    """A server that behaves so after each request, whose body ends in `]}`. Yields its port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # pyright: ignore[reportArgumentType] - there is one here
        try:
            await reader.readuntil(b"]}")
            await behave(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def sends(*parts: bytes, forever: bytes = b"", pause: float = 0) -> Behaviour:
    """Write these, then without end what is sent for ever."""

    async def behave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
        await writer.drain()
        while forever:
            writer.write(forever)
            await writer.drain()
            await asyncio.sleep(pause)

    return behave


async def hangs(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


def says(status: int, *headers: bytes) -> Behaviour:
    """This status and nothing more."""
    head = b"HTTP/1.1 %d Said\r\n" % status + b"".join(header + b"\r\n" for header in headers)
    return sends(head + b"content-length: 0\r\n\r\n")


def bomb() -> bytes:
    """A megabyte of zeros as a few hundred bytes."""
    return gzip.compress(bytes(1 << 20), 9)


TAKEN: Mapping[str, Behaviour] = {
    "no body": sends(OK + b"content-length: 0\r\n\r\n"),
    "204": sends(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "an interim answer before": sends(b"HTTP/1.1 100 Continue\r\n\r\n", OK + b"content-length: 0\r\n\r\n"),
    "HTTP/1.0": sends(b"HTTP/1.0 200 OK\r\n\r\nheard"),
    "a body without end": sends(OK + b"\r\n", forever=b"x" * 10_000),
    "a trickling body": sends(OK + b"content-length: 100000\r\n\r\n", forever=b"x", pause=0.02),
    "a body cut short": sends(OK + b"content-length: 100\r\n\r\nhalf"),
    "a body that is not what it says": sends(OK + b"content-encoding: gzip\r\ncontent-length: 5\r\n\r\nplain"),
}
"""What counts as received: a success was said, whatever follows it."""

NOT_TAKEN: Mapping[str, Behaviour] = {
    "silence": hangs,
    "hanging up": sends(),
    "half a status line": sends(b"HTTP/1.1 20"),
    "a trickling head": sends(OK, forever=b"a: b\r\n", pause=0.02),
    "a head without end": sends(OK, forever=b"a" * 10_000),
    "an enormous header": sends(OK + b"a: " + b"b" * 100_000 + b"\r\n\r\n"),
    "broken chunks": sends(OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n"),
    "another protocol": sends(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "noise": sends(bytes(range(256)) * 4),
}
"""What does not: nothing that says success came in time."""

MORE_TAKEN: Mapping[str, Behaviour] = {
    **{str(status): says(status) for status in (201, 202, 203, 206, 299)},
    "a gzip bomb": sends(
        OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb()) + bomb(),
    ),
    "trailers without end": sends(OK + b"transfer-encoding: chunked\r\n\r\n0\r\n", forever=b"a: b\r\n", pause=0.02),
    "cookies": says(200, b"set-cookie: a=b; path=/"),
    "two answers at once": sends(2 * (OK + b"content-length: 0\r\n\r\n")),
}
MORE_NOT_TAKEN: Mapping[str, Behaviour] = {
    **{str(status): says(status) for status in (400, 401, 403, 404, 405, 408, 410, 413, 500, 501, 502, 503, 504)},
    **{str(status): says(status, b"location: /elsewhere") for status in (300, 301, 302, 303, 307, 308)},
    "429 for an hour": says(429, b"retry-after: 3600"),
    "304": says(304),
    "101": says(101, b"connection: upgrade", b"upgrade: other"),
    "a status out of range": sends(b"HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n"),
    "two lengths": sends(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 5\r\n\r\n"),
}
