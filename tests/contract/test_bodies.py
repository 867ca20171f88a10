"""Bodies before their sender is known: none is read for what leads nowhere, and all together have a bound."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from openvest.db.unit import Database
from openvest.server.app import App
from openvest.server.settings import ServerSettings
from tests.contract.things import THINGS
from tests.kit.http import make_test_app

pytestmark = pytest.mark.anyio

Message = MutableMapping[str, Any]
CHUNKED = (b"transfer-encoding", b"chunked")
SETTINGS = ServerSettings(body_bytes=1600, bodies_bytes=2000)
"""A body is small up to 100 bytes; large ones have half of the room."""


def length(size: int) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % size


@dataclass
class Exchange:
    """One request put to the application as its HTTP server would. `waits` is set when it asks for more than came."""

    app: App
    target: str
    method: str = "POST"
    headers: tuple[tuple[bytes, bytes], ...] = (CHUNKED,)
    asked: int = 0
    waits: asyncio.Event = field(default_factory=asyncio.Event)
    arriving: asyncio.Queue[Message] = field(default_factory=asyncio.Queue[Message])
    said: list[Message] = field(default_factory=list[Message])

    def __post_init__(self) -> None:
        path = self.target.encode()
        scope = {"type": "http", "method": self.method, "path": self.target, "raw_path": path, "query_string": b""}
        scope |= {"headers": list(self.headers), "http_version": "1.1"}
        self.task = asyncio.ensure_future(self.app(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        self.asked += 1
        if self.arriving.empty():
            self.waits.set()
        return await self.arriving.get()

    async def _send(self, message: Message) -> None:
        self.said.append(message)

    async def send(self, body: bytes, *, more: bool = True) -> None:
        """A part of the body; returns when the application has taken it or given its answer."""
        self.waits.clear()
        self.arriving.put_nowait({"type": "http.request", "body": body, "more_body": more})
        waits = asyncio.ensure_future(self.waits.wait())
        await asyncio.wait({waits, self.task}, return_when=asyncio.FIRST_COMPLETED)
        waits.cancel()

    async def hang_up(self) -> None:
        self.arriving.put_nowait({"type": "http.disconnect"})
        await self.task

    async def answer(self) -> tuple[int, str, dict[bytes, bytes]]:
        """Status, the name of the problem, headers."""
        await self.task
        start, body = self.said
        return start["status"], json.loads(body["body"])["type"].rpartition("/")[2], dict(start["headers"])


@pytest.fixture
def small(database: Database) -> App:
    return make_test_app(database, THINGS, settings=SETTINGS)


def held(app: App) -> int:
    return app.dispatcher.bodies.held


@pytest.mark.parametrize(
    ("method", "target", "headers", "status"),
    [
        ("POST", "/nowhere", (length(1600),), 404),
        ("PATCH", "/things", (length(1600),), 405),
        ("POST", "/nowhere", (CHUNKED,), 404),
        ("POST", "/nowhere", (length(1601),), 413),
        ("PATCH", "/things", (length(1601),), 413),
        ("POST", "/nowhere", (length(1601), (b"x-fill", b"x" * 40_000)), 431),
    ],
)
async def test_no_body_is_read_for_what_leads_nowhere(
    small: App, method: str, target: str, headers: tuple[tuple[bytes, bytes], ...], status: int
) -> None:
    exchange = Exchange(small, target, method, headers)
    assert (await exchange.answer())[0] == status
    assert exchange.asked == 0


async def test_all_bodies_together_have_a_bound(small: App) -> None:
    holding = [Exchange(small, "/things") for _ in range(20)]
    for exchange in holding:
        await exchange.send(b"x" * 60)
        await exchange.send(b"x" * 40)
    assert held(small) == 2000
    late = Exchange(small, "/things")
    await late.send(b"x")
    status, name, headers = await late.answer()
    assert (status, name, headers[b"retry-after"]) == (503, "unavailable", b"1")
    await holding.pop().hang_up()
    again = Exchange(small, "/things")
    await again.send(b"x", more=False)
    assert (await again.answer())[:2] == (401, "unauthorised")
    for exchange in holding:
        await exchange.hang_up()
    assert held(small) == 0


async def test_large_bodies_leave_room_for_small_ones(small: App) -> None:
    large = [Exchange(small, "/things") for _ in range(2)]
    await large[0].send(b"x" * 900)
    await large[1].send(b"x" * 101)
    assert (await large[1].answer())[0] == 503
    little = Exchange(small, "/things")
    await little.send(b"x" * 100)
    assert held(small) == 1000
    await little.send(b"x")
    assert (await little.answer())[0] == 503
    assert held(small) == 900
    await large[0].hang_up()


async def test_a_body_counts_until_its_request_has_its_answer(small: App) -> None:
    """Whatever becomes of it: an answer, a refusal, a client that hangs up or a request that is given up."""
    answered, too_long, gone, cancelled = [Exchange(small, "/things") for _ in range(4)]
    for exchange in (answered, too_long, gone, cancelled):
        await exchange.send(b"x" * 50)
    assert held(small) == 200
    await answered.send(b"x", more=False)
    assert (await answered.answer())[0] == 401
    await too_long.send(b"x" * 1600)
    assert (await too_long.answer())[0] == 413
    await gone.hang_up()
    assert (await gone.answer())[:2] == (400, "invalid_request")
    assert held(small) == 50
    cancelled.task.cancel()
    await asyncio.wait({cancelled.task})
    assert held(small) == 0


async def test_a_body_that_does_not_arrive_counts_no_longer(database: Database) -> None:
    app = make_test_app(database, THINGS, settings=ServerSettings(body_seconds=0.02))
    slow = Exchange(app, "/things")
    await slow.send(b"x" * 50)
    assert (await slow.answer())[:2] == (408, "request_timeout")
    assert held(app) == 0
