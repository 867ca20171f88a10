"""ASGI applications served in the event loop that runs already (docs/adr/0025)."""

from __future__ import annotations

import asyncio
import resource
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from openvest.db.checks import StartRefused
from openvest.db.ending import Ending
from openvest.main.http_connection import Connection
from openvest.main.http_front import CONNECTIONS, Front

BACKLOG = 8192
"""Connections that wait to be taken; the system may allow fewer. One that finds no room is tried again by its client
after 1, 3, 7, 15, 31 seconds, which is how a burst of 5,000 took half a minute."""
HEAD_SECONDS = 30
"""How long a connection may take to say the whole head of its next request, and to read an answer; then it is closed.
Clients that keep idle connections open longer find them closed, as HTTP lets a server do."""
_FILES = 2 * CONNECTIONS
_STOP_SECONDS = 10


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
    _raise_file_limit()
    front = Front(app, head_seconds)
    try:
        tls = None if certificate is None else _tls(certificate, key)
        server = await front.loop.create_server(
            lambda: Connection(front),
            host or None,
            port,
            ssl=tls,
            ssl_handshake_timeout=None if tls is None else head_seconds,
            backlog=BACKLOG,
            reuse_port=True,
        )
    except OSError as error:
        raise StartRefused(f"The HTTP server on {host}:{port} did not come up; try another --port.") from error
    task = asyncio.create_task(front.watch(), name="http")
    try:
        yield task
    finally:
        server.close()
        await front.end((ending or Ending()).left(share, _STOP_SECONDS))
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _tls(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """Raises: OSError for what is no certificate with its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _raise_file_limit() -> None:
    """Let this process hold its connections open, as far as its user may; many systems begin with 1024 files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
