"""Problem documents: every expected *no* this system can answer, as one exception type.

A `Problem` is raised by rules and services and rendered once, by the server, as `application/problem+json`.
A fault (our mistake) is any other exception: 500, the request id, nothing else.

Source: CONTRACTS.md rule 5; reference (protocol).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

TYPE_BASE = "https://docs.upvest.co/errors/"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field error of a body or a query. `field` is a dotted path, `(root)` for the whole document."""

    field: str
    message: str


class Problem(Exception):
    """An expected refusal with a stable type, an HTTP status and one sentence of detail.

    Subclasses live beside the rule that raises them and set `name`, `status` and `title`.
    """

    name: ClassVar[str] = "unprocessable_entity"
    status: ClassVar[int] = 422
    title: ClassVar[str] = "Unprocessable entity"

    def __init__(self, detail: str, *, errors: Sequence[FieldError] = (), headers: dict[str, str] | None = None):
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = headers or {}

    def document(self, instance: str, request_id: str) -> dict[str, Any]:
        """The problem document as served. Source: RFC 9457."""
        body: dict[str, Any] = {
            "type": TYPE_BASE + self.name,
            "status": self.status,
            "title": self.title,
            "detail": self.detail,
            "instance": instance,
            "request_id": request_id,
        }
        if self.errors:
            body["errors"] = [{"field": e.field, "message": e.message} for e in self.errors]
        return body


class InvalidRequest(Problem):
    name, status, title = "invalid_request", 400, "Invalid request"


class MissingIdempotencyKey(Problem):
    name, status, title = "missing_idempotency_key", 400, "Missing idempotency key"


class Unauthorised(Problem):
    """All failures of credentials, token and signature: one answer for all, so that none can be told from another.

    `reason` is for a sandbox, where its developers need it; whether it is told decides the server, by its mode.
    """

    name, status, title = "unauthorised", 401, "Unauthorised"

    def __init__(self, reason: str = "") -> None:
        super().__init__("The token, the signature or the credentials of this request are not valid.")
        self.reason = reason


class Forbidden(Problem):
    name, status, title = "forbidden", 403, "Forbidden"


class NotFound(Problem):
    name, status, title = "not_found", 404, "Not found"


class MethodNotAllowed(Problem):
    name, status, title = "method_not_allowed", 405, "Method not allowed"


class NotAcceptable(Problem):
    name, status, title = "not_acceptable", 406, "Not acceptable"


class RequestTimeout(Problem):
    name, status, title = "request_timeout", 408, "Request timeout"


class Conflict(Problem):
    name, status, title = "conflict", 409, "Conflict"


class ContentTooLarge(Problem):
    name, status, title = "content_too_large", 413, "Content too large"


class UnsupportedMediaType(Problem):
    name, status, title = "unsupported_media_type", 415, "Unsupported media type"


class Unprocessable(Problem):
    name, status, title = "unprocessable_entity", 422, "Unprocessable entity"


class TooManyRequests(Problem):
    name, status, title = "too_many_requests", 429, "Too many requests"


class HeadersTooLarge(Problem):
    name, status, title = "headers_too_large", 431, "Request header fields too large"


class Internal(Problem):
    name, status, title = "internal", 500, "Internal error"


class Unavailable(Problem):
    name, status, title = "unavailable", 503, "Service unavailable"
