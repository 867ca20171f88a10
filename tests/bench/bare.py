"""The least an ASGI application can do: answer every request with a constant."""

from __future__ import annotations

from typing import Any

BODY = b'{"id":"7f1c2d3e-0000-4000-8000-000000000001"}'
HEAD = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEAD})
        await send({"type": "http.response.body", "body": BODY})
