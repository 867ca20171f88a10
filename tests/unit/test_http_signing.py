"""Our own builders sign what our verifier accepts."""

from dataclasses import replace
from typing import Any

import pytest

from openvest.core.http_signatures import SignedMessage, parse_signature, verify_signature
from openvest.core.http_signing import sign_v6, sign_v15
from openvest.core.signing_keys import load_private_key, load_public_key
from tests.kit.signed_messages import BY_NAME, HEADERS, KEY, NOW, PRIVATE_PEM, WITH_BODY, accept, message_of


@pytest.mark.parametrize(
    "pem", [PRIVATE_PEM.decode(), BY_NAME["v6_inferred_webhook"]["key"]["private_pem_pkcs8"]], ids=["ed25519", "p521"]
)
@pytest.mark.parametrize("build", [sign_v6, sign_v15])
@pytest.mark.parametrize(("body", "query"), [(b"", b""), (b"", b"a=b"), ('{"a":"ä"}'.encode(), b"a=%20")])
def test_the_builders_sign_what_the_verifier_accepts(pem: str, build: Any, body: bytes, query: bytes) -> None:
    key = load_private_key(pem)
    message = SignedMessage("POST", b"/hooks", query, list((WITH_BODY if body else HEADERS).items()), body)
    headers = build(message, key, "k", created=NOW, expires=NOW + 30, nonce="n")
    parsed = parse_signature(replace(message, headers=headers), NOW)
    verify_signature(parsed, load_public_key(key.public_pem()))
    assert (parsed.expires, parsed.nonce, parsed.version) == (NOW + 30, "n", 15 if build is sign_v15 else 6)


def test_a_webhook_delivery_is_built_as_in_the_vector() -> None:
    vector = BY_NAME["v6_inferred_webhook"]
    recorded = message_of(vector)
    headers = [(name, value) for name, value in recorded.headers if name in (b"accept", b"content-type")]
    built = sign_v6(
        replace(recorded, headers=headers),
        load_private_key(vector["key"]["private_pem_pkcs8"]),
        vector["key"]["keyid"],
        created=vector["created"],
        expires=vector["expires"],
        nonce="o085M4cMgpbicuOL",
    )
    sent, expected = dict(built), dict(recorded.headers)
    assert sent.keys() == expected.keys()
    assert {k: v for k, v in sent.items() if k != b"signature"} == {
        k: v for k, v in expected.items() if k != b"signature"
    }
    accept(vector, replace(recorded, headers=built))


@pytest.mark.parametrize("build", [sign_v6, sign_v15])
def test_the_builders_refuse_headers_they_add(build: Any) -> None:
    for name in (b"content-length", b"accept", b"signature", b"signature-input", b"upvest-signature-version"):
        headers = [*WITH_BODY.items(), (name, b"1")]
        with pytest.raises(ValueError, match="repeats a header"):
            build(SignedMessage("POST", b"/", b"", headers, b"{}"), KEY, "k", created=NOW, expires=None, nonce="n")
