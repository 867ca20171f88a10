"""Where webhooks may go (R38): no shape of a URL, no answer of a name service and no redirect leads inside."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from openvest.core.clock import WireClock
from openvest.core.webhook_urls import parse_target
from openvest.ports.webhook_sender import NotSent
from openvest.worker.address_guard import is_public
from openvest.worker.webhook_sender import HttpWebhookSender
from tests.gates.gate import Gate, Run, Verdict
from tests.kit.hostile import endpoint, says
from tests.security.test_webhook_guard import INSIDE, REFUSED_URLS, REFUSED_WITH_BLANKS, webhook_request

NAME = "hooks.client.example"
INNER_NAME = "The name of the endpoint leads to an address that is not public."

AT_THE_CANARY = """
http://127.0.0.1:{0}/ https://127.0.0.1:{0}/ https://127.1:{0}/ https://2130706433:{0}/ https://0x7f000001:{0}/
https://0177.0.0.1:{0}/ https://0x7f.0.0.1:{0}/ https://127.0.0.1.:{0}/ https://localhost:{0}/ https://localhost.:{0}/
https://a.localhost:{0}/ https://[::1]:{0}/ https://[::ffff:127.0.0.1]:{0}/ https://[::ffff:7f00:1]:{0}/
https://0.0.0.0:{0}/ https://0:{0}/ https://[::]:{0}/ https://user@127.0.0.1:{0}/ https://hooks.client.example@127.0.0.1:{0}/
https://127.0.0.1:{0}#@hooks.client.example/ https://127.0.0.1:{0}\\@hooks.client.example/ https://127\u30020.0.1:{0}/
https://\u2460\u2461\u2466.0.0.1:{0}/ https://127.0.0.1%2f@hooks.client.example:{0}/ ftp://127.0.0.1:{0}/
//127.0.0.1:{0}/
""".split()
"""URLs that lead to the canary wherever a library reads them as it likes."""


@dataclass
class Canary:
    """Listens on loopback, on both families where there are two, and counts who comes."""

    port: int = 0
    connections: int = 0

    async def serve(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.transport.abort()


@asynccontextmanager
async def canary() -> AsyncGenerator[Canary]:
    bird = Canary()
    server = await asyncio.start_server(bird.serve, "127.0.0.1", 0)
    bird.port = server.sockets[0].getsockname()[1]
    try:
        second = await asyncio.start_server(bird.serve, "::1", bird.port)
    except OSError:  # a machine without IPv6
        second = server
    async with server, second:
        yield bird


@dataclass
class Fence:
    """Where connections were begun: `inside` counts those to loopback."""

    inside: int = 0
    strayed: list[str] = field(default_factory=list[str])


@contextmanager
def fenced() -> Generator[Fence]:
    """Loopback alone is connected to; where else a connection is begun is noted and refused.

    Why: a webhook sender whose guard is broken must not knock at anybody's door from the machine that finds out.
    """
    loop, fence = asyncio.get_running_loop(), Fence()
    connect = loop.sock_connect

    async def within(sock: socket.socket, address: Any) -> None:
        if address[0] not in ("127.0.0.1", "127.0.0.9", "::1"):
            fence.strayed.append(address[0])
            raise ConnectionRefusedError
        fence.inside += 1
        await connect(sock, address)

    with patch.object(loop, "sock_connect", within):
        yield fence


async def stays_outside(run: Run) -> Verdict:
    findings: list[str] = []
    async with canary() as bird:
        with fenced() as fence:
            figure = await _all_shapes(run, bird, findings)
    if bird.connections:
        findings.append(f"{bird.connections} connections to the canary")
    if fence.strayed:
        findings.append(f"connections were begun to {len(set(fence.strayed))} other addresses")
    if not fence.inside:
        findings.append("no connection passed the fence, so it holds nothing back")
    figure += f", {bird.connections} connections to the canary, {len(fence.strayed)} elsewhere"
    return Verdict(figure, findings)


async def _all_shapes(run: Run, bird: Canary, findings: list[str]) -> str:
    """Try them all. Returns how many there were."""
    urls = [form.format(bird.port) for form in AT_THE_CANARY] + REFUSED_URLS + REFUSED_WITH_BLANKS
    findings += await _urls(urls)
    names = await _inner_answers(bird, findings)
    flips = await _changing_answers(bird, run["flips"], findings)
    redirects = await _redirects(bird, findings)
    shapes = len(urls) + names + flips + redirects
    if shapes < 120:
        findings.append(f"only {shapes} shapes")
    return f"{shapes} shapes ({len(urls)} URLs, {names} inner answers, {flips} changing names, {redirects} redirects)"


async def _urls(urls: Sequence[str]) -> list[str]:
    """Refused when a subscription is made, and again before each attempt, should one stand in the database."""
    findings: list[str] = []
    sender = HttpWebhookSender(WireClock(), timeout_seconds=2, resolve=_public)
    for url in urls:
        try:
            parse_target(url)
            findings.append(f"{url!r} may be subscribed to")
        except ValueError:
            pass
        try:
            await sender.send(webhook_request(url))
            findings.append(f"{url!r} was sent to")
        except NotSent as error:
            if not str(error).startswith("The URL"):
                findings.append(f"{url!r} was tried: {error}")
    await sender.close()
    return findings


async def _public(_host: str, _port: int) -> Sequence[str]:
    return ["192.0.2.1"]


async def _inner_answers(bird: Canary, findings: list[str]) -> int:
    """A good name whose only answer is an inner address, or one of several."""
    tried = 0
    for address in INSIDE:
        for answers in ([address], ["1.1.1.1", address]):

            async def resolve(_host: str, _port: int, answers: Sequence[str] = answers) -> Sequence[str]:
                return answers

            sender = HttpWebhookSender(WireClock(), timeout_seconds=2, resolve=resolve)
            tried += 1
            try:
                await sender.send(webhook_request(f"https://{NAME}:{bird.port}/"))
                findings.append(f"{answers} was sent to")
            except NotSent as error:
                if str(error) != INNER_NAME:
                    findings.append(f"{answers} was tried: {error}")
            await sender.close()
    return tried


async def _changing_answers(bird: Canary, flips: int, findings: list[str]) -> int:
    """Rebinding: every other answer leads to the canary. 127.0.0.9 plays the public address; nobody listens there."""
    answers: Iterator[str] = iter(["127.0.0.9", "127.0.0.1"] * flips)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return [next(answers)]

    sender = HttpWebhookSender(
        WireClock(), timeout_seconds=2, resolve=resolve, judge=lambda a: a == "127.0.0.9" or is_public(a)
    )
    for _ in range(flips):
        for expected in ("The endpoint does not take connections.", INNER_NAME):
            try:
                await sender.send(webhook_request(f"https://{NAME}:{bird.port}/"))
                findings.append("a changing name was sent to")
            except NotSent as error:
                if str(error) != expected:
                    findings.append(f"a changing name: {error}")
    await sender.close()
    return flips


async def _redirects(bird: Canary, findings: list[str]) -> int:
    """An endpoint that may be sent to and sends on to the canary."""
    tried = 0
    for status in (301, 302, 303, 307, 308):
        for form in AT_THE_CANARY[:2]:
            location = b"location: " + form.format(bird.port).encode()
            async with endpoint(says(status, location)) as port:
                sender = HttpWebhookSender(WireClock(), frozenset({f"127.0.0.1:{port}"}), timeout_seconds=2)
                try:
                    answered = str((await sender.send(webhook_request(f"http://127.0.0.1:{port}/"))).status)
                except NotSent as error:
                    answered = str(error)
                await sender.close()
            tried += 1
            if answered != str(status):
                findings.append(f"{status} to {form}: {answered}")
    return tried


GATES = (
    Gate(
        "R38 egress",
        "no shape of a URL, no answer of a name service and no redirect leads a webhook inside",
        stays_outside,
        push={"flips": 20},
        night={"flips": 1_000},
        quick=True,
    ),
)
