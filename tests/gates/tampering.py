"""Alterations of a signed message on its way: whatever is done to it here, it is no longer what was signed (R30)."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from openvest.core.http_signatures import SignedMessage, body_digest
from tests.kit.forgery import Draft, Edit, signature_of, with_signature
from tests.kit.signed_messages import header, with_header

INPUT, SIGNATURE, VERSION = b"signature-input", b"signature", b"upvest-signature-version"
_ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
P521_ORDER = int("1" + "f" * 65 + "a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409", 16)


def edits(draft: Draft, others: Mapping[str, bytes], *, needed: bool) -> Iterator[tuple[str, Edit]]:
    """Every alteration that this message can suffer, by name. `others`: another method and path of the router's
    tables, another token and another client. `needed`: without any signature it is refused too."""
    for name in draft.names:
        yield from _of_component(draft, name, others)
    yield from _of_body(draft)
    yield from _of_parameters(draft)
    yield from _of_labels(needed=needed)
    yield from _of_signature()
    yield from _of_version(draft)


def _of_component(draft: Draft, name: bytes, others: Mapping[str, bytes]) -> Iterator[tuple[str, Edit]]:
    shown = name.decode()
    quoted = b'"%b"' % name
    if name == b"@method":
        if "method" in others:
            yield "change @method", lambda m: replace(m, method=others["method"].decode())
    elif name == b"@path":
        if "path" in others:
            yield "change @path", lambda m: replace(m, path=others["path"])
        yield "re-case @path", lambda m: replace(m, path=_escaped(_bytes(m.path)))
    elif name == b"@query":
        yield from _of_query()
    elif name in draft.headers:
        yield from _of_header(name, draft.headers[name], others)
    yield f"remove {shown} from the list", lambda m: _listed(m, [n for n in draft.names if n != name])
    yield f"duplicate {shown} in the list", lambda m: _listed(m, [*draft.names, name])
    yield f"re-order {shown}", lambda m: _listed(m, _moved(draft, name))
    yield f"re-case {shown} in the list", lambda m: _input(m, quoted, quoted.upper())
    yield f"whitespace before {shown} in the list", lambda m: _input(m, quoted, b" " + quoted)
    yield f"2nd label without {shown}", lambda m: _second(m, [n for n in draft.names if n != name], first=False)
    yield f"2nd label without {shown}, ahead", lambda m: _second(m, [n for n in draft.names if n != name], first=True)


def _of_query() -> Iterator[tuple[str, Edit]]:
    yield "change @query", lambda m: replace(m, query=_bytes(m.query) + b"0")
    yield "remove @query", lambda m: replace(m, query=b"")
    yield "duplicate @query", lambda m: replace(m, query=_bytes(m.query) + b"&" + _bytes(m.query))
    yield "re-order @query", lambda m: replace(m, query=b"&".join(reversed(_bytes(m.query).split(b"&"))))
    yield "re-case @query", lambda m: replace(m, query=_escaped(_bytes(m.query)))
    yield "whitespace in @query", lambda m: replace(m, query=_bytes(m.query) + b"+")


def _of_header(name: bytes, value: bytes, others: Mapping[str, bytes]) -> Iterator[tuple[str, Edit]]:
    shown = name.decode()
    changed = others.get(shown) or value[:-1] + (b"0" if value[-1:] != b"0" else b"1")
    yield f"change {shown}", lambda m: with_header(m, name, changed)
    if name == b"authorization":
        theirs = others["token of the colleague"]
        yield "token of the colleague", lambda m: with_header(m, name, theirs)
    yield f"remove {shown}", lambda m: with_header(m, name, None)
    yield f"duplicate {shown}", lambda m: replace(m, headers=[*m.headers, (name, header(m, name))])
    yield f"duplicate {shown}, changed", lambda m: replace(m, headers=[*m.headers, (name, changed)])
    yield f"duplicate {shown}, changed ahead", lambda m: replace(m, headers=[(name, changed), *m.headers])
    # A length is digits or the framing itself is refused, before there is a request to judge.
    if name != b"content-length" and len(value) > 1:
        yield f"whitespace in {shown}", lambda m: with_header(m, name, b" ".join(_halves(value)))
        if value.swapcase() != value:
            yield f"re-case {shown}", lambda m: with_header(m, name, value.swapcase())


def _of_body(draft: Draft) -> Iterator[tuple[str, Edit]]:
    if not draft.body:
        yield (
            "a body added",
            lambda m: replace(
                m, body=b"{}", headers=[*m.headers, (b"content-type", b"application/json"), (b"content-length", b"2")]
            ),
        )
        return
    yield "a byte of the body", lambda m: replace(m, body=m.body[:-2] + bytes([m.body[-2] ^ 1]) + m.body[-1:])
    yield "a blank after the body", lambda m: replace(m, body=m.body + b" ")
    yield "no body", lambda m: replace(m, body=b"")
    yield "a body of no length", lambda m: with_header(m, b"content-length", b"0")
    yield "another body with its digest", lambda m: _with_body(draft, m, m.body[:-1] + b" " + m.body[-1:])
    yield "no body, and nothing said of one", lambda m: _without_body(draft, m)


def _of_parameters(draft: Draft) -> Iterator[tuple[str, Edit]]:
    values = {"keyid": draft.key_id, "created": draft.created, "expires": draft.expires, "nonce": draft.nonce}
    for name, value in values.items():
        if not value:
            continue
        quote = '"' if name in ("keyid", "nonce") else ""
        whole = f";{name}={quote}{value}{quote}".encode()
        other = f";{name}={quote}{_next(value)}{quote}".encode()
        yield f"change parameter {name}", lambda m, a=whole, b=other: _input(m, a, b)
        yield f"remove parameter {name}", lambda m, a=whole: _input(m, a, b"")
        yield f"duplicate parameter {name}", lambda m, a=whole, b=other: _input(m, a, a + b)
        yield f"re-order parameter {name}", lambda m, a=whole: _reordered(m, a)
        yield (
            f"re-case parameter {name}",
            lambda m, a=whole, n=name: _input(m, a, a.replace(n.encode(), n.upper().encode())),
        )
        yield f"whitespace before parameter {name}", lambda m, a=whole: _input(m, a, b"; " + a[1:])
    yield "a parameter more", lambda m: with_header(m, INPUT, header(m, INPUT) + b';tag="x"')
    yield "an unknown parameter", lambda m: with_header(m, INPUT, header(m, INPUT) + b";x=1")


def _of_labels(*, needed: bool) -> Iterator[tuple[str, Edit]]:
    yield "another label of the input", lambda m: _input(m, b"sig1=", b"sig2=")
    yield "another label of the signature", lambda m: _signature(m, b"sig1=", b"sig2=")
    yield "a label with a capital", lambda m: _signature(_input(m, b"sig1=", b"Sig1="), b"sig1=", b"Sig1=")
    yield "no label", lambda m: _signature(_input(m, b"sig1=", b""), b"sig1=", b"")
    yield "two inputs", lambda m: replace(m, headers=[*m.headers, (INPUT, header(m, INPUT))])
    yield "two signatures", lambda m: replace(m, headers=[*m.headers, (SIGNATURE, header(m, SIGNATURE))])
    yield "no input", lambda m: with_header(m, INPUT, None)
    yield "no signature", lambda m: with_header(m, SIGNATURE, None)
    if needed:
        yield "neither", unsigned


def unsigned(message: SignedMessage) -> SignedMessage:
    """Without a word of a signature."""
    for name in (SIGNATURE, INPUT, VERSION):
        message = with_header(message, name, None)
    return message


def _of_signature() -> Iterator[tuple[str, Edit]]:
    def of(change: object) -> Edit:
        assert callable(change)
        return lambda m: with_signature(m, change(signature_of(m)))

    yield "signature all zero", of(lambda s: bytes(len(s)))
    yield "signature all ones", of(lambda s: b"\xff" * len(s))
    yield "signature empty", of(lambda _: b"")
    yield "signature without its end", of(lambda s: s[:-1])
    yield "signature without its begin", of(lambda s: s[1:])
    yield "half a signature", of(lambda s: s[: len(s) // 2])
    yield "signature with a byte more", of(lambda s: s + b"\0")
    yield "signature twice", of(lambda s: s + s)
    yield "a bit of the signature", of(lambda s: s[:20] + bytes([s[20] ^ 1]) + s[21:])
    yield "the last bit of the signature", of(lambda s: s[:-1] + bytes([s[-1] ^ 1]))
    yield "signature in the form of the other kind", of(_other_form)
    yield "signature with its halves swapped", of(_swapped)
    yield "signature another number of the same class", of(_same_class)
    yield "signature of DER zeros", of(lambda _: encode_dss_signature(0, 0))
    yield "signature of DER ones", of(lambda _: encode_dss_signature(1, 1))
    yield "signature unpadded", lambda m: _spelt(m, lambda t: t[:-1] if t.endswith(b"=") else t + b"=")
    yield "signature with a blank", lambda m: _spelt(m, lambda t: t[:4] + b" " + t[4:])
    yield "signature as text", lambda m: _signature(m, b"=:", b"=")
    yield "signature in hex", lambda m: _spelt(m, lambda t: base64.b64decode(t).hex().encode())
    yield "signature with a parameter", lambda m: with_header(m, SIGNATURE, header(m, SIGNATURE) + b";x=1")


def _of_version(draft: Draft) -> Iterator[tuple[str, Edit]]:
    if draft.version == 15:
        yield "version stripped", lambda m: with_header(m, VERSION, None)
        yield "version 6", lambda m: with_header(m, VERSION, b"6")
        yield "version repeated", lambda m: replace(m, headers=[*m.headers, (VERSION, b"15")])
    else:
        yield "version 15", lambda m: with_header(m, VERSION, b"15")
    for value in (b"7", b"015", b"15.0", b"", b"6, 15"):
        yield f"version {value!r}", lambda m, v=value: with_header(m, VERSION, v)


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _escaped(text: bytes) -> bytes:
    """The same address, its last letter percent-encoded."""
    return text[:-1] + b"%%%02X" % text[-1]


def _halves(text: bytes) -> list[bytes]:
    middle = max(1, len(text) // 2)
    return [text[:middle], text[middle:]]


def _next(value: str) -> str:
    return value[:-1] + ("1" if value[-1] != "1" else "2")


def _input(message: SignedMessage, old: bytes, new: bytes) -> SignedMessage:
    return with_header(message, INPUT, header(message, INPUT).replace(old, new, 1))


def _signature(message: SignedMessage, old: bytes, new: bytes) -> SignedMessage:
    return with_header(message, SIGNATURE, header(message, SIGNATURE).replace(old, new, 1))


def _listed(message: SignedMessage, names: list[bytes]) -> SignedMessage:
    return with_header(message, INPUT, _list_of(header(message, INPUT), names))


def _list_of(given: bytes, names: list[bytes]) -> bytes:
    start, end = given.index(b"("), given.index(b")")
    return given[:start] + b"(" + b" ".join(b'"%b"' % name for name in names) + given[end:]


def _moved(draft: Draft, name: bytes) -> list[bytes]:
    rest = [other for other in draft.names if other != name]
    return [*rest, name] if draft.names[-1] != name else [name, *rest]


def _second(message: SignedMessage, names: list[bytes], *, first: bool) -> SignedMessage:
    """A second member in both headers, whose list covers less and whose signature is the one there is."""
    given, signature = header(message, INPUT), header(message, SIGNATURE)
    inputs = [_list_of(given, names).replace(b"sig1=", b"sig2=", 1), given]
    signatures = [signature.replace(b"sig1=", b"sig2=", 1), signature]
    if not first:
        inputs.reverse()
        signatures.reverse()
    return with_header(with_header(message, INPUT, b", ".join(inputs)), SIGNATURE, b", ".join(signatures))


def _reordered(message: SignedMessage, whole: bytes) -> SignedMessage:
    given = header(message, INPUT)
    if given.endswith(whole):
        close = given.index(b")") + 1
        return with_header(message, INPUT, given[:close] + whole + given[close : -len(whole)])
    return with_header(message, INPUT, given.replace(whole, b"", 1) + whole)


def _with_body(draft: Draft, message: SignedMessage, body: bytes) -> SignedMessage:
    framed = with_header(replace(message, body=body), b"content-length", b"%d" % len(body))
    return with_header(framed, draft.digest, body_digest(draft.version, body))


def _without_body(draft: Draft, message: SignedMessage) -> SignedMessage:
    gone = replace(message, body=b"")
    for name in (b"content-length", b"content-type", draft.digest):
        gone = with_header(gone, name, None)
    return gone


def _spelt(message: SignedMessage, change: object) -> SignedMessage:
    assert callable(change)
    before, _, text = header(message, SIGNATURE).partition(b":")
    return with_header(message, SIGNATURE, before + b":" + change(text[:-1]) + b":")


def _pair(signature: bytes) -> tuple[int, int] | None:
    try:
        return decode_dss_signature(signature)
    except ValueError:
        return None


def _other_form(signature: bytes) -> bytes:
    """DER as the two numbers side by side; the 64 bytes of Ed25519 as DER."""
    numbers = _pair(signature)
    if numbers is not None:
        return numbers[0].to_bytes(66, "big") + numbers[1].to_bytes(66, "big")
    return encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))


def _swapped(signature: bytes) -> bytes:
    numbers = _pair(signature)
    if numbers is not None:
        return encode_dss_signature(numbers[1], numbers[0])
    return signature[32:] + signature[:32]


def _same_class(signature: bytes) -> bytes:
    """A number that is the same modulo the group's order, which a verifier without bounds would take."""
    numbers = _pair(signature)
    if numbers is not None:
        return encode_dss_signature(numbers[0], numbers[1] + P521_ORDER)
    number = int.from_bytes(signature[32:], "little") + _ED25519_ORDER
    return signature[:32] + number.to_bytes(32, "little")
