"""A request as dispatch sees it, and an answer as it leaves: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from openvest.core.problems import ContentTooLarge, HeadersTooLarge, InvalidRequest, Problem, Unavailable
from openvest.core.records import record
from openvest.core.snapshots import dumps
from openvest.server.settings import ServerSettings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = b"application/json"
PROBLEM = b"application/problem+json"
REQUEST_ID = b"upvest-request-id"
READING = ("GET", "HEAD")
"""What a page takes: it is public, and HEAD asks for the same without the body. Source: RFC 9110, 9.1."""


class BrokenOff(InvalidRequest):
    """A body ended before it was complete: its client hung up, or its framing is broken.

    Why an answer for both: the server tells them apart in nothing, and says 500 for whoever leaves without one.
    """


@dataclass(slots=True)
class Request:
    """One request.

    Shape: `headers` are as received, names in lower case; `fields` holds the last value of each. `body` is filled in
    once the request is known to lead somewhere; `operation`, `client` and `refusal` on the way, for the log and the
    metrics only; `doubt` is what a sandbox says where a refusal of credentials has no reason of its own; `under_way_of`
    is the client among whose requests it is counted until it is answered; `whole`: its body is here already;
    `unreadable` is the status to refuse with what arrived and is no request, else 0.
    """

    request_id: str
    method: str
    path: str
    raw_path: bytes
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]
    fields: Mapping[bytes, bytes]
    body: bytes = b""
    operation: str = ""
    client: str = ""
    refusal: str = ""
    doubt: str = ""
    under_way_of: UUID | None = None
    whole: bool = False
    unreadable: int = 0

    def text(self, name: bytes) -> str | None:
        """A header as text, outer blanks dropped."""
        value = self.fields.get(name)
        return None if value is None else value.decode("latin-1").strip(" \t")


@record
class HttpResponse:
    """What is sent back. `body` None: none, and no content type."""

    status: int
    body: bytes | None
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


def open_request(scope: Scope, request_id: str) -> Request:
    """The request without its body."""
    headers = scope["headers"]
    path: str = scope["path"]
    raw_path: bytes = scope.get("raw_path") or path.encode()
    request = Request(request_id, scope["method"], path, raw_path, scope["query_string"], headers, dict(headers))
    request.whole, request.unreadable = scope.get("whole", False), scope.get("unreadable", 0)
    return request


def check_size(request: Request, settings: ServerSettings) -> None:
    """Raises: HeadersTooLarge, ContentTooLarge, InvalidRequest, judged by the headers alone."""
    if request.unreadable == 400:
        raise InvalidRequest("This is not a request of HTTP/1.1.")
    size = len(request.raw_path) + len(request.query)
    for name, value in request.headers:
        size += len(name) + len(value)
    if request.unreadable or size > settings.header_bytes or len(request.headers) > settings.header_count:
        raise HeadersTooLarge(
            f"The request line and headers exceed {settings.header_bytes} bytes or {settings.header_count} fields."
        )
    length = request.fields.get(b"content-length")
    if length is not None:
        if not length.isdigit():
            raise InvalidRequest("The header content-length is not a number.")
        if len(length) > 12 or int(length) > settings.body_bytes:
            raise too_large(settings)


def too_large(settings: ServerSettings) -> ContentTooLarge:
    return ContentTooLarge(f"The body exceeds {settings.body_bytes} bytes.")


def unavailable(detail: str) -> Unavailable:
    """The refusal of what may be sent again as it is."""
    return Unavailable(detail, headers={"Retry-After": "1"})


def problem_response(problem: Problem, request: Request) -> HttpResponse:
    """A refusal as `application/problem+json`, whatever the request accepts."""
    document = problem.document(request.path, request.request_id)
    headers = tuple(
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in problem.headers.items()
    )
    return HttpResponse(problem.status, dumps(document).encode("utf-8", "replace"), PROBLEM, headers)


async def send_response(send: Send, answer: HttpResponse, request_id: str, *, head: bool = False) -> None:
    """Send it, with the request id and without ever a content type guess or a cache; `head`: without its body."""
    headers = [(REQUEST_ID, request_id.encode()), (b"x-content-type-options", b"nosniff"), *answer.headers]
    body = answer.body
    if body is not None:
        headers.append((b"content-type", answer.content_type))
        headers.append((b"content-length", b"%d" % len(body)))
    elif answer.status not in (204, 304):
        headers.append((b"content-length", b"0"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if body is None or head else body})
