"""What a signature must cover, what it may leave out, and that the body is the one that was signed."""

from dataclasses import replace

import pytest

from openvest.core.http_signatures import SignedMessage, body_digest
from tests.kit.signed_messages import HEADERS, NOW, WITH_BODY, check, header, refused, signed, with_header


@pytest.mark.parametrize("version", [6, 15])
def test_a_message_of_our_own_passes(version: int) -> None:
    parsed = check(signed(version))
    assert (parsed.version, parsed.key_id, parsed.nonce, parsed.usable_until) == (version, "k", "n", NOW + 90)


@pytest.mark.parametrize("version", [6, 15])
@pytest.mark.parametrize(
    "missing",
    [b"@method", b"@path", b"@query", *HEADERS, b"content-type", b"content-length", b"DIGEST"],
)
def test_every_mandatory_component_must_be_covered(version: int, missing: bytes) -> None:
    digest = b"content-digest" if version == 15 else b"digest"
    full = [b"@method", b"@path", b"@query", *WITH_BODY, b"content-length", digest]
    check(signed(version, query=b"a=b", names=full))
    left_out = digest if missing == b"DIGEST" else missing
    message = signed(version, query=b"a=b", names=[name for name in full if name != left_out])
    refused(message, f"not covered: {left_out.decode()}")


def test_a_token_request_and_a_webhook_name_no_caller() -> None:
    fields = {b"accept": b"*/*", b"content-type": b"application/x-www-form-urlencoded"}
    message = signed(headers=fields)
    check(message, caller=False)
    refused(message, "not covered: authorization upvest-client-id")


def test_an_uncovered_idempotency_key_is_told() -> None:
    covered = signed()
    assert check(covered).idempotency_key_covered
    uncovered = signed(headers={k: v for k, v in WITH_BODY.items() if k != b"idempotency-key"})
    assert check(uncovered).idempotency_key_covered
    added = with_header(uncovered, b"idempotency-key", b"3d1f3f8a-9a5e-4a53-8a0f-6a9d1a1f0b11")
    assert not check(added).idempotency_key_covered


@pytest.mark.parametrize(
    "name", ["user-agent", "x-foo", "cookie", "host", "date", "connection", "cf-ray", "sec-fetch-mode"]
)
def test_other_headers_may_stay_uncovered(name: str) -> None:
    check(with_header(signed(), name.encode(), b"anything"))


@pytest.mark.parametrize(
    "name",
    [
        b"authorization",
        b"upvest-client-id",
        b"idempotency-key",
        b"content-type",
        b"content-length",
        b"content-digest",
        b"signature",
        b"signature-input",
        b"upvest-signature-version",
    ],
)
def test_a_repeated_header_that_decides_is_refused(name: bytes) -> None:
    message = signed()
    for extra in (header(message, name), b"other"):
        refused(replace(message, headers=[*message.headers, (name, extra)]), f"{name.decode()} is repeated")
        refused(replace(message, headers=[(name, extra), *message.headers]), f"{name.decode()} is repeated")


def test_a_repeated_digest_is_refused_in_v6() -> None:
    message = signed(6)
    refused(replace(message, headers=[*message.headers, (b"digest", header(message, b"digest"))]), "digest is repeated")


def test_repeated_plain_headers_are_joined_and_blanks_dropped() -> None:
    message = signed(headers=WITH_BODY | {b"accept": b"application/json, */*"})
    headers = [(b"accept", b" application/json\t"), (b"accept", b"\t*/* "), *message.headers[1:]]
    assert message.headers[0][0] == b"accept"
    check(replace(message, headers=headers))
    refused(replace(message, headers=[headers[1], headers[0], *headers[2:]]), "mismatch")


@pytest.mark.parametrize("value", [b"7", b"5", b"14", b"15.0", b"015", b"1", b"", b"15, 15", b"v15"])
def test_other_signature_versions_are_refused(value: bytes) -> None:
    refused(with_header(signed(), b"upvest-signature-version", value), "neither 15 nor 6")


@pytest.mark.parametrize(
    "name",
    ["@authority", "@target-uri", "@scheme", "@request-target", "@query-param", "@status", "@signature-params", "@"],
)
def test_unknown_derived_components_are_refused(name: str) -> None:
    refused(signed(names=[b"@method", b"@path", name.encode(), *WITH_BODY]), "derived component")


@pytest.mark.parametrize("name", [b"signature", b"signature-input", b"upvest-signature-version"])
def test_the_signature_headers_cannot_be_covered(name: bytes) -> None:
    refused(signed(names=[b"@method", b"@path", *WITH_BODY, name]), "never signed")


@pytest.mark.parametrize("name", [b"Accept", b"", b"x y", b'x"', b"x;sf", b"x\xff", b"x\n"])
def test_malformed_component_names_are_refused(name: bytes) -> None:
    refused(signed(body=b"", names=[b"@method", b"@path", *HEADERS, name]), "component name is malformed")


def test_a_component_covered_twice_is_refused() -> None:
    refused(signed(names=[b"@method", b"@path", b"accept", b"accept"]), "covered twice")


def test_a_covered_header_that_was_not_sent_is_refused() -> None:
    names = [b"@method", b"@path", *WITH_BODY, b"content-length", b"content-digest", b"date"]
    refused(signed(names=names), "was not sent")


def test_the_order_of_the_list_is_the_order_of_the_lines() -> None:
    names = [b"content-digest", *reversed(WITH_BODY), b"content-length", b"@path", b"@method"]
    message = signed(names=names)
    check(message)
    first, second = b'"@path" "@method"', b'"@method" "@path"'
    text = header(message, b"signature-input")
    assert first in text
    refused(with_header(message, b"signature-input", text.replace(first, second)), "mismatch")


def test_a_digest_that_is_covered_but_of_another_body_is_refused() -> None:
    refused(replace(signed(body=b'{"a":1}'), body=b'{"a":2}'), "digest is not")
    refused(replace(signed(6, body=b'{"a":1}'), body=b'{"a":2}'), "digest is not")


def test_the_length_must_be_that_of_the_body() -> None:
    for length in (b"8", b"07", b"+7", b"7,7", b""):
        refused(signed(headers=WITH_BODY | {b"content-length": length}), "content-length")


def test_only_the_documented_digest_is_accepted() -> None:
    body = b'{"a":1}'
    v6, v15 = body_digest(6, body), body_digest(15, body)
    for value in (v15 + b", " + v15, v15.upper(), v15[:-1], v6, b"sha-256=:" + v6[8:] + b":", b"SHA" + v15[3:]):
        refused(signed(headers=WITH_BODY | {b"content-digest": value}), "digest is not")
    for value in (v15, b"sha-256=" + v6[8:], v6 + b"," + v6, b"SHA-256=:" + v6[8:] + b":"):
        refused(signed(6, headers=WITH_BODY | {b"digest": value}), "digest is not")


def test_known_digests() -> None:
    assert body_digest(15, b'{"key": "value"}') == (
        b"sha-512=:Hd9/AvGZkbjitW1+Ml8Fg1ux1mtcDYe6mLQjDyoowIWa3LM/PmwN2v9O+MjtQGrCA3EQWUL54dlgxKHyYbrucw==:"
    )
    assert body_digest(6, b'{"hello": "world"}') == b"SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="


def test_the_digest_of_no_body_is_for_version_6_only() -> None:
    def with_digest(version: int) -> SignedMessage:
        name = b"content-digest" if version == 15 else b"digest"
        digest = body_digest(15 if version == 15 else 6, b"")
        return signed(version, method="GET", body=b"", headers=HEADERS | {name: digest})

    check(with_digest(6))
    refused(with_digest(15), "without a body")
    refused(signed(6, body=b"", headers=HEADERS | {b"digest": body_digest(6, b"x")}), "digest is not")


@pytest.mark.parametrize("version", [6, 15])
@pytest.mark.parametrize("covered", [False, True])
def test_content_length_zero_is_no_body(version: int, covered: bool) -> None:
    names = [b"@method", b"@path", *HEADERS, *([b"content-length"] if covered else [])]
    check(signed(version, method="DELETE", body=b"", headers=HEADERS | {b"content-length": b"0"}, names=names))


@pytest.mark.parametrize("version", [6, 15])
def test_a_length_of_no_body_that_was_dropped_reads_as_zero(version: int) -> None:
    """As intermediaries do: they say nothing of a body that is empty."""
    names = [b"@method", b"@path", *HEADERS, b"content-length"]

    def dropped(length: bytes) -> SignedMessage:
        given = {**HEADERS, b"content-length": length}
        return with_header(
            signed(version, names=names, method="DELETE", body=b"", headers=given), b"content-length", None
        )

    check(dropped(b"0"))
    refused(dropped(b"7"), "mismatch")
    whole = signed(version)
    refused(with_header(whole, b"content-length", None), "covered header was not sent")


def test_an_empty_path_is_a_slash() -> None:
    message = signed(method="GET", path=b"/", body=b"")
    check(replace(message, path=b""))
    check(replace(message, path=""))


def test_a_method_or_target_that_is_no_text_is_a_mismatch() -> None:
    message = signed(method="GET", path=b"/\xff", query=b"\xff", body=b"")
    check(message)
    for other in ({"path": "/\udcff"}, {"query": "\ud800"}, {"method": "GET\udcff"}):
        refused(replace(message, **other), "mismatch")


def test_path_and_query_are_taken_as_sent() -> None:
    message = signed(method="GET", path=b"/a%2Fb", query=b"b=%20&a=c+d", body=b"")
    check(message)
    for other in ({"path": b"/a%2fb"}, {"path": b"/a/b"}, {"query": b"a=c+d&b=%20"}, {"query": b"b=+&a=c+d"}):
        refused(replace(message, **other), "mismatch")


def test_a_query_cannot_be_added_or_removed() -> None:
    refused(replace(signed(body=b""), query=b"a=b"), "not covered: @query")
    refused(replace(signed(body=b"", query=b"a=b"), query=b""), "mismatch")


def test_a_line_break_in_a_covered_value_is_refused() -> None:
    names = [b"@method", b"@path", *HEADERS]
    refused(signed(body=b"", names=names, headers=HEADERS | {b"accept": b'a\n"x": y'}), "line break")
    refused(signed(body=b"", names=names, path=b'/a\n"x": y'), "line break")
