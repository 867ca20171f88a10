"""The two signature headers: window, parameters, labels, spelling and sizes."""

import base64
from dataclasses import replace

import pytest

from openvest.core.http_signatures import MAX_HEADERS, SignatureRefused, parse_signature
from tests.kit.signed_messages import NOW, check, header, refused, signed, with_header


def parameters(created: int = NOW, expires: int | None = NOW + 60) -> bytes:
    end = b"" if expires is None else b";expires=%d" % expires
    return b';keyid="k";created=%d;nonce="n"' % created + end


@pytest.mark.parametrize(
    ("created", "expires", "now", "reason"),
    [
        (0, 60, 0, None),
        (30, 90, 0, None),
        (31, 91, 0, "future"),
        (30, 90, -0.5, "future"),
        (0, 60, 90, None),
        (0, 60, 90.5, "expired"),
        (0, 60, 91, "expired"),
        (0, None, 90, None),
        (0, None, 91, "expired"),
        (0, 300, 0, None),
        (0, 301, 0, "too long"),
        (0, 0, 0, None),
        (0, -1, 0, "before created"),
        (-7200, -7195, 0, "expired"),
    ],
)
def test_the_window(created: int, expires: int | None, now: float, reason: str | None) -> None:
    message = signed(params=parameters(NOW + created, None if expires is None else NOW + expires))
    if reason is None:
        assert check(message, NOW + now).usable_until >= NOW + now
    else:
        refused(message, reason, NOW + now)


def test_the_tolerance_can_be_narrowed() -> None:
    message = signed()
    assert parse_signature(message, NOW + 60, tolerance=0).usable_until == NOW + 60
    with pytest.raises(SignatureRefused, match="expired"):
        parse_signature(message, NOW + 61, tolerance=0)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        (b"", "created is missing"),
        (b';keyid="k";nonce="n"', "created is missing"),
        (b';keyid="k";created=%d' % NOW, "nonce is missing"),
        (b';nonce="n";created=%d' % NOW, "keyid or nonce is missing"),
        (b';keyid="k";nonce="";created=%d' % NOW, "empty"),
        (b';keyid="k";nonce="%b";created=%d' % (b"n" * 129, NOW), "too long"),
        (b';keyid="";nonce="n";created=%d' % NOW, "empty"),
        (b';keyid=k;nonce="n";created=%d' % NOW, "text parameter"),
        (b';keyid="k;nonce=n', "text parameter"),
        (b';keyid="', "text parameter"),
        (b';keyid="k\\"";nonce="n";created=%d' % NOW, "text parameter"),
        (b';keyid="\xc3\xa4";nonce="n";created=%d' % NOW, "text parameter"),
        (b';keyid="k";nonce="n";created="%d"' % NOW, "integer parameter"),
        (b';keyid="k";nonce="n";created=-1', "integer parameter"),
        (b';keyid="k";nonce="n";created=%d.0' % NOW, "integer parameter"),
        (b';keyid="k";nonce="n";created=', "integer parameter"),
        (b';keyid="k";nonce="n";created=%b' % (b"9" * 5000), "too long"),
        (b';keyid="k";nonce="n";created=%b' % (b"9" * 13), "integer parameter"),
        (b';keyid="k";nonce="n";created=%d;created=%d' % (NOW, NOW), "repeated"),
        (b';keyid="k";keyid="k";nonce="n";created=%d' % NOW, "repeated"),
        (b';keyid="k";nonce="n";created=%d;foo=1' % NOW, "unknown parameter"),
        (b';keyid="k";nonce="n";created=%d;' % NOW, "malformed"),
        (b';keyid="k";nonce="n";created=%d;flag' % NOW, "malformed"),
        (b'; keyid="k";nonce="n";created=%d' % NOW, "unknown parameter"),
        (b';keyid="k" ;nonce="n";created=%d' % NOW, "malformed"),
        (b'keyid="k";nonce="n";created=%d' % NOW, "malformed"),
        (b';keyid="k";nonce="n";created=%d, sig2=("@method")' % NOW, "integer parameter"),
        (b';created=%d;keyid="k";nonce="n", sig2=("@method")' % NOW, "malformed"),
    ],
)
def test_malformed_parameters_are_refused(params: bytes, reason: str) -> None:
    refused(signed(params=params), reason)


def test_the_order_of_parameters_is_free_and_quoted_text_may_hold_separators() -> None:
    parsed = check(signed(params=b';expires=%d;nonce="a;b=c)";tag="t";created=%d;keyid="(k, ;)"' % (NOW + 5, NOW)))
    assert (parsed.key_id, parsed.nonce, parsed.expires) == ("(k, ;)", "a;b=c)", NOW + 5)


def test_the_algorithm_may_be_named_but_not_contradict_the_key() -> None:
    assert check(signed(params=parameters() + b';alg="ed25519"')).algorithm == "ed25519"
    for name in (b"ecdsa-p521-sha512", b"ecdsa-p256-sha256", b"hmac-sha256", b"none"):
        refused(signed(params=parameters() + b';alg="%b"' % name), "contradicts")


@pytest.mark.parametrize("label", [b"sig1", b"a", b"*x", b"sig-b.2_*"])
def test_any_label_will_do(label: bytes) -> None:
    check(signed(label=label))


@pytest.mark.parametrize("label", [b"", b"1sig", b"Sig", b"-a", b"s g", b"s\xff"])
def test_malformed_labels_are_refused(label: bytes) -> None:
    refused(signed(label=label), "label")


def test_labels_must_agree() -> None:
    message = signed()
    signature = header(message, b"signature").replace(b"sig1", b"sig2")
    refused(with_header(message, b"signature", signature), "different labels")


def test_there_is_exactly_one_signature() -> None:
    message = signed()
    given, signature = header(message, b"signature-input"), header(message, b"signature")
    for name, text in ((b"signature-input", given), (b"signature", signature)):
        for other in (text + b", " + text.replace(b"sig1", b"sig2"), text.replace(b"sig1", b"sig0") + b"," + text):
            refused(with_header(message, name, other))
    refused(with_header(message, b"signature", None), "signature is missing")
    refused(with_header(message, b"signature-input", None), "signature-input is missing")


@pytest.mark.parametrize(
    "value", [b"", b"sig1", b"sig1=", b"sig1=()", b'sig1=("', b'sig1=("")', b'sig1=(")', b"sig1=)"]
)
def test_an_input_without_a_list_is_refused(value: bytes) -> None:
    refused(with_header(signed(), b"signature-input", value))


def test_more_than_one_blank_between_components_is_refused() -> None:
    message = signed()
    text = header(message, b"signature-input")
    for other in (text.replace(b'" "', b'"  "', 1), text.replace(b'("', b'( "'), text.replace(b'")', b'" )')):
        refused(with_header(message, b"signature-input", other))


def test_a_signature_has_exactly_one_spelling() -> None:
    message = signed()
    text = header(message, b"signature")[len(b"sig1=") :]
    assert text.endswith(b"==:")
    stray = bytes([b"BCDEFGHIJKLMNOPQRSTUVWXYZ"[0]])
    others = [
        text[1:],
        text[:-1],
        b'"' + text[1:-1] + b'"',
        text + b";a=1",
        b": " + text[1:],
        text[:-3] + b":",
        text[:-4] + (stray if text[-4:-3] != stray else b"Z") + b"==:",
        text[:10] + b"\n" + text[10:],
        text[:10] + b"-" + text[11:],
        b"::",
        b":",
    ]
    for other in others:
        refused(with_header(message, b"signature", b"sig1=" + other))


def test_sizes_are_bounded() -> None:
    message = signed()
    refused(with_header(message, b"signature", b"sig1=:" + b"A" * 2000 + b":"), "too long")
    refused(signed(names=[b"@method", b"@path", *(b"x-%d" % i for i in range(80))]), "too many components")
    many = [(b"x-many", b"1")] * MAX_HEADERS
    refused(replace(message, headers=[*message.headers, *many]), "too many headers")


def test_ed25519_signatures_are_64_bytes() -> None:
    message = signed()
    raw = base64.b64decode(header(message, b"signature")[len(b"sig1=:") : -1])
    for other in (raw[:-1], raw + b"\0", b"", bytes(64)):
        text = b"sig1=:" + base64.b64encode(other) + b":"
        refused(with_header(message, b"signature", text), "mismatch")
