"""Whatever a message holds, the verifier answers with a signature or a refusal."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from openvest.core.http_signatures import (
    ParsedSignature,
    SignatureRefused,
    SignedMessage,
    parse_signature,
    verify_signature,
)
from tests.kit.signed_messages import NOW, PUBLIC, header, refused, signed, with_header

NAMES = st.sampled_from([name for name, _ in signed(query=b"q").headers]) | st.binary(max_size=12)
PIECES = st.sampled_from(
    [
        b'"',
        b";",
        b"=",
        b"(",
        b")",
        b" ",
        b":",
        b",",
        b"sig1=",
        b"@method",
        b"keyid=",
        b"created=",
        b"\xff",
        b"\n",
        b"\\",
    ]
)


@st.composite
def spliced(draw: st.DrawFn, value: bytes) -> bytes:
    """A valid header value with a few pieces cut out and others put in."""
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(value)))
        end = start + draw(st.integers(0, 8))
        value = value[:start] + draw(PIECES | st.binary(max_size=6)) + value[end:]
    return value


@st.composite
def messages(draw: st.DrawFn) -> SignedMessage:
    body = draw(st.sampled_from([b"", b"{}"]))
    message = signed(draw(st.sampled_from([6, 15])), query=b"q", body=body)
    headers = [(name, draw(spliced(value))) for name, value in message.headers]
    headers += draw(st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=3))
    target = st.sampled_from([b"/users", "/users", ""]) | st.binary(max_size=8) | st.text(max_size=8)
    return replace(message, path=draw(target), query=draw(target), headers=draw(st.permutations(headers)))


def judged(message: SignedMessage) -> None:
    try:
        parsed = parse_signature(message, NOW)
        verify_signature(parsed, PUBLIC)
    except SignatureRefused as refusal:
        assert refusal.reason
    else:
        assert isinstance(parsed, ParsedSignature)


@settings(max_examples=400, deadline=None)
@given(messages())
def test_the_parser_raises_nothing_but_refusals(message: SignedMessage) -> None:
    judged(message)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(NAMES, st.binary(max_size=200)), max_size=20), st.text(max_size=5))
def test_the_parser_raises_nothing_but_refusals_on_noise(headers: list[tuple[bytes, bytes]], method: str) -> None:
    judged(SignedMessage(method, b"/", b"", headers, b""))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_splice_of_a_signature_input_changes_what_is_accepted(data: st.DataObject) -> None:
    message = signed()
    text = data.draw(spliced(header(message, b"signature-input")))
    changed = with_header(message, b"signature-input", text)
    # Outer blanks are no part of a header value.
    if text.strip(b" \t") != header(message, b"signature-input"):
        refused(changed)
