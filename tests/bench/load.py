"""A load generator that costs little: requests are built and signed before the clock starts, then written as bytes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from uuid import uuid4

from openvest.core.clock import WireClock
from openvest.sdk.signing import Signer

WIRE = WireClock()


def built(
    signer: Signer | None,
    token: str,
    method: str,
    target: str,
    body: dict[str, str] | None = None,
    *,
    keyed: bool = False,
) -> bytes:
    """One request as it goes over the wire, signed where somebody signs."""
    content = None if body is None else json.dumps(body).encode()
    given = {"authorization": f"Bearer {token}", "accept": "application/json"}
    if keyed:
        given["idempotency-key"] = str(uuid4())
    if signer is not None:
        headers = signer.headers(method, target, content, given)
    else:
        framed = {"content-type": "application/json", "content-length": str(len(content))} if content else {}
        headers = given | framed
    lines = [f"{method} {target} HTTP/1.1", "host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (content or b"")


class _Lane(asyncio.Protocol):
    """One connection: the next request leaves when the last is answered."""

    def __init__(self, requests: Sequence[bytes], wanted: int, ends: float | None) -> None:
        self._requests = iter(requests)
        self._wanted = b" %d " % wanted
        self._ends = ends
        self._got = b""
        self._transport: asyncio.Transport | None = None
        self.done = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def _next(self) -> None:
        assert self._transport is not None
        request = None if self._ends is not None and time.perf_counter() >= self._ends else next(self._requests, None)
        if request is None:
            self.ended.set_result(None)
            self._transport.close()
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        if not _is_whole(self._got):
            return
        answer, self._got = self._got, b""
        if answer[8:13] == self._wanted:
            self.done += 1
            self._next()
        else:
            self.ended.set_exception(AssertionError(answer[:1_000]))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or EOFError(self._got))


def _is_whole(got: bytes) -> bool:
    head = got.find(b"\r\n\r\n")
    if head < 0:
        return False
    lower = got[:head].lower()
    place = lower.find(b"content-length:")
    if place >= 0:
        end = lower.find(b"\r\n", place)
        return len(got) >= head + 4 + int(lower[place + 15 : end if end >= 0 else None])
    return b"transfer-encoding: chunked" not in lower or got.endswith(b"\r\n0\r\n\r\n")


@dataclass(frozen=True)
class Done:
    """How many operations took how long."""

    count: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


async def send_all(
    port: int, requests: Sequence[bytes], at_once: int, wanted: int, seconds: float | None = None
) -> Done:
    """Send requests over so many connections, each of them once, or until the time is up.

    Raises: AssertionError at an answer with another status than the wanted one.
    """
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    ends = None if seconds is None else started + seconds
    lanes = [_Lane(mine, wanted, ends) for n in range(at_once) if (mine := requests[n::at_once])]
    for lane in lanes:
        await loop.create_connection(lambda lane=lane: lane, "127.0.0.1", port)
    await asyncio.gather(*(lane.ended for lane in lanes))
    return Done(sum(lane.done for lane in lanes), time.perf_counter() - started)
