"""The ASGI application: health, descriptions and documentation, and behind them the dispatcher."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from openvest.core.clock import WireClock
from openvest.core.ids import random_text
from openvest.core.logs import Log
from openvest.core.problems import MethodNotAllowed
from openvest.core.sealing import Secrets
from openvest.db.unit import Database
from openvest.db.wire import measure
from openvest.declarations import Contract, Endpoint
from openvest.server.authentication import Authenticator
from openvest.server.bodies import Bodies
from openvest.server.directory import Directory
from openvest.server.dispatch import Dispatcher
from openvest.server.flush import Flush
from openvest.server.idempotency import Keys
from openvest.server.keyed_writes import KeyedWrites
from openvest.server.lanes import InFlight, Lanes
from openvest.server.limits import RateLimits
from openvest.server.lists import Lists
from openvest.server.logs import Observer
from openvest.server.messages import READING, Receive, Scope, Send, open_request, problem_response, send_response
from openvest.server.metrics import Metrics
from openvest.server.nonces import NonceGate
from openvest.server.pages import Page, make_pages
from openvest.server.reads import Reads
from openvest.server.router import Router
from openvest.server.running import Runner
from openvest.server.settings import ServerSettings

_MEASURE_SECONDS = 10


@dataclass(slots=True)
class App:
    """The application. `pages` are the paths that belong to no contract."""

    database: Database
    wire: WireClock
    dispatcher: Dispatcher
    metrics: Metrics
    settle: Callable[[], Awaitable[None]]
    pages: dict[str, Page] = field(default_factory=dict[str, Page])
    _measuring: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = None if "unreadable" in scope else self.pages.get(scope["path"])
        if page is None:
            await self.dispatcher(scope, receive, send)
        else:
            await self._page(page, scope, send)

    async def _page(self, page: Page, scope: Scope, send: Send) -> None:
        request = open_request(scope, random_text())
        try:
            if request.method not in READING:
                allow = {"Allow": ", ".join(READING)}
                raise MethodNotAllowed(f"This path does not take {request.method}.", headers=allow)
            answer = await page(request)
        except Exception as error:
            answer = problem_response(self.dispatcher.refusal(request, error), request)
        await send_response(send, answer, request.request_id, head=request.method == "HEAD")

    async def start(self) -> None:
        """Measure the wire clock now and every 10 s. A database that is down now may come later."""
        await measure(self.database, self.wire)
        self._measuring = asyncio.create_task(self._measure_often())

    async def stop(self) -> None:
        """Let the flushes that run come to their end."""
        if self._measuring is not None:
            self._measuring.cancel()
            with suppress(asyncio.CancelledError):
                await self._measuring
        await self.settle()

    async def _measure_often(self) -> None:
        while True:
            await asyncio.sleep(_MEASURE_SECONDS)
            await measure(self.database, self.wire)


def make_app(
    *,
    database: Database,
    contracts: Mapping[Contract, Iterable[Endpoint]],
    wire: WireClock,
    secrets: Secrets,
    settings: ServerSettings | None = None,
    metrics: Metrics | None = None,
    log: Log | None = None,
    services: Any = None,
) -> App:
    """Put the server together over an open database. `settings.mode` decides which endpoints there are;
    a contract without any is not served."""
    settings = settings or ServerSettings()
    metrics = metrics or Metrics()
    observer = Observer(metrics, log or Log(wire), settings.request_log)
    nonces = NonceGate(database, settings.nonce_size)
    keys = Keys(secrets)
    flush, reads = Flush(database, keys, settings), Reads(database, settings)
    lists = Lists(database, Lanes(settings.list_places), settings.list_size)
    writes = Lanes(settings.write_places)
    keyed_writes = KeyedWrites(database, keys, settings.key_wait_seconds, writes)
    router = Router(contracts, sandbox=settings.mode == "sandbox")
    dispatcher = Dispatcher(
        router,
        Bodies(settings),
        Authenticator(Directory(database, secrets, settings.cache_seconds), nonces, wire),
        RateLimits(database),
        InFlight(settings.in_flight),
        Runner(database, settings, flush, reads, keyed_writes, lists, writes, services),
        observer,
        settings,
    )

    async def settle() -> None:
        for part in (flush, reads, nonces):
            await part.drained()

    return App(database, wire, dispatcher, metrics, settle, make_pages(database, router, settings))
