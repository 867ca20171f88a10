"""Requests that are wrong although they are signed as they stand, and requests that look odd and are right (R30)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from openvest.core.http_signatures import SignedMessage, body_digest
from openvest.core.signing_keys import PrivateKey
from tests.gates.tampering import INPUT, P521_ORDER, SIGNATURE, VERSION
from tests.kit.forgery import Bend, Draft, Edit, signature_of, with_signature
from tests.kit.signed_messages import header, with_header

ALGORITHMS = ("ecdsa-p521-sha512", "ed25519")


@dataclass(frozen=True, slots=True)
class Known:
    """A key and the id it is registered under."""

    key_id: str
    key: PrivateKey


@dataclass(frozen=True, slots=True)
class Hands:
    """Keys that are not the one to sign with, all of the same kind but `other_kind`, and a nonce already used."""

    stranger: Known
    colleague: Known
    revoked: Known
    other_kind: Known
    used_nonce: str


def bends(draft: Draft, hands: Hands, now: int) -> Iterator[tuple[str, Bend]]:
    """Everything that can be wrong with a request that is signed with the key it names, by name."""
    yield from _keys(draft, hands)
    yield from _times(now)
    yield "no nonce", lambda d: replace(d, nonce=None)
    yield "an empty nonce", lambda d: replace(d, nonce="")
    yield "a nonce too long", lambda d: replace(d, nonce="n" * 129)
    yield "a nonce used before", lambda d: replace(d, nonce=hands.used_nonce)
    for name in draft.names:
        if name not in (b"upvest-api-version", b"idempotency-key"):
            bare = draft.path == b"/auth/token" and name == b"upvest-client-id"
            if not bare:
                yield f"{name.decode()} not covered", lambda d, n=name: d.uncovered(n)
        if name[:1] != b"@":
            yield f"{name.decode()} covered and not sent", lambda d, n=name: _unsent(d, n)
    for name in (b"@authority", b"@target-uri", b"@signature-params", b"date", SIGNATURE, INPUT, VERSION):
        yield f"{name.decode()} covered too", lambda d, n=name: replace(d, names=[*d.names, n])
    yield "a component covered twice", lambda d: replace(d, names=[*d.names, d.names[0]])
    if draft.body:
        yield from _digests(draft)


def _keys(draft: Draft, hands: Hands) -> Iterator[tuple[str, Bend]]:
    for name in ("stranger", "colleague", "revoked"):
        known: Known = getattr(hands, name)
        yield f"key of the {name}", lambda d, k=known: replace(d, key=k.key, key_id=k.key_id)
        yield f"key of the {name} under our id", lambda d, k=known: replace(d, key=k.key)
        if name != "revoked":
            yield f"our key under the id of the {name}", lambda d, k=known: replace(d, key_id=k.key_id)
    yield "key of the other kind under our id", lambda d: replace(d, key=hands.other_kind.key)
    yield "our key under the id of the other kind", lambda d: replace(d, key_id=hands.other_kind.key_id)
    for text in (str(uuid4()), "0", "me", "", "n" * 129, None):
        yield f"key id {'unknown' if text and len(text) == 36 else text!r}", lambda d, t=text: replace(d, key_id=t)
    for name in (*ALGORITHMS, "ecdsa-p256-sha256", "hmac-sha256", "rsa-pss-sha512", "none", ""):
        if name != draft.key.algorithm:
            yield f"alg {name!r}", lambda d, n=name: replace(d, more=f';alg="{n}"'.encode())


def _times(now: int) -> Iterator[tuple[str, Bend]]:
    windows: Mapping[str, tuple[str | None, str | None]] = {
        "created in the future": (f"{now + 600}", f"{now + 660}"),
        "created far in the future": (f"{now + 10**9}", f"{now + 10**9 + 60}"),
        "created long ago, no expires": (f"{now - 600}", None),
        "expired": (f"{now - 200}", f"{now - 100}"),
        "expired long ago": ("0", "60"),
        "expires before created": (f"{now}", f"{now - 1}"),
        "lives for 301 s": (f"{now}", f"{now + 301}"),
        "lives for a year": (f"{now}", f"{now + 31_536_000}"),
        "created long ago, lives until now": (f"{now - 3_600}", f"{now + 60}"),
        "created absent": (None, f"{now + 60}"),
        "created and expires absent": (None, None),
        "created negative": ("-5", f"{now + 60}"),
        "created quoted": (f'"{now}"', f"{now + 60}"),
        "created with decimals": (f"{now}.0", f"{now + 60}"),
        "created empty": ("", f"{now + 60}"),
        "created in milliseconds": (f"{now}000", f"{now}060"),
        "expires of no end": (f"{now}", "9" * 40),
    }
    for name, (created, expires) in windows.items():
        yield name, lambda d, c=created, e=expires: replace(d, created=c, expires=e)


def _digests(draft: Draft) -> Iterator[tuple[str, Bend]]:
    name = draft.digest
    right, other = (body_digest(draft.version, body) for body in (draft.body, draft.body + b" "))
    weaker = b"sha-256" if draft.version == 15 else b"MD5"
    hashed = hashlib.sha256(draft.body).digest() if draft.version == 15 else hashlib.md5(draft.body).digest()
    colons = b":" if draft.version == 15 else b""
    downgraded = weaker + b"=" + colons + base64.b64encode(hashed) + colons
    for text, value in {
        "digest of another body": other,
        "digest of a weaker kind": downgraded,
        "digest of two kinds, the weaker first": downgraded + b", " + right,
        "digest of two kinds, the weaker last": right + b", " + downgraded,
        "digest named in the other case": right.partition(b"=")[0].swapcase() + b"=" + right.partition(b"=")[2],
        "digest of nothing": body_digest(draft.version, b""),
        "digest empty": b"",
        "digest cut": right[:-6] + right[-1:],
    }.items():
        yield text, lambda d, v=value: d.sending(name, v)
    yield "no digest at all", lambda d: d.without(name)
    swapped = b"digest" if draft.version == 15 else b"content-digest"
    theirs = body_digest(6 if draft.version == 15 else 15, draft.body)
    yield "digest of the other version", lambda d: d.without(name).sending(swapped, theirs)
    yield "no length at all", lambda d: d.without(b"content-length").sending(b"transfer-encoding", b"chunked")
    yield "no content type at all", lambda d: d.without(b"content-type")
    yield "another length", lambda d: d.sending(b"content-length", b"%d" % (len(d.body) + 1))


def _unsent(draft: Draft, name: bytes) -> Draft:
    return replace(draft, headers={other: value for other, value in draft.headers.items() if other != name})


def good_ones(draft: Draft, now: int) -> Iterator[tuple[str, Bend, Edit]]:
    """What may differ: how a message is written down, and what the protocol leaves to the client."""
    for name, bend in _good_bends(draft, now):
        yield name, bend, _as_sent
    for name, edit in _good_edits(draft):
        yield name, _as_it_is, edit
    plain = b"application/json"
    yield "accept in two lines", lambda d: d.sending(b"accept", plain + b", */*"), _accept_in_two_lines
    if not draft.body:
        yield (
            "an empty body's length, covered and dropped on the way",
            lambda d: d.sending(b"content-length", b"0"),
            lambda m: with_header(m, b"content-length", None),
        )


def _good_bends(draft: Draft, now: int) -> Iterator[tuple[str, Bend]]:
    yield "components in another order", lambda d: replace(d, names=list(reversed(d.names)))
    yield "parameters in another order", lambda d: replace(d, reversed=True)
    yield "alg named", lambda d: replace(d, more=f';alg="{d.key.algorithm}"'.encode())
    yield "a tag", lambda d: replace(d, more=b';tag="an app"')
    yield "expires left out", lambda d: replace(d, created=f"{now}", expires=None)
    yield "created 20 s ahead", lambda d: replace(d, created=f"{now + 20}", expires=f"{now + 80}")
    yield "expired 5 s ago", lambda d: replace(d, created=f"{now - 60}", expires=f"{now - 5}")
    yield "nonce with separators", lambda d: replace(d, nonce=f"a;b=c), (d {d.nonce}")
    yield "key id without hyphens", lambda d: replace(d, key_id=(d.key_id or "").replace("-", ""))
    yield "a date covered", lambda d: d.sending(b"date", b"Fri, 27 Nov 2026 07:00:00 GMT")
    yield "path escaped before it is signed", lambda d: replace(d, path=d.path[:-1] + b"%%%02X" % d.path[-1])
    if draft.query:
        turned = b"&".join(reversed(draft.query.split(b"&")))
        yield "query in another order before it is signed", lambda d: replace(d, query=turned)
    if not draft.body:
        yield "an empty body's length", lambda d: d.sending(b"content-length", b"0").uncovered(b"content-length")
        yield "an empty body's length, covered", lambda d: d.sending(b"content-length", b"0")
        if draft.version == 6:
            yield "digest of nothing", lambda d: d.sending(b"digest", body_digest(6, b""))


def _good_edits(draft: Draft) -> Iterator[tuple[str, Edit]]:
    yield "header lines in another order", lambda m: replace(m, headers=list(reversed(m.headers)))
    yield "blanks around values", _with_blanks
    yield (
        "headers that nobody covers",
        lambda m: replace(
            m, headers=[*m.headers, (b"user-agent", b"x"), (b"cookie", b"a=b"), (b"x-forwarded-for", b"192.0.2.1")]
        ),
    )
    yield (
        "another label in both",
        lambda m: with_header(
            with_header(m, INPUT, header(m, INPUT).replace(b"sig1=", b"mine.1=", 1)),
            SIGNATURE,
            header(m, SIGNATURE).replace(b"sig1=", b"mine.1=", 1),
        ),
    )
    if draft.version == 6:
        yield "version 6 named", lambda m: with_header(m, VERSION, b"6")
    if draft.key.algorithm == "ecdsa-p521-sha512":
        yield "the other S", lambda m: with_signature(m, _other_s(signature_of(m)))


def _as_it_is(draft: Draft) -> Draft:
    return draft


def _as_sent(message: SignedMessage) -> SignedMessage:
    return message


def _with_blanks(message: SignedMessage) -> SignedMessage:
    """As a server hands them over that leaves the blanks; the length it reads itself."""
    padded = [(n, v if n == b"content-length" else b" \t" + v + b"  ") for n, v in message.headers]
    return replace(message, headers=padded)


def _accept_in_two_lines(message: SignedMessage) -> SignedMessage:
    first, _, second = header(message, b"accept").partition(b", ")
    rest = [line for line in message.headers if line[0] != b"accept"]
    return replace(message, headers=[(b"accept", first), *rest, (b"accept", second)])


def _other_s(signature: bytes) -> bytes:
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, P521_ORDER - s)
