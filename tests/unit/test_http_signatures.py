"""Recorded requests of published clients verify, and do not with any one byte changed."""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from openvest.core.http_signatures import SignatureRefused, SignedMessage, verify_signature
from tests.kit.signed_messages import BY_NAME, PUBLIC, VECTORS, accept, header, message_of, with_header


def test_all_vectors_are_here() -> None:
    assert len([v for v in VECTORS if v["signature_version"] == 15]) == 15
    assert len([v for v in VECTORS if v["signature_version"] == 6]) == 6


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_vector_verifies(vector: dict[str, Any]) -> None:
    parsed = accept(vector, message_of(vector))
    assert parsed.base == base64.b64decode(vector["signature_base_b64"])
    assert parsed.signature == base64.b64decode(vector["signature_b64"])
    assert parsed.version == vector["signature_version"]
    assert parsed.key_id == vector["key"]["keyid"]
    assert f'nonce="{parsed.nonce}"' in vector["signature_params"]
    assert (parsed.created, parsed.expires) == (vector["created"], vector["expires"] or vector["created"] + 60)
    assert [name.decode() for name in parsed.components] == vector["covered_components"]
    assert parsed.idempotency_key_covered == ("idempotency_uncovered" not in vector["name"])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_vector_verifies_with_text_instead_of_bytes(vector: dict[str, Any]) -> None:
    message = message_of(vector)
    assert isinstance(message.path, bytes) and isinstance(message.query, bytes)
    accept(vector, replace(message, path=message.path.decode(), query=message.query.decode()))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_vector_fails_as_the_other_version(vector: dict[str, Any]) -> None:
    other = b"6" if vector["signature_version"] == 15 else b"15"
    with pytest.raises(SignatureRefused):
        accept(vector, with_header(message_of(vector), b"upvest-signature-version", other))


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["signature_version"] == 15], ids=lambda v: v["name"])
def test_v15_with_the_version_header_stripped_fails(vector: dict[str, Any]) -> None:
    with pytest.raises(SignatureRefused):
        accept(vector, with_header(message_of(vector), b"upvest-signature-version", None))


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["signature_version"] == 6], ids=lambda v: v["name"])
def test_v6_verifies_with_the_version_named(vector: dict[str, Any]) -> None:
    accept(vector, with_header(message_of(vector), b"upvest-signature-version", b"6"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_vector_fails_under_another_key(vector: dict[str, Any]) -> None:
    parsed = accept(vector, message_of(vector))
    with pytest.raises(SignatureRefused):
        verify_signature(parsed, PUBLIC)


def positions(length: int, most: int = 16) -> Iterable[int]:
    """Every position of a short text; the ends and evenly spaced positions of a long one."""
    return range(length) if length <= most else sorted({round(i * (length - 1) / (most - 1)) for i in range(most)})


def spans(text: bytes) -> Iterator[tuple[str, int, int]]:
    """The parts of a signature-input: label, list and each parameter."""
    close = text.index(b")") + 1
    equals = text.index(b"=")
    yield "label", 0, equals
    yield "list", equals, close
    start = close
    for parameter in text[close + 1 :].split(b";"):
        end = start + 1 + len(parameter)
        yield parameter.partition(b"=")[0].decode(), start, end
        start = end


def flip(text: bytes, position: int) -> bytes:
    return text[:position] + bytes([text[position] ^ 1]) + text[position + 1 :]


def mutations(vector: dict[str, Any]) -> Iterator[tuple[str, list[SignedMessage]]]:
    """Each part of a recorded request with the messages that differ from it in one byte of that part."""
    message = message_of(vector)
    method, path, query = message.method.encode(), message.path, message.query
    assert isinstance(path, bytes) and isinstance(query, bytes)
    yield "method", [replace(message, method=flip(method, i).decode()) for i in positions(len(method))]
    yield "path", [replace(message, path=flip(path, i)) for i in positions(len(path))]
    yield (
        "query",
        [replace(message, query=flip(query, i)) for i in positions(len(query))] or [replace(message, query=b"a")],
    )
    yield (
        "body",
        [replace(message, body=flip(message.body, i)) for i in positions(len(message.body))]
        or [replace(message, body=b"a")],
    )
    for name in vector["covered_components"]:
        if not name.startswith("@"):
            yield name, list(header_mutations(message, name.encode()))
    given = header(message, b"signature-input")
    for part, start, end in spans(given):
        changed = (flip(given, start + i) for i in positions(end - start))
        yield f"signature-input {part}", [with_header(message, b"signature-input", text) for text in changed]
    yield "signature", list(header_mutations(message, b"signature", most=48))


def header_mutations(message: SignedMessage, name: bytes, most: int = 16) -> Iterator[SignedMessage]:
    value = header(message, name)
    for position in positions(len(value), most):
        yield with_header(message, name, flip(value, position))
    if (name, value) == (b"content-length", b"0"):
        return  # Under another name it is as if it had been dropped, which intermediaries may do.
    at = [header for header, _ in message.headers].index(name)
    for position in positions(len(name), 4):
        headers = list(message.headers)
        headers[at] = (flip(name, position), value)
        yield replace(message, headers=headers)


MUTATIONS = [(vector, part, changed) for vector in VECTORS for part, changed in mutations(vector)]


@pytest.mark.parametrize(("vector", "part", "changed"), MUTATIONS, ids=[f"{v['name']}-{p}" for v, p, _ in MUTATIONS])
def test_one_changed_byte_is_refused(vector: dict[str, Any], part: str, changed: list[SignedMessage]) -> None:
    assert changed
    for message in changed:
        assert message != message_of(vector)
        with pytest.raises(SignatureRefused):
            accept(vector, message)


def test_the_mutations_are_many_and_reach_everything() -> None:
    total = sum(len(changed) for _, _, changed in MUTATIONS)
    print(f"{total} messages with one byte changed, in {len(MUTATIONS)} parts of {len(VECTORS)} vectors")
    assert total > 5_000
    for vector in VECTORS:
        parts = {part for other, part, _ in MUTATIONS if other is vector}
        assert parts >= {name for name in vector["covered_components"] if not name.startswith("@")}
        assert parts >= {"method", "path", "query", "body", "signature", "signature-input keyid"}
        assert ("signature-input expires" in parts) == (vector["expires"] is not None)


@pytest.mark.parametrize("name", ["v15_python_post_users", "v6_goproxy_post"])
def test_ecdsa_signatures_are_der_and_nothing_else(name: str) -> None:
    vector = BY_NAME[name]
    message = message_of(vector)
    der = base64.b64decode(vector["signature_b64"])
    r, s = decode_dss_signature(der)

    def with_signature(data: bytes) -> SignedMessage:
        return with_header(message, b"signature", b"sig1=:" + base64.b64encode(data) + b":")

    accept(vector, with_signature(encode_dss_signature(r, s)))
    raw = r.to_bytes(66, "big") + s.to_bytes(66, "big")
    zero = encode_dss_signature(0, 0)
    for other in (raw, der + b"\0", der[:-1], b"", b"\0" * 132, zero, encode_dss_signature(s, r)):
        with pytest.raises(SignatureRefused, match="mismatch"):
            accept(vector, with_signature(other))
