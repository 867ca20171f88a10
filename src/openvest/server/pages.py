"""Paths that belong to no contract: what this server is, health, the descriptions, the documentation."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from importlib.metadata import version

from openvest.core.snapshots import dumps
from openvest.db.faults import is_unavailable
from openvest.db.query import Query
from openvest.db.unit import Database
from openvest.declarations import Contract
from openvest.server import docs
from openvest.server.messages import JSON, HttpResponse, Request, problem_response, unavailable
from openvest.server.negotiation import prefers_html
from openvest.server.openapi import describe
from openvest.server.router import Router
from openvest.server.settings import ServerSettings

Page = Callable[[Request], Awaitable[HttpResponse]]

_WIRE_NOW = Query(datetime, "select wire_now()")
_READY_SECONDS = 2
_HTML = b"text/html; charset=utf-8"
_CSS = b"text/css; charset=utf-8"


def make_pages(database: Database, router: Router, settings: ServerSettings) -> dict[str, Page]:
    """All of them by path. Descriptions are made when first asked for and then kept."""
    contracts: list[Contract] = list(router.endpoints)

    @lru_cache
    def description(contract: Contract) -> bytes:
        return dumps(described(contract)).encode()

    @lru_cache
    def described(contract: Contract) -> dict[str, object]:
        return describe(router.endpoints[contract], contract, version("openvest"))

    @lru_cache(maxsize=1)
    def documentation() -> bytes:
        return docs.page({contract: described(contract) for contract in contracts}).encode()

    def openapi(contract: Contract) -> Page:
        async def page(request: Request) -> HttpResponse:
            return _tagged(request, description(contract), JSON)

        return page

    async def documents(request: Request) -> HttpResponse:
        return _tagged(request, documentation(), _HTML)

    async def style(request: Request) -> HttpResponse:
        return _tagged(request, docs.STYLE, _CSS)

    pages: dict[str, Page] = {f"/openapi/{contract}.json": openapi(contract) for contract in contracts}
    pages["/"] = _first(contracts, settings)
    pages["/docs"] = documents
    pages["/docs/docs.css"] = style
    pages["/health/live"] = _live
    pages["/health/ready"] = _readiness(database)
    return pages


def _first(contracts: Sequence[Contract], settings: ServerSettings) -> Page:
    """What answers here and where everything else is, for people and for programs."""
    facts: dict[str, object] = {
        "name": "OpenVest",
        "version": version("openvest"),
        "mode": settings.mode,
        "docs": "/docs",
        "openapi": {contract: f"/openapi/{contract}.json" for contract in contracts},
        "health": {"live": "/health/live", "ready": "/health/ready"},
    }
    if settings.metrics_url is not None:
        facts["metrics"] = settings.metrics_url
    plain, shown = dumps(facts).encode(), docs.first_page(facts).encode()

    async def page(request: Request) -> HttpResponse:
        html = prefers_html(request.text(b"accept") or "")
        answer = _tagged(request, shown, _HTML) if html else _tagged(request, plain, JSON)
        return replace(answer, headers=(*answer.headers, (b"vary", b"accept")))

    return page


def _tagged(request: Request, body: bytes, content_type: bytes) -> HttpResponse:
    tag = b'"%b"' % hashlib.sha256(body).hexdigest()[:32].encode()
    headers = (
        (b"etag", tag),
        (b"cache-control", b"no-cache"),
        (b"content-security-policy", docs.POLICY.encode()),
        (b"referrer-policy", b"no-referrer"),
    )
    known = [one.strip() for one in request.fields.get(b"if-none-match", b"").split(b",")]
    if tag in known:
        return HttpResponse(304, None, content_type, headers)
    return HttpResponse(200, body, content_type, headers)


async def _live(_: Request) -> HttpResponse:
    return HttpResponse(200, dumps({"status": "live"}).encode())


def _readiness(database: Database) -> Page:
    async def ready(request: Request) -> HttpResponse:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await database.ask(_WIRE_NOW)
        except Exception as error:
            if not isinstance(error, TimeoutError) and not is_unavailable(error):
                raise
            return problem_response(unavailable("The database cannot be reached."), request)
        return HttpResponse(200, dumps({"status": "ready"}).encode())

    return ready
