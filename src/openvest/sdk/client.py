"""A small synchronous client: it fetches its token, signs if its profile has a key, and keeps one connection open.

A server may close a connection that idles. One that was closed meanwhile is replaced before anything is sent on it;
where the server closes it just then, and no answer had begun, the request goes out once more on a new connection,
signed anew and under its idempotency key. What could have an effect twice is not sent twice: that is told as
`Unreachable`.

client = Client.from_profile(Path("var/profile.toml"))  # or from_profile(…, "lite"), which signs nothing
client.request("GET", "/instruments?limit=3").json()
"""

from __future__ import annotations

import http.client
import json
import selectors
import ssl
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from openvest.sdk.clock import unix_seconds
from openvest.sdk.profile import Profile, read_profile
from openvest.sdk.signing import Signer, unsigned_headers

_FORM = "application/x-www-form-urlencoded"
_RENEW_SECONDS = 60
_KEYED = frozenset({"POST"})
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Methods whose second request changes nothing more. Source: RFC 9110, 9.2.2."""


class Unreachable(Exception):
    """The server does not answer; the text is one sentence."""


class _Closed(Exception):
    """The server closed a kept connection before it began to answer."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. Shape: header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status <= 299

    def json(self) -> Any:
        """The body as JSON, None where there is none."""
        return json.loads(self.body) if self.body else None


def random_key() -> str:
    """A fresh idempotency key."""
    return str(uuid.uuid4())


class Client:
    """One client of one server; not to be shared between threads.

    `keys` makes the idempotency key of each POST that is not given one. `seen` hears of every answer.
    Units: `timeout` is seconds.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        timeout: float = 60,
        keys: Callable[[], str] = random_key,
        seen: Callable[[str, str, Response], None] | None = None,
        clock: Callable[[], float] = unix_seconds,
    ) -> None:
        self.profile = profile
        self._timeout, self._keys, self._seen, self._clock = timeout, keys, seen, clock
        key = profile.key
        self._signer = Signer(profile.client_id, key.id, key.private_key, clock=clock) if key else None
        self._token, self._token_until = "", 0.0
        self._connection: http.client.HTTPConnection | None = None

    @classmethod
    def from_profile(cls, file: Path, contract: str | None = None, **options: Any) -> Self:
        """The file's first client, or the one that speaks this contract. Raises: ProfileError."""
        return cls(read_profile(file, contract), **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def request(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """One request, signed where the profile has a key. `target` is path and query;
        `body` is bytes, or anything that JSON can hold.

        Raises: Unreachable.
        """
        if self._clock() > self._token_until - _RENEW_SECONDS:
            refused = self.fetch_token()
            if not refused.ok:
                return refused
        given = {"authorization": f"Bearer {self._token}", **(headers or {})}
        if idempotency_key is not None or method.upper() in _KEYED:
            given["idempotency-key"] = idempotency_key or self._keys()
        return self._send(method.upper(), target, _encoded(body), given)

    def fetch_token(self) -> Response:
        """Exchange the secret for a token, which is used from now on. Raises: Unreachable."""
        form = {
            "client_id": self.profile.client_id,
            "client_secret": self.profile.client_secret,
            "grant_type": "client_credentials",
            "scope": self.profile.scopes,
        }
        answer = self._send("POST", "/auth/token", urlencode(form).encode(), {"content-type": _FORM}, repeats=True)
        if answer.ok:
            token = answer.json()
            self._token, self._token_until = str(token["access_token"]), self._clock() + int(token["expires_in"])
        return answer

    def plain(self, target: str) -> Response:
        """A GET without credentials, for the paths that belong to no contract. Raises: Unreachable."""
        return self._repeating(True, lambda: self._exchange("GET", target, None, {"accept": "application/json"}))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str], *, repeats: bool = False
    ) -> Response:
        """`repeats`: a second such request does no harm, whatever its method."""

        def exchange() -> Response:
            # Signed each time: a nonce is good for one request, and the first may have been heard.
            return self._exchange(method, target, body, self._headers(method, target, body, headers))

        answer = self._repeating(repeats or method in _IDEMPOTENT or "idempotency-key" in headers, exchange)
        if self._seen is not None:
            self._seen(method, target, answer)
        return answer

    def _headers(self, method: str, target: str, body: bytes | None, given: Mapping[str, str]) -> dict[str, str]:
        """Signed where the profile has a key. Raises: ValueError."""
        if self._signer is None:
            return unsigned_headers(target, body, given)
        return self._signer.headers(method, target, body, given)

    def _repeating(self, repeats: bool, exchange: Callable[[], Response]) -> Response:
        """The answer, of a second exchange where a kept connection was closed under a first that may be repeated."""
        try:
            try:
                return exchange()
            except _Closed:
                if not repeats:
                    raise
                return exchange()
        except (OSError, http.client.HTTPException, _Closed) as error:
            self.close()
            raise Unreachable(f"{self.profile.url} does not answer ({error or type(error).__name__}).") from None

    def _exchange(self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        """Raises: OSError, HTTPException, _Closed."""
        if self._connection is not None and _is_over(self._connection):
            self.close()
        kept = self._connection is not None
        connection = self._connection = self._connection or self._connect()
        try:
            connection.request(method, target, body=body, headers=dict(headers))
            answer = connection.getresponse()
        except ConnectionError as error:  # A status line that never came is one, too.
            if not kept:
                raise
            self.close()
            raise _Closed(str(error)) from None
        content = answer.read()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        if answer.will_close:
            self.close()
        return Response(answer.status, fields, content)

    def _connect(self) -> http.client.HTTPConnection:
        url = urlsplit(self.profile.url)
        if url.scheme == "https":
            tls = ssl.create_default_context()
            return http.client.HTTPSConnection(url.hostname or "", url.port, timeout=self._timeout, context=tls)
        return http.client.HTTPConnection(url.hostname or "", url.port, timeout=self._timeout)


def _is_over(connection: http.client.HTTPConnection) -> bool:
    """Whether the server closed a connection on which nothing is awaited: what can be read there is its end."""
    if connection.sock is None:
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(connection.sock, selectors.EVENT_READ)
        return bool(selector.select(0))


def _encoded(body: Any) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
