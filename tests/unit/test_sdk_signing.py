"""The client's signer, judged by the server's verifier over what an HTTP client really puts on the wire."""

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from openvest.core.http_signatures import (
    ParsedSignature,
    SignatureRefused,
    SignedMessage,
    parse_signature,
    verify_signature,
)
from openvest.core.signing_keys import generate_ed25519, generate_p521, load_public_key
from openvest.sdk.signing import Signer

NOW = 1_800_000_000
CLIENT_ID, KEY_ID = "bc47f440-2be0-4a70-a256-2e8c01477eb4", "f339654d-8df4-4f5e-af9c-dc5b897e8fee"
KEYS = {"p521": generate_p521(), "ed25519": generate_ed25519()}
TOKEN = {"Authorization": "Bearer abc"}
UMLAUTS = '{"city": "Görlitz", "street": "Straße 7 – 漢字"}'.encode()


def signer(kind: str = "ed25519", clock: Callable[[], float] = lambda: NOW + 0.9) -> Signer:
    return Signer(CLIENT_ID, KEY_ID, KEYS[kind][0], clock=clock)


def on_the_wire(method: str, target: str, headers: dict[str, str], body: bytes | None) -> SignedMessage:
    """The request as an ASGI server hands it over, after httpx has added headers of its own."""
    with httpx.Client(base_url="http://127.0.0.1:8000") as client:
        request = client.build_request(method, target, headers=headers, content=body)
    path, _, query = request.url.raw_path.partition(b"?")
    fields = [(name.lower(), value) for name, value in request.headers.raw]
    return SignedMessage(request.method, path, query, fields, request.content)


def verified(message: SignedMessage, kind: str = "ed25519", *, names_caller: bool = True) -> ParsedSignature:
    parsed = parse_signature(message, NOW, names_caller=names_caller)
    verify_signature(parsed, load_public_key(KEYS[kind][1]))
    return parsed


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize(
    ("method", "target", "body", "extra"),
    [
        ("GET", "/users", None, {}),
        ("GET", "/", b"", {}),
        ("GET", "/users?limit=2&offset=0", None, {"accept": "*/*"}),
        ("GET", "/instruments/isin:IE00B5M1WJ87?a=b%20c&foo-bar&x=%C3%A4", None, {"upvest-api-version": "1"}),
        ("DELETE", "/users/1", None, {"Date": "Fri, 20 Nov 2026 13:05:09 GMT"}),
        ("POST", "/users/1/offboard", b"", {}),
        ("POST", "/users", UMLAUTS, {"Idempotency-Key": "3d1f3f8a-9a5e-4a53-8a0f-6a9d1a1f0b11"}),
        ("PATCH", "/users/M%C3%B6bius?q=%E6%BC%A2", UMLAUTS, {"content-type": "application/json; charset=utf-8"}),
    ],
)
def test_the_server_accepts_what_the_client_signs(
    kind: str, method: str, target: str, body: bytes | None, extra: dict[str, str]
) -> None:
    headers = signer(kind).headers(method, target, body, TOKEN | extra)
    message = on_the_wire(method, target, headers, body)
    parsed = verified(message, kind)
    assert (parsed.version, parsed.key_id, parsed.created, parsed.expires) == (15, KEY_ID, NOW, NOW + 60)
    assert parsed.idempotency_key_covered
    covered = {name.decode() for name in parsed.components}
    assert covered >= {"upvest-client-id", "authorization", "accept"} | {name.lower() for name in extra}
    assert headers["upvest-client-id"] == CLIENT_ID
    assert ("content-digest" in covered) == bool(body)
    assert ("content-digest" in headers) == bool(body)


@pytest.mark.parametrize("kind", KEYS)
def test_the_token_request(kind: str) -> None:
    body = b"client_id=x&client_secret=y&grant_type=client_credentials&scope=users%3Aread"
    headers = signer(kind).headers("POST", "/auth/token", body, {"content-type": "application/x-www-form-urlencoded"})
    message = on_the_wire("POST", "/auth/token", headers, body)
    assert b"upvest-client-id" in verified(message, kind, names_caller=False).components
    with pytest.raises(SignatureRefused, match="not covered: authorization"):
        verified(message, kind)


def test_defaults_are_filled_in_and_given_headers_kept() -> None:
    headers = signer().headers("POST", "/users", b"{}", TOKEN)
    assert headers["accept"] == headers["content-type"] == "application/json"
    headers = signer().headers("POST", "/users", b"{}", {"Accept": " application/pdf ", "Content-Type": "text/plain"})
    assert (headers["accept"], headers["content-type"]) == ("application/pdf", "text/plain")


def test_what_intermediaries_touch_is_sent_but_not_covered() -> None:
    names = ["cookie", "x-foo", "cf-ray", "cdn-loop", "priority", "sec-fetch-mode", "user-agent", "Connection", "host"]
    headers = signer().headers("GET", "/users", None, TOKEN | dict.fromkeys(names, "a"))
    assert headers.keys() >= {name.lower() for name in names}
    assert not {name.lower() for name in names} & {
        name.decode() for name in verified(on_the_wire("GET", "/users", headers, None)).components
    }


def test_each_request_has_a_nonce_of_its_own() -> None:
    one = signer()
    nonces = {
        verified(on_the_wire("GET", "/users", one.headers("GET", "/users", None, TOKEN), None)).nonce for _ in range(20)
    }
    assert len(nonces) == 20


def test_the_clock_is_asked_for_each_request() -> None:
    times = iter([NOW - 1, NOW + 1])
    one = signer(clock=lambda: next(times))
    created = [
        verified(on_the_wire("GET", "/users", one.headers("GET", "/users", None, TOKEN), None)).created
        for _ in range(2)
    ]
    assert created == [NOW - 1, NOW + 1]


@pytest.mark.parametrize("kind", KEYS)
def test_a_changed_request_is_refused(kind: str) -> None:
    target = "/users?a=b"
    message = on_the_wire("POST", target, signer(kind).headers("POST", target, UMLAUTS, TOKEN), UMLAUTS)
    verified(message, kind)
    for other in ({"method": "PUT"}, {"path": b"/users/"}, {"query": b"a=c"}, {"body": UMLAUTS[:-1] + b" "}):
        with pytest.raises(SignatureRefused):
            verified(replace(message, **other), kind)
    for name, value in message.headers:
        if name in (b"authorization", b"upvest-client-id", b"accept", b"content-type"):
            others = [(n, b"other" if n == name else v) for n, v in message.headers]
            with pytest.raises(SignatureRefused, match="mismatch"):
                verified(replace(message, headers=others), kind)
            assert value != b"other"


@pytest.mark.parametrize("target", ["/users/Möbius", "/a b", "/a#b", "http://127.0.0.1/users", "users", "/a\nb"])
def test_a_target_that_would_be_sent_otherwise_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        signer().headers("GET", target, None, TOKEN)


@pytest.mark.parametrize(
    "headers",
    [
        {"accept": "ä"},
        {"accept": "a\r\nb: c"},
        {"Content-Length": "2"},
        {"signature": "x"},
        {"accept": "a", "Accept": "b"},
    ],
)
def test_headers_that_cannot_be_signed_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        signer().headers("POST", "/users", b"{}", headers)


def test_other_keys_are_refused() -> None:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    for key in (
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ):
        pem = key.private_bytes(encoding, form, serialization.NoEncryption())
        with pytest.raises(ValueError, match="P-521"):
            Signer(CLIENT_ID, KEY_ID, pem, clock=lambda: NOW)


def test_keys_may_be_encrypted() -> None:
    key = ec.generate_private_key(ec.SECP521R1())
    form, encryption = serialization.PrivateFormat.TraditionalOpenSSL, serialization.BestAvailableEncryption(b"secret")
    pem = key.private_bytes(serialization.Encoding.PEM, form, encryption).decode()
    one = Signer(CLIENT_ID, KEY_ID, pem, clock=lambda: NOW, password=b"secret")
    message = on_the_wire("GET", "/users", one.headers("GET", "/users", None, TOKEN), None)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    verify_signature(parse_signature(message, NOW), load_public_key(public))
