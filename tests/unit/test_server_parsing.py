"""Bodies, queries and headers as bytes: what is taken, and every field error named without repeating what was sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from openvest.core.problems import FieldError, InvalidRequest, NotAcceptable, UnsupportedMediaType
from openvest.core.schema import Body, Day, Id, Instant, Isin, PaymentAmount, SignedDecimal
from openvest.core.schema_people import Address
from openvest.declarations import Endpoint
from openvest.features.users.v1 import SocialSecurityNumber
from openvest.server.authentication import as_uuid
from openvest.server.messages import Request
from openvest.server.negotiation import check_accept, check_content_type, prefers_html
from openvest.server.parsing import MAX_MISFITS, MAX_VALUES, parse_body, parse_json, parse_query
from tests.contract.things import Thing, ThingQuery, ThingRequest


class Fee(Body):
    kind: Literal["FLAT"]
    amount: PaymentAmount


class Share(Body):
    kind: Literal["SHARE"]
    share: SignedDecimal


class Everything(Body):
    id: Id | None = None
    on: Day | None = None
    at: Instant | None = None
    isin: Isin | None = None
    count: Annotated[int, Field(ge=1, le=5)] | None = None
    flag: bool | None = None
    fees: list[Annotated[Fee | Share, Field(discriminator="kind")]] = Field(default=[], max_length=2)


async def _verb(unit: Any, call: Any) -> Any:
    return None


def endpoint(**more: Any) -> Endpoint:
    return Endpoint("POST", "/x", "x", "X", "X", (), **{"verb": _verb, **more})


def field_errors(body: bytes | dict[str, Any], model: type[Body] = ThingRequest) -> dict[str, str]:
    """The field errors of a body by field."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(InvalidRequest) as caught:
        parse_body(endpoint(body=model), content)
    assert caught.value.errors
    return {error.field: error.message for error in caught.value.errors}


FITTING = [
    ("on", "1990-01-01"),
    ("on", "2024-02-29"),
    ("at", "2026-01-02T09:00:00Z"),
    ("at", "2026-01-02t09:00:00z"),
    ("at", "2026-01-02 09:00:00Z"),
    ("at", "2026-01-02T10:30:00+01:30"),
    ("at", "2026-01-02T09:00:00-00:00"),
    ("at", "2026-01-02T09:00:00.000Z"),
    ("at", "2026-01-02T09:00:00.000000123+00:00"),
    ("id", "01234567-89ab-4def-8123-456789abcdef"),
    ("id", "01234567-89AB-4DEF-8123-456789ABCDEF"),
    ("id", "0123456789ab4def8123456789abcdef"),
    ("id", "01890000-89ab-7def-8123-456789abcdef"),
]
ONE_DAY = [
    "19900101",
    "1990-W01-1",
    "1990W011",
    "+990-01-01",
    "1990-1-001",
    "\u0661990-01-01",
    "1990-01-01\n",
    " 990-01-01",
]
ONE_INSTANT = [
    "2026-W01-1T09Z", "20260102T090000Z", "2026-01-02T09Z", "2026-01-02T09:00Z", "2026-01-02x09:00:00Z",
    "2026-01-02T09:00:00,5Z", "2026-01-02T09:00:00+01", "2026-01-02T09:00:00+0100", "2026-01-02T09:00:00+01:00:30",
    "2026-01-02T09:00:00", "2026-01-02", "2026-01-02T09:00:00Z\n", "2026-01-02T09:00:0\u0660Z", "2026-01-02T24:00:00Z",
]  # fmt: skip
ONE_ID = [
    "0x1111111111111111111111111111111111", "0x111111111111111111111111111111", "{0123456789ab4def8123456789abcde}",
    "{01234567-89ab-4def-8123-456789abcd}", "urn:uuid:01234567-89ab-4def-8123", "0123456789ab4def81234567_9abcdef",
    "----0123456789ab4def8123456789abcdef", "01234567-89ab4def-8123-456789abc-def", "\u0661" * 32,
    "+123456789ab4def8123456789abcdef", "0123456789ab4def8123456789abcdef\n",
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), FITTING)
def test_a_day_an_instant_and_an_id_are_taken_as_published(field: str, value: str) -> None:
    body, _ = parse_body(endpoint(body=Everything), json.dumps({field: value}).encode())
    told = getattr(body, field)
    assert told is not None
    if field == "at":
        assert told.replace(microsecond=0) == datetime(2026, 1, 2, 9, tzinfo=UTC)
    if field == "id":
        assert told == as_uuid(value)


@pytest.mark.parametrize(
    ("field", "value"),
    [*(("on", day) for day in ONE_DAY), *(("at", at) for at in ONE_INSTANT), *(("id", one) for one in ONE_ID)],
)
def test_other_ways_to_write_a_day_an_instant_or_an_id_are_refused(field: str, value: str) -> None:
    assert set(field_errors({field: value}, Everything)) == {field}
    if field == "id":
        assert as_uuid(value) is None


@pytest.mark.parametrize("postcode", ["24\u00a0103", "24\u2003103", "24\u0661", "24103\x85"])
def test_a_postcode_has_no_characters_beyond_ascii(postcode: str) -> None:
    home = {"address_line1": "Hafenstrasse 7", "city": "Kiel", "country": "DE"}
    assert field_errors({**home, "postcode": postcode}, Address).keys() == {"postcode"}
    assert parse_body(endpoint(body=Address), json.dumps({**home, "postcode": "SW1A 2AA"}).encode())


def test_a_social_security_number_has_ascii_digits() -> None:
    class Person(Body):
        number: SocialSecurityNumber

    assert parse_body(endpoint(body=Person), b'{"number":"65180539W001"}')
    assert field_errors({"number": "6518053\u0669W001"}, Person).keys() == {"number"}
    assert field_errors({"number": "\u0666\u0665180539W001"}, Person).keys() == {"number"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "is not JSON"),
        (b'{"name":"a"} {}', "is not JSON"),
        (b"{'name': 'a'}", "is not JSON"),
        (b'{"name":"a\x01"}', "is not JSON"),
        (b'{"name":"\xff"}', "is not UTF-8"),
        (b'{"name":"a","name":"b"}', "names a field twice in one object"),
        (b'{"parts":[{"name":"a","name":"b"}]}', "names a field twice in one object"),
        (b'{"name":NaN}', "holds a number that JSON does not have"),
        (b'{"name":-Infinity}', "holds a number that JSON does not have"),
        (b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "is nested more than 32 deep"),
        (b'{"name":' + b"[" * 40 + b"]" * 40 + b"}", "is nested more than 32 deep"),
        (b'{"name":' + b"9" * 5000 + b"}", "is not JSON"),
        (b"[]", "must be an object"),
        (b"null", "must be an object"),
        (b'"a"', "must be an object"),
    ],
)
def test_what_is_no_json_object_is_refused_as_a_whole(body: bytes, message: str) -> None:
    assert field_errors(body) == {"(root)": message}


def test_depth_counts_levels_and_not_brackets() -> None:
    assert parse_json(b'{"a":"' + b"[" * 100 + b'"}')["a"] == "[" * 100
    assert len(parse_json(b"[" + b"[]," * 100 + b"[]]")) == 101
    assert parse_json(b"[" * 32 + b"]" * 32)


def test_a_document_is_measured_before_it_is_decoded() -> None:
    """A megabyte of empty objects took half a second to decode and to count."""
    with pytest.raises(InvalidRequest, match=f"more than {MAX_VALUES} values"):
        parse_json(b"[" + b"{}," * MAX_VALUES)
    with pytest.raises(InvalidRequest, match="more than 32 deep"):
        parse_json(b"[" * 33)
    text = r"\",[{" * MAX_VALUES
    assert len(parse_json(json.dumps([text] * 40).encode())) == 40


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "\\udfff x"])
def test_what_is_no_text_is_refused_where_it_stands(text: str) -> None:
    body = f'{{"name":"a","parts":[{{"name":"b"}},{{"name":"{text}"}}]}}'.encode()
    assert field_errors(body) == {"parts.1.name": "holds a character that is not text"}
    assert parse_json(b'{"name":"\\ud83d\\ude00 \\u00e9"}') == {"name": "😀 é"}


def test_every_field_error_is_named_at_once() -> None:
    body = {"amount": 1.5, "kind": "WORSE", "parts": [{"name": "a"}, {"nme": "toolong"}, 3], "more": {}}
    assert field_errors(body) == {
        "name": "is required",
        "amount": "must be a decimal number in a JSON string, not a JSON number",
        "kind": "must be 'GOOD', 'BAD', 'SLOW', 'BROKEN' or 'POISON'",
        "parts.1.name": "is required",
        "parts.1.nme": "is not a known field",
        "parts.2": "must be an object",
        "more": "is not a known field",
    }


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("id", "abc", "must be a UUID"),
        ("id", 7, "must be a UUID"),
        ("on", "2026-02-30", "must be a day, for example 2026-01-02"),
        ("at", "2026-01-02T09:00:00", "must be an instant with its zone, for example 2026-01-02T09:00:00Z"),
        ("isin", "DE0005933931x", "must fit the pattern ^[A-Z]{2}[A-Z0-9]{9}[0-9]$"),
        ("count", "1", "must be a whole number"),
        ("count", 1.0, "must be a whole number"),
        ("count", True, "must be a whole number"),
        ("count", 6, "must be at most 5"),
        ("count", 0, "must be at least 1"),
        ("flag", "true", "must be true or false"),
        ("fees", {}, "must be a list"),
    ],
)
def test_each_kind_of_field_says_what_it_must_be(field: str, value: Any, message: str) -> None:
    assert field_errors({field: value}, Everything) == {field: message}


def test_alternatives_do_not_show_in_the_path_of_a_field_error() -> None:
    fees = [{"kind": "FLAT", "amount": "1.234"}, {"kind": "SHARE"}]
    assert field_errors({"fees": fees}, Everything) == {
        "fees.0.amount": "must have at most 2 decimals",
        "fees.1.share": "is required",
    }
    assert field_errors({"fees": [{"kind": "NONE"}]}, Everything) == {"fees.0.kind": "must be one of 'FLAT', 'SHARE'"}
    assert field_errors({"fees": [{}]}, Everything) == {"fees.0.kind": "is required"}


def test_a_field_error_of_several_fields_names_them() -> None:
    assert field_errors({"name": "contradiction"}) == {
        "amount": "excludes the name",
        "kind": "is required with this name",
    }


def test_values_that_were_sent_are_not_repeated() -> None:
    body = {"name": "canary" * 10, "kind": "canary", "amount": "canary", "parts": "canary", "note": ["canary"]}
    with pytest.raises(InvalidRequest) as caught:
        parse_body(endpoint(body=ThingRequest), json.dumps(body).encode())
    assert "canary" not in str(caught.value.document("/x", "id"))
    assert caught.value.detail.endswith("; and 2 more.")


def test_a_document_has_a_bound_of_values_and_a_refusal_one_of_field_errors() -> None:
    """A megabyte of values that do not fit kept everybody waiting for seconds, and was answered with 34 MB."""
    with pytest.raises(InvalidRequest) as caught:
        parse_body(endpoint(body=ThingRequest), json.dumps({"parts": [[]] * MAX_VALUES}).encode())
    assert list(caught.value.errors) == [FieldError("(root)", f"holds more than {MAX_VALUES} values")]
    with pytest.raises(InvalidRequest) as caught:
        parse_body(endpoint(body=ThingRequest), json.dumps({f"no_{n}": 1 for n in range(MAX_VALUES)}).encode())
    assert len(caught.value.errors) == MAX_MISFITS
    assert caught.value.detail.endswith(" more.")


def test_the_empty_string_of_an_unused_field_counts_as_absent() -> None:
    model, plain = parse_body(endpoint(body=ThingRequest), b'{"name":"a","note":""}')
    assert model.note is None
    assert plain == {"name": "a", "note": ""}
    model, _ = parse_body(endpoint(body=ThingRequest), b'{"name":"a","kind":""}')
    assert model.kind == "GOOD"
    assert field_errors({"name": ""}) == {"name": "must have at least 1 characters"}


def test_an_operation_without_a_body_takes_none() -> None:
    for body in (b"", b" ", b"{}", b'""', b"null"):
        assert parse_body(endpoint(), body) == (None, None)
    with pytest.raises(InvalidRequest):
        parse_body(endpoint(), b'{"name":"a"}')
    assert field_errors(b"") == {"name": "is required"}
    assert field_errors(b"null") == {"(root)": "must be an object"}
    assert parse_body(endpoint(body=Everything), b"null") == (Everything(), {})


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        (b"limit=-0", "limit", "must be a whole number"),
        (b"offset=2147483648", "offset", "must be at most 2147483647"),
        (b"offset=" + b"9" * 30, "offset", "must be a whole number"),
        (b"limit=1001", "limit", "must be at most 1000"),
        (b"limit=1e3", "limit", "must be a whole number"),
        (b"limit=1&limit=2", "limit", "is given more than once"),
        (b"order=asc", "order", "must be 'ASC' or 'DESC'"),
        (b"page=1", "page", "is not a known field"),
        (b"offset=-1", "offset", "must be a whole number"),
    ],
)
def test_queries_are_held_against_their_schema(query: bytes, field: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_query(endpoint(query=ThingQuery), query)
    assert caught.value.errors == (FieldError(field, message),)


def test_empty_parameters_take_their_default_and_lists_repeat() -> None:
    found = parse_query(endpoint(query=ThingQuery), b"limit=&offset=&order=&sort=&names=a&names=b%20c")
    assert (found.limit, found.offset, found.order, found.names) == (100, 0, "ASC", ["a", "b c"])
    assert parse_query(endpoint(query=ThingQuery), b"").limit == 100
    assert parse_query(endpoint(query=ThingQuery), b"limit=0").limit == 0
    assert parse_query(endpoint(query=ThingQuery), b"offset=2147483647").offset == 2**31 - 1
    assert parse_query(endpoint(), b"") is None


@pytest.mark.parametrize("query", [b"limit=%ff", b"limit=\xff", b"names=%00", b"a=1&" * 200])
def test_queries_that_are_no_text_are_refused(query: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_query(endpoint(query=ThingQuery), query)
    with pytest.raises(InvalidRequest):
        parse_query(endpoint(), query)


def request(**headers: str) -> Request:
    fields = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return Request("id", "POST", "/x", b"/x", b"", list(fields.items()), fields, b"{}")


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        ("application/json", True),
        ("*/*", True),
        ("application/*", True),
        ("text/html, application/json;q=0.5", True),
        ("Application/JSON", True),
        ("application/json, application/pdf", True),
        ("", True),
        ("text/html", False),
        ("application/problem+json", False),
        ("application/json;q=0", False),
        ("*/*, application/json;q=0.0", False),
        ("application/json;q=0, application/json;q=0", False),
    ],
)
def test_accept(accept: str, taken: bool) -> None:
    check_accept(request(accept=accept), endpoint())
    check_accept(request(accept=accept), endpoint(answer=Thing, status=204))
    if taken:
        check_accept(request(accept=accept), endpoint(answer=Thing))
        return
    with pytest.raises(NotAcceptable):
        check_accept(request(accept=accept), endpoint(answer=Thing))


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("text/html", True),
        ("application/json;q=0.5, text/*", True),
        ("*/*", False),
        ("", False),
        ("application/json", False),
        ("text/html, application/json", False),
        ("text/html;q=0, */*", False),
    ],
)
def test_what_is_read_by_people(accept: str, html: bool) -> None:
    assert prefers_html(accept) is html


@pytest.mark.parametrize(
    ("kind", "taken"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ('application/json;charset="UTF-8"', True),
        ("application/json; charset=latin-1", False),
        ("application/jsonp", False),
        ("text/plain", False),
        ("", False),
        ("application/x-www-form-urlencoded", False),
    ],
)
def test_content_type(kind: str, taken: bool) -> None:
    if taken:
        check_content_type(request(content_type=kind), endpoint(body=ThingRequest))
        return
    with pytest.raises(UnsupportedMediaType):
        check_content_type(request(content_type=kind), endpoint(body=ThingRequest))
    check_content_type(request(content_type=kind), endpoint())


def test_an_encoded_body_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType):
        check_content_type(
            request(content_type="application/json", content_encoding="gzip"), endpoint(body=ThingRequest)
        )
