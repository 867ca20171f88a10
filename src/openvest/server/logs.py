"""One JSON line and a few counts per request: what was asked, how it ended, how long it took.

Never in them: secrets, tokens, header values, bodies, query strings or ids from the path; only the operation's name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from openvest.core.clock import WireClock, instant, monotonic_ns
from openvest.core.snapshots import dumps
from openvest.server.messages import HttpResponse, Request
from openvest.server.metrics import Metrics


def make_logger(wire: WireClock, stream: TextIO | None = None) -> Any:
    """A logger that writes JSON lines, dated by wire time."""

    def dated(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["at"] = instant(wire.now())
        return event

    return structlog.wrap_logger(
        structlog.WriteLogger(stream or sys.stderr),
        processors=[dated, _safe_exception, structlog.processors.JSONRenderer(serializer=_line)],
        wrapper_class=structlog.BoundLogger,
        context_class=dict,
    )


def _line(event: EventDict, **_: Any) -> str:
    return dumps(event)


def _safe_exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Where a fault happened, without its text: the text of a driver's error repeats values."""
    error = event.pop("error", None)
    if isinstance(error, BaseException):
        places: list[str] = []
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            places.append(f"{code.co_filename.rpartition('openvest/')[2]}:{trace.tb_lineno} {code.co_name}")
            trace = trace.tb_next
        event["fault"] = type(error).__name__
        event["trace"] = places[-12:]
    return event


class Observer:
    """Sees every request end."""

    def __init__(self, metrics: Metrics, logger: Any, *, every_request: bool) -> None:
        self._metrics = metrics
        self._logger = logger
        self._line: Callable[..., Any] | None = logger.bind().info if every_request else None

    def answered(self, request: Request, answer: HttpResponse, started_ns: int) -> None:
        taken_us = (monotonic_ns() - started_ns) // 1000
        operation = request.operation or "unknown"
        self._metrics.count(operation, answer.status, taken_us)
        if self._line is not None:
            facts: dict[str, Any] = {"request_id": request.request_id, "operation": operation}
            if request.client:
                facts["client_id"] = request.client
            if request.refusal:
                facts["refusal"] = request.refusal
            self._line("request", **facts, status=answer.status, microseconds=taken_us)

    def fault(self, request: Request, error: BaseException) -> None:
        self._logger.error("fault", request_id=request.request_id, operation=request.operation, error=error)

    def refused_by_database(self, request: Request, error: BaseException) -> None:
        """No fault of ours, but somebody may have to look after the database: which SQL state says what is wrong."""
        state = getattr(error, "sqlstate", None) or type(error).__name__
        self._logger.warning(
            "database.refused", request_id=request.request_id, operation=request.operation, sqlstate=state
        )
