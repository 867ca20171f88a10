"""Sign messages of our own: webhook deliveries (version 6), and both versions for tests and tools."""

import base64
from typing import Final

from openvest.core.http_signatures import DIGEST_HEADER, NEVER_COVERED, SignatureVersion, SignedMessage, body_digest
from openvest.core.signing_keys import PrivateKey

# In this order, and only those that the message carries.
_COVERED_HEADERS: Final = (
    b"accept",
    b"authorization",
    b"content-length",
    b"content-type",
    b"content-digest",
    b"digest",
    b"idempotency-key",
    b"upvest-client-id",
    b"upvest-api-version",
    b"openvest-sequence",
    b"openvest-previous-sequence",
)


def sign_v15(
    message: SignedMessage, key: PrivateKey, key_id: str, *, created: int, expires: int | None, nonce: str | None
) -> list[tuple[bytes, bytes]]:
    """The headers of `message` with those of a version 15 signature added.

    A body gets its length and digest here; its content type is the caller's. A message that already has any of the
    added headers is a mistake of the caller.

    Units: `created` and `expires` are Unix seconds.
    """
    headers = _signed(message, key, key_id, 15, created, expires, nonce)
    return [*headers, (b"upvest-signature-version", b"15")]


def sign_v6(
    message: SignedMessage, key: PrivateKey, key_id: str, *, created: int, expires: int | None, nonce: str | None
) -> list[tuple[bytes, bytes]]:
    """The headers of `message` with those of a version 6 signature added; otherwise as `sign_v15`."""
    return _signed(message, key, key_id, 6, created, expires, nonce)


def _signed(
    message: SignedMessage,
    key: PrivateKey,
    key_id: str,
    version: SignatureVersion,
    created: int,
    expires: int | None,
    nonce: str | None,
) -> list[tuple[bytes, bytes]]:
    headers = list(message.headers)
    if message.body:
        headers.append((b"content-length", b"%d" % len(message.body)))
        headers.append((DIGEST_HEADER[version], body_digest(version, message.body)))
    values = dict(headers)
    if len(values) != len(headers) or not values.keys().isdisjoint(NEVER_COVERED):
        raise ValueError("The message to be signed repeats a header, or already has one that signing adds.")
    query = _bytes(message.query)
    lines = [(b"@method", _bytes(message.method)), (b"@path", _bytes(message.path) or b"/")]
    if query:
        lines.append((b"@query", b"?" + query))
    lines += [(name, values[name].strip(b" \t")) for name in _COVERED_HEADERS if name in values]
    params = b"(" + b" ".join(b'"%b"' % name for name, _ in lines) + b")"
    params += f';keyid="{key_id}";created={created}'.encode("ascii")
    if expires is not None:
        params += b";expires=%d" % expires
    if nonce is not None:
        params += f';nonce="{nonce}"'.encode("ascii")
    form = b'"%b": %b' if version == 15 else b"%b: %b"
    base = b"\n".join(form % line for line in [*lines, (b"@signature-params", params)])
    signature = b"sig1=:" + base64.b64encode(key.sign(base)) + b":"
    return [*headers, (b"signature-input", b"sig1=" + params), (b"signature", signature)]


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8")
