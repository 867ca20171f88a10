"""A client over real sockets: it signs as the SDK does, keeps its connections and holds a token."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode
from uuid import UUID

import aiohttp

from openvest.core.clock import WireClock
from openvest.sdk.signing import Signer


class Reply(NamedTuple):
    """What came back for one request."""

    status: int
    content: bytes
    retry_after: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What `openvest client create` gives."""

    tenant_id: UUID
    client_id: str
    client_secret: str
    key_id: str
    private_pem: bytes = field(repr=False)

    @classmethod
    def created(cls, printed: str, private_pem: bytes | None = None) -> Self:
        """From the command's JSON line; the key from the file it names unless it was ours."""
        facts = json.loads(printed)
        pem = private_pem or Path(facts["private_key_file"]).read_bytes()
        return cls(UUID(facts["tenant_id"]), facts["client_id"], facts["client_secret"], facts["key_id"], pem)


@dataclass(slots=True)
class Wire:
    """One API client at one server. `http` may be shared by many."""

    http: aiohttp.ClientSession
    base: str
    credentials: Credentials
    scope: str
    clock: WireClock = field(default_factory=WireClock)
    token: str | None = None
    _signer: Signer | None = None
    _fetching: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def signer(self) -> Signer:
        if self._signer is None:
            known = self.credentials
            self._signer = Signer(known.client_id, known.key_id, known.private_pem, clock=self.clock.now_seconds)
        return self._signer

    async def send(self, method: str, target: str, body: Any = None, key: UUID | str | None = None) -> Reply:
        """One signed request. `body` is JSON or the bytes to send. Raises: aiohttp.ClientError, TimeoutError."""
        await self.ensure_token()
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {"authorization": f"Bearer {self.token}"}
        if key is not None:
            given["idempotency-key"] = str(key)
        return await self._request(method, target, content, self.signer.headers(method, target, content, given))

    async def ensure_token(self) -> None:
        """Buy a token unless there is one. Raises: aiohttp.ClientError, TimeoutError, LookupError."""
        if self.token is not None:
            return
        async with self._fetching:
            if self.token is not None:
                return
            form = {
                "client_id": self.credentials.client_id,
                "client_secret": self.credentials.client_secret,
                "grant_type": "client_credentials",
                "scope": self.scope,
            }
            content = urlencode(form).encode()
            kind = {"content-type": "application/x-www-form-urlencoded"}
            headers = self.signer.headers("POST", "/auth/token", content, kind)
            reply = await self._request("POST", "/auth/token", content, headers)
            if reply.status != 200:
                raise LookupError(f"no token: {reply.status} {reply.content[:300]!r}")
            self.token = str(reply.json["access_token"])

    async def _request(self, method: str, target: str, content: bytes | None, headers: dict[str, str]) -> Reply:
        sent = {name: value for name, value in headers.items() if name != "content-length"}
        async with self.http.request(method, self.base + target, data=content, headers=sent) as answer:
            return Reply(answer.status, await answer.read(), answer.headers.get("retry-after", ""))
