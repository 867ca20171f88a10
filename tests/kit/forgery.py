"""A request before it is signed, so that a test can make anything about it wrong and sign it all the same."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from openvest.core.http_signatures import DIGEST_HEADER, SignatureVersion, SignedMessage, body_digest
from openvest.core.signing_keys import PrivateKey
from tests.kit.signed_messages import header, signed, with_header

Bend = Callable[["Draft"], "Draft"]
Edit = Callable[[SignedMessage], SignedMessage]


@dataclass(frozen=True, slots=True)
class Draft:
    """A request and how it is to be signed. Units: `created` and `expires` are Unix seconds; None: not given.

    Shape: `headers` are all that are sent and may be covered, with length and digest of the body; `names` are covered.
    """

    version: SignatureVersion
    method: str
    path: bytes
    query: bytes
    body: bytes
    headers: Mapping[bytes, bytes]
    names: Sequence[bytes]
    key: PrivateKey = field(repr=False)
    key_id: str | None
    created: str | None
    expires: str | None
    nonce: str | None
    more: bytes = b""
    """Further parameters as they stand in the header."""
    reversed: bool = False
    """Parameters in the reverse order."""

    @property
    def digest(self) -> bytes:
        return DIGEST_HEADER[self.version]

    def sign(self) -> SignedMessage:
        """The message as it goes over the wire."""
        parts = [
            b"" if self.key_id is None else f';keyid="{self.key_id}"'.encode(),
            b"" if self.created is None else f";created={self.created}".encode(),
            b"" if self.expires is None else f";expires={self.expires}".encode(),
            b"" if self.nonce is None else f';nonce="{self.nonce}"'.encode(),
            self.more,
        ]
        made = signed(
            self.version,
            method=self.method,
            path=self.path,
            query=self.query,
            body=self.body,
            headers=dict(self.headers),
            names=list(self.names),
            params=b"".join(reversed(parts) if self.reversed else parts),
            key=self.key,
        )
        # The builder adds what a body needs; a draft sends exactly the headers it has.
        for name in (b"content-length", self.digest):
            if name not in self.headers:
                made = with_header(made, name, None)
        return made

    def without(self, name: bytes) -> Draft:
        """Neither sent nor covered."""
        kept = {other: value for other, value in self.headers.items() if other != name}
        return replace(self, headers=kept, names=[other for other in self.names if other != name])

    def uncovered(self, name: bytes) -> Draft:
        return replace(self, names=[other for other in self.names if other != name])

    def sending(self, name: bytes, value: bytes) -> Draft:
        """With another value of a header, covered if it was; a new one is covered."""
        names = self.names if name in self.headers else [*self.names, name]
        return replace(self, headers={**self.headers, name: value}, names=names)


def framed(version: SignatureVersion, body: bytes, content_type: bytes) -> dict[bytes, bytes]:
    """The headers that a body needs."""
    if not body:
        return {}
    return {
        b"content-type": content_type,
        b"content-length": b"%d" % len(body),
        DIGEST_HEADER[version]: body_digest(version, body),
    }


def signature_of(message: SignedMessage) -> bytes:
    return base64.b64decode(header(message, b"signature").partition(b":")[2][:-1])


def with_signature(message: SignedMessage, signature: bytes) -> SignedMessage:
    label = header(message, b"signature").partition(b"=")[0]
    return with_header(message, b"signature", label + b"=:" + base64.b64encode(signature) + b":")
