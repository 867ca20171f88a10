"""The demo's judges see what is wrong: gaps, forged signatures, answers that are not as described."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from openvest.cli.demo import Telling
from openvest.cli.demo_life import numbered_keys
from openvest.cli.described import Description
from openvest.cli.listener import Delivery, gaps, keys_of
from openvest.core.http_signatures import SignedMessage
from openvest.core.http_signing import sign_v6
from openvest.core.signing_keys import generate_p521, jwk_of_p521, load_private_key
from openvest.sdk.client import Response

KEY_ID = "2b0c7a8e-6a55-4a3e-9e0e-6f4dd6d0b1de"
PRIVATE, PUBLIC = generate_p521()
NOW = 1_800_000_000


def delivery(before: int, first: int, last: int, *, events: int | None = None) -> Delivery:
    count = last - first + 1 if events is None else events
    body = json.dumps({"payload": [{"id": f"{first + n}", "type": "USER.CREATED"} for n in range(count)]}).encode()
    headers = [
        (b"accept", b"application/json"),
        (b"content-type", b"application/json"),
        (b"openvest-sequence", b"%d-%d" % (first, last)),
        (b"openvest-previous-sequence", b"%d" % before),
    ]
    message = SignedMessage("POST", b"/hook", b"", headers, body)
    signed = sign_v6(message, load_private_key(PRIVATE), KEY_ID, created=NOW, expires=NOW + 60, nonce=f"nonce-{first}")
    fields = {name.decode(): value.decode() for name, value in signed}
    return Delivery(replace(message, headers=tuple(signed)), fields, NOW + 1)


def test_numbers_that_do_not_follow_one_another_are_seen() -> None:
    assert gaps([delivery(0, 1, 3), delivery(3, 4, 4), delivery(4, 5, 9)]) == []
    assert gaps([delivery(0, 1, 3), delivery(4, 5, 9)]) == ["after 3 came a package that follows 4"]
    assert gaps([delivery(0, 1, 3), delivery(3, 4, 6, events=2)]) == []
    assert gaps([delivery(0, 1, 3), delivery(3, 4, 6, events=4)]) == ["package 4-6 has 4 events"]


def test_a_package_somebody_else_signed_or_changed_is_refused() -> None:
    keys = keys_of({"keys": [jwk_of_p521(PUBLIC, KEY_ID)]})
    good = delivery(0, 1, 2)
    assert good.signed_by(keys) is None
    others = keys_of({"keys": [jwk_of_p521(generate_p521()[1], KEY_ID)]})
    assert good.signed_by(others) is not None
    assert "no verification key" in str(good.signed_by({}))
    changed = replace(good, message=replace(good.message, body=good.message.body.replace(b"USER", b"UZER")))
    assert changed.signed_by(keys) is not None
    moved = replace(good, message=replace(good.message, path=b"/other"))
    assert moved.signed_by(keys) is not None
    late = replace(good, at=NOW + 10_000)
    assert late.signed_by(keys) is not None


def description() -> Description:
    thing = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
    answer: dict[str, Any] = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
    paths: dict[str, Any] = {
        "/things/{thing_id}": {"get": {"responses": {"200": answer, "404": {"$ref": "#/components/responses/None"}}}},
        "/things/own": {"delete": {"responses": {"204": {"description": "gone"}}}},
    }
    return Description({"paths": paths, "components": {"schemas": {"Thing": thing}, "responses": {"None": answer}}})


def answer(status: int, body: Any, media: str = "application/json; charset=utf-8") -> Response:
    return Response(status, {"content-type": media}, b"" if body is None else json.dumps(body).encode())


@pytest.mark.parametrize(
    ("method", "target", "given", "deviation"),
    [
        ("GET", "/things/1?a=b", answer(200, {"id": "1"}), None),
        ("GET", "/things/1", answer(404, {"id": "1"}), None),
        ("DELETE", "/things/own", answer(204, None), None),
        ("GET", "/things/1", answer(200, {"id": 1}), "1 is not of type 'string'"),
        ("GET", "/things/1", answer(200, {}), "'id' is a required property"),
        ("GET", "/things/1", answer(201, {"id": "1"}), "this status is not described"),
        ("GET", "/things/1", answer(200, {"id": "1"}, "text/html"), "text/html is not described"),
        ("DELETE", "/things/own", answer(204, {}), "a body where none is described"),
        ("GET", "/nothing", answer(200, {}), "is not described"),
    ],
)
def test_an_answer_that_is_not_as_described_is_seen(method: str, target: str, given: Response, deviation: str) -> None:
    held = description()
    held.look(method, target, given)
    assert held.held == 1
    assert [deviation in said for said in held.deviations] == ([] if deviation is None else [True]), held.deviations


def test_what_does_not_hold_is_told_and_counted() -> None:
    telling = Telling(Console(record=True, quiet=True))
    telling.expect("the sky is blue", True)
    telling.expect("money grows", False, "[it does not]")
    assert (telling.held, telling.broken) == (1, ["money grows"])


def test_keys_of_requests_follow_from_their_number() -> None:
    one, other, again = numbered_keys("a"), numbered_keys("b"), numbered_keys("a")
    first = [one(), one()]
    assert first == [again(), again()] and first[0] != first[1] != other()
