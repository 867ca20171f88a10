"""One attempt against endpoints that misbehave, and over TLS: what is taken, what is not, and how long it may last."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from openvest.core.clock import WireClock
from openvest.core.signing_keys import generate_p521
from openvest.ports.webhook_sender import NotSent, WebhookRequest
from openvest.worker.webhook_sender import MAX_ANSWER_BYTES, MAX_BODY_BYTES, HttpWebhookSender
from tests.kit.hostile import NOT_TAKEN, OK, TAKEN, Behaviour, endpoint, hangs, sends
from tests.kit.tls import certificate as make_certificate

pytestmark = pytest.mark.anyio

PRIVATE_PEM, _ = generate_p521()
KEY_ID = UUID("df1f1fed-5fef-46fc-b341-d68ac07c621a")
HOST = "hooks.client.example"
WIRE = WireClock()


@asynccontextmanager
async def sender_to(port: int, seconds: float = 5) -> AsyncGenerator[HttpWebhookSender]:
    sender = HttpWebhookSender(WIRE, frozenset({f"127.0.0.1:{port}"}), timeout_seconds=seconds)
    try:
        yield sender
    finally:
        await sender.close()


def webhook_request(url: str) -> WebhookRequest:
    return WebhookRequest(url, b'{"payload":[]}', KEY_ID, PRIVATE_PEM)


@pytest.mark.parametrize("behave", TAKEN.values(), ids=TAKEN.keys())
async def test_a_200_counts_whatever_follows_it(behave: Behaviour) -> None:
    async with endpoint(behave) as port, sender_to(port, 5) as sender, asyncio.timeout(4):
        receipt = await sender.send(webhook_request(f"http://127.0.0.1:{port}/"))
    assert 200 <= receipt.status <= 204
    assert receipt.body == b""


@pytest.mark.parametrize("behave", NOT_TAKEN.values(), ids=NOT_TAKEN.keys())
async def test_without_an_answer_in_time_nothing_was_received(behave: Behaviour) -> None:
    async with endpoint(behave) as port, sender_to(port, 0.3) as sender, asyncio.timeout(4):
        with pytest.raises(NotSent) as caught:
            await sender.send(webhook_request(f"http://127.0.0.1:{port}/"))
    assert str(port) not in str(caught.value)


async def test_a_body_is_read_where_asked_for_and_bounded() -> None:
    async with endpoint(sends(OK + b"\r\n", forever=b"x" * 10_000)) as port:
        sender = HttpWebhookSender(WIRE, frozenset({f"127.0.0.1:{port}"}))
        receipt = await sender.send(webhook_request(f"http://127.0.0.1:{port}/"), read_body=True)
        await sender.close()
    assert receipt.body == b"x" * MAX_BODY_BYTES


MUCH = 32 << 20
HINT = b"HTTP/1.1 103 Early Hints\r\nlink: " + b"a" * 4_000 + b"\r\n\r\n"
HIDDEN = b"1;" + b"a" * 4_000 + b"\r\nx\r\n"
"""A chunk of one byte and four thousand of its extension."""
NO_BODY = OK + b"content-length: 0\r\n\r\n"


def pours(head: bytes, part: bytes, end: bytes, poured: list[bool]) -> Behaviour:
    """Write the head, 32 MiB of parts, and the end; says so where all of it was taken."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        for _ in range(MUCH // (len(part) * 20)):
            writer.write(part * 20)
            await writer.drain()
        writer.write(end)
        await writer.drain()
        poured.append(True)
        await reader.read()

    return behave


@pytest.mark.parametrize("read_body", [False, True])
async def test_interim_answers_without_end_are_broken_off(read_body: bool) -> None:
    poured: list[bool] = []
    async with endpoint(pours(b"", HINT, NO_BODY, poured)) as port, sender_to(port, 20) as sender:
        with pytest.raises(NotSent, match=f"exceeds {MAX_ANSWER_BYTES} bytes"):
            await sender.send(webhook_request(f"http://127.0.0.1:{port}/"), read_body=read_body)
    assert poured == []


@pytest.mark.parametrize("read_body", [False, True])
async def test_megabytes_between_chunks_cost_the_connection_and_not_the_answer(read_body: bool) -> None:
    poured: list[bool] = []
    head = OK + b"transfer-encoding: chunked\r\n\r\n"
    async with endpoint(pours(head, HIDDEN, b"0\r\n\r\n", poured)) as port, sender_to(port, 20) as sender:
        receipt = await sender.send(webhook_request(f"http://127.0.0.1:{port}/"), read_body=read_body)
    assert receipt.status == 200
    assert poured == []
    assert len(receipt.body) < MAX_ANSWER_BYTES // len(HIDDEN)


async def test_what_one_request_received_does_not_count_for_the_next() -> None:
    """Over one connection, each answer just below the bound."""
    connections = 0

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            writer.write(HINT * (MAX_ANSWER_BYTES // len(HINT) - 1) + NO_BODY)
            await reader.readuntil(b'{"payload":[]}')

    async with endpoint(behave) as port, sender_to(port, 20) as sender:
        for _ in range(3):
            assert (await sender.send(webhook_request(f"http://127.0.0.1:{port}/"))).status == 200
    assert connections == 1


async def test_nobody_listening_is_a_failure() -> None:
    async with endpoint(hangs) as port:
        pass
    sender = HttpWebhookSender(WIRE, frozenset({f"127.0.0.1:{port}"}))
    with pytest.raises(NotSent, match="does not take connections"):
        await sender.send(webhook_request(f"http://127.0.0.1:{port}/"))
    await sender.close()


def certificate(folder: Path, host: str, *, days: int = 1) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for this name, and a client's that trusts its certificate alone."""
    file = folder / "server.pem"
    server = make_certificate(file, host, WIRE.now(), days=days)
    return server, ssl.create_default_context(cafile=str(file))


async def _to_loopback(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


async def test_tls_goes_to_the_judged_address_under_the_name_of_the_url(tmp_path: Path) -> None:
    server, client = certificate(tmp_path, HOST)
    names: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: names.append(name)
    async with endpoint(sends(OK + b"content-length: 0\r\n\r\n"), server) as port:
        sender = HttpWebhookSender(WIRE, resolve=_to_loopback, judge=lambda address: address == "127.0.0.1", tls=client)
        receipt = await sender.send(webhook_request(f"https://{HOST}:{port}/"))
        await sender.close()
    assert (receipt.status, names) == (200, [HOST])


@pytest.mark.parametrize(("host", "days", "trusted"), [("other.example", 1, True), (HOST, -1, True), (HOST, 1, False)])
async def test_a_certificate_of_another_name_age_or_issuer_is_refused(
    tmp_path: Path, host: str, days: int, trusted: bool
) -> None:
    server, client = certificate(tmp_path, host, days=days)
    async with endpoint(sends(OK + b"content-length: 0\r\n\r\n"), server) as port:
        tls = client if trusted else None
        sender = HttpWebhookSender(WIRE, resolve=_to_loopback, judge=lambda address: address == "127.0.0.1", tls=tls)
        with pytest.raises(NotSent, match="certificate is not valid"):
            await sender.send(webhook_request(f"https://{HOST}:{port}/"))
        await sender.close()
