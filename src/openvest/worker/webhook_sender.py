"""Sends one signed request over HTTP: guarded, never redirected, bounded in time and bytes.

Source: reference (protocol); RELIABILITY.md R22 and R38.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Callable
from functools import cache, lru_cache, partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from openvest.core.clock import WireClock
from openvest.core.http_signatures import SignedMessage
from openvest.core.http_signing import sign_v6
from openvest.core.signing_keys import PrivateKey, load_private_key
from openvest.core.webhook_urls import Target, parse_target
from openvest.ports.webhook_sender import NotSent, Receipt, WebhookRequest
from openvest.worker.address_guard import AddressRefused, GuardedResolver, Resolve, SystemResolver, is_public

TIMEOUT_SECONDS = 10
SIGNATURE_SECONDS = 60
MAX_BODY_BYTES = 65_536
MAX_ANSWER_BYTES = 1 << 20
"""All that is received for one request: heads and interim answers count, and what frames a body."""
_DRAIN_SECONDS = 1
_CONNECTION_SECONDS = 30
_HEADERS = (
    (b"accept", b"application/json"),
    (b"content-type", b"application/json"),
)
# Sent but not signed: whatever stands between us and the receiver may change them.
_UNSIGNED = {"user-agent": "OpenVest", "accept-encoding": "identity"}


class HttpWebhookSender:
    """The webhook sender over aiohttp. Made by the composition root; its session opens with the first request.

    `timeout_seconds` bounds one attempt from the name's resolution to the end of what is read of the answer.
    """

    def __init__(
        self,
        wire: WireClock,
        allowed: frozenset[str] = frozenset(),
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        resolve: Resolve | None = None,
        judge: Callable[[str], bool] = is_public,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._wire = wire
        self._allowed = allowed
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._resolver = GuardedResolver(resolve or SystemResolver(), allowed, judge)
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def send(self, webhook_request: WebhookRequest, *, read_body: bool = False) -> Receipt:
        """One attempt. Raises: NotSent."""
        try:
            target = parse_target(webhook_request.url, self._allowed)
        except ValueError as error:
            raise NotSent(f"The URL {error}.") from None
        headers = self._signed(webhook_request, target)
        try:
            async with self._open_session().post(
                URL(target.url, encoded=True),
                data=webhook_request.body,
                headers=headers,
                allow_redirects=False,
                skip_auto_headers=("user-agent", "accept-encoding", "content-type", "accept"),
            ) as response:
                body = await _read(response, TIMEOUT_SECONDS if read_body else _DRAIN_SECONDS)
                return Receipt(response.status, _shown(response), body if read_body else b"")
        except TimeoutError:
            raise NotSent("The endpoint did not answer in time.") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotSent(_sentence(error)) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _signed(self, webhook_request: WebhookRequest, target: Target) -> dict[str, str]:
        created = self._wire.now_seconds()
        message = SignedMessage(
            "POST", target.path, target.query, [*_HEADERS, *webhook_request.headers], webhook_request.body
        )
        signed = sign_v6(
            message,
            _parsed(webhook_request.private_pem),
            str(webhook_request.key_id),
            created=created,
            expires=created + SIGNATURE_SECONDS,
            nonce=secrets.token_urlsafe(18),
        )
        return _UNSIGNED | {name.decode("ascii"): value.decode("latin-1") for name, value in signed}

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=_Connector(
                    resolver=self._resolver,
                    # A remembered address would be one that nobody judged for this connection.
                    use_dns_cache=False,
                    # Whoever sends bounds how many requests are under way; waiting here would eat an attempt's time.
                    limit=0,
                    keepalive_timeout=_CONNECTION_SECONDS,
                    ssl=self._tls or _modern_tls(),
                ),
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


class _AnswerTooLong(aiohttp.ClientError):
    """More was received than an answer may have."""


class _Handler(ResponseHandler):
    """Counts what is received for one request, and breaks the connection off beyond the bound.

    Why here: interim answers and the frames of chunks are read and dropped below all that the library shows.
    """

    _left = MAX_ANSWER_BYTES

    def set_response_params(self, **params: Any) -> None:
        """The next request goes over this connection."""
        self._left = MAX_ANSWER_BYTES
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            return
        self._left -= len(data)
        if self._left >= 0:
            super().data_received(data)
            return
        self.set_exception(_AnswerTooLong())
        if self.transport is not None:
            self.transport.abort()


class _Connector(aiohttp.TCPConnector):
    """Opens connections that count."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # pyright: ignore[reportUnknownMemberType] - one of its options is untyped
        self._factory = partial(_Handler, loop=self._loop)


def _shown(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Its headers as text that can be written again: a receiver may send any bytes as a value."""
    return {
        str(name): value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        for name, value in response.headers.items()
    }


async def _read(response: aiohttp.ClientResponse, seconds: float) -> bytes:
    """What came of the body within bounds; an endless or trickling one costs its connection, not the answer."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while size < MAX_BODY_BYTES:
                part = await response.content.read(MAX_BODY_BYTES - size)
                if not part:
                    return b"".join(parts)
                parts.append(part)
                size += len(part)
    except (TimeoutError, aiohttp.ClientError, OSError):
        pass
    response.close()
    return b"".join(parts)


@cache
def _modern_tls() -> ssl.SSLContext:
    """Why once: reading all certificates that the machine trusts takes 17 ms."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _sentence(error: Exception) -> str:
    """What went wrong, without any address: that would tell the asker what stands inside our network."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, AddressRefused):
            return "The name of the endpoint leads to an address that is not public."
        inner = inner.__cause__ or getattr(inner, "os_error", None)
    if isinstance(error, _AnswerTooLong):
        return f"The endpoint's answer exceeds {MAX_ANSWER_BYTES} bytes."
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "The endpoint's certificate is not valid for its name."
    if isinstance(error, aiohttp.ClientSSLError):
        return "No TLS connection to the endpoint could be made."
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "The name of the endpoint has no address."
    if isinstance(error, aiohttp.ClientConnectorError):
        return "The endpoint does not take connections."
    return "The endpoint's answer was not HTTP, or the connection broke."


@lru_cache(maxsize=1024)
def _parsed(private_pem: bytes) -> PrivateKey:
    return load_private_key(private_pem)
