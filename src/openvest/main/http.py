"""ASGI applications served by granian inside a running event loop.

What the library cannot read as a request it answers by itself, without a document or an id (docs/adr/0018).
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from openvest.db.checks import StartRefused
from openvest.db.ending import Ending

BACKLOG = 8192
"""Connections that wait to be taken; the system may allow fewer. One that finds no room is tried again by its client
after 1, 3, 7, 15, 31 seconds, which is how a burst of 5,000 took half a minute."""
CONNECTIONS = 16_384
"""Connections held at once, idle ones among them: at the limit nobody new is taken until an idle client leaves."""
HEAD_SECONDS = 30
"""How long a connection may take to say the whole head of its next request; then it is closed. Clients that keep idle
connections open longer find them closed, as HTTP lets a server do."""
HEAD_BYTES = 64 * 1024
"""Room to read in, per connection. The library gives a head 400 KiB, which all connections together could fill; ours
are refused from 32 KiB on, with a document; what does not even find room here gets an empty 431, and so do more than
100 fields, a number the library lets nobody choose (docs/adr/0010)."""
_FILES = 2 * CONNECTIONS
_PAUSE_SECONDS = 0.01
_READY_SECONDS = 20
_STOP_SECONDS, _CANCEL_SECONDS = 10, 0.5


@asynccontextmanager
async def listening(
    app: Any,
    host: str,
    port: int,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    head_seconds: float = HEAD_SECONDS,
    ending: Ending | None = None,
    share: float = 0.4,
) -> AsyncGenerator[asyncio.Task[None]]:
    """Serve as long as the block lasts; the block begins when connections are taken.

    The task ends early where the server broke. `ending` and `share` bound what requests under way get to end in.
    Raises: StartRefused where it does not come up.
    """
    ending = ending or Ending()
    _raise_file_limit()
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        # HTTP/1 alone: where the library may also expect HTTP/2 it waits for the first bytes without any limit, so that
        # silent connections hold their places for ever. Nothing of ours and no published client needs HTTP/2.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=round(head_seconds * 1000), max_buffer_size=HEAD_BYTES),
        websockets=False,
        backlog=BACKLOG,
        backpressure=CONNECTIONS,
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
        done, _ = await asyncio.wait({task}, timeout=ending.left(share, _STOP_SECONDS))
        if not done:
            task.cancel()
            # What clings to its cancellation is left behind: the process goes without it.
            done, _ = await asyncio.wait({task}, timeout=_CANCEL_SECONDS)
        for one in done:
            if not one.cancelled():
                one.exception()


def _raise_file_limit() -> None:
    """Let this process hold its connections open, as far as its user may; many systems begin with 1024 files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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
