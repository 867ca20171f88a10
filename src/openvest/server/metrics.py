"""Counts and durations for Prometheus, served by their own application on their own port."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from openvest.core.ids import random_text
from openvest.core.problems import MethodNotAllowed, NotFound, Problem
from openvest.server.messages import (
    READING,
    HttpResponse,
    Receive,
    Request,
    Scope,
    Send,
    open_request,
    problem_response,
    send_response,
)

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_MICROSECONDS = 1_000_000
_LOOK_SECONDS = 2
PATH = "/metrics"


@dataclass(frozen=True, slots=True)
class Asked:
    """A figure of the whole installation, the same from each process: one value for each value of its label."""

    name: str
    text: str
    label: str
    ask: Callable[[], Awaitable[Mapping[str, int]]]


class Metrics:
    """The figures of one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._requests = Counter(
            "openvest_requests", "Requests by operation and status.", ("operation", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "openvest_request_seconds",
            "Time from the first byte to the answer.",
            ("operation",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._counters: dict[tuple[str, int], Any] = {}
        self._durations: dict[str, Any] = {}

    def count(self, operation: str, status: int, taken_us: int) -> None:
        """One request that ended."""
        counter = self._counters.get((operation, status))
        if counter is None:
            counter = self._counters[operation, status] = self._requests.labels(operation, str(status))
            self._durations.setdefault(operation, self._seconds.labels(operation))
        counter.inc()
        self._durations[operation].observe(taken_us / _MICROSECONDS)


def make_metrics_app(metrics: Metrics, multiprocess_folder: str | None = None, asked: Sequence[Asked] = ()) -> Any:
    """An ASGI application that answers /metrics with the figures, and everything else with 404.

    With several processes `multiprocess_folder` is where each of them keeps its own; all are summed.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = open_request(scope, random_text())
        try:
            answer = await figures(request)
        except Problem as refusal:
            answer = problem_response(refusal, request)
        await send_response(send, answer, request.request_id, head=request.method == "HEAD")

    async def figures(request: Request) -> HttpResponse:
        if request.path != PATH:
            raise NotFound(f"The figures are at {PATH}; nothing else is here.")
        if request.method not in READING:
            allow = {"Allow": ", ".join(READING)}
            raise MethodNotAllowed(f"This path does not take {request.method}.", headers=allow)
        registry = metrics.registry
        if multiprocess_folder is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=multiprocess_folder)
        content = generate_latest(registry) + await _said_by_the_database(asked)
        return HttpResponse(200, content, CONTENT_TYPE_LATEST.encode())

    return app


async def _said_by_the_database(asked: Sequence[Asked]) -> bytes:
    """Figures of the installation; none where the database does not say them in time."""
    registry = CollectorRegistry()
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            for one in asked:
                gauge = Gauge(one.name, one.text, (one.label,), registry=registry)
                for value, figure in (await one.ask()).items():
                    gauge.labels(value).set(figure)
    except Exception:  # the figures of this process are worth having when the database is not there
        return b""
    return generate_latest(registry)
