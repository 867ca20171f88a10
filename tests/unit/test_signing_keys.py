"""Which keys are accepted, in which spellings, and the JSON web key of the webhook key."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from openvest.core.signing_keys import (
    generate_ed25519,
    generate_p521,
    jwk_of_p521,
    load_private_key,
    load_public_key,
)

VECTORS = Path(__file__).parent.parent / "vectors"


def public_pem(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey | rsa.RSAPrivateKey,
) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(encoding, form)


@pytest.mark.parametrize(
    ("generate", "algorithm"), [(generate_p521, "ecdsa-p521-sha512"), (generate_ed25519, "ed25519")]
)
def test_generated_keys_sign_and_verify(generate: object, algorithm: str) -> None:
    assert callable(generate)
    private, public = generate()
    signer, verifier = load_private_key(private), load_public_key(public)
    assert (signer.algorithm, verifier.algorithm) == (algorithm, algorithm)
    assert signer.public_pem() == public
    signature = signer.sign(b"base")
    assert verifier.verify(b"base", signature)
    assert not verifier.verify(b"Base", signature)
    assert not load_public_key(generate()[1]).verify(b"base", signature)
    assert "PRIVATE" not in repr(signer) and load_public_key(public.decode()).verify(b"base", signature)


def test_ed25519_keys_may_be_32_bytes_in_base64() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    text = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    for spelling in (text, f"  {text}\n", text.encode()):
        loaded = load_public_key(spelling)
        assert loaded.algorithm == "ed25519"
        assert loaded.verify(b"base", key.sign(b"base"))


@pytest.mark.parametrize(
    ("curve", "name"),
    [(ec.SECP256R1(), "secp256r1"), (ec.SECP384R1(), "secp384r1"), (ec.SECP256K1(), "secp256k1")],
)
def test_other_curves_are_refused(curve: ec.EllipticCurve, name: str) -> None:
    key = ec.generate_private_key(curve)
    with pytest.raises(ValueError, match=f"Curve {name} is not accepted; ECDSA keys must be on P-521"):
        load_public_key(public_pem(key))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    with pytest.raises(ValueError, match="P-521"):
        load_private_key(key.private_bytes(encoding, form, serialization.NoEncryption()))
    with pytest.raises(ValueError, match="P-521"):
        jwk_of_p521(public_pem(key), "k")


def test_other_kinds_are_refused() -> None:
    for key in (rsa.generate_private_key(public_exponent=65537, key_size=2048), ed448.Ed448PrivateKey.generate()):
        with pytest.raises(ValueError, match="Only ECDSA keys"):
            load_public_key(public_pem(key))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "ä",
        "\ud800",
        b"\xff\xfe",
        "AAAA",
        base64.b64encode(bytes(31)).decode(),
        base64.b64encode(bytes(33)).decode(),
        base64.b64encode(bytes(32)).decode(),
        base64.b64encode(b"\x01" + bytes(31)).decode(),
        base64.b64encode(b"\xff" * 32).decode(),
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----",
        "A" * 10_000,
    ],
    ids=range(14),
)
def test_what_is_no_key_is_refused_with_a_sentence(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$") as caught:
        load_public_key(text)
    assert type(caught.value) is ValueError


def test_a_private_key_is_not_registered_by_mistake() -> None:
    with pytest.raises(ValueError, match="private key; keep it"):
        load_public_key(generate_p521()[0])


def test_encrypted_private_keys_open_with_their_password() -> None:
    key = ec.generate_private_key(ec.SECP521R1())
    form, encryption = serialization.PrivateFormat.TraditionalOpenSSL, serialization.BestAvailableEncryption(b"secret")
    pem = key.private_bytes(serialization.Encoding.PEM, form, encryption)
    assert b"Proc-Type: 4,ENCRYPTED" in pem
    assert load_private_key(pem, b"secret").public_pem() == public_pem(key)
    for password in (b"wrong", None):
        with pytest.raises(ValueError, match="this password opens"):
            load_private_key(pem, password)


def test_the_json_web_key_is_that_of_the_vector() -> None:
    vector = json.loads((VECTORS / "v6_inferred_webhook.json").read_text("utf-8"))
    expected = vector["jwks"]["keys"][0]
    assert jwk_of_p521(vector["key"]["public_pem_spki"], vector["key"]["keyid"]) == expected
    assert len(expected["x"]) == len(expected["y"]) == 88


def test_small_coordinates_are_padded() -> None:
    for number in range(2, 40):
        key = ec.derive_private_key(number, ec.SECP521R1())
        jwk = jwk_of_p521(public_pem(key), "k")
        assert (len(jwk["x"]), len(jwk["y"])) == (88, 88)
        assert int.from_bytes(base64.urlsafe_b64decode(jwk["x"]), "big") == key.public_key().public_numbers().x


def test_only_p521_has_a_json_web_key() -> None:
    with pytest.raises(ValueError, match="Only keys on P-521"):
        jwk_of_p521(generate_ed25519()[1], "k")
