"""What a verb returned, as the bytes of an answer."""

from __future__ import annotations

from typing import Any

from openvest.core.snapshots import written
from openvest.declarations import Endpoint, Response
from openvest.server.messages import JSON, HttpResponse

_BYTES = b"application/octet-stream"


def encode(endpoint: Endpoint, result: Any) -> HttpResponse:
    """JSON in the endpoint's status, or what a `Response` says; None is an answer without a body."""
    status, headers = endpoint.status, endpoint.headers
    if isinstance(result, Response):
        status = result.status or status
        headers = {**headers, **result.headers}
        result = result.body
    if not headers and not isinstance(result, bytes):
        return HttpResponse(status, None if result is None else written(result))
    extra = {name.lower().encode(): value.encode("latin-1") for name, value in headers.items()}
    kind = extra.pop(b"content-type", _BYTES if isinstance(result, bytes) else JSON)
    body = result if isinstance(result, bytes) or result is None else written(result)
    return HttpResponse(status, body, kind, tuple(extra.items()))
