"""ASGI applications served by granian inside a running event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from openvest.db.checks import StartRefused

BACKLOG = 2048
_PAUSE_SECONDS = 0.01
_READY_SECONDS = 20
_STOP_SECONDS = 10


@asynccontextmanager
async def listening(
    app: Any, host: str, port: int, *, certificate: Path | None = None, key: Path | None = None
) -> AsyncGenerator[asyncio.Task[None]]:
    """Serve as long as the block lasts; the block begins when connections are taken.

    The task ends early where the server broke. Raises: StartRefused where it does not come up.
    """
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.auto,
        websockets=False,
        backlog=BACKLOG,
        backpressure=BACKLOG,
        log_enabled=False,
        ssl_cert=certificate,
        ssl_key=key,
    )
    task = asyncio.create_task(server.serve(), name="http")
    try:
        await _taking_connections(task, host, port)
        yield task
    finally:
        server.stop()
        done, _ = await asyncio.wait({task}, timeout=_STOP_SECONDS)
        if not done:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _taking_connections(task: asyncio.Task[None], host: str, port: int) -> None:
    deadline = asyncio.get_running_loop().time() + _READY_SECONDS
    while not task.done() and asyncio.get_running_loop().time() < deadline:
        try:
            _, writer = await asyncio.open_connection(host or None, port)
        except OSError:
            await asyncio.sleep(_PAUSE_SECONDS)
            continue
        writer.close()
        return
    raise StartRefused(f"The HTTP server on {host}:{port} did not come up; try another --port.")
