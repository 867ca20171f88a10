"""Counts and durations for Prometheus, served by their own application on their own port."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from openvest.server.messages import Receive, Scope, Send

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_MICROSECONDS = 1_000_000


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


def make_metrics_app(metrics: Metrics, multiprocess_folder: str | None = None) -> Any:
    """An ASGI application that answers every path with the figures.

    With several processes `multiprocess_folder` is where each of them keeps its own; all are summed.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        registry = metrics.registry
        if multiprocess_folder is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=multiprocess_folder)
        body = generate_latest(registry)
        headers = [(b"content-type", CONTENT_TYPE_LATEST.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
