"""One line in the log and a few counts per request: what was asked, how it ended, how long it took.

Of what a request said only the operation's name and the client are in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from openvest.core.clock import monotonic_ns
from openvest.core.logs import Log
from openvest.server.messages import HttpResponse, Request
from openvest.server.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Observer:
    """Sees every request end."""

    metrics: Metrics
    log: Log
    every_request: bool

    def answered(self, request: Request, answer: HttpResponse, started_ns: int) -> None:
        taken_us = (monotonic_ns() - started_ns) // 1000
        operation = request.operation or "unknown"
        self.metrics.count(operation, answer.status, taken_us)
        if self.every_request:
            facts: dict[str, Any] = {"request_id": request.request_id, "operation": operation}
            if request.client:
                facts["client_id"] = request.client
            if request.refusal:
                facts["refusal"] = request.refusal
            self.log.info("request", **facts, status=answer.status, microseconds=taken_us)

    def fault(self, request: Request, error: BaseException) -> None:
        self.log.error("fault", request_id=request.request_id, operation=request.operation, error=error)

    def refused_by_database(self, request: Request, error: BaseException) -> None:
        """No fault of ours, but somebody may have to look after the database: which SQL state says what is wrong."""
        state = getattr(error, "sqlstate", None) or type(error).__name__
        self.log.warning("database.refused", request_id=request.request_id, operation=request.operation, sqlstate=state)
