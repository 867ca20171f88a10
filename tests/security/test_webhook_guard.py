"""Server-side request forgery: no shape of a URL and no answer of a name service leads a webhook inside."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from unittest.mock import patch
from uuid import UUID

import pytest

from openvest.core.clock import WireClock
from openvest.core.signing_keys import generate_p521
from openvest.core.webhook_urls import allow_list, parse_target
from openvest.features.webhooks.rules import WebhookUrlRefused, check_url
from openvest.ports.webhook_sender import NotSent, WebhookRequest
from openvest.worker import address_guard
from openvest.worker.address_guard import AddressRefused, GuardedResolver, SystemResolver, is_public
from openvest.worker.webhook_sender import HttpWebhookSender

PRIVATE_PEM, _ = generate_p521()
KEY_ID = UUID("df1f1fed-5fef-46fc-b341-d68ac07c621a")

INSIDE = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.0.0.53 127.1.2.3
127.255.255.255 168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.8 192.0.0.170
192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9
224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1
64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001::1 2001:0:7f00:1::1 2001:10::1 2001:20::1 2001:db8::1
2002:7f00:1:: 2002:a9fe:a9fe::1 2002:c0a8:1:1::1 3fff::1 fc00::1 fd00::1 fd00:ec2::254 fd12:3456:789a:1::1 fe80::1
fe80::1%eth0 febf::1 fec0::1 ff02::1 ff0e::1 2600:1:2:3:0:5efe:10.0.0.1 2600:1:2:3:200:5efe:169.254.169.254
2600::1%1 4000::1 5f00::1
0177.0.0.1 127.1 2130706433 0x7f000001 localhost 127.0.0.1:80 [::1] 1.1.1.1/32
""".split()
OUTSIDE = "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 172.15.255.255 \
172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 2606:4700:4700::1111 2a00:1450::1 \
2001:4860:4860::8888 2400:cb00::1".split()

REFUSED_URLS = """
http://hooks.client.example/ ftp://hooks.client.example/ file:///etc/passwd gopher://hooks.client.example/_
ws://hooks.client.example/ javascript:alert(1) //hooks.client.example/ hooks.client.example/ https:hooks.client.example/
https:/hooks.client.example/ https:///hooks.client.example https:// https://? https://#
https://127.0.0.1/ https://127.1/ https://0177.0.0.1/ https://0x7f.0.0.1/ https://0x7f000001/ https://2130706433/
https://017700000001/ https://127.0.0.1.:443/ https://127.0.0.1:443/ https://0/ https://0.0.0.0/ https://10.0.0.1/
https://169.254.169.254/latest/meta-data/ https://1.1.1.1/ https://8.8.8.8:8443/ https://1.2.3/ https://1.2.3.0x4/
https://[::1]/ https://[::1]:443/ https://[::]/ https://[::ffff:127.0.0.1]/ https://[64:ff9b::7f00:1]/
https://[2002:7f00:1::]/ https://[fe80::1%25eth0]/ https://[2606:4700:4700::1111]/ https://[v1.x]/ https://[::1
https://localhost/ https://localhost:8443/ https://a.localhost/ https://printer.local/ https://metadata.google.internal/
https://router.home.arpa/ https://hidden.onion/ https://intranet/ https://hooks/ https://hooks.client.example./
https://user@hooks.client.example/ https://user:pass@hooks.client.example/ https://@hooks.client.example/
https://hooks.client.example@127.0.0.1/ https://127.0.0.1@hooks.client.example/
https://hooks.client.example#@127.0.0.1/ https://hooks.client.example/#fragment https://hooks.client.example#
https://hooks.client.example\\@127.0.0.1/ https://hooks.client.example\\.evil.example/ https:\\\\hooks.client.example/
https://hooks.client.example:0/ https://hooks.client.example:65536/ https://hooks.client.example:99999999/
https://hooks.client.example:22/ https://hooks.client.example:25/ https://hooks.client.example:80/
https://hooks.client.example:443:443/ https://hooks.client.example:-1/ https://hooks.client.example:+443/
https://hooks.client.example:/ https://hooks.client.example:4\u0664/ https://hooks.client.example:0x1bb/
https://h\u00f6oks.example/ https://\u24d4xample.com/ https://example\u3002com/ https://127\u30020.0.1/
https://hooks_client.example/ https://-hooks.example/ https://hooks-.example/ https://.example/ https://a..example/
https://hooks.client.example%2f@evil.example/ https://hooks%2eclient.example/ https://%31%32%37.0.0.1/
https://hooks.client.example/%zz https://hooks.client.example/%4 https://hooks.client.example/<script>
https://hooks.client.example/"quoted" https://hooks.client.example/{brace} https://hooks.client.example/a|b
https://hooks.client.example/`tick` https://hooks.client.example/^ https://hooks.client.example/\u00fc
""".split()
REFUSED_WITH_BLANKS = [
    "",
    " https://hooks.client.example/",
    "https://hooks.client.example/ ",
    "https://hooks.client.example/a b",
    "https://hooks.client.example/\n",
    "https://hooks.client.example\n/",
    "https://hooks.client.example\t/",
    "https://hooks.client.example\r\nHost: evil.example/",
    "https://hooks.client.example\x00.evil.example/",
    "ht\ntps://hooks.client.example/",
    "https://hooks.client.example/" + "a" * 1000,
    "https://" + "a" * 64 + ".example/",
    "https://" + ".".join(["a" * 60] * 5) + ".example/",
]
TAKEN_URLS = {
    "https://hooks.client.example": "https://hooks.client.example/",
    "https://hooks.client.example/": "https://hooks.client.example/",
    "HTTPS://Hooks.Client.EXAMPLE/Path": "https://hooks.client.example/Path",
    "https://hooks.client.example:443/x": "https://hooks.client.example/x",
    "https://hooks.client.example:8443/x": "https://hooks.client.example:8443/x",
    "https://hooks.client.example/a/../b": "https://hooks.client.example/a/../b",
    "https://hooks.client.example/a%20b?c=d&e=%2F&url=http://127.0.0.1/": (
        "https://hooks.client.example/a%20b?c=d&e=%2F&url=http://127.0.0.1/"
    ),
    "https://hooks.client.example?x=1": "https://hooks.client.example/?x=1",
    "https://hooks.client.example/?": "https://hooks.client.example/",
    "https://xn--hks-8na.example/": "https://xn--hks-8na.example/",
    "https://1.2.3.4.nip.example/": "https://1.2.3.4.nip.example/",
    "https://a-1.b2.example:1024/": "https://a-1.b2.example:1024/",
}


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_a_public_address_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_public_addresses_pass_right_up_to_their_edges(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", REFUSED_URLS + REFUSED_WITH_BLANKS, ids=repr)
def test_a_url_of_another_shape_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        parse_target(url)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("hook", "must be an absolute URL such as https://example.com/hook, without fragment, "),
        ("ftp://hooks.client.example/", "must begin with https://."),
        (
            "http://hooks.client.example/",
            "must begin with https://; a sandbox takes http:// ",
        ),
        ("https://user@hooks.client.example/", "must not carry a user name."),
        ("https://hooks.client.example:0/", "must have a port from 1 to 65535."),
        ("https://hooks.client.example:25/", "must use port 443 or one from 1024 on."),
        ("https://8.8.8.8/", "must name its host by a full DNS name, not by an address."),
        ("https://printer.local/", "must name a public host, not one under localhost, local, internal, "),
        ("https://hooks.client.example/" + "x" * 1000, "must have at most 1000 characters."),
    ],
)
def test_a_refused_url_is_told_what_it_must_be(url: str, sentence: str) -> None:
    with pytest.raises(WebhookUrlRefused) as refused:
        check_url(url, frozenset())
    assert refused.value.detail.startswith(f"The URL of a webhook {sentence}")


@pytest.mark.parametrize(("url", "read"), TAKEN_URLS.items())
def test_a_url_is_read_in_one_way(url: str, read: str) -> None:
    target = parse_target(url)
    assert (target.url, target.listed) == (read, False)


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("http://127.0.0.1:9000/hook", True),
        ("https://127.0.0.1:9000/hook", True),
        ("http://localhost:9000/", True),
        ("http://LOCALHOST:9000/", True),
        ("http://[::1]:9000/", True),
        ("http://127.0.0.1:9001/", False),
        ("http://127.0.0.1/", False),
        ("http://127.0.0.2:9000/", False),
        ("http://127.1:9000/", False),
        ("http://localhost.:9000/", False),
        ("http://x.localhost:9000/", False),
        ("http://127.0.0.1:09000/", True),
        ("http://user@127.0.0.1:9000/", False),
        ("http://127.0.0.1:9000@evil.example/", False),
        ("http://evil.example/#127.0.0.1:9000", False),
        ("ftp://127.0.0.1:9000/", False),
    ],
)
def test_the_allow_list_opens_exactly_what_it_names(url: str, listed: bool) -> None:
    allowed = allow_list(["127.0.0.1:9000", "LocalHost:9000", "[::1]:9000"])
    if listed:
        assert parse_target(url, allowed).listed
    else:
        with pytest.raises(ValueError):
            parse_target(url, allowed)


@pytest.mark.parametrize(
    "entry", ["", "localhost", ":9000", "127.0.0.1:", "127.0.0.1:0", "a:65536", "a b:1", "*:80", "http://a:1"]
)
def test_an_entry_that_is_not_host_and_port_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        allow_list([entry])


@pytest.mark.anyio
@pytest.mark.parametrize(
    "answers", [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["2606:4700::1", "::1"], ["::ffff:10.0.0.1"]]
)
async def test_one_inner_answer_spoils_all(answers: list[str]) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return answers

    with pytest.raises(AddressRefused):
        await GuardedResolver(resolve, frozenset()).resolve("hooks.client.example", 443)
    listed = GuardedResolver(resolve, frozenset({"hooks.client.example:443"}))
    assert [found["host"] for found in await listed.resolve("hooks.client.example", 443)] == answers
    with pytest.raises(AddressRefused):
        await listed.resolve("hooks.client.example", 8443)


@dataclass
class Canary:
    """A listener on loopback that counts who comes and answers 200."""

    port: int = 0
    connections: int = 0
    heard: list[bytes] = field(default_factory=list[bytes])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def canary() -> AsyncGenerator[Canary]:
    bird = Canary()
    server = await asyncio.start_server(bird.serve, "127.0.0.1", 0)
    bird.port = server.sockets[0].getsockname()[1]
    async with server:
        yield bird


def webhook_request(url: str) -> WebhookRequest:
    return WebhookRequest(url, b'{"payload":[]}', KEY_ID, PRIVATE_PEM)


@pytest.mark.anyio
async def test_a_name_that_changes_its_mind_is_judged_at_each_connection() -> None:
    """DNS rebinding: every other answer leads inside; the canary stands where the inner answer leads."""
    async with canary() as bird:
        answers: Iterator[str] = iter(["127.0.0.9", "127.0.0.1"] * 10)
        asked: list[str] = []

        async def resolve(_host: str, _port: int) -> Sequence[str]:
            asked.append(next(answers))
            return [asked[-1]]

        # 127.0.0.9 plays the public address here; nobody listens there.
        sender = HttpWebhookSender(WireClock(), resolve=resolve, judge=lambda address: address == "127.0.0.9")
        refused: list[str] = []
        for _ in range(20):
            with pytest.raises(NotSent) as caught:
                await sender.send(webhook_request(f"https://hooks.client.example:{bird.port}/"))
            refused.append(str(caught.value))
        await sender.close()
    assert bird.connections == 0
    assert len(asked) == 20
    assert refused[1::2] == ["The name of the endpoint leads to an address that is not public."] * 10
    assert refused[0::2] == ["The endpoint does not take connections."] * 10


@pytest.mark.anyio
@pytest.mark.parametrize(
    "form", ["http://127.0.0.1:{}/", "https://127.0.0.1:{}/", "https://localhost:{}/", "http://[::1]:{}/"]
)
async def test_what_stands_in_the_database_is_judged_again_before_it_is_sent(form: str) -> None:
    async with canary() as bird:
        sender = HttpWebhookSender(WireClock(), frozenset({f"127.0.0.1:{bird.port + 1}"}))
        with pytest.raises(NotSent):
            await sender.send(webhook_request(form.format(bird.port)))
        await sender.close()
    assert bird.connections == 0


@pytest.mark.anyio
async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with canary() as proxy, canary() as bird:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        sender = HttpWebhookSender(WireClock(), frozenset({f"127.0.0.1:{bird.port}"}))
        receipt = await sender.send(webhook_request(f"http://127.0.0.1:{bird.port}/"))
        await sender.close()
    assert (receipt.status, proxy.connections, bird.connections) == (200, 0, 1)


@pytest.mark.anyio
async def test_host_header_and_name_stay_those_of_the_url() -> None:
    async with canary() as bird:

        async def resolve(_host: str, _port: int) -> Sequence[str]:
            return ["127.0.0.1"]

        allowed = frozenset({f"hooks.client.example:{bird.port}"})
        sender = HttpWebhookSender(WireClock(), allowed, resolve=resolve)
        await sender.send(webhook_request(f"http://Hooks.Client.Example:{bird.port}/a%2Fb?c=%20"))
        await sender.close()
    head = bird.heard[0].lower()
    assert head.startswith(b"post /a%2fb?c=%20 http/1.1\r\n")
    assert f"host: hooks.client.example:{bird.port}\r\n".encode() in head
    assert b"user-agent: openvest\r\n" in head
    assert b"accept-encoding: identity\r\n" in head


def test_the_machine_itself_resolves_localhost_inside() -> None:
    """The premise of it all: the name service does hand out inner addresses."""
    found = {str(entry[4][0]) for entry in socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)}
    assert found
    assert not any(is_public(address) for address in found)


@pytest.mark.anyio
async def test_a_name_has_one_look_up_at_a_time_and_the_next_one_when_that_has_ended() -> None:
    asked: list[str] = []
    over = threading.Event()

    def answer(host: str, _port: int) -> Sequence[tuple[int, int, int, str, tuple[str, int]]]:
        asked.append(host)
        over.wait(10)
        if host == "bad.example":
            raise OSError("the name has no address")
        return [(0, 0, 0, "", ("1.1.1.1", 0))] * 2

    resolve = SystemResolver()
    with patch.object(address_guard, "_ask", answer):
        several = [asyncio.create_task(resolve("good.example", 443)) for _ in range(5)]
        several += [asyncio.create_task(resolve("bad.example", 443)) for _ in range(2)]
        await asyncio.sleep(0)
        several[0].cancel()  # who asked first may give up, the others are told nevertheless
        over.set()
        told = await asyncio.gather(*several, return_exceptions=True)
        assert told[1:5] == [["1.1.1.1"]] * 4 and all(isinstance(error, OSError) for error in told[5:])
        assert sorted(asked) == ["bad.example", "good.example"]
        assert await resolve("good.example", 443) == ["1.1.1.1"]
    assert len(asked) == 3
