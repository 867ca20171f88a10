"""The client's kept connection: replaced where the server closed it, and nothing sent twice that could count twice."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import BinaryIO, cast

import pytest

from openvest.core.signing_keys import generate_ed25519
from openvest.sdk.client import Client, Response, Unreachable
from openvest.sdk.profile import Profile, SigningKey

TOKEN = json.dumps({"access_token": "t", "expires_in": 3600}).encode()
ANSWER, ANSWER_THEN_CLOSE, CLOSE, HALF = "answer", "answer, then close", "close", "half an answer"


@dataclass
class Host:
    """A server that does with each request what its script says, and answers all that come after it."""

    script: list[str] = field(default_factory=list[str])
    heard: list[tuple[int, str, dict[str, str]]] = field(default_factory=list[tuple[int, str, dict[str, str]]])
    """Connection, request line, headers; without the token requests."""
    closed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection, connection.makefile("rwb") as stream:
                while self._one(cast(BinaryIO, stream)):
                    pass
            # Only now: the stream keeps the socket open.
            self.closed.set()

    def _one(self, stream: BinaryIO) -> bool:
        """One request; whether there may be another on this connection."""
        line = stream.readline().decode()
        if not line:
            return False
        headers: dict[str, str] = {}
        while (text := stream.readline().decode().strip()) != "":
            name, _, value = text.partition(": ")
            headers[name.lower()] = value
        stream.read(int(headers.get("content-length", "0")))
        token = " /auth/token " in line
        doing = ANSWER if token or not self.script else self.script.pop(0)
        if not token:
            self.heard.append((self.connections, line.split(" HTTP")[0], headers))
        body = TOKEN if token else b"{}"
        whole = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        stream.write({CLOSE: b"", HALF: whole[:-1]}.get(doing, whole))
        stream.flush()
        return doing == ANSWER

    def sent(self, name: str) -> list[str]:
        return [headers.get(name, "") for _, _, headers in self.heard]


@pytest.fixture
def host() -> Generator[Host]:
    made = Host()
    yield made
    made.listener.close()


@pytest.fixture
def client(host: Host) -> Generator[Client]:
    url = f"http://127.0.0.1:{host.port}"
    profile = Profile(url, "c", "s", "users:read", SigningKey("k", generate_ed25519()[0]))
    with Client(profile, timeout=5) as made:
        yield made


CALLS: dict[str, Callable[[Client], Response]] = {
    "GET": lambda client: client.request("GET", "/users"),
    "DELETE": lambda client: client.request("DELETE", "/orders/1"),
    "POST": lambda client: client.request("POST", "/orders", {"a": 1}),
    "PATCH": lambda client: client.request("PATCH", "/accounts/1", {"a": 1}),
    "plain": lambda client: client.plain("/health/live"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_connection_that_was_closed_while_idle_is_replaced(
    host: Host, client: Client, call: Callable[[Client], Response]
) -> None:
    host.script = [ANSWER_THEN_CLOSE]
    assert client.request("GET", "/first").status == 200
    assert host.closed.wait(5)
    assert call(client).status == 200
    assert [number for number, _, _ in host.heard] == [1, 2]


@pytest.mark.parametrize("name", ["GET", "DELETE", "POST", "plain"])
def test_what_may_be_repeated_is_where_the_server_closes_just_then(host: Host, client: Client, name: str) -> None:
    host.script = [ANSWER, CLOSE]
    assert client.request("GET", "/first").status == 200
    assert CALLS[name](client).status == 200
    assert [number for number, _, _ in host.heard] == [1, 1, 2]
    keys = host.sent("idempotency-key")[1:]
    assert keys[0] == keys[1] and bool(keys[0]) == (name == "POST")
    if name != "plain":
        nonces = [re.findall(r'nonce="([^"]+)"', text)[0] for text in host.sent("signature-input")]
        assert len(set(nonces)) == 3 and len(set(host.sent("signature"))) == 3


def test_what_could_count_twice_is_sent_once(host: Host, client: Client) -> None:
    host.script = [ANSWER, CLOSE]
    client.request("GET", "/first")
    with pytest.raises(Unreachable):
        CALLS["PATCH"](client)
    assert len(host.heard) == 2
    assert CALLS["PATCH"](client).status == 200


def test_a_key_makes_any_method_repeatable(host: Host, client: Client) -> None:
    host.script = [ANSWER, CLOSE]
    client.request("GET", "/first")
    assert client.request("PATCH", "/accounts/1", {"a": 1}, idempotency_key="mine").status == 200
    assert host.sent("idempotency-key") == ["", "mine", "mine"]


@pytest.mark.parametrize("doing", [CLOSE, HALF])
def test_only_once_and_never_after_an_answer_began(host: Host, client: Client, doing: str) -> None:
    """What a new connection does not answer, either, is unreachable; so is an answer that breaks off."""
    host.script = [ANSWER, doing, CLOSE]
    client.request("GET", "/first")
    with pytest.raises(Unreachable):
        CALLS["POST"](client)
    assert len(host.heard) == (3 if doing == CLOSE else 2)


def test_a_renewed_token_travels_on_a_new_connection(host: Host) -> None:
    now = [1_800_000_000.0]
    profile = Profile(f"http://127.0.0.1:{host.port}", "c", "s", "users:read", SigningKey("k", generate_ed25519()[0]))
    host.script = [ANSWER_THEN_CLOSE]
    with Client(profile, timeout=5, clock=lambda: now[0]) as client:
        assert client.request("GET", "/first").status == 200
        now[0] += 3600
        assert host.closed.wait(5)
        assert client.request("GET", "/second").status == 200
    assert host.connections == 2


def test_without_a_key_a_request_bears_its_token_and_is_not_signed(host: Host) -> None:
    profile = Profile(f"http://127.0.0.1:{host.port}", "c", "s", "users:read")
    with Client(profile, timeout=5) as client:
        client.request("POST", "/orders", {"a": 1})
        with pytest.raises(ValueError, match="percent-encoded"):
            client.request("GET", "/a b")
    _, line, headers = host.heard[0]
    assert line == "POST /orders" and headers.pop("idempotency-key") and headers.pop("host")
    assert headers.pop("accept-encoding") == "identity"
    plain = {"content-type": "application/json", "accept": "application/json", "content-length": "7"}
    assert headers == {"authorization": "Bearer t", **plain}, "nothing of a signature"
