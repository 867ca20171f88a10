"""One connection of HTTP/1: llhttp reads, an ASGI application answers one request after the other.

What holds whatever arrives: a head and the framing of a body have a size, a head has a time (a body has one, too, but
that is the application's business), what nobody reads is not read from the network either, and what is no request is
answered like one that says so (`unreadable` of its scope), so that it gets a document and an id as every other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus
from math import inf
from typing import Any, cast
from urllib.parse import unquote

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from openvest.main.http_front import READ_BYTES, Front

HEAD_FIELDS = 256  # the application refuses shorter heads, with a better reason
UNREAD_BYTES = 64 * 1024
WAITING = 16  # requests that are sent without awaiting the answers before them
LINGER_SECONDS = 2
"""How long a client may go on sending a body that nobody wants: cut off at once, it would not read its answer."""
_STATUS = {int(one): b"HTTP/1.1 %d %b\r\n" % (one, one.phrase.encode()) for one in HTTPStatus}


@dataclass(slots=True, eq=False)
class Exchange:
    """One request and its answer, as ASGI has them. Whoever answers says the length of the body, and sends it whole."""

    connection: Connection
    scope: dict[str, Any]
    keeps: bool
    body: bytearray = field(default_factory=bytearray)
    complete: bool = False
    broken: bool = False
    start: Any = None
    waiter: asyncio.Future[None] | None = None

    def hear(self, body: bytes = b"", *, complete: bool = False, broken: bool = False) -> None:
        self.body += body
        self.complete, self.broken = self.complete or complete, self.broken or broken
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def receive(self) -> dict[str, Any]:
        if not (self.body or self.complete or self.broken):
            if self.waiter is None and (b"expect", b"100-continue") in self.scope["headers"]:
                self.connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.connection.transport.resume_reading()
            self.waiter = self.connection.front.loop.create_future()
            await self.waiter
        if self.broken:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": not self.complete}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.start = message
            return
        connection, status = self.connection, self.start["status"]
        self.keeps = self.keeps and self.complete and (not connection.deaf or len(connection.waiting) > 0)
        lines = [_STATUS[status], b"date: ", connection.front.date, b"\r\n"]
        for name, value in self.start["headers"]:
            lines += (name, b": ", value, b"\r\n")
        if not self.keeps or self.scope["http_version"] == "1.0":
            lines.append(b"connection: keep-alive\r\n" if self.keeps else b"connection: close\r\n")
        lines += (b"\r\n", b"" if self.scope["method"] == "HEAD" else message["body"])
        if not connection.transport.is_closing():
            connection.transport.write(b"".join(lines))


class Connection(asyncio.BufferedProtocol):
    """What arrives becomes exchanges; one task at a time has them answered in their order."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.transport = cast("asyncio.Transport", None)
        self.parser = HttpRequestParser(self)
        self.deadline = front.loop.time() + front.head_seconds
        self.deaf = False  # nothing that arrives is heard any more
        self.task: asyncio.Task[None] | None = None
        self.waiting: deque[Exchange] = deque()
        self.reading: Exchange | None = None  # its body arrives
        self.drained: asyncio.Future[None] | None = None
        self.url, self.headers, self.size = b"", list[tuple[bytes, bytes]](), 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.front.enter(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.front.buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self.deaf:
            return
        self.size += nbytes
        try:
            self.parser.feed_data(self.front.buffer[:nbytes])
        except HttpParserUpgrade:  # to nothing that is spoken here
            self.deaf = True
        except HttpParserError:
            self._refuse(431 if len(self.headers) > HEAD_FIELDS else 400)
        else:
            if self.size > READ_BYTES:
                self._refuse(431)

    def eof_received(self) -> bool:
        self._refuse(0)
        return self.task is not None and self.transport.can_write_eof()

    def pause_writing(self) -> None:
        self.drained = self.front.loop.create_future()
        self.deadline = self.front.loop.time() + self.front.head_seconds

    def resume_writing(self) -> None:
        if self.drained is not None:
            self.drained.set_result(None)
        self.drained, self.deadline = None, inf

    def connection_lost(self, exc: Exception | None) -> None:
        self._refuse(0)
        self.waiting.clear()  # what is being answered goes on: who hangs up cancels nothing
        self.resume_writing()
        self.front.leave(self)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.reading is None:  # else it is a trailer
            self.headers.append((name.lower(), value))
            if len(self.headers) > HEAD_FIELDS:
                raise ValueError("too many fields")

    def on_headers_complete(self) -> None:
        self._take(self.parser.should_keep_alive())

    def on_body(self, body: bytes) -> None:
        if self.reading is not None:
            self.size -= 9 * len(body)  # a byte may come in a chunk of its own
            self.reading.hear(body)
            if len(self.reading.body) > UNREAD_BYTES:
                self.transport.pause_reading()

    def on_message_complete(self) -> None:
        if self.reading is not None:
            self.reading.hear(complete=True)
            self.reading.scope["whole"] = True
        self.reading, self.size = None, 0

    def _take(self, keeps: bool, **told: Any) -> None:
        """The next request, as far as its head."""
        if len(self.waiting) >= WAITING:
            raise ValueError("too many requests at once")
        whole, _, query = self.url.partition(b"?")
        # A whole address names its host before its path.
        raw = whole if whole[:1] == b"/" or b"://" not in whole else b"/" + b"/".join(whole.split(b"/")[3:])
        scope = {
            "type": "http",
            "http_version": self.parser.get_http_version(),
            "method": self.parser.get_method().decode(),
            "path": unquote(raw.decode("utf-8", "replace")) if b"%" in raw else raw.decode("utf-8", "replace"),
            "raw_path": raw,
            "query_string": query,
            "headers": self.headers,
            **told,
        }
        self.reading = Exchange(self, scope, keeps)
        self.waiting.append(self.reading)
        self.url, self.headers = b"", []
        if self.task is None:
            self.deadline = inf
            self.task = self.front.loop.create_task(self._answer())
        else:
            self.transport.pause_reading()

    def _refuse(self, status: int) -> None:
        """Nothing is read any more: a body that is under way breaks off, and what should be a head is answered."""
        self.deaf = True
        if self.reading is not None:
            self.reading.hear(broken=True)
        elif status and len(self.waiting) < WAITING:
            self._take(False, unreadable=status)

    async def _answer(self) -> None:
        keeps = complete = True
        try:
            while self.waiting and keeps:
                exchange = self.waiting.popleft()
                await self.front.app(exchange.scope, exchange.receive, exchange.send)
                # Who got no answer is not left waiting for one.
                keeps, complete = exchange.keeps and exchange.start is not None, exchange.complete
                if self.drained is not None:
                    await self.drained
        except BaseException:
            self.transport.abort()
            raise
        finally:
            self.task = None
            self._after(keeps, complete)

    def _after(self, keeps: bool, complete: bool) -> None:
        """To the next head, or to the end."""
        self.deadline = self.front.loop.time() + self.front.head_seconds
        if self.transport.is_closing():
            self.front.leave(self)
        elif keeps:
            self.transport.resume_reading()
        elif complete or not self.transport.can_write_eof():
            self.transport.close()
        else:
            self.deaf, self.deadline = True, self.front.loop.time() + LINGER_SECONDS
            self.transport.write_eof()
            self.transport.resume_reading()

    def end(self) -> None:
        """Answer what is under way, and nothing more."""
        self.deaf = True
        if self.task is None:
            self.transport.close()
