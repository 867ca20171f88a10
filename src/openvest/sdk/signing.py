"""Sign requests as a client: HTTP message signatures, version 15.

Written from the protocol and not from the server, of which it imports nothing: two readings of one text that must
agree in a test are worth more than one reading used twice.
"""

import base64
import hashlib
import uuid
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key

LIFETIME_SECONDS = 60

# Servers ignore these in a signature, and intermediaries add or change some of them on the way.
_UNSIGNED_PREFIXES = ("cf-", "cdn-", "cookie", "x-", "priority", "upvest-signature", "sec-", "user-agent")
_UNSIGNED_NAMES = frozenset({"host", "connection", "accept-encoding", "transfer-encoding", "te"})
# The signer makes these itself; a caller who sends one expects something that will not happen.
_OWN_NAMES = frozenset({"content-length", "content-digest", "signature", "signature-input", "upvest-signature-version"})


class Signer:
    """Signs every request of one client with one key, on curve P-521 or Ed25519.

    Units: `clock` returns Unix seconds of the wall clock.
    """

    def __init__(
        self,
        client_id: str,
        key_id: str,
        private_key_pem: str | bytes,
        *,
        clock: Callable[[], float],
        password: bytes | None = None,
    ) -> None:
        pem = private_key_pem.encode("ascii") if isinstance(private_key_pem, str) else private_key_pem
        key = load_pem_private_key(pem, password)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            if not isinstance(key.curve, ec.SECP521R1):
                raise ValueError(f"Curve {key.curve.name} cannot sign requests; make a key on P-521 (secp521r1).")
        elif not isinstance(key, ed25519.Ed25519PrivateKey):
            raise ValueError("Only ECDSA keys on curve P-521 and Ed25519 keys can sign requests.")
        self._key = key
        self._client_id = client_id
        self._key_id = key_id
        self._clock = clock

    def headers(
        self, method: str, url_path_and_query: str, body: bytes | None, headers: Mapping[str, str]
    ) -> dict[str, str]:
        """All headers to send: the given ones in lower case, defaults where absent, and those of the signature.

        `url_path_and_query` is what goes over the wire, percent-encoded. `authorization` is the caller's, as is
        `idempotency-key`. Every header is covered but those that intermediaries touch.

        Raises: ValueError if the target or a header is not what could be sent as it is signed.
        """
        path, query = _target(url_path_and_query)
        sent = _with_defaults(body, headers) | {"upvest-client-id": self._client_id}
        if body:
            sent["content-length"] = str(len(body))
            sent["content-digest"] = f"sha-512=:{_base64(hashlib.sha512(body).digest())}:"
        components = {"@method": method.upper(), "@path": path}
        if query is not None:
            components["@query"] = query
        components |= {name: value for name, value in sent.items() if _is_signed(name)}
        created = int(self._clock())
        names = " ".join(f'"{name}"' for name in components)
        params = (
            f"({names})"
            f';keyid="{self._key_id}";created={created};expires={created + LIFETIME_SECONDS};nonce="{uuid.uuid4()}"'
        )
        base = "".join(f'"{name}": {value}\n' for name, value in components.items()) + f'"@signature-params": {params}'
        sent["signature-input"] = f"sig1={params}"
        sent["signature"] = f"sig1=:{_base64(self._sign(base.encode('ascii')))}:"
        sent["upvest-signature-version"] = "15"
        return sent

    def _sign(self, base: bytes) -> bytes:
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(base)
        return self._key.sign(base, ec.ECDSA(hashes.SHA512()))


def unsigned_headers(url_path_and_query: str, body: bytes | None, headers: Mapping[str, str]) -> dict[str, str]:
    """All headers of a request that only bears its token, made as a signer makes them.

    Raises: ValueError as `Signer.headers` does.
    """
    _target(url_path_and_query)
    return _with_defaults(body, headers)


def _with_defaults(body: bytes | None, headers: Mapping[str, str]) -> dict[str, str]:
    """The given headers in lower case, and those that every request has."""
    framed = {"content-type": "application/json"} if body else {}
    return {"accept": "application/json"} | framed | _lowered(headers)


def _target(text: str) -> tuple[str, str | None]:
    """Path, and the query with its question mark if there is one."""
    if not text.isascii() or not text.isprintable() or " " in text or "#" in text:
        raise ValueError("The path and query must be percent-encoded as they are sent, without a fragment.")
    if text and text[0] not in "/?":
        raise ValueError("Give the path and query only, beginning with a slash, not the whole URL.")
    path, mark, query = text.partition("?")
    return path or "/", mark + query if mark else None


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    lowered: dict[str, str] = {}
    for name, value in headers.items():
        key, text = name.lower(), value.strip(" \t")
        if key in lowered:
            raise ValueError(f"The header {key} is given twice.")
        if key in _OWN_NAMES:
            raise ValueError(f"The header {key} is made by the signer; leave it out.")
        if not text.isascii() or not text.isprintable():
            raise ValueError(f"The value of {key} must be printable ASCII.")
        lowered[key] = text
    return lowered


def _is_signed(name: str) -> bool:
    return name not in _UNSIGNED_NAMES and not name.startswith(_UNSIGNED_PREFIXES)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
