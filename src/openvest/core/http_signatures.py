"""Verify HTTP message signatures of both generations: version 15 (draft 15) and version 6 (draft 6).

`parse_signature` judges everything that a message shows by itself and yields the bytes that were signed;
`verify_signature` compares them with a stored key. Whether the key belongs to the caller, and whether the nonce was
used before, only the store can say. A message names its version; the other one is never tried. Each refusal has a
reason for our own diagnosis and, for a sandbox, a sentence with the facts; elsewhere callers are told the same for all.

Source: reference (protocol); RELIABILITY.md R26.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal

from openvest.core.records import record
from openvest.core.signing_keys import PublicKey

SignatureVersion = Literal[6, 15]

CREATED_AHEAD_SECONDS: Final = 30
EXPIRY_TOLERANCE_SECONDS: Final = 30
DEFAULT_LIFETIME_SECONDS: Final = 60
MAX_LIFETIME_SECONDS: Final = 300

MAX_HEADERS: Final = 200
MAX_SIGNATURE_INPUT_BYTES: Final = 4096
MAX_SIGNATURE_BYTES: Final = 1024
MAX_COMPONENTS: Final = 64
MAX_PARAMETER_BYTES: Final = 128
MAX_INTEGER_DIGITS: Final = 12

# A second value of one of these would let two readers of the same message see two different requests.
SINGLE_HEADERS: Final = frozenset(
    {
        b"authorization",
        b"content-digest",
        b"content-length",
        b"content-type",
        b"digest",
        b"idempotency-key",
        b"signature",
        b"signature-input",
        b"upvest-client-id",
        b"upvest-signature-version",
    }
)
DERIVED_COMPONENTS: Final = frozenset({b"@method", b"@path", b"@query"})
# A signature cannot cover itself, and the version header is never part of what is signed.
NEVER_COVERED: Final = frozenset({b"signature", b"signature-input", b"upvest-signature-version"})
DIGEST_HEADER: Final[dict[SignatureVersion, bytes]] = {6: b"digest", 15: b"content-digest"}

_VERSIONS: Final[dict[bytes | None, SignatureVersion]] = {None: 6, b"6": 6, b"15": 15}
_LABEL_BYTES: Final = b"abcdefghijklmnopqrstuvwxyz0123456789_-.*"
_NAME_BYTES: Final = b"abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~"
# Printable ASCII without the quotation mark and the backslash: no value ever needs an escape.
_STRING_BYTES: Final = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')
_STRING_PARAMETERS: Final = frozenset({b"keyid", b"nonce", b"alg", b"tag"})
_INTEGER_PARAMETERS: Final = frozenset({b"created", b"expires"})
_SEMICOLON: Final = 0x3B
_AT: Final = 0x40


class SignatureRefused(Exception):
    """The message is not signed as it must be.

    `reason` is for the log, the same for all such messages. `told` is what the caller of a sandbox hears, with facts of
    this message. Why facts alone: neither repeats the value of a header, which may be a secret.
    """

    def __init__(self, reason: str, told: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.told = told or reason


@record
class SignedMessage:
    """What of a request can be signed, as it was received.

    `method` is upper case. `path` and `query` (without its question mark) are still percent-encoded. Header names are
    lower case and in the order received. Text is taken as UTF-8, so whoever has the bytes hands over the bytes.
    """

    method: str
    path: bytes | str
    query: bytes | str
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


@record
class ParsedSignature:
    """A signature that is in order as far as the message itself can tell.

    Units: `created`, `expires` and `usable_until` are Unix seconds. A nonce is remembered up to `usable_until`; after
    that the signature has expired anyway. `idempotency_key_covered` is also true when no idempotency key was sent.
    """

    version: SignatureVersion
    key_id: str
    nonce: str
    created: int
    expires: int
    usable_until: int
    components: tuple[bytes, ...]
    idempotency_key_covered: bool
    algorithm: str | None
    base: bytes
    signature: bytes


def parse_signature(
    message: SignedMessage,
    now: float,
    *,
    names_caller: bool = True,
    tolerance: int = EXPIRY_TOLERANCE_SECONDS,
) -> ParsedSignature:
    """Read the signature of a message and judge all of it that needs no stored facts.

    `names_caller` is false for token requests and webhook deliveries: they need to cover neither `authorization` nor
    `upvest-client-id`.

    Units: `now` is Unix seconds of the wall clock; `tolerance` is seconds after `expires`.
    Raises: SignatureRefused, and nothing else whatever the headers hold.
    """
    fields = _fields(message.headers)
    version = _VERSIONS.get(fields.get(b"upvest-signature-version"))
    if version is None:
        raise SignatureRefused("the signature version is neither 15 nor 6 (absent means 6)")
    label, params = _member(fields, b"signature-input", MAX_SIGNATURE_INPUT_BYTES)
    close = params.find(b")")
    components, covered = _components(params[: close + 1])
    strings, integers = _parameters(params, close + 1)
    created, expires = _window(integers, now, tolerance)
    key_id, nonce = strings.get(b"keyid"), strings.get(b"nonce")
    if key_id is None or nonce is None:
        missing = "keyid" if key_id is None else "nonce"
        raise SignatureRefused("keyid or nonce is missing", f"signature-input has no {missing}")
    if len(covered) != len(components):
        raise SignatureRefused("a component is covered twice")
    query = message.query if isinstance(message.query, bytes) else _utf8(message.query)
    _check_coverage(covered, _REQUIRED[version, names_caller, bool(message.body), bool(query)])
    _check_body(fields, version, message.body)
    signature_label, encoded = _member(fields, b"signature", MAX_SIGNATURE_BYTES)
    if signature_label != label:
        raise SignatureRefused("signature and signature-input have different labels")
    return ParsedSignature(
        version=version,
        key_id=key_id,
        nonce=nonce,
        created=created,
        expires=expires,
        usable_until=expires + tolerance,
        components=components,
        idempotency_key_covered=b"idempotency-key" in covered or b"idempotency-key" not in fields,
        algorithm=strings.get(b"alg"),
        base=_base(message, query, fields, version, components, params),
        signature=_byte_sequence(encoded),
    )


def verify_signature(parsed: ParsedSignature, key: PublicKey) -> None:
    """Compare a parsed signature with the key registered under its key id.

    Raises: SignatureRefused.
    """
    if parsed.algorithm is not None and parsed.algorithm != key.algorithm:
        raise SignatureRefused("alg contradicts the registered key", f"alg is not {key.algorithm}, which the key is")
    if not key.verify(parsed.base, parsed.signature):
        raise SignatureRefused("signature mismatch", _mismatch(parsed, key))


def _mismatch(parsed: ParsedSignature, key: PublicKey) -> str:
    """What a client can compare with what it signed. Why a digest: the base holds its token."""
    names = ", ".join(name.decode("ascii") for name in parsed.components)
    return (
        f"the signature is not one of the registered {key.algorithm} key over the signature base of version"
        f" {parsed.version}; here that has {len(parsed.base)} bytes with the SHA-256"
        f" {hashlib.sha256(parsed.base).hexdigest()}, made of {names} and the parameters"
    )


def _fields(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Values by name, outer blanks dropped and repetitions joined."""
    if len(headers) > MAX_HEADERS:
        raise SignatureRefused("too many headers")
    fields: dict[bytes, bytes] = {}
    for name, value in headers:
        if name not in fields:
            fields[name] = value.strip(b" \t")
        elif name in SINGLE_HEADERS:
            raise SignatureRefused(f"{name.decode('ascii')} is repeated")
        else:
            fields[name] += b", " + value.strip(b" \t")
    return fields


def _member(fields: dict[bytes, bytes], header: bytes, limit: int) -> tuple[bytes, bytes]:
    """Label and value of the one member that a signature header may hold."""
    text = fields.get(header)
    if text is None:
        raise SignatureRefused(f"{header.decode('ascii')} is missing")
    if len(text) > limit:
        raise SignatureRefused(f"{header.decode('ascii')} is too long")
    label, equals, value = text.partition(b"=")
    if not equals or not label or label.translate(None, _LABEL_BYTES) or label[:1] in b"0123456789_-.":
        raise SignatureRefused(f"{header.decode('ascii')} does not start with a label")
    return label, value


def _byte_sequence(text: bytes) -> bytes:
    if len(text) < 2 or text[:1] != b":" or text[-1:] != b":":
        raise SignatureRefused("signature is not one byte sequence")
    encoded = text[1:-1]
    try:
        decoded = binascii.a2b_base64(encoded)
    except binascii.Error:
        raise SignatureRefused("signature is not base64") from None
    # Encoding again refuses blanks, missing padding and stray bits: one signature has exactly one spelling.
    if binascii.b2a_base64(decoded, newline=False) != encoded:
        raise SignatureRefused("signature is not base64 in its one spelling")
    return decoded


@lru_cache(maxsize=1024)
def _components(text: bytes) -> tuple[tuple[bytes, ...], frozenset[bytes]]:
    """The names in an inner list, in its order and as a set. Why cached: a client covers the same ones every time."""
    if text[:2] != b'("' or text[-2:] != b'")' or len(text) < 5:
        raise SignatureRefused("signature-input has no list of components")
    components = tuple(text[2:-2].split(b'" "'))
    if len(components) > MAX_COMPONENTS:
        raise SignatureRefused("too many components")
    for name in components:
        if name[:1] == b"@":
            if name not in DERIVED_COMPONENTS:
                raise SignatureRefused("an unknown derived component is covered")
        elif not name or name.translate(None, _NAME_BYTES):
            raise SignatureRefused("a component name is malformed")
        elif name in NEVER_COVERED:
            raise SignatureRefused("a header that is never signed is covered")
    return components, frozenset(components)


def _parameters(text: bytes, position: int) -> tuple[dict[bytes, str], dict[bytes, int]]:
    strings: dict[bytes, str] = {}
    integers: dict[bytes, int] = {}
    end = len(text)
    while position < end:
        equals = text.find(b"=", position)
        if text[position] != _SEMICOLON or equals < 0:
            raise SignatureRefused("the parameters of signature-input are malformed")
        name, start = text[position + 1 : equals], equals + 1
        if name in strings or name in integers:
            raise SignatureRefused("a parameter is repeated")
        if name in _STRING_PARAMETERS:
            position = text.find(b'"', start + 1) + 1
            value = text[start + 1 : position - 1]
            if position == 0 or text[start : start + 1] != b'"' or value.translate(None, _STRING_BYTES):
                raise SignatureRefused("a text parameter is malformed")
            if not 0 < len(value) <= MAX_PARAMETER_BYTES:
                raise SignatureRefused("a text parameter is empty or too long")
            strings[name] = value.decode("ascii")
        elif name in _INTEGER_PARAMETERS:
            position = text.find(b";", start)
            position = end if position < 0 else position
            digits = text[start:position]
            if len(digits) > MAX_INTEGER_DIGITS or not digits.isdigit():
                raise SignatureRefused("an integer parameter is malformed")
            integers[name] = int(digits)
        else:
            raise SignatureRefused("an unknown parameter is given")
    return strings, integers


def _window(integers: dict[bytes, int], now: float, tolerance: int) -> tuple[int, int]:
    created = integers.get(b"created")
    if created is None:
        raise SignatureRefused("created is missing")
    expires = integers.get(b"expires", created + DEFAULT_LIFETIME_SECONDS)
    if created > now + CREATED_AHEAD_SECONDS:
        told = f"created is {created}, more than {CREATED_AHEAD_SECONDS} s in the future: {_clock(now)}"
        raise SignatureRefused("created lies in the future", told)
    if expires < created:
        raise SignatureRefused("expires lies before created", f"expires is {expires}, before created, {created}")
    if expires - created > MAX_LIFETIME_SECONDS:
        told = f"expires lies {expires - created} s after created, and {MAX_LIFETIME_SECONDS} s are allowed"
        raise SignatureRefused("the signature lives too long", told)
    if expires + tolerance < now:
        told = f"the signature expired at {expires}, more than {tolerance} s ago: {_clock(now)}"
        raise SignatureRefused("the signature has expired", told)
    return created, expires


def _clock(now: float) -> str:
    return f"the clock here says {now:.0f}"


def _required(version: SignatureVersion, names_caller: bool, has_body: bool, has_query: bool) -> frozenset[bytes]:
    names = {b"@method", b"@path", b"accept"}
    if names_caller:
        names |= {b"authorization", b"upvest-client-id"}
    if has_body:
        names |= {b"content-length", b"content-type", DIGEST_HEADER[version]}
    if has_query:
        names.add(b"@query")
    return frozenset(names)


_REQUIRED: Final = {
    (version, names_caller, has_body, has_query): _required(version, names_caller, has_body, has_query)
    for version in DIGEST_HEADER
    for names_caller in (False, True)
    for has_body in (False, True)
    for has_query in (False, True)
}


def _check_coverage(covered: frozenset[bytes], required: frozenset[bytes]) -> None:
    if not required <= covered:
        missing = [name.decode("ascii") for name in sorted(required - covered)]
        told = f"the signature does not cover {', '.join(missing)}, which this request demands"
        raise SignatureRefused(f"not covered: {' '.join(missing)}", told)


def body_digest(version: SignatureVersion, body: bytes) -> bytes:
    """The value of the digest header of a body."""
    if version == 15:
        return b"sha-512=:" + base64.b64encode(hashlib.sha512(body).digest()) + b":"
    return b"SHA-256=" + base64.b64encode(hashlib.sha256(body).digest())


def _check_body(fields: dict[bytes, bytes], version: SignatureVersion, body: bytes) -> None:
    """Compare the body with the headers that speak of it, covered or not.

    Why: clients send `content-length: 0`, covered or not, where there is no body; so a body is one that is not empty.
    A published client of version 6 sends the digest of nothing as well, which version 15 forbids.
    """
    length = fields.get(b"content-length")
    if length is not None and length != b"%d" % len(body):
        told = f"content-length is another number than the {len(body)} bytes of the body that arrived"
        raise SignatureRefused("content-length is not the length of the body", told)
    name = DIGEST_HEADER[version]
    digest = fields.get(name)
    if digest is None:
        return
    if not body and version == 15:
        raise SignatureRefused("a digest is sent without a body")
    if digest != body_digest(version, body):
        wanted = f"the digest of the {len(body)} bytes that arrived is {body_digest(version, body).decode('ascii')}"
        raise SignatureRefused(
            "the digest is not that of the body", f"{name.decode('ascii')} says another digest: {wanted}"
        )


def _base(
    message: SignedMessage,
    query: bytes,
    fields: dict[bytes, bytes],
    version: SignatureVersion,
    components: tuple[bytes, ...],
    params: bytes,
) -> bytes:
    """The bytes that were signed: a line for each component in the order of the list, then the list itself."""
    opening, separator = (b'"', b'": ') if version == 15 else (b"", b": ")
    lines: list[bytes] = []
    for name in components:
        if name[0] != _AT:
            value = fields.get(name)
            if value is None and name == b"content-length" and not message.body:
                value = b"0"  # An intermediary may drop it from a message without a body, of which it says nothing.
            if value is None:
                told = f"the signature covers {name.decode('ascii')}, which did not arrive"
                raise SignatureRefused("a covered header was not sent", told)
        elif name == b"@method":
            value = _utf8(message.method)
        elif name == b"@path":
            value = (message.path if isinstance(message.path, bytes) else _utf8(message.path)) or b"/"
        else:
            value = b"?" + query
        lines.append(opening + name + separator + value)
    lines.append(opening + b"@signature-params" + separator + params)
    base = b"\n".join(lines)
    # A line break inside a value would let one component speak for another.
    if base.count(b"\n") != len(components):
        raise SignatureRefused("a covered value holds a line break")
    return base


def _utf8(text: str) -> bytes:
    # Lone surrogates must end as a mismatch and not as an exception of the codec.
    return text.encode("utf-8", "surrogatepass")
