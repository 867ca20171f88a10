"""The application behind its real HTTP server: connections that say nothing, or another protocol, are let go."""

from __future__ import annotations

import asyncio

import pytest

from openvest.main.http import listening
from openvest.server.app import App
from tests.e2e.serving import free_port

pytestmark = pytest.mark.anyio

LOCAL = "127.0.0.1"


async def heard(port: int, sent: bytes) -> bytes:
    """All that comes back until the server closes the connection. Raises: TimeoutError where it never does."""
    reader, writer = await asyncio.open_connection(LOCAL, port)
    try:
        async with asyncio.timeout(20):
            writer.write(sent)
            return await reader.read()
    except ConnectionError:  # closed before it took all that was sent
        return b""
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /health/live HTTP/1.1\r\nhost", b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n"],
    ids=["silent", "half a head", "idle after an answer"],
)
async def test_a_connection_without_a_next_request_is_closed(app: App, sent: bytes) -> None:
    port = free_port()
    async with listening(app, LOCAL, port, head_seconds=1):
        answer = await heard(port, sent)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") if sent.endswith(b"a\r\n\r\n") else answer == b""


async def test_what_leads_nowhere_is_answered_without_its_body(app: App) -> None:
    port = free_port()
    async with listening(app, LOCAL, port):
        answer = await heard(port, b"POST /nowhere HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\nhalf")
    assert answer.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert answer.endswith(b"}")


async def test_a_head_of_any_length_is_not_held(app: App) -> None:
    """It is refused while it arrives, not after the time a head may take."""
    port = free_port()
    head = b"GET /things HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-fill: "
    async with listening(app, LOCAL, port):
        endless = await heard(port, head + b"x" * 300_000)
        told = await heard(port, head + b"x" * 40_000 + b"\r\n\r\n")
    assert endless == b"" or endless.startswith(b"HTTP/1.1 431 ")
    assert told.startswith(b"HTTP/1.1 431 ")
    assert b'"type":"https://docs.upvest.co/errors/headers_too_large"' in told


async def test_as_many_header_fields_as_are_allowed_are_heard_and_more_are_refused(app: App) -> None:
    port = free_port()

    def head(fields: int) -> bytes:
        more = b"".join(b"x-%d: 1\r\n" % number for number in range(fields - 2))
        return b"GET /things HTTP/1.1\r\nhost: a\r\nconnection: close\r\n" + more + b"\r\n"

    async with listening(app, LOCAL, port):
        told = [await heard(port, head(fields)) for fields in (150, 151, 5_000)]
    assert [one[:13] for one in told] == [b"HTTP/1.1 401 ", b"HTTP/1.1 431 ", b"HTTP/1.1 431 "]
    for one in told:
        assert b"\r\nupvest-request-id: " in one and b'"type":"https://docs.upvest.co/errors/' in one


ODD = {
    "a method in small letters": b"get /things HTTP/1.1",
    "a method nobody knows": b"BREW /things HTTP/1.1",
    "a tunnel": b"CONNECT a:80 HTTP/1.1",
    "no path but a star": b"OPTIONS * HTTP/1.1",
    "a host instead of a path": b"GET a:80 HTTP/1.1",
    "a whole address": b"GET http://a/nowhere HTTP/1.1",
    "letters beyond ASCII": b"GET /\xc3\xbc HTTP/1.1",
    "an escape of nothing": b"GET /%zz HTTP/1.1",
    "the version before": b"GET /nowhere HTTP/1.0",
}
NONE = {
    "no request": b"hello\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 40,
    "a version nobody speaks": b"GET / HTTP/3.0\r\nhost: a\r\n\r\n",
    "a blank in the path": b"GET /a b HTTP/1.1\r\nhost: a\r\n\r\n",
    "a NUL in the path": b"GET /\0 HTTP/1.1\r\nhost: a\r\n\r\n",
    "a line without a colon": b"GET / HTTP/1.1\r\nhost: a\r\nx\r\n\r\n",
    "a control character": b"GET / HTTP/1.1\r\nhost: a\r\nx: \x01\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "a length that is none": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
}


async def test_every_request_that_is_one_has_an_id_and_a_document(app: App) -> None:
    port = free_port()
    async with listening(app, LOCAL, port):
        for name, line in ODD.items():
            told = await heard(port, line + b"\r\nhost: a\r\nconnection: close\r\n\r\n")
            assert b"\r\nupvest-request-id: " in told, name
            assert b"application/problem+json" in told and b'"request_id":"' in told, name


async def test_what_is_no_request_is_told_so_with_an_id_and_a_document(app: App) -> None:
    port = free_port()
    async with listening(app, LOCAL, port):
        for name, sent in NONE.items():
            told = await heard(port, sent)
            assert told.startswith(b"HTTP/1.1 400 Bad Request\r\n") and b"\r\nconnection: close\r\n" in told, name
            assert b"\r\nupvest-request-id: " in told and b"/errors/invalid_request" in told, name


async def test_head_is_answered_over_the_network_as_get_is_without_the_body(app: App) -> None:
    port = free_port()
    async with listening(app, LOCAL, port):
        told, head = [
            await heard(port, method + b" /docs HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            for method in (b"GET", b"HEAD")
        ]

    def lines(heads: bytes) -> set[bytes]:
        own = (b"upvest-request-id", b"date")
        return {line for line in heads.split(b"\r\n") if not line.startswith(own)}

    fields, _, body = told.partition(b"\r\n\r\n")
    assert b"content-length: %d\r\n" % len(body) in fields
    assert head.endswith(b"\r\n\r\n") and lines(head[:-4]) == lines(fields)


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\n",
        b"-1\r\nx",
        b"1" * 17 + b"\r\nx",
        b"1;" + b"a" * 100_000 + b"\r\nx",
        b"1\r\nx\r\n0\r\n" + b"a: b\r\n" * 20_000,
    ],
    ids=["no number", "a negative one", "one too large", "an endless extension", "endless trailers"],
)
async def test_a_body_whose_framing_is_broken_is_refused_with_a_document(app: App, body: bytes) -> None:
    port = free_port()
    async with listening(app, LOCAL, port):
        told = await heard(port, b"POST /things HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" + body)
    assert told.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nupvest-request-id: " in told and b'"type":"https://docs.upvest.co/errors/invalid_request"' in told
