"""Signed messages for tests: the recorded requests, and messages signed exactly as a test asks, right or wrong."""

import base64
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from openvest.core.http_signatures import (
    ParsedSignature,
    SignatureRefused,
    SignedMessage,
    body_digest,
    parse_signature,
    verify_signature,
)
from openvest.core.http_signing import sign_v15
from openvest.core.signing_keys import PrivateKey, PublicKey, generate_ed25519, load_private_key, load_public_key

VECTORS: list[dict[str, Any]] = [
    json.loads(path.read_text("utf-8")) for path in sorted((Path(__file__).parent.parent / "vectors").glob("v*.json"))
]
BY_NAME = {vector["name"]: vector for vector in VECTORS}
NOW = 1_800_000_000
PRIVATE_PEM, PUBLIC_PEM = generate_ed25519()
KEY, PUBLIC = load_private_key(PRIVATE_PEM), load_public_key(PUBLIC_PEM)
HEADERS = {
    b"accept": b"application/json",
    b"authorization": b"Bearer t",
    b"upvest-client-id": b"bc47f440-2be0-4a70-a256-2e8c01477eb4",
}
WITH_BODY = HEADERS | {
    b"content-type": b"application/json",
    b"idempotency-key": b"3d1f3f8a-9a5e-4a53-8a0f-6a9d1a1f0b11",
}


def message_of(vector: dict[str, Any]) -> SignedMessage:
    request = vector["request"]
    path, _, query = request["target"].partition("?")
    headers = [(name.lower().encode("ascii"), value.encode("utf-8")) for name, value in request["headers"]]
    return SignedMessage(
        request["method"], path.encode("ascii"), query.encode("ascii"), headers, base64.b64decode(request["body_b64"])
    )


@cache
def key_of(name: str) -> PublicKey:
    return load_public_key(BY_NAME[name]["key"]["public_pem_spki"])


def names_caller(vector: dict[str, Any]) -> bool:
    return vector["request"]["target"] != "/auth/token" and "webhook" not in vector["name"]


def accept(vector: dict[str, Any], message: SignedMessage) -> ParsedSignature:
    parsed = parse_signature(message, vector["verify_at"], names_caller=names_caller(vector))
    verify_signature(parsed, key_of(vector["name"]))
    return parsed


def with_header(message: SignedMessage, name: bytes, value: bytes | None) -> SignedMessage:
    """The message with one header replaced in place, added at the end, or (None) removed."""
    present = any(header == name for header, _ in message.headers)
    headers = [(h, value if h == name and value is not None else v) for h, v in message.headers]
    if value is None:
        headers = [(h, v) for h, v in headers if h != name]
    elif not present:
        headers.append((name, value))
    return replace(message, headers=headers)


def header(message: SignedMessage, name: bytes) -> bytes:
    return dict(message.headers)[name]


def signed(
    version: int = 15,
    *,
    method: str = "POST",
    path: bytes = b"/users",
    query: bytes = b"",
    body: bytes = b'{"a":1}',
    headers: dict[bytes, bytes] | None = None,
    names: list[bytes] | None = None,
    params: bytes | None = None,
    label: bytes = b"sig1",
    key: PrivateKey = KEY,
) -> SignedMessage:
    """A message signed exactly as told; written apart from the builder, so that it can also sign what is wrong."""
    fields = dict(headers if headers is not None else WITH_BODY if body else HEADERS)
    if body:
        fields.setdefault(b"content-length", b"%d" % len(body))
        fields.setdefault(
            *((b"content-digest", body_digest(15, body)) if version == 15 else (b"digest", body_digest(6, body)))
        )
    derived = {b"@method": method.encode(), b"@path": path, b"@query": b"?" + query}
    if names is None:
        names = [b"@method", b"@path", *([b"@query"] if query else []), *fields]
    if params is None:
        params = b';keyid="k";created=%d;expires=%d;nonce="n"' % (NOW, NOW + 60)
    values = derived | fields
    given = b"(" + b" ".join(b'"%b"' % name for name in names) + b")" + params
    form = b'"%b": %b' if version == 15 else b"%b: %b"
    lines = [form % (name, values.get(name, b"")) for name in names] + [form % (b"@signature-params", given)]
    signature = base64.b64encode(key.sign(b"\n".join(lines)))
    sent = [
        *fields.items(),
        (b"signature-input", label + b"=" + given),
        (b"signature", label + b"=:" + signature + b":"),
    ]
    if version == 15:
        sent.append((b"upvest-signature-version", b"15"))
    return SignedMessage(method, path, query, sent, body)


def check(message: SignedMessage, now: float = NOW, *, caller: bool = True) -> ParsedSignature:
    parsed = parse_signature(message, now, names_caller=caller)
    verify_signature(parsed, PUBLIC)
    return parsed


def refused(message: SignedMessage, reason: str | None = None, now: float = NOW, *, caller: bool = True) -> None:
    with pytest.raises(SignatureRefused, match=reason) as caught:
        check(message, now, caller=caller)
    assert caught.value.reason


def signed_token_headers(body: bytes, key: PrivateKey, key_id: str, now: int) -> dict[str, str]:
    """Headers of a token request that names its client in the form only, as one published client sends it."""
    headers = [(b"accept", b"*/*"), (b"content-type", b"application/x-www-form-urlencoded")]
    message = SignedMessage("POST", b"/auth/token", b"", headers, body)
    sent = sign_v15(message, key, key_id, created=now, expires=now + 60, nonce=str(now))
    return {name.decode(): value.decode() for name, value in sent}
