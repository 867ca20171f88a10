"""A load generator that costs little: requests are built and signed before the clock starts, then written as bytes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
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


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    place = lower.find(b"content-length:")
    if place >= 0:
        await reader.readexactly(int(lower[place + 15 : lower.index(b"\r\n", place)]))
    elif b"transfer-encoding: chunked" in lower:
        while True:
            size = int((await reader.readline()).strip(), 16)
            await reader.readexactly(size + 2)
            if size == 0:
                break
    return int(head[9:12])


async def send_all(
    port: int, requests: Sequence[bytes], at_once: int, wanted: int, seconds: float | None = None
) -> float:
    """Send requests over so many connections; how many a second were answered with the wanted status.

    Without `seconds` every request is sent once; with it the list is gone round until the time is up (reads only where
    a request may be repeated). Raises: AssertionError at any other status.
    """
    lanes = [requests[lane::at_once] for lane in range(at_once)]
    started = time.perf_counter()
    ends = None if seconds is None else started + seconds
    done = 0

    async def lane(mine: Sequence[bytes]) -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in mine:
            if ends is not None and time.perf_counter() >= ends:
                break
            writer.write(request)
            status = await _answer(reader)
            assert status == wanted, status
            done += 1
        writer.close()

    await asyncio.gather(*(lane(mine) for mine in lanes if mine))
    return done / (time.perf_counter() - started)
