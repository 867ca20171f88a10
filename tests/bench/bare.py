"""The least an ASGI application can do, behind our HTTP server: `python -m tests.bench.bare PORT`."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvloop

from openvest.core.memory import collect_rarely
from openvest.main.http import listening

BODY = b'{"id":"7f1c2d3e-0000-4000-8000-000000000001"}'
HEAD = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def app(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": HEAD})
    await send({"type": "http.response.body", "body": BODY})


async def main(port: int) -> None:
    async with listening(app, "127.0.0.1", port) as task:
        await task


if __name__ == "__main__":
    collect_rarely()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
