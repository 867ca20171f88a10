"""A webhook receiver on localhost that keeps every delivery and answers as a test tells it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from openvest.core.http_signatures import ParsedSignature, SignedMessage, parse_signature, verify_signature
from openvest.core.signing_keys import PublicKey


@dataclass(frozen=True)
class Delivery:
    """One request as it arrived."""

    message: SignedMessage
    fields: Mapping[str, str]

    @property
    def body(self) -> bytes:
        return self.message.body

    @property
    def payload(self) -> list[dict[str, Any]]:
        return json.loads(self.body)["payload"]

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.payload]

    @property
    def sequence(self) -> tuple[int, int, int]:
        """First and last number, and the last of the package before."""
        first, last = self.fields["openvest-sequence"].split("-")
        return int(first), int(last), int(self.fields["openvest-previous-sequence"])

    def verify(self, key: PublicKey, now: float) -> ParsedSignature:
        """Raises: SignatureRefused."""
        parsed = parse_signature(self.message, now, names_caller=False)
        verify_signature(parsed, key)
        return parsed


Answering = Callable[[Delivery], Awaitable[web.StreamResponse]]


@dataclass
class Receiver:
    """Answers each path with the next of its `script`, then 200."""

    port: int = 0
    deliveries: list[Delivery] = field(default_factory=list[Delivery])
    script: dict[str, list[int | Answering]] = field(default_factory=dict[str, "list[int | Answering]"])
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def entry(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/hook") -> str:
        return f"http://{self.entry}{path}"

    def at(self, path: str) -> list[Delivery]:
        return [delivery for delivery in self.deliveries if delivery.message.path == path.encode()]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        headers = [(name.lower(), value) for name, value in request.raw_headers]
        message = SignedMessage(request.method, path.encode(), query.encode(), headers, await request.read())
        delivery = Delivery(message, {name.decode(): value.decode("latin-1") for name, value in headers})
        self.deliveries.append(delivery)
        self.arrived.set()
        waiting = self.script.get(path)
        answer = waiting.pop(0) if waiting else 200
        if not isinstance(answer, int):
            return await answer(delivery)
        headers_out = {"location": self.url("/elsewhere")} if 300 <= answer < 400 else None
        return web.Response(status=answer, text="heard", headers=headers_out)


@asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        await runner.cleanup()
