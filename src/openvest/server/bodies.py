"""Bodies of requests, counted as they arrive: each has a bound, and so has what a process holds of all of them.

Why the second bound: a body is read before its sender is known, and a sender may open thousands of connections.
"""

from __future__ import annotations

import asyncio

from openvest.core.problems import RequestTimeout
from openvest.server.messages import BrokenOff, Receive, Request, too_large, unavailable
from openvest.server.settings import ServerSettings

_SMALL = 16
"""A body of up to one sixteenth of its bound is small: half of the room is for small ones alone, so that a few large
bodies that never end do not keep out the many that are a page long."""


class Bodies:
    """Reads bodies. Units: `held` is the bytes of all that were read or are being read, and not released."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._turns = asyncio.Lock()
        self.held = 0

    async def read(self, request: Request, receive: Receive) -> None:
        """Fill in the request's body. Raises: ContentTooLarge, Unavailable, RequestTimeout, BrokenOff."""
        length = request.fields.get(b"content-length")
        # In HTTP/1 a message without either header has no body.
        if length == b"0" or (length is None and b"transfer-encoding" not in request.fields):
            return
        if request.whole:  # a limit of time costs more than reading it
            request.body = await self._whole(receive)
            return
        seconds = self._settings.body_seconds
        try:
            async with asyncio.timeout(seconds):
                request.body = await self._whole(receive)
        except TimeoutError:
            raise RequestTimeout(f"The body did not arrive within {seconds:g} seconds.") from None

    async def turn(self, size: int) -> None:
        """Before a part of a body of this size is taken, or all of it is digested or parsed: of large ones, one part in
        a turn of the loop.

        Why: three hundred that are there at once would keep everybody else waiting for all of them.
        """
        if size > self._settings.body_bytes // _SMALL:
            async with self._turns:
                await asyncio.sleep(0)

    def release(self, request: Request) -> None:
        """The request has its answer; its body counts no more."""
        self.held -= len(request.body)

    async def _whole(self, receive: Receive) -> bytes:
        body = bytearray()  # not a list of what arrives: single bytes would take fifty times their room
        try:
            while True:
                await self.turn(len(body))
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise BrokenOff("The body ended before it was complete.")
                chunk: bytes = message.get("body", b"")
                self._make_room(len(body), len(chunk))
                body += chunk
                if not message.get("more_body", False):
                    return bytes(body)
        except BaseException:
            self.held -= len(body)
            raise

    def _make_room(self, size: int, more: int) -> None:
        """Count the next bytes of a body of this size. Raises: ContentTooLarge, Unavailable."""
        settings = self._settings
        if size + more > settings.body_bytes:
            raise too_large(settings)
        small = size + more <= settings.body_bytes // _SMALL
        if self.held + more > (settings.bodies_bytes if small else settings.bodies_bytes // 2):
            raise unavailable("The server holds too many bodies at once; send the request again.")
        self.held += more
