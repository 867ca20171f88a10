"""Requests put before the application exactly as a test made them: nothing is added, sorted or cleaned on the way."""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from openvest.core.http_signatures import SignedMessage
from openvest.server.app import App
from tests.kit.http import Api
from tests.kit.operations import Asked

_OWN = re.compile(rb'"(?:request_id|instance)":"[^"]*"')
_OWN_HEADERS = (b"upvest-request-id", b"content-length")


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as it left the application."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    content: bytes

    @property
    def common(self) -> bytes:
        """The answer without what differs by nature: the request's id and its path."""
        kept = [name + b": " + value for name, value in self.headers if name not in _OWN_HEADERS]
        return b"\n".join([b"%d" % self.status, *kept, _OWN.sub(b"", self.content)])


async def ask(app: App, message: SignedMessage) -> Heard:
    """Send a message and hear the whole answer."""
    path, query = (part if isinstance(part, bytes) else part.encode() for part in (message.path, message.query))
    scope: MutableMapping[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": message.method,
        "scheme": "http",
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": list(message.headers),
        "client": ("127.0.0.1", 1),
        "server": ("openvest.test", 80),
    }
    status, content, headers = 0, b"", list[tuple[bytes, bytes]]()

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": message.body, "more_body": False}

    async def send(event: MutableMapping[str, Any]) -> None:
        nonlocal status, content
        if event["type"] == "http.response.start":
            status = event["status"]
            headers.extend(event["headers"])
        else:
            content += event.get("body", b"")

    await app(scope, receive, send)
    return Heard(status, headers, content)


async def signed_by(api: Api, asked: Asked, key: UUID | None = None, body: bytes | None = None) -> SignedMessage:
    """A request of this client, or of the one beside it that speaks the contract. `body`: other bytes than its own."""
    content = asked.content if body is None else body
    headers = await api.speaking(asked.contract).prepared(asked.method, asked.target, content or None, key)
    path, _, query = asked.target.partition("?")
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    return SignedMessage(asked.method, path.encode(), query.encode(), sent, content)
