"""Keys of HTTP message signatures: ECDSA on P-521 with SHA-512, and Ed25519.

ECDSA signatures travel in ASN.1 DER, Ed25519 signatures as their 64 bytes. Keys are parsed once and then kept:
parsing costs about as much as a verification.

Source: reference (protocol).
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

Algorithm = Literal["ecdsa-p521-sha512", "ed25519"]

MAX_KEY_TEXT_LENGTH: Final = 8192
_ECDSA_SHA512: Final = ec.ECDSA(hashes.SHA512())
_OTHER_KIND: Final = "Only ECDSA keys on curve P-521 and Ed25519 keys are accepted."
_COORDINATE_BYTES: Final = 66
_ED25519_SIGNATURE_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A registered key; the algorithm follows from it and never from a message."""

    algorithm: Algorithm
    key: ec.EllipticCurvePublicKey | VerifyKey

    def verify(self, base: bytes, signature: bytes) -> bool:
        """Whether `signature` was made over `base` with the private half of this key."""
        key = self.key
        if isinstance(key, VerifyKey):
            if len(signature) != _ED25519_SIGNATURE_BYTES:
                return False
            try:
                key.verify(base, signature)
            except BadSignatureError:
                return False
            return True
        try:
            key.verify(signature, base, _ECDSA_SHA512)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True, repr=False)
class PrivateKey:
    """A key that signs; it has no representation, so that it cannot end up in a log."""

    algorithm: Algorithm
    _key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

    def sign(self, base: bytes) -> bytes:
        key = self._key
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(base)
        return key.sign(base, _ECDSA_SHA512)

    def public_pem(self) -> bytes:
        return _public_pem(self._key.public_key())


def load_public_key(text: str | bytes) -> PublicKey:
    """Read a public key from SPKI PEM, or an Ed25519 key from the base64 of its 32 bytes.

    Raises: ValueError with a sentence for whoever registers the key.
    """
    data = (text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text).strip()
    if len(data) > MAX_KEY_TEXT_LENGTH:
        raise ValueError("The text is too long to be a public key.")
    if b"PRIVATE KEY" in data:
        raise ValueError("This is a private key; keep it to yourself and register the public key.")
    if not data.startswith(b"-----BEGIN"):
        return _ed25519_public_key(_raw_ed25519(data))
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("The PEM text does not hold a public key in SPKI form.") from None
    if isinstance(key, ed25519.Ed25519PublicKey):
        return _ed25519_public_key(key.public_bytes_raw())
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError(_OTHER_KIND)
    _check_curve(key.curve)
    return PublicKey("ecdsa-p521-sha512", key)


def load_private_key(pem: str | bytes, password: bytes | None = None) -> PrivateKey:
    """Read a P-521 or Ed25519 private key from PEM, encrypted or not.

    Raises: ValueError with a sentence.
    """
    data = pem.encode("utf-8", "surrogatepass") if isinstance(pem, str) else pem
    try:
        key = serialization.load_pem_private_key(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("The PEM text does not hold a private key that this password opens.") from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return PrivateKey("ed25519", key)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(_OTHER_KIND)
    _check_curve(key.curve)
    return PrivateKey("ecdsa-p521-sha512", key)


def generate_p521() -> tuple[bytes, bytes]:
    """A new P-521 key: private PEM (PKCS#8, not encrypted) and public PEM (SPKI)."""
    key = ec.generate_private_key(ec.SECP521R1())
    return _private_pem(key), _public_pem(key.public_key())


def generate_ed25519() -> tuple[bytes, bytes]:
    """A new Ed25519 key: private PEM (PKCS#8, not encrypted) and public PEM (SPKI)."""
    key = ed25519.Ed25519PrivateKey.generate()
    return _private_pem(key), _public_pem(key.public_key())


def jwk_of_p521(public_pem: str | bytes, kid: str) -> dict[str, str]:
    """The public key as the JSON web key that receivers of webhooks fetch.

    Raises: ValueError for any key but one on P-521.
    """
    key = load_public_key(public_pem).key
    if isinstance(key, VerifyKey):
        raise ValueError("Only keys on P-521 have this form.")
    numbers = key.public_numbers()
    return {"kid": kid, "kty": "EC", "crv": "P-521", "x": _coordinate(numbers.x), "y": _coordinate(numbers.y)}


def _check_curve(curve: ec.EllipticCurve) -> None:
    if not isinstance(curve, ec.SECP521R1):
        raise ValueError(f"Curve {curve.name} is not accepted; ECDSA keys must be on P-521 (secp521r1).")


def _raw_ed25519(data: bytes) -> bytes:
    try:
        raw = base64.b64decode(data, validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != 32:
        raise ValueError("A public key is SPKI PEM, or the base64 of the 32 bytes of an Ed25519 key.")
    return raw


def _ed25519_public_key(raw: bytes) -> PublicKey:
    # A point of small order would let anybody sign; it is better refused when registered than at every request.
    if not crypto_core_ed25519_is_valid_point(raw):
        raise ValueError("The 32 bytes are not a usable Ed25519 public key.")
    return PublicKey("ed25519", VerifyKey(raw))


def _coordinate(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(_COORDINATE_BYTES, "big")).rstrip(b"=").decode("ascii")


def _private_pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
